//go:build !race

package flowtest

const (
	defaultSeeds  = 10
	defaultStride = 1
)
