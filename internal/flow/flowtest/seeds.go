//go:build !race

package flowtest

const (
	defaultSeeds  = 15
	defaultStride = 1
)
