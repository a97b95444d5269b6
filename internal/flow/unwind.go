package flow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// Ending is how a run is about to end, while its steps are undone or released.
type Ending struct {
	Outcome Outcome  `json:"outcome"`
	Reason  string   `json:"reason,omitempty"`
	Hints   []string `json:"hints,omitempty"`
	// Undo says that what was done is taken back.
	Undo bool `json:"undo,omitempty"`
	// Again says that the run then goes on after all: it is tried again.
	Again bool `json:"again,omitempty"`
}

// wind begins to unwind the run, whichever way it ends.
func (r Run) wind(steps []automation.StepInfo, e Ending, now time.Time) Run {
	r.Ending = &e
	return r.unwind(steps, now)
}

// unwind goes to the next undo or release: of the last step first, and of one
// step the undo before the release. When there is none the run ends.
func (r Run) unwind(steps []automation.StepInfo, now time.Time) Run {
	for _, s := range slices.Backward(steps) {
		m := r.mark(s.Name)
		switch {
		case m == nil:
		case r.Ending.Undo && s.Undoes && m.open(automation.Undo):
			return r.turnTo(s.Name, automation.Undo, now)
		case s.Releases && m.open(automation.Release):
			return r.turnTo(s.Name, automation.Release, now)
		}
	}
	if len(steps) == 0 {
		r.disown()
	}
	if r.Ending.Again && len(r.leftOver()) == 0 {
		return r.goOn(steps, now)
	}
	return r.close(now)
}

// disown gives up what is still to be undone and released, because this program
// does not have the kind of the run, or not this revision of it.
func (r *Run) disown() {
	const why = "this program cannot do that"
	r.Marks = slices.Clone(r.Marks)
	for i := range r.Marks {
		switch m := &r.Marks[i]; {
		case !r.acted(*m):
		case r.Ending.Undo && m.open(automation.Undo):
			m.UndoError = why
		case m.open(automation.Release):
			m.ReleaseError = why
		}
	}
}

// unwound goes on from an attempt to undo or release a step.
func (r Run) unwound(steps []automation.StepInfo, err error, now time.Time) Run {
	m := r.mark(r.Step)
	// Until AWS shows what the step has done, there may be nothing to do but wait.
	trying := r
	if settled := r.settled(*m); settled.After(r.Since) {
		trying.Since = settled
	}
	over := trying.over(steps, now)
	switch {
	case err == nil || failure.ClassOf(err) == failure.Skip:
		r.takenBack(steps, m, now)
		return r.unwind(steps, now)
	case failure.ClassOf(err) == failure.Wait && !over:
		return r.await(steps, err, now)
	case failure.ClassOf(err) == failure.Retry && !over:
		return r.again(steps, err, now)
	}
	if r.Act == automation.Undo {
		m.UndoError = err.Error()
	} else {
		m.ReleaseError = err.Error()
	}
	e := *r.Ending
	e.Hints = append(slices.Clone(e.Hints), failure.Hints(err)...)
	r.Ending = &e
	return r.unwind(steps, now)
}

// takenBack marks the present act as done. The release of a step that has no
// undo is its undo: there is nothing that it could leave. With a step those are
// taken back that are within it.
func (r *Run) takenBack(steps []automation.StepInfo, m *Mark, now time.Time) {
	if r.Act == automation.Release {
		m.Released = now
		if infoOf(steps, r.Step).Undoes || !r.Ending.Undo {
			return
		}
	}
	gone := []string{m.Step}
	for _, s := range steps {
		if s.Within == m.Step {
			gone = append(gone, s.Name)
		}
	}
	for _, step := range gone {
		if m := r.mark(step); m != nil {
			m.Undone = now
		}
	}
	ours := func(c automation.Change) bool { return slices.Contains(gone, c.Step) }
	r.Made = slices.DeleteFunc(r.Made, ours)
	r.Former = slices.DeleteFunc(slices.Clone(r.Former), ours)
}

// close ends a run that is unwound. A failed run is rolled back only if nothing
// of it can be left in AWS.
func (r Run) close(now time.Time) Run {
	e := *r.Ending
	left := r.leftOver()
	switch {
	case e.Outcome == RolledBack:
		if r.touched() || len(left) > 0 {
			e.Outcome = Stuck
		}
		left = slices.Concat(left, r.unfinished(), r.undone(), r.Plan.Stuck)
	case e.Outcome == Stuck:
		left = append(left, r.Plan.Stuck...)
	case len(left) > 0:
		e.Outcome = Stuck
		e.Reason = strings.TrimPrefix(e.Reason+"; something is left over", "; ")
	}
	r.Ending, r.Left, r.Hints = nil, left, e.Hints
	return r.end(e.Outcome, e.Reason, now)
}

// leftOver names what could not be undone or released.
func (r Run) leftOver() []automation.Remark {
	var left []automation.Remark
	for _, m := range r.Marks {
		if m.UndoError != "" {
			left = append(left, r.remains(m, fmt.Sprintf("could not be undone: %s", m.UndoError))...)
		}
		if m.ReleaseError != "" {
			left = append(left, r.unreleased(m, fmt.Sprintf("could not be released: %s", m.ReleaseError))...)
		}
	}
	return left
}

// unreleased names what a step has not given back: what it has provided, such as a
// machine, or else the step.
func (r Run) unreleased(m Mark, why string) []automation.Remark {
	var left []automation.Remark
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		if strings.HasPrefix(name, m.Step+".") {
			left = append(left, automation.Remark{Resource: r.Values[name], Why: why})
		}
	}
	if len(left) == 0 {
		left = []automation.Remark{{Resource: "step " + m.Step, Why: why}}
	}
	return left
}

// unfinished names what steps did that are not done and were not to be undone.
func (r Run) unfinished() []automation.Remark {
	var left []automation.Remark
	for _, m := range r.Marks {
		if m.Done.IsZero() && m.Undone.IsZero() && m.UndoError == "" {
			left = append(left, r.strays(m, "is not done")...)
		}
	}
	return left
}

// strays names the calls of a step that make no change of the plan: what they
// did is told nowhere else.
func (r Run) strays(m Mark, why string) []automation.Remark {
	var calls []string
	changes := r.Plan.Filled(r.Values).Changes
	for _, e := range r.Audit {
		planned := slices.ContainsFunc(changes, func(c automation.Change) bool { return c.Same(e.change()) })
		if name := e.Operation + " " + e.Resource; m.made(e) && !planned && !slices.Contains(calls, name) {
			calls = append(calls, name)
		}
	}
	if len(calls) > maxListed {
		calls = append(calls[:maxListed], fmt.Sprintf("%d more", len(calls)-maxListed))
	}
	if m.Lost {
		calls = append(calls, "perhaps more in an attempt that never told")
	}
	if len(calls) == 0 {
		return nil
	}
	return []automation.Remark{{Resource: "step " + m.Step, Why: fmt.Sprintf("%s; it called %s", why, strings.Join(calls, ", "))}}
}

// remains says what became of what a step has done: of each change, and of its
// other calls; or of the step, if nothing is known.
func (r Run) remains(m Mark, why string) []automation.Remark {
	var left []automation.Remark
	for _, c := range r.Made {
		if c.Step == m.Step {
			left = append(left, automation.Remark{Resource: c.Resource, Why: strings.TrimSpace("went to "+c.To) + " and " + why})
		}
	}
	left = append(left, r.strays(m, why)...)
	if len(left) == 0 {
		left = []automation.Remark{{Resource: "step " + m.Step, Why: why}}
	}
	return left
}

// end closes the run and, where somebody should know, writes the notice.
func (r Run) end(outcome Outcome, reason string, now time.Time) Run {
	r.Outcome, r.Reason, r.Ended, r.Due = outcome, reason, now, time.Time{}
	r.unask()
	if outcome != NothingToDo && r.Topic != "" {
		r.Outbox = append(slices.Clone(r.Outbox), notice(&r))
		r.Due = now
	}
	return r
}
