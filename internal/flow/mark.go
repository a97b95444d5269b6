package flow

import (
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/call"
)

// Mark says how far a step has come. Times are zero until it has.
type Mark struct {
	Step     string    `json:"step"`
	Begun    time.Time `json:"begun"`
	Attempts int       `json:"attempts"` // at Do
	// Until is when the last attempt at Do was to be over at the latest: a call
	// that it made may take effect until then.
	Until time.Time `json:"until"`
	// Lost says that an attempt at Do never told how it went, so the audit may
	// lack a call.
	Lost     bool      `json:"lost,omitempty"`
	Done     time.Time `json:"done,omitzero"`
	Undone   time.Time `json:"undone,omitzero"`
	Released time.Time `json:"released,omitzero"`
	// UndoError and ReleaseError say why that was given up: something is left.
	UndoError    string `json:"undoError,omitempty"`
	ReleaseError string `json:"releaseError,omitempty"`
}

// open says whether an act of unwinding is still to come.
func (m Mark) open(act automation.Act) bool {
	switch act {
	case automation.Undo:
		return m.Undone.IsZero() && m.UndoError == ""
	case automation.Release:
		return m.Released.IsZero() && m.ReleaseError == ""
	case automation.Do:
	}
	return false
}

// mark finds the mark of a step, or nil.
func (r *Run) mark(step string) *Mark {
	for i := range r.Marks {
		if r.Marks[i].Step == step {
			return &r.Marks[i]
		}
	}
	return nil
}

// begin marks the beginning of an attempt at the present step.
func (r *Run) begin(now time.Time) {
	if r.Step == automation.StepPlan || r.Act != automation.Do {
		return
	}
	r.Marks = slices.Clone(r.Marks)
	m := r.mark(r.Step)
	if m == nil {
		r.Marks = append(r.Marks, Mark{Step: r.Step, Begun: now})
		m = &r.Marks[len(r.Marks)-1]
	}
	m.Attempts++
	m.Until = r.Until
}

// acted says whether anything that a step has done may be in AWS: a call that
// was not refused, or an attempt nobody knows of.
func (r *Run) acted(m Mark) bool {
	return m.Lost || slices.ContainsFunc(r.Audit, func(e Entry) bool {
		return e.Step == m.Step && e.Act == automation.Do && e.Outcome != call.Refused && !e.At.Before(m.Begun)
	})
}

// touched says whether AWS may be otherwise than before the run.
func (r *Run) touched() bool {
	return slices.ContainsFunc(r.Marks, func(m Mark) bool { return m.Undone.IsZero() && r.acted(m) })
}

// lag is how long a read of AWS may not yet show what was done: EC2's API is
// eventually consistent, and gives no bound
// (https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html).
const lag = time.Minute

// settled is from when on AWS shows whatever a step has done.
func (r *Run) settled(m Mark) time.Time {
	if !r.acted(m) {
		return time.Time{}
	}
	return m.Until.Add(lag)
}

// isDone says whether a step is done.
func (r *Run) isDone(step string) bool {
	m := r.mark(step)
	return m != nil && !m.Done.IsZero()
}
