package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// dying is how a process dies at a call.
type dying struct {
	name  string
	fault awssim.Fault
}

var (
	diesBefore = dying{"before it had its effect", awssim.FailBefore(awssim.ConnectionReset())}
	diesAfter  = dying{"after it had its effect", awssim.FailAfter(awssim.ConnectionReset())}
	diesWhile  = dying{"two seconds before it had its effect", awssim.FailLate(2*time.Second, awssim.ConnectionReset())}
)

// victim is a process that is killed.
type victim struct {
	*scene
	// told is the event for the process, and then the one for its heir.
	told func() event.Event
	// holds fails the test unless all is as it should be, after the heir of a process
	// that was killed; or, with a nil heir, after a process that was not.
	holds func(*heir)
	// fails says that runs may fail.
	fails bool
}

// heir is the process that goes on.
type heir struct {
	shared bool          // it has the ledger of the one that was killed, else one of its own
	pause  time.Duration // after which it begins
}

// killEverywhere kills a process at its n-th call, for every n, in all the ways there
// are; another goes on with the same ledger or one of its own, at once or after an
// hour, and must not fail. set sets the stage for one of these histories and calls
// kill there. The process must make calls enough to have done something.
func killEverywhere(t *testing.T, enough int, ways []dying, set func(t *testing.T, kill func(victim))) {
	t.Helper()
	killFor(t, []heir{{true, 0}, {true, time.Hour}, {false, 0}, {false, time.Hour}}, enough, ways, set)
}

// killFor is killEverywhere for some heirs.
func killFor(t *testing.T, heirs []heir, enough int, ways []dying, set func(t *testing.T, kill func(victim))) {
	t.Helper()
	for _, h := range heirs {
		t.Run(fmt.Sprintf("shared ledger %t, after %s", h.shared, h.pause), func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n += stride {
				for _, way := range ways {
					killed := false
					set(t, func(v victim) { killed = v.kill(n, way, h) })
					switch {
					case !killed && n <= enough:
						t.Fatalf("it made %d calls: did it do anything?", n-1)
					case !killed:
						return
					}
				}
			}
		})
	}
}

// kill kills the process at its n-th call. It reports false if the process did not
// make so many.
func (v victim) kill(n int, way dying, h heir) bool {
	v.Helper()
	defer func() {
		if v.Failed() {
			v.Logf("killed at call %d, %s", n, way.name)
		}
	}()
	var dead atomic.Bool
	var calls atomic.Int64
	v.world.Intercept(func(c awssim.Call) awssim.Fault {
		switch {
		case c.Actor != "victim":
		case dead.Load():
			return awssim.FailBefore(awssim.ConnectionReset())
		case calls.Add(1) == int64(n):
			dead.Store(true)
			return way.fault
		}
		return awssim.Fault{}
	})
	ctx, end := context.WithCancel(awssim.WithActor(v.Context(), "victim"))
	defer end()
	own := memory.NewNamed(clock.Real{}, "of the victim")
	if _, err := v.process("victim", mortal{own, &dead}).Handle(ctx, v.told()); !dead.Load() {
		if err != nil {
			v.Error(err)
		}
		v.holds(nil)
		return false
	}
	time.Sleep(h.pause)
	if !h.shared {
		own = memory.NewNamed(clock.Real{}, "of the heir")
	}
	runs, err := v.process("heir", own).Handle(v.Context(), v.told())
	if err != nil {
		v.Error(err)
	}
	for _, r := range runs {
		if r.Outcome.Failed() && !v.fails {
			v.Errorf("the heir's run ended %s: %s %v", r.Outcome, r.Reason, r.Left)
		}
	}
	v.holds(&h)
	return true
}

func (v victim) process(owner string, l ledger.Ledger) *app.App {
	return app.New(app.Deps{
		Fleet: v.fleet, Ledger: l, AWS: v.world.AWS(), Clock: clock.Real{}, Log: slog.New(slog.DiscardHandler),
		Version: "test", Seed: 1, Owner: owner,
	})
}

// mortal is a process's way to its ledger: it ends with the process.
type mortal struct {
	ledger.Ledger
	dead *atomic.Bool
}

var errDead = errors.New("the process is dead")

func (m mortal) Write(ctx context.Context, writes ...ledger.Write) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Ledger.Write(ctx, writes...)
}
