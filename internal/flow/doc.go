// Package flow runs automations: it claims a subject, observes and decides,
// carries the plan out, and records what happened, so that a crash between any
// two instructions, a second delivery or a second process changes nothing.
//
// Everything a run is lives in the ledger:
//
//	runs/ID                             the run: events, plan, state, audit, outbox
//	claims/FLEET/AUTOMATION/SUBJECT     which run a subject belongs to
//	due/TIME/ID                         runs that need a turn, in order of time
//	cancels/ID                          that a run is to stop, and who asked for it
//	approvals/ID                        that a run may go on, and who said so
//
// A turn is the one unit of progress: take the run, record the intent, act,
// settle, record the result. While an attempt owns a run, until a recorded
// time, nobody else acts for it. What an outcome means is decided by a pure
// function, so engines decide only when the next turn happens; see
// flow/embedded for the one that runs in this process.
package flow
