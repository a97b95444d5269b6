package flow_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/schedule"
)

// An execution ends after 25,000 events, whatever its run is at
// (shared/facts/apis.md, section 10).
const maxHistory = 20_000

func TestNoKindFillsItsHistory(t *testing.T) {
	for _, k := range app.Kinds() {
		if n := k.LongestHistory(); n > maxHistory {
			t.Errorf("%s: up to %d events, want at most %d", k.Name, n, maxHistory)
		}
	}
}

// TestTheLongestRun drives a run that waits wherever it can, for as long as it
// can, begins anew as often as it can, and then fails and takes its time to
// unwind. No longer one can be written: it has to fit into what is declared.
func TestTheLongestRun(t *testing.T) {
	for name, d := range map[string]automation.Definition{
		"waits":            slow(0, 2*time.Second, failure.Wait),
		"observes slowly":  slow(3*time.Second, 2*time.Second, failure.Wait),
		"polls slowly":     slow(3*time.Second, time.Minute, failure.Wait),
		"fails and fails":  slow(0, time.Minute, failure.Retry),
		"fails repeatedly": slow(0, 20*time.Second, failure.Retry),
	} {
		t.Run(name, func(t *testing.T) { longest(t, d) })
	}
}

func longest(t *testing.T, d automation.Definition) {
	const eventsPerTurn = 9
	synctest.Test(t, func(t *testing.T) {
		a, _, err := d.Configure("fleet", "auto", "us-west-1", json.RawMessage(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		x := &flow.Executor{
			Ledger: memory.NewNamed(clock.Real{}, "test"), Kinds: []automation.Definition{d}, Clock: clock.Real{},
			Clients: func(string) *cloud.Clients { return nil }, Log: slog.New(slog.DiscardHandler), Owner: "p",
		}
		started, err := x.Start(t.Context(), a, "", latest, event.Event{ID: "1"})
		if err != nil {
			t.Fatal(err)
		}
		turns := 0
		for {
			run, err := x.Turn(t.Context(), started.Run)
			if err != nil {
				t.Fatal(err)
			}
			if turns++; !run.Live() {
				break
			}
			if wait := time.Until(run.Due); wait > 0 { // Step Functions waits for whole seconds
				time.Sleep((wait + time.Second - 1).Truncate(time.Second))
			}
		}
		got, bound := turns*eventsPerTurn, d.LongestHistory()
		if got > bound || got < bound/4 {
			t.Errorf("%d turns write %d events, and %d are declared", turns, got, bound)
		}
	})
}

type slowConfig struct{}

type slowTurn = automation.Turn[slowConfig, struct{}]

// slow is a kind that waits as long as it may, or fails for as long.
func slow(planPoll, poll time.Duration, class failure.Class) automation.Definition {
	// until waits until a while after the first attempt.
	until := func(t *slowTurn, limit time.Duration) error {
		if now := t.Clock.Now(); now.Sub(t.Since) < limit {
			if class == failure.Retry {
				return failure.Retryf("more time is to pass")
			}
			return failure.Waitf(now, "more time to pass")
		}
		return nil
	}
	limit := 60 * poll
	forEver := func(_ context.Context, t *slowTurn) error { return until(t, 2*limit) }
	step := func(name string, do func(context.Context, *slowTurn) error) automation.Step[slowConfig, struct{}] {
		return automation.Step[slowConfig, struct{}]{
			Name: name, Title: name, Attempt: 10 * time.Second, Limit: limit, Poll: poll,
			Needs: func(slowConfig) []iam.Need { return nil }, Do: do, Undo: forEver, Release: forEver,
		}
	}
	return automation.Define(automation.Kind[slowConfig, struct{}]{
		Poll: planPoll,
		Name: "slow", Title: "takes its time", Since: "0.1", Revision: 1,
		Claims: func(slowConfig) []automation.Claim { return nil },
		Listen: func(slowConfig) []automation.Trigger { return nil },
		Sweep:  func(slowConfig) schedule.Schedule { return schedule.Every(time.Hour) },
		Needs:  func(slowConfig) []iam.Need { return nil },
		About:  func(slowConfig, event.Event) (automation.Subject, bool) { return automation.Subject{}, false },
		Observe: func(_ context.Context, t *slowTurn) error {
			return until(t, automation.PlanLimit-2*time.Second)
		},
		Decide: func(slowConfig, struct{}, time.Time) automation.Plan {
			return automation.Plan{Changes: []automation.Change{{Step: "second", Operation: "toy:Wait", Resource: "x", Why: "it is slow"}}}
		},
		Steps: []automation.Step[slowConfig, struct{}]{
			step("first", func(_ context.Context, t *slowTurn) error { return until(t, limit-2*poll) }),
			step("second", func(_ context.Context, t *slowTurn) error {
				if err := until(t, limit-2*poll); err != nil {
					return err
				}
				return &automation.Replan{Why: "it can"}
			}),
		},
	})
}
