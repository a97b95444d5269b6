// Package awssim is AWS in memory, reached through the real SDK clients.
//
// [New] makes a [World] of some services, and [World.Config] the configuration
// for their clients. Validation, serialisation, signing, retries and
// paginators are the SDK's own; only where a request would leave the process
// is it answered here instead (answer.go). No socket is ever opened.
//
// A call passes, in this order: the check that the operation and its parameters
// are modelled, the round trip ([Options].Latency), the gate ([Options].Gate),
// the fault a test wants ([World.Intercept]), the request rate limits, the
// permissions ([World.Authorize]), and the service's handler. Only the last can
// change anything.
//
// Time is a [clock.Clock]. What takes time in AWS is on an agenda and happens
// at its own moment, in order, as soon as anybody looks: every call settles
// first, and so does [World.Settle].
//
// What is not modelled fails loudly, with a [NotModelled] that names it:
// operations, parameters, filters, other regions. Each file says at its top
// what else it leaves out. There is one account and one region. Every modelled
// error and transition cites its line in shared/facts; what has no such line
// is marked "unverified".
//
// Operations that were registered with [Trails] are recorded by CloudTrail, whose
// events come some time after the call ([Options].TrailDelay), or never
// ([Options].NoTrail).
//
// A world is made for one test. It has no reset.
package awssim
