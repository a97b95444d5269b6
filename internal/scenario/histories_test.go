//go:build !race

package scenario_test

const defaultHistories = 2000

// pairs is how many seeded histories of a rollout are played, of each sort.
const pairs = 24

// stride is how many calls apart those are at which a process is killed, or something
// else happens: every one, unless the race detector makes that too slow.
const stride = 1
