//go:build !race

package scenario_test

const defaultHistories = 2000

// pairs is how many seeded histories of a rollout are played, of each sort.
const pairs = 40
