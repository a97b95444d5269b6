//go:build !race

package flowtest

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryFlawIsCaught also wants a flaw for every check. That the checks find
// nothing wrong with a sound engine is what the tests of the engines show.
func TestEveryFlawIsCaught(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a part of the histories catches a part of the flaws")
	}
	for _, f := range flaws {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range f.caughtBy {
				i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
				if i < 0 {
					t.Fatalf("there is no check %q", name)
				}
				f.caught(t, checks[i])
			}
		})
	}
	for _, c := range checks {
		if !slices.ContainsFunc(flaws, func(f flaw) bool { return slices.Contains(f.caughtBy, c.name) }) {
			t.Errorf("no flaw shows that check %q can fail", c.name)
		}
	}
}

// caught wants a check to find something wrong with some flow.
func (f flaw) caught(t *testing.T, c check) {
	for _, s := range shapes {
		if c.only != nil && !c.only(s) || f.with != "" && f.with != s.name {
			continue
		}
		if h := c.run(t, f.process, f.shape(s)); h != nil {
			t.Logf("check %q finds with %q: %.300s", c.name, s.name, strings.Join(h.problems, "; "))
			return
		}
	}
	t.Errorf("check %q finds nothing wrong with an engine that %s", c.name, f.name)
}
