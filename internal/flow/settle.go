package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// Pauses between attempts at a step: they double up to maxPause, or up to the
// step's poll where that is longer. They need no jitter: one attempt owns the run
// at a time.
const (
	minPause = 250 * time.Millisecond
	maxPause = 10 * time.Second
)

// result is what an attempt produced.
type result struct {
	state    json.RawMessage
	values   map[string]string
	trying   []string
	plan     automation.Plan      // of the step automation.StepPlan only
	approval *automation.Approval // that the attempt was told of
	err      error
	entries  []Entry
}

// sweepHint is the next thing to type for what a person must mend first.
const sweepHint = "mend what is named, then: drover run --fleet FILE --sweep"

// settle turns a run and the result of its attempt into the run that is
// stored. It is pure: given the same arguments it returns the same run.
func settle(r Run, steps []automation.StepInfo, res result, now time.Time) Run {
	r.Owner, r.Until, r.Waiting = "", time.Time{}, ""
	r.Audit = append(slices.Clone(r.Audit), res.entries...)
	r.Made, r.Marks = slices.Clone(r.Made), slices.Clone(r.Marks)
	if len(res.values) > 0 {
		r.Values = maps.Clone(res.values)
	}
	if res.values != nil { // it was begun
		r.Trying = res.trying
	}
	r.acknowledge(res.entries)
	if len(res.state) > 0 {
		r.State = res.state
	}
	if res.approval != nil {
		r.Approval = res.approval
		r.unask()
	}
	var replan *automation.Replan
	switch {
	case r.Ending != nil:
		return r.unwound(steps, res.err, now)
	case res.err == nil && r.Step == automation.StepPlan:
		return r.planned(steps, res.plan, now)
	case res.err == nil:
		return r.stepDone(steps, now)
	case errors.As(res.err, &replan) && !r.changed():
		return r.replan(steps, res.err, now)
	}
	return r.troubled(steps, res.err, now)
}

// changed says whether a step is done for which the plan has changes. From
// then on the run goes through with its plan.
func (r Run) changed() bool {
	return slices.ContainsFunc(r.Marks, func(m Mark) bool { return !m.Done.IsZero() && len(r.Plan.For(m.Step)) > 0 })
}

// replan goes back to observe and decide anew.
func (r Run) replan(steps []automation.StepInfo, why error, now time.Time) Run {
	r.Replans++
	if r.Replans > automation.MaxReplans {
		return r.fail(steps, failure.Stopf("the world changed %d times while this run was acting: %w", r.Replans, why), now)
	}
	return r.enter(automation.StepPlan, now)
}

// planned goes on from a decision.
func (r Run) planned(steps []automation.StepInfo, plan automation.Plan, now time.Time) Run {
	r.replace(plan)
	switch {
	case len(plan.Changes) > 0:
		for i := range r.Marks {
			r.Marks[i].Done = time.Time{} // under an earlier plan
		}
		return r.enter(steps[0].Name, now)
	case len(plan.Stuck) > 0:
		return r.wind(steps, Ending{Outcome: Stuck, Reason: "nothing can be done", Hints: []string{sweepHint}, Undo: len(r.Made) == 0 && r.futile(steps)}, now)
	}
	return r.nothing(steps, plan.Nothing, now)
}

// replace puts a plan in place of the one before.
func (r *Run) replace(plan automation.Plan) {
	r.Former = slices.Clone(r.Former)
	for _, c := range r.Plan.Filled(r.Values).Changes {
		if m := r.mark(c.Step); m != nil && r.acted(*m) && !slices.Contains(r.Former, c) {
			r.Former = append(r.Former, c)
		}
	}
	r.Plan = plan
}

// nothing ends a run that has nothing to do, or nothing more. What steps did
// under an earlier plan without making a change of it was to no purpose.
func (r Run) nothing(steps []automation.StepInfo, why string, now time.Time) Run {
	if len(r.Made) > 0 {
		return r.wind(steps, Ending{Outcome: Succeeded}, now)
	}
	return r.wind(steps, Ending{Outcome: NothingToDo, Reason: why, Undo: r.futile(steps)}, now)
}

// futile says that steps have done something that no plan has any use for.
func (r Run) futile(steps []automation.StepInfo) bool { return r.touched() && !r.committed(steps) }

// stepDone goes on from a step that is done.
func (r Run) stepDone(steps []automation.StepInfo, now time.Time) Run {
	if m := r.mark(r.Step); m != nil {
		m.Done = now
		r.verified(*m)
	}
	return r.proceed(steps, now)
}

// verified adds to Made the changes of a step that is done whose calls were never
// answered: the step has seen that they took effect.
func (r *Run) verified(m Mark) {
	for _, c := range r.Plan.Filled(r.Values).For(m.Step) {
		asked := slices.ContainsFunc(r.Audit, func(e Entry) bool { return m.made(e) && c.Same(e.change()) })
		if asked && !slices.ContainsFunc(r.Made, c.Same) {
			r.Made = append(r.Made, c)
		}
	}
}

// proceed goes on to the first step that is not done, or to the end.
func (r Run) proceed(steps []automation.StepInfo, now time.Time) Run {
	for _, s := range steps {
		if !r.isDone(s.Name) {
			return r.enter(s.Name, now)
		}
	}
	if len(r.Plan.Stuck) > 0 {
		return r.wind(steps, Ending{Outcome: Stuck, Reason: "only a part could be done", Hints: []string{sweepHint}}, now)
	}
	return r.wind(steps, Ending{Outcome: Succeeded}, now)
}

// troubled goes on from an error.
func (r Run) troubled(steps []automation.StepInfo, err error, now time.Time) Run {
	over := r.over(steps, now)
	switch failure.ClassOf(err) {
	case failure.Skip:
		if r.Step == automation.StepPlan || r.idle(steps) {
			return r.nothing(steps, err.Error(), now)
		}
		return r.stepDone(steps, now)
	case failure.Stop:
		return r.fail(steps, err, now)
	case failure.Wait:
		if over {
			return r.fail(steps, waited(err, now.Sub(r.Since).Round(time.Second)), now)
		}
		return r.await(steps, err, now).ask(err, now)
	case failure.Retry:
	}
	if over {
		return r.fail(steps, failure.WithHint(failure.Stopf("gave up after %d attempts: %w", r.Attempt, err), sweepHint), now)
	}
	return r.again(steps, err, now)
}

// waited is the error of a step that has waited for too long.
func waited(err error, span time.Duration) error {
	var u *automation.Unapproved
	if errors.As(err, &u) {
		return u.GiveUp(span)
	}
	return failure.Stopf("waited %s for %w", span, err)
}

// idle says that no step is done, and that none can have been by an attempt that
// did not come to tell. A step that has nothing to change cannot.
func (r Run) idle(steps []automation.StepInfo) bool {
	return !slices.ContainsFunc(r.Marks, func(m Mark) bool {
		info := infoOf(steps, m.Step)
		changes := info.Undoes || info.Releases || len(r.Plan.For(m.Step)) > 0
		return !m.Done.IsZero() || r.acted(m) && (changes || !m.Lost)
	})
}

// hopeless says that the process of every attempt so far has died, or was ended,
// and that the limit is over: the step itself may be what ends them. One that
// died once is given another attempt, however long ago that was.
func (r Run) hopeless(steps []automation.StepInfo, now time.Time) bool {
	return r.Owner != "" && r.Attempt > 1 && r.over(steps, now.Add(-r.late(now)))
}

// await has the run wait for what an error says.
func (r Run) await(steps []automation.StepInfo, err error, now time.Time) Run {
	r.Waiting = err.Error()
	r.Due = failure.Until(err)
	if soonest := now.Add(max(pollOf(steps, r.Step), minPause)); r.Due.Before(soonest) {
		r.Due = soonest
	}
	r.Attempt-- // waiting is not trying
	return r
}

// again has the run try once more.
func (r Run) again(steps []automation.StepInfo, err error, now time.Time) Run {
	r.Waiting = fmt.Sprintf("another attempt: %v", err)
	r.Due = now.Add(pause(r.Attempt, max(maxPause, pollOf(steps, r.Step))))
	return r
}

// fail gives a run up whose step cannot be completed. A program that does not
// have the steps does not know whether there is a way back.
func (r Run) fail(steps []automation.StepInfo, err error, now time.Time) Run {
	back := len(steps) > 0 && !r.committed(steps)
	return r.wind(steps, Ending{Outcome: RolledBack, Reason: err.Error(), Hints: failure.Hints(err), Undo: back}, now)
}

// committed says whether a step is done after which nothing is undone.
func (r Run) committed(steps []automation.StepInfo) bool {
	return slices.ContainsFunc(steps, func(s automation.StepInfo) bool { return s.Commit && r.isDone(s.Name) })
}

// enter moves the run to a step, due at once.
func (r Run) enter(step string, now time.Time) Run {
	return r.turnTo(step, automation.Do, now)
}

func (r Run) turnTo(step string, act automation.Act, now time.Time) Run {
	r.Step, r.Act, r.Attempt, r.Since, r.Idle, r.Due = step, act, 0, now, 0, now
	r.unask()
	if m := r.mark(step); m != nil && m.Attempts > 0 && act == automation.Do {
		r.Since = m.Begun // a limit bounds all attempts together
	}
	return r
}

func pause(attempt int, most time.Duration) time.Duration {
	d := minPause
	for ; attempt > 1 && d < most; attempt-- {
		d *= 2
	}
	return min(d, most)
}

func infoOf(steps []automation.StepInfo, name string) automation.StepInfo {
	for _, s := range steps {
		if s.Name == name {
			return s
		}
	}
	return automation.StepInfo{Name: name, Attempt: automation.PlanAttempt, Limit: automation.PlanLimit}
}

func pollOf(steps []automation.StepInfo, name string) time.Duration { return infoOf(steps, name).Poll }
