package view

import (
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
)

// Run is a run: what became of it, or so far.
type Run struct {
	ID         string              `json:"id"`
	Fleet      string              `json:"fleet"`
	Automation string              `json:"automation"`
	Kind       string              `json:"kind"`
	Region     string              `json:"region"`
	Outcome    flow.Outcome        `json:"outcome,omitempty"` // of a run that has ended
	Reason     string              `json:"reason,omitempty"`
	Made       []automation.Change `json:"made,omitempty"`
	Left       []automation.Remark `json:"left,omitempty"`
	Rejected   []automation.Remark `json:"rejected,omitempty"`
	Notes      []string            `json:"notes,omitempty"`
	Hints      []string            `json:"hints,omitempty"`
	Started    time.Time           `json:"started"`
	Ended      time.Time           `json:"ended,omitzero"`
	Took       Span                `json:"took"`              // until now, if it has not ended
	Latency    *Span               `json:"latency,omitempty"` // from the event to the last acknowledged change
	Earlier    bool                `json:"earlier,omitempty"` // it had ended before this event came, which needs no other
	Steps      []Step              `json:"steps,omitempty"`
	Next       string              `json:"next,omitempty"` // the run that events meanwhile have caused
	Calls      []Call              `json:"calls,omitempty"`
	Notices    []Notice            `json:"notices,omitempty"`
}

// Step is how far a step of a run has come. Times are absent until it has.
type Step struct {
	Name     string    `json:"name"`
	Title    string    `json:"title,omitempty"`
	Begun    time.Time `json:"begun,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
	// Lost says that an attempt never told how it went.
	Lost         bool      `json:"lost,omitempty"`
	Done         time.Time `json:"done,omitzero"`
	Undone       time.Time `json:"undone,omitzero"`
	UndoError    string    `json:"undoError,omitempty"` // why that was given up
	Released     time.Time `json:"released,omitzero"`
	ReleaseError string    `json:"releaseError,omitempty"`
}

// OfRun views a run at a moment. The kinds tell of steps that it has not begun.
func OfRun(r *flow.Run, kinds []automation.Definition, now time.Time) Run {
	v := Run{
		ID: r.ID, Fleet: r.Fleet, Automation: r.Automation, Kind: r.Kind, Region: r.Region,
		Outcome: r.Outcome, Reason: r.Reason, Made: r.Made, Left: r.Left,
		Rejected: r.Plan.Rejected, Notes: r.Plan.Told(r.Values), Hints: once(r.Hints),
		Started: r.Created, Ended: r.Ended, Took: took(r, now), Next: r.Next, Steps: stepsOf(r, kinds),
	}
	if l, ok := r.Latency(); ok {
		v.Latency = (*Span)(&l)
	}
	for _, e := range r.Audit {
		v.Calls = append(v.Calls, Call{
			Step: e.Step, At: e.At, Took: Span(e.Took), Operation: e.Operation, Resource: e.Resource, To: e.To,
			Outcome: string(e.Outcome), RequestID: e.RequestID, Error: e.Error,
		})
		if e.Act != automation.Do {
			v.Calls[len(v.Calls)-1].Act = string(e.Act)
		}
	}
	for _, n := range r.Outbox {
		v.Notices = append(v.Notices, Notice{Topic: r.Topic, Subject: n.Subject, Sent: n.Sent, Error: n.Error})
	}
	return v
}

func took(r *flow.Run, now time.Time) Span {
	if !r.Live() {
		now = r.Ended
	}
	return Span(now.Sub(r.Created))
}

// declared are the steps of a run's kind; none if this program does not know
// the kind, or only another revision of it.
func declared(r *flow.Run, kinds []automation.Definition) []automation.StepInfo {
	for _, k := range kinds {
		if k.Name == r.Kind && k.Revision == r.Revision {
			return k.Steps
		}
	}
	return nil
}

func info(steps []automation.StepInfo, name string) (automation.StepInfo, bool) {
	i := slices.IndexFunc(steps, func(s automation.StepInfo) bool { return s.Name == name })
	if i < 0 {
		return automation.StepInfo{Name: name}, false
	}
	return steps[i], true
}

// stepsOf lists the steps of a run in their order, those that it has begun and
// those that it may come to.
func stepsOf(r *flow.Run, kinds []automation.Definition) []Step {
	known := declared(r, kinds)
	var steps []Step
	for _, s := range known {
		steps = append(steps, Step{Name: s.Name, Title: s.Title})
	}
	for _, m := range r.Marks {
		i := slices.IndexFunc(steps, func(s Step) bool { return s.Name == m.Step })
		if i < 0 {
			i = len(steps)
			steps = append(steps, Step{Name: m.Step})
		}
		steps[i] = Step{
			Name: m.Step, Title: steps[i].Title, Begun: m.Begun, Attempts: m.Attempts, Lost: m.Lost, Done: m.Done,
			Undone: m.Undone, UndoError: m.UndoError, Released: m.Released, ReleaseError: m.ReleaseError,
		}
	}
	if len(r.Marks) == 0 && !r.Live() {
		return nil // it ended with its plan: what its steps would have been tells nothing
	}
	return steps
}
