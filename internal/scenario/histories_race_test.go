//go:build race

package scenario_test

// Histories are serialised by the gate: the race detector finds little in
// them and makes them ten times slower. TestStories and the flow tests are the
// ungated suites for it.
const defaultHistories = 40

// pairs is how many seeded histories of a rollout are played, of each sort.
const pairs = 4
