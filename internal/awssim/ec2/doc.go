// Package ec2 simulates the part of EC2 that routes, gateways and their
// interfaces need, and launch templates, images and snapshots. See the package
// awssim for how it is reached.
//
// Each file says at its top what it leaves out. Nowhere modelled: DryRun, volumes by
// themselves, quotas other than those cited, IPv6 addresses (IPv6 routes are
// modelled), default VPCs, and shared VPCs. Of images, instances may use any that
// this world has never heard of.
package ec2
