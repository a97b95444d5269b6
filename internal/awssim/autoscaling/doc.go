// Package autoscaling simulates the groups of EC2 Auto Scaling as far as their
// launch templates go. See the package awssim for how it is reached.
//
// Each file says at its top what it leaves out. Nowhere modelled: instances are
// not launched, replaced or ended, a group has those that a scene gives it
// ([Service.SetInstances]); scaling policies and activities, lifecycle hooks,
// warm pools, load balancers, launch configurations (any name is accepted),
// quotas, and request rates, of which AWS publishes none (shared/facts/apis.md).
//
// ResourceContention and ScalingActivityInProgress are a matter of luck: tests
// inject them through [awssim.World.Intercept].
//
// Stored public files are cited as in shared/facts: lib:N.
package autoscaling
