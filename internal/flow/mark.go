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
	Attempts int       `json:"attempts"` // at Do, since the run was last tried again
	// Until is when the last attempt at Do was to be over at the latest: a call
	// that it made may take effect until then.
	Until time.Time `json:"until"`
	// Lost says that the audit may lack a call: an attempt at Do never told how
	// it went, or was made before Begun.
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

// begin marks the beginning of an attempt.
func (r *Run) begin(owner string, attempt time.Duration, now time.Time) {
	r.Idle += r.late(now)
	if m := r.mark(r.Step); r.Attempt == 0 && r.Waiting == "" && (r.Act != automation.Do || m == nil || m.Attempts == 0) {
		r.Since, r.Idle = now, 0 // nobody has tried yet, however long it has been due
	}
	r.Owner, r.Until = owner, now.Add(attempt+Slack)
	r.Attempt++
	if r.Act != automation.Do {
		r.Quiet = r.Until.Add(lag)
		return
	}
	if r.Step == automation.StepPlan {
		return
	}
	r.Marks = slices.Clone(r.Marks)
	m := r.mark(r.Step)
	if m == nil {
		r.Marks = append(r.Marks, Mark{Step: r.Step})
		m = &r.Marks[len(r.Marks)-1]
	}
	if m.Attempts == 0 {
		m.Lost = r.acted(*m) // before the run was tried again
		m.Begun, m.Released = now, time.Time{}
	}
	m.Attempts++
	m.Until = r.Until
}

// punctual is by how much an engine may be late with a turn: Step Functions
// rounds up to seconds. Later than that, nobody was there.
const punctual = time.Minute

// late is for how long nobody was there to take a turn that was due.
func (r *Run) late(now time.Time) time.Duration {
	due := r.Due
	if r.Until.After(due) {
		due = r.Until
	}
	if late := now.Sub(due); late > punctual {
		return late
	}
	return 0
}

// over says that the limit of the present act is used up. Time in which nobody
// was there to try is not counted.
func (r *Run) over(steps []automation.StepInfo, now time.Time) bool {
	return now.Sub(r.Since)-r.Idle >= infoOf(steps, r.Step).Limit
}

// acted says whether anything that a step has done may be in AWS: a call that
// was not refused, or an attempt nobody knows of.
func (r *Run) acted(m Mark) bool {
	return m.Lost || slices.ContainsFunc(r.Audit, m.made)
}

// made says whether a call is one that the step made at Do and that may have
// had an effect.
func (m Mark) made(e Entry) bool {
	return e.Step == m.Step && e.Act == automation.Do && e.Outcome != call.Refused && !e.At.Before(m.Begun)
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
