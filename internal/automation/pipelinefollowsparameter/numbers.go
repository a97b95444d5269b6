package pipelinefollowsparameter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// semantic is a semantic version without wildcards.
type semantic [3]int

// parse reads the number of a version. It reports false for one with wildcards.
func parse(text string) (v semantic, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != len(v) {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return v, false
		}
		v[i] = int(n)
	}
	return v, true
}

func (v semantic) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

func higher(a, b semantic) int { return slices.Compare(b[:], a[:]) }

// next is the number of a version that is made from another: the next patch, past
// those that are taken. What others do under another major or minor number stays
// apart; and what follows the newest of these by x, as a pipeline with 1.0.x does,
// gets the new version.
func next(from string, taken []string) (string, error) {
	v, ok := parse(from)
	if !ok {
		return "", fmt.Errorf("%q is no version such as 1.0.0", from)
	}
	for _, text := range taken {
		if t, ok := parse(text); ok && t[0] == v[0] && t[1] == v[1] {
			v[2] = max(v[2], t[2])
		}
	}
	v[2]++
	return v.String(), nil
}

// newer says whether the ARN of one version has a higher number than that of another.
func newer(a, b string) bool {
	x, ok := parse(number(a))
	y, also := parse(number(b))
	return ok && also && higher(x, y) < 0
}
