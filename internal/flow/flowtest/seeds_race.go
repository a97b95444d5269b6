//go:build race

package flowtest

// The race detector makes histories ten times slower and finds little in them:
// only where processes are interleaved is there more than one goroutine.
const (
	defaultSeeds  = 2
	defaultStride = 29
)
