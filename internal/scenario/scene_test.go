package scenario_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario"
)

// scene is a stage on simulated AWS in a bubble, and the fleet that is kept in order
// there. Each kind has its own, with what its tests are about.
type scene struct {
	*testing.T
	world  *scenario.Simulated
	stage  *scenario.Stage
	fleet  *fleetfile.Fleet
	others sync.WaitGroup // what later started
}

// inScene plays f in a bubble, on an empty stage that has no fleet yet. The test fails
// if the stage has in the end.
func inScene(t *testing.T, o awssim.Options, f func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := scenario.NewSimulated(clock.Real{}, o)
		s := &scene{T: t, world: w, stage: scenario.NewStage(t.Context(), w)}
		f(s)
		s.check()
	})
}

// keep makes a fleet file the one that is kept.
func (s *scene) keep(file string) {
	s.Helper()
	s.check()
	fleet, err := fleetfile.Parse("stage.yaml", []byte(file), app.Kinds())
	if err != nil {
		s.Fatal(err)
	}
	s.fleet = fleet
}

// check fails if anything has gone wrong on the stage so far.
func (s *scene) check() {
	s.Helper()
	if err := s.stage.Err(); err != nil {
		s.Fatal(err)
	}
}

// handle is the one run that an event makes, and returns when everything is done that
// was to be done later.
func (s *scene) handle(e event.Event) *flow.Run {
	s.Helper()
	runs, err := s.stage.App(s.fleet).Handle(s.Context(), e)
	s.others.Wait()
	if err != nil {
		s.Fatal(err)
	}
	if len(runs) != 1 {
		s.Fatalf("the event made %d runs, want one", len(runs))
	}
	return runs[0]
}

// handleStale is handle while the n-th read, from 1, shows what was there a while ago,
// if so.
func (s *scene) handleStale(e event.Event, age time.Duration, stale func(n int64) bool) *flow.Run {
	s.Helper()
	time.Sleep(awssim.MaxStale) // so that there is something to be shown
	var reads atomic.Int64
	s.world.StaleReads(func(awssim.Call) time.Duration {
		if !stale(reads.Add(1)) {
			return 0
		}
		return age
	})
	defer s.world.StaleReads(func(awssim.Call) time.Duration { return 0 })
	return s.handle(e)
}

// retry is what becomes of a run that a person has tried again.
func (s *scene) retry(run *flow.Run) *flow.Run {
	s.Helper()
	program := s.stage.App(s.fleet)
	if _, err := program.Retry(s.Context(), run.ID); err != nil {
		s.Fatal(err)
	}
	retried, err := program.Drive(s.Context(), run.ID)
	if err != nil {
		s.Fatal(err)
	}
	return retried
}

// apart has each event handled by a process of its own, all at once. The processes
// know nothing of each other.
func (s *scene) apart(events ...event.Event) []*flow.Run {
	s.Helper()
	all := make([]*flow.Run, len(events))
	var processes sync.WaitGroup
	for i, e := range events {
		process := scenario.NewStage(s.Context(), s.world).App(s.fleet) // with a ledger of its own
		processes.Go(func() {
			runs, err := process.Handle(s.Context(), e)
			if err != nil || len(runs) != 1 {
				s.Errorf("process %d: %d runs, %v", i, len(runs), err)
				return
			}
			all[i] = runs[0]
		})
	}
	processes.Wait()
	if s.Failed() {
		s.FailNow()
	}
	return all
}

// later has something done while a run waits.
func (s *scene) later(after time.Duration, f func() error) {
	s.others.Go(func() {
		time.Sleep(after)
		if err := f(); err != nil {
			s.Error(err)
		}
	})
}

// at has something done just before AWS sees the n-th call of an operation, from 1.
// Calls by the operator do not count. It replaces every fault.
func (s *scene) at(n int64, operation string, f func() error) {
	var calls atomic.Int64
	s.world.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation == operation && c.Actor != "operator" && calls.Add(1) == n {
			if err := f(); err != nil {
				s.Error(err)
			}
		}
		return awssim.Fault{}
	})
}

// deny has AWS refuse an action until it is allowed again.
func (s *scene) deny(action string) (allow func()) {
	s.world.Authorize(func(a, _ string, _ map[string][]string) bool { return a != action })
	return func() { s.world.Authorize(nil) }
}

// operator is who makes the calls of this context.
func (s *scene) operator() context.Context { return awssim.WithActor(s.Context(), "operator") }

// carriedOut counts the calls of an operation that had their effect.
func (s *scene) carriedOut(operation string) (n int) {
	for _, m := range s.world.Mutations() {
		if strings.HasPrefix(m, operation+" ") {
			n++
		}
	}
	return n
}

// failing makes the first n calls of an operation fail.
func failing(operation string, n int, fault awssim.Fault) func(awssim.Call) awssim.Fault {
	var calls atomic.Int64
	return func(c awssim.Call) awssim.Fault {
		if c.Operation != operation || calls.Add(1) > int64(n) {
			return awssim.Fault{}
		}
		return fault
	}
}
