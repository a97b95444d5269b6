// Package script plays scenario files: a world, what happens in it and when, what
// goes wrong, and what it should look like afterwards. It is what `drover
// simulate` does; docs/guide/simulate.md is the reference of the format.
//
// [Read] reads a file, as strictly as fleet files are read; [Script.Play] plays it
// on simulated AWS with the whole program, and reports what differs from what the
// file expects.
//
// # Time
//
// Time is virtual. Drover is driven turn by turn: whatever is due first, an event, a
// sweep, a turn of a run that waits, a step of the file, happens first, so that a
// gateway that dies while another run waits for an image is seen to at once. Within
// a turn time stands still: AWS answers at once, and the SDK's back-off takes no
// time. A run that gives up a turn comes back when its ledger says.
//
// That makes a play the same every time, but for the order of calls that a turn
// makes in parallel. Faults count for each resource by itself, so that this order
// does not matter to them.
package script
