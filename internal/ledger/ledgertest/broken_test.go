package ledgertest

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// TestMain lets rapid fail without ado: the histories here are meant to.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "0s"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// TestEveryFlawIsCaught also wants a flaw for every check. That the checks find
// nothing in a sound ledger is what the tests of internal/ledger/memory show.
func TestEveryFlawIsCaught(t *testing.T) {
	byName := map[string]check{}
	for _, c := range checks {
		byName[c.name] = c
	}
	caught := map[string]bool{}
	for _, f := range flaws {
		t.Run(f.name, func(t *testing.T) {
			for _, name := range f.caughtBy {
				if byName[name].run == nil {
					t.Fatalf("there is no check %q", name)
				}
				caught[name] = true
				var found []string
				if f.races { // in a bubble, who sleeps lets everybody else go first
					synctest.Test(t, func(t *testing.T) { found = f.findings(t, byName[name]) })
				} else {
					found = f.findings(t, byName[name])
				}
				if len(found) == 0 {
					t.Errorf("check %q finds nothing in a ledger that %s", name, f.name)
				} else {
					t.Logf("check %q finds: %.400s", name, found[0])
				}
			}
		})
	}
	for _, c := range checks {
		if !caught[c.name] {
			t.Errorf("no flaw shows that check %q can fail", c.name)
		}
	}
}

// findings runs a check against the broken ledger and returns its complaints.
func (f flaw) findings(t *testing.T, c check) []string {
	r := &recorder{TB: t}
	store := func(_ testing.TB, clk clock.Clock) Opener {
		lag := &lagging{Clock: clk}
		shared := memory.New(lag)
		return func() (ledger.Ledger, error) { return f.breaks(shared, lag), nil }
	}
	done := make(chan struct{})
	go func() { // a goroutine of its own, for FailNow to end
		defer close(done)
		c.run(newTrial(r, store))
	}()
	<-done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.found
}

// recorder is a test that writes down failures instead of failing.
type recorder struct {
	testing.TB
	mu    sync.Mutex
	found []string
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = append(r.found, strings.TrimSpace(text))
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.found) > 0
}

func (r *recorder) Log(...any)                        {}
func (r *recorder) Logf(string, ...any)               {}
func (r *recorder) Fail()                             { r.note("failed") }
func (r *recorder) FailNow()                          { r.Fail(); runtime.Goexit() }
func (r *recorder) Error(args ...any)                 { r.note(fmt.Sprintln(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
