//go:build !race

package scenario_test

const defaultHistories = 2000
