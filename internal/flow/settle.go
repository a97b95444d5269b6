package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// Pauses between attempts at a step. They need no jitter: one attempt owns
// the run at a time.
const (
	minPause = 250 * time.Millisecond
	maxPause = 10 * time.Second
)

// result is what an attempt produced.
type result struct {
	state   json.RawMessage
	plan    automation.Plan // of the step automation.StepPlan only
	err     error
	entries []Entry
}

// sweepHint is the next thing to type for what a person must mend first.
const sweepHint = "mend what is named, then: drover run --fleet FILE --sweep"

// settle turns a run and the result of its attempt into the run that is
// stored. It is pure: given the same arguments it returns the same run.
func settle(r Run, steps []automation.StepInfo, res result, now time.Time) Run {
	r.Owner, r.Until, r.Waiting = "", time.Time{}, ""
	r.Audit = append(slices.Clone(r.Audit), res.entries...)
	r.Made = slices.Clone(r.Made)
	r.acknowledge(res.entries)
	if len(res.state) > 0 {
		r.State = res.state
	}
	var replan *automation.Replan
	switch {
	case res.err == nil && r.Step == automation.StepPlan:
		return r.planned(steps, res.plan, now)
	case res.err == nil:
		return r.stepDone(steps, now)
	case errors.As(res.err, &replan) && len(r.Done) == 0:
		r.Replans++
		if r.Replans > automation.MaxReplans {
			return r.fail(failure.Stopf("the world changed %d times while this run was acting: %w", r.Replans, res.err), now)
		}
		return r.enter(automation.StepPlan, now)
	}
	return r.troubled(steps, res.err, now)
}

// planned goes on from a decision.
func (r Run) planned(steps []automation.StepInfo, plan automation.Plan, now time.Time) Run {
	r.Plan = plan
	switch {
	case len(plan.Changes) > 0:
		return r.enter(steps[0].Name, now)
	case len(plan.Stuck) > 0:
		r.Left = plan.Stuck
		r.Hints = []string{sweepHint}
		return r.end(Stuck, "nothing can be done", now)
	case len(r.Made) > 0: // by an earlier plan of this run
		return r.end(Succeeded, "", now)
	}
	return r.end(NothingToDo, plan.Nothing, now)
}

// stepDone goes on from a step that is done.
func (r Run) stepDone(steps []automation.StepInfo, now time.Time) Run {
	r.Done = append(slices.Clone(r.Done), Mark{Step: r.Step, At: now, Attempts: r.Attempt})
	if i := indexOf(steps, r.Step); i+1 < len(steps) {
		return r.enter(steps[i+1].Name, now)
	}
	if len(r.Plan.Stuck) > 0 {
		r.Left = r.Plan.Stuck
		r.Hints = []string{sweepHint}
		return r.end(Stuck, "only a part could be done", now)
	}
	return r.end(Succeeded, "", now)
}

// troubled goes on from an error.
func (r Run) troubled(steps []automation.StepInfo, err error, now time.Time) Run {
	over := now.Sub(r.Since) >= limitOf(steps, r.Step)
	switch failure.ClassOf(err) {
	case failure.Skip:
		if r.Step == automation.StepPlan || len(r.Done) == 0 {
			return r.end(NothingToDo, err.Error(), now)
		}
		return r.stepDone(steps, now)
	case failure.Stop:
		return r.fail(err, now)
	case failure.Wait:
		if over {
			return r.fail(failure.Stopf("waited %s for %w", now.Sub(r.Since).Round(time.Second), err), now)
		}
		r.Waiting = err.Error()
		r.Due = failure.Until(err)
		if !r.Due.After(now) {
			r.Due = now.Add(minPause)
		}
		r.Attempt-- // waiting is not trying
		return r
	case failure.Retry:
	}
	if over {
		return r.fail(failure.WithHint(failure.Stopf("gave up after %d attempts: %w", r.Attempt, err), sweepHint), now)
	}
	r.Waiting = fmt.Sprintf("another attempt: %v", err)
	r.Due = now.Add(pause(r.Attempt))
	return r
}

// fail ends a run whose step cannot be completed.
func (r Run) fail(err error, now time.Time) Run {
	r.Hints = failure.Hints(err)
	r.Left = append(r.undone(), r.Plan.Stuck...)
	if r.touched() {
		return r.end(Stuck, err.Error(), now)
	}
	return r.end(RolledBack, err.Error(), now)
}

// enter moves the run to a step, due at once.
func (r Run) enter(step string, now time.Time) Run {
	r.Step, r.Attempt, r.Since, r.Due = step, 0, now, now
	return r
}

// end closes the run and, where somebody should know, writes the notice.
func (r Run) end(outcome Outcome, reason string, now time.Time) Run {
	r.Outcome, r.Reason, r.Ended, r.Due = outcome, reason, now, time.Time{}
	if outcome != NothingToDo && r.Topic != "" {
		r.Outbox = append(slices.Clone(r.Outbox), notice(&r))
		r.Due = now
	}
	return r
}

func pause(attempt int) time.Duration {
	d := minPause
	for ; attempt > 1 && d < maxPause; attempt-- {
		d *= 2
	}
	return min(d, maxPause)
}

func indexOf(steps []automation.StepInfo, name string) int {
	return slices.IndexFunc(steps, func(s automation.StepInfo) bool { return s.Name == name })
}

func attemptOf(steps []automation.StepInfo, name string) time.Duration {
	if i := indexOf(steps, name); i >= 0 {
		return steps[i].Attempt
	}
	return automation.PlanAttempt
}

func limitOf(steps []automation.StepInfo, name string) time.Duration {
	if i := indexOf(steps, name); i >= 0 {
		return steps[i].Limit
	}
	return automation.PlanLimit
}
