// Package ec2 simulates the part of EC2 that routes, gateways and their
// interfaces need. See the package awssim for how it is reached.
//
// Each file says at its top what it leaves out. Nowhere modelled: DryRun,
// security groups, volumes, images (any image id is accepted), launch
// templates, quotas other than those cited, IPv6 addresses (IPv6 routes are
// modelled), default VPCs, and shared VPCs.
package ec2
