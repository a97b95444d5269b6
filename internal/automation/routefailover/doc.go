// Package routefailover is the automation kind "route-failover": when a
// gateway instance dies, the routes through it move to the next healthy one.
//
// What callers may rely on:
//
//   - A route is only ever replaced in place (ec2:ReplaceRoute), so at no moment
//     is there no route.
//   - A route is only moved off a member that is not healthy, and only to one
//     that is. If there is none, nothing is touched and the run is stuck.
//   - Only routes of the configured VPC that target a member's interface are
//     touched, narrowed by the configured filters.
//   - Reads go out in parallel, then all writes do, default routes first: with
//     few routes a failover takes two round trips.
//
// A member is healthy when its instance is running, no spot interruption or
// rebalance recommendation has been received since it was last started, its
// interface is attached and, if asked for, both status checks pass.
//
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html
package routefailover
