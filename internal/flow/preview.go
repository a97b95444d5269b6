package flow

import (
	"context"
	"encoding/json"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// Preview observes and decides as a run would, and changes nothing: neither
// AWS nor the ledger. Waits are waited out on the clock.
func (x *Executor) Preview(ctx context.Context, a *automation.Automation, subject automation.Subject, e event.Event) (automation.Plan, error) {
	plan, _, err := x.Survey(ctx, a, subject, e)
	return plan, err
}

// Survey is [Executor.Preview] with the kind's state beside the plan: what was observed.
func (x *Executor) Survey(ctx context.Context, a *automation.Automation, subject automation.Subject, e event.Event) (automation.Plan, json.RawMessage, error) {
	c, err := x.loadClaim(ctx, claimKey(a.Fleet, a.Name, subject.Key))
	if err != nil {
		return automation.Plan{}, nil, err
	}
	now := x.now()
	env := x.env(a, automation.Identity{ID: "preview", Fleet: a.Fleet, Automation: a.Name}, []event.Event{e}, without(c.keptEvents(now), e))
	env.Tried, env.Trying = c.Tried, map[string]bool{}
	run := Run{Identity: env.Run, Step: automation.StepPlan, Act: automation.Do, Since: now, Created: now}
	for {
		run.Attempt++
		env.Attempt, env.Since = run.Attempt, run.Since
		attempt, cancel := context.WithTimeout(call.ReadOnly(ctx), automation.PlanAttempt)
		state, plan, err := a.Plan(attempt, env, run.State)
		cancel()
		switch {
		case err == nil:
			return plan, state, nil
		case failure.ClassOf(err) == failure.Skip:
			return automation.Plan{Nothing: err.Error()}, state, nil
		case ctx.Err() != nil:
			return automation.Plan{}, nil, err
		}
		run = settle(run, a.Kind.Steps, result{state: state, err: err}, x.now())
		if !run.Live() {
			return automation.Plan{}, nil, err
		}
		if x.Watch != nil {
			x.Watch(&run)
		}
		if err := x.Clock.Sleep(ctx, run.Due.Sub(x.now())); err != nil {
			return automation.Plan{}, nil, err
		}
	}
}
