package flow

import (
	"fmt"
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
}

// wind begins to unwind the run, whichever way it ends.
func (r Run) wind(steps []automation.StepInfo, e Ending, now time.Time) Run {
	r.Ending = &e
	return r.unwind(steps, now)
}

// unwind goes to the next undo or release: of the last step begun first, and
// of one step the undo before the release. When there is none the run ends.
func (r Run) unwind(steps []automation.StepInfo, now time.Time) Run {
	for _, m := range slices.Backward(r.Marks) {
		info := infoOf(steps, m.Step)
		if r.Ending.Undo && info.Undoes && m.open(automation.Undo) {
			return r.turnTo(m.Step, automation.Undo, now)
		}
		if info.Releases && m.open(automation.Release) {
			return r.turnTo(m.Step, automation.Release, now)
		}
	}
	return r.close(now)
}

// unwound goes on from an attempt to undo or release a step.
func (r Run) unwound(steps []automation.StepInfo, err error, now time.Time) Run {
	m := r.mark(r.Step)
	over := now.Sub(r.Since) >= limitOf(steps, r.Step) && !now.Before(r.settled(*m))
	switch {
	case err == nil || failure.ClassOf(err) == failure.Skip:
		r.takenBack(m, now)
		return r.unwind(steps, now)
	case failure.ClassOf(err) == failure.Wait && !over:
		return r.await(steps, err, now)
	case failure.ClassOf(err) == failure.Retry && !over:
		return r.again(err, now)
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

// takenBack marks the present act as done.
func (r *Run) takenBack(m *Mark, now time.Time) {
	if r.Act == automation.Release {
		m.Released = now
		return
	}
	m.Undone = now
	r.Made = slices.DeleteFunc(r.Made, func(c automation.Change) bool { return c.Step == m.Step })
}

// close ends a run that is unwound. A failed run is rolled back only if nothing
// of it can be left in AWS.
func (r Run) close(now time.Time) Run {
	e := *r.Ending
	left := r.leftOver()
	switch {
	case e.Outcome == RolledBack:
		left = append(append(left, r.undone()...), r.Plan.Stuck...)
		if r.touched() || len(r.leftOver()) > 0 {
			e.Outcome = Stuck
		}
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
			left = append(left, automation.Remark{Resource: "step " + m.Step, Why: fmt.Sprintf("could not be released: %s", m.ReleaseError)})
		}
	}
	return left
}

// remains says of each change that a step has made, or of the step if none is
// known, what became of it.
func (r Run) remains(m Mark, why string) []automation.Remark {
	var left []automation.Remark
	for _, c := range r.Made {
		if c.Step == m.Step {
			left = append(left, automation.Remark{Resource: c.Resource, Why: strings.TrimSpace("went to "+c.To) + " and " + why})
		}
	}
	if len(left) == 0 {
		left = []automation.Remark{{Resource: "step " + m.Step, Why: why}}
	}
	return left
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
