//go:build race

package worker

const (
	raced    = true
	versions = 3
)
