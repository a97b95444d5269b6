// Package groupfollowstemplate is the automation kind "group-follows-template":
// Auto Scaling groups launch from the version of their launch template that the
// fleet file says, whatever they were created with.
//
// What callers may rely on:
//
//   - Only the version is changed. A group keeps the template it has; a mixed
//     instances policy keeps its distribution and its overrides, templates of
//     their own included. No running instance is touched: the version counts for
//     those that are launched later.
//   - A policy is sent whole, as it was read moments before, since AWS does not
//     promise what becomes of members that are left out (policy.go).
//   - A group is left alone, and named with the reason, if it launches from a
//     launch configuration, is being deleted, or is in an instance refresh with a
//     desired configuration, during which AWS refuses the change. The sweep comes
//     back to it.
//   - The event only wakes the automation up: what is to be done is decided from
//     what is read. An event may be ahead of that; then reading is repeated for
//     some seconds.
//   - The automation does not listen to updates of groups, so never to its own.
//
// There is no undo. There is one step, so nothing later can fail; and of several
// groups, those that were set have what was asked for, whatever becomes of the
// others.
//
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
package groupfollowstemplate
