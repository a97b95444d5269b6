package automation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
)

func TestApproved(t *testing.T) {
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	env := func(asked time.Duration, by *automation.Approval) automation.Env {
		return automation.Env{
			Run: automation.Identity{ID: "run-1"}, Clock: clock.NewVirtual(now), Since: now.Add(-time.Hour),
			Asked: now.Add(-asked), Approval: by,
		}
	}
	for _, test := range []struct {
		name string
		env  automation.Env
		want error // nil: it is approved
	}{
		{"approved", env(time.Minute, &automation.Approval{By: "jo"}), nil},
		{"approved too late, and yet in time", env(48*time.Hour, &automation.Approval{By: "jo"}), nil},
		{"asked a minute ago", env(time.Minute, nil), &automation.Unapproved{What: "the swap", Run: "run-1", Until: now.Add(24*time.Hour - time.Minute)}},
		{"not asked yet", automation.Env{Run: automation.Identity{ID: "run-1"}, Clock: clock.NewVirtual(now)}, &automation.Unapproved{What: "the swap", Run: "run-1", Until: now.Add(24 * time.Hour)}},
		{"asked a day ago", env(24*time.Hour, nil), errors.New("nobody has approved the swap within 24h")},
	} {
		err := test.env.Approved("the swap", 24*time.Hour)
		if test.want == nil {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: it is approved", test.name)
			continue
		}
		var want *automation.Unapproved
		if !errors.As(test.want, &want) {
			hints := failure.Hints(err)
			if failure.ClassOf(err) != failure.Stop || err.Error() != test.want.Error() || !cmp.Equal(hints, []string{"drover retry run-1, which asks again"}) {
				t.Errorf("%s: %s %v, next: %q", test.name, failure.ClassOf(err), err, hints)
			}
			continue
		}
		err = fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", err))
		var got *automation.Unapproved
		if !errors.As(err, &got) || !cmp.Equal(got, want) || failure.ClassOf(err) != failure.Wait || !failure.Until(err).IsZero() {
			t.Errorf("%s: %s %v until %s", test.name, failure.ClassOf(err), err, failure.Until(err))
		}
	}
}

// TestOnlyStepsThatDeclareItAsk: nobody would read an approval for another one.
func TestOnlyStepsThatDeclareItAsk(t *testing.T) {
	asks := func(_ context.Context, t *automation.Turn[config, state]) error {
		return fmt.Errorf("outer: %w", t.Approved("the swap", time.Hour))
	}
	automationOf := func(declared bool) *automation.Automation {
		k := kind()
		k.Observe, k.Steps[0].Do, k.Steps[0].Undo, k.Steps[0].Poll, k.Steps[0].Asks = asks, asks, asks, time.Second, declared
		a, _, err := automation.Define(k).Configure("fleet", "auto", "us-west-1", json.RawMessage(`{"instance": "i-1"}`))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	declared, undeclared := automationOf(true), automationOf(false)
	env := automation.Env{Clock: clock.NewVirtual(time.Unix(0, 0))}
	class := func(what string, err error, want failure.Class) {
		t.Helper()
		if err == nil || failure.ClassOf(err) != want {
			t.Errorf("%s: %v, want class %s", what, err, want)
		}
	}
	_, err := undeclared.Act(t.Context(), "act", automation.Do, env, nil)
	class("a step that does not declare it", err, failure.Stop)
	_, err = declared.Act(t.Context(), "act", automation.Do, env, nil)
	class("one that does", err, failure.Wait)
	_, err = declared.Act(t.Context(), "act", automation.Undo, env, nil)
	class("its undo", err, failure.Stop)
	_, _, err = declared.Plan(t.Context(), env, nil)
	class("observing", err, failure.Stop)
}
