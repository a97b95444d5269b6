//go:build race

package worker

const versions = 4
