//go:build !race

package worker

const (
	raced = false
	// versions is how many versions each template is given, see
	// TestDuplicatesAndDisorder.
	versions = 15
)
