//go:build !race

package worker

// versions is how many versions each template is given, see TestDuplicatesAndDisorder.
const versions = 15
