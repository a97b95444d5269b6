// Package autoscaling simulates the groups of EC2 Auto Scaling, their instances and
// their instance refreshes. See the package awssim for how it is reached.
//
// Groups launch instances, replace those that are lost, and are refreshed, if they
// are given a way to ([Options].Instances); a group whose instances a scene has set
// ([Service.SetInstances]) keeps them. All of it is driven by the agenda of the world:
// nothing is polled, so that a world in which nothing happens is at rest.
//
// Each file says at its top what it leaves out. Nowhere modelled: scaling policies
// and scheduled actions, but for what they come to ([Service.Scale]); lifecycle hooks,
// warm pools, load balancers, launch configurations (any name is accepted), quotas, and
// request rates, of which AWS publishes none (shared/facts/apis.md).
//
// ResourceContention and ScalingActivityInProgress are a matter of luck: tests
// inject them through [awssim.World.Intercept].
//
// Stored public files are cited as in shared/facts: lib:N.
package autoscaling
