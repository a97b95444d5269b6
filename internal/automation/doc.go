// Package automation is the contract between what Drover can do and everything
// that runs, renders and explains it.
//
// A [Kind] declares one automation: the configuration it takes, the events it
// wants, the permissions it needs, how it observes AWS, how it decides, and
// the steps that carry a decision out. It is generic to write and erased once,
// by [Define], so that engines, rendering and documentation handle a plain
// list of [Definition] values. A definition together with a valid
// configuration is an [Automation].
//
// The shape of every run is
//
//	event ─► match ─► claim ─► observe ─► decide ─► steps ─► record ─► notify
//
// Observing and the steps touch AWS; deciding is a pure function whose result,
// a [Plan], is stored with the run and printed by `drover plan`.
package automation
