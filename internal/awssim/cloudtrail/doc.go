// Package cloudtrail simulates what CloudTrail says of its trails: whether there
// is one that has EventBridge told of calls that change something. What such a
// trail records is sent by the services themselves; see [awssim.Trails] and
// [awssim.Options].NoTrail, which must agree with the trails here.
//
// Not modelled: making and changing trails, their delivery, Insights, event data
// stores, request rates, of which shared/facts has none, and, for an
// organization, more than that a trail belongs to another account.
package cloudtrail
