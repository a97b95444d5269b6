package cli_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/cli"
)

// Two programs that are given the same event at the same time, and nothing else,
// work together: what is to be done is done once.
func TestTwoRunsShareTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSlowWorld(t)
		w.latency = 50 * time.Millisecond
		w.state = t.TempDir()
		before := len(w.Mutations())
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if code, stdout, stderr := w.drover(t.Context(), "run"); code != cli.ExitOK {
					t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
				}
			})
		}
		both.Wait()
		moved := 0
		for _, m := range w.Mutations()[before:] {
			if strings.HasPrefix(m, "ec2:ReplaceRoute ") {
				moved++
			}
		}
		if moved != 1 {
			t.Errorf("the route was replaced %d times, want once", moved)
		}
	})
}
