//go:build race

package scenario_test

// Histories are serialised by the gate: the race detector finds little in
// them and makes them ten times slower. TestStories and the flow tests are the
// ungated suites for it.
const defaultHistories = 40

// pairs is how many seeded histories of a rollout are played, of each sort.
const pairs = 2

// stride is how many calls apart those are at which a process is killed, or something
// else happens: every one, unless the race detector makes that too slow.
const stride = 11
