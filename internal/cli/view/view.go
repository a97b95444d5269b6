// Package view says what the program has to say, for people and as JSON, from
// the same values: whatever is in one is in the other.
package view

import (
	"slices"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
)

// Report is what `drover run` and `drover plan` print: one result for each
// event, in the order of the events.
type Report struct {
	Results []Result `json:"results"`
}

// Result is what became of one event.
type Result struct {
	Event       Event        `json:"event"`
	Runs        []Run        `json:"runs,omitempty"`
	Plans       []Plan       `json:"plans,omitempty"`
	NotWanted   []app.Reason `json:"notWanted,omitempty"` // why no automation wants it
	Unavailable string       `json:"error,omitempty"`     // why it could not be handled
	Hints       []string     `json:"hints,omitempty"`
}

// Run is a run that has ended.
type Run struct {
	ID         string              `json:"id"`
	Fleet      string              `json:"fleet"`
	Automation string              `json:"automation"`
	Kind       string              `json:"kind"`
	Region     string              `json:"region"`
	Outcome    flow.Outcome        `json:"outcome"`
	Reason     string              `json:"reason,omitempty"`
	Made       []automation.Change `json:"made,omitempty"`
	Left       []automation.Remark `json:"left,omitempty"`
	Rejected   []automation.Remark `json:"rejected,omitempty"`
	Notes      []string            `json:"notes,omitempty"`
	Hints      []string            `json:"hints,omitempty"`
	Started    time.Time           `json:"started"`
	Took       Span                `json:"took"`
	Latency    *Span               `json:"latency,omitempty"` // from the event to the last acknowledged change
	Calls      []Call              `json:"calls,omitempty"`
	Notices    []Notice            `json:"notices,omitempty"`
}

// Call is one mutating call from the audit.
type Call struct {
	Step      string    `json:"step"`
	At        time.Time `json:"at"`
	Took      Span      `json:"took"`
	Operation string    `json:"operation"`
	Resource  string    `json:"resource"`
	To        string    `json:"to,omitempty"`
	Outcome   string    `json:"outcome"`
	RequestID string    `json:"requestId,omitempty"`
	Error     string    `json:"error,omitempty"`
}

// Notice is what became of a notice.
type Notice struct {
	Topic   string    `json:"topic"`
	Subject string    `json:"subject"`
	Sent    time.Time `json:"sent,omitzero"`
	Error   string    `json:"error,omitempty"`
}

// Plan is what a run would do.
type Plan struct {
	Fleet      string          `json:"fleet"`
	Automation string          `json:"automation"`
	Kind       string          `json:"kind"`
	Region     string          `json:"region"`
	Plan       automation.Plan `json:"plan"`
}

// Span is a duration, in JSON as seconds.
type Span time.Duration

// MarshalJSON writes seconds with a fraction.
func (s Span) MarshalJSON() ([]byte, error) {
	return []byte(seconds(time.Duration(s))), nil
}

// OfRun views a run.
func OfRun(r *flow.Run) Run {
	v := Run{
		ID: r.ID, Fleet: r.Fleet, Automation: r.Automation, Kind: r.Kind, Region: r.Region,
		Outcome: r.Outcome, Reason: r.Reason, Made: r.Made, Left: r.Left,
		Rejected: r.Plan.Rejected, Notes: r.Plan.Notes, Hints: once(r.Hints),
		Started: r.Created, Took: Span(r.Ended.Sub(r.Created)),
	}
	if l, ok := r.Latency(); ok {
		v.Latency = (*Span)(&l)
	}
	for _, e := range r.Audit {
		v.Calls = append(v.Calls, Call{
			Step: e.Step, At: e.At, Took: Span(e.Took), Operation: e.Operation, Resource: e.Resource, To: e.To,
			Outcome: string(e.Outcome), RequestID: e.RequestID, Error: e.Error,
		})
	}
	for _, n := range r.Outbox {
		v.Notices = append(v.Notices, Notice{Topic: r.Topic, Subject: n.Subject, Sent: n.Sent, Error: n.Error})
	}
	return v
}

// OfPreview views a plan.
func OfPreview(p app.Preview) Plan {
	a := p.Automation
	return Plan{Fleet: a.Fleet, Automation: a.Name, Kind: a.Kind.Name, Region: a.Region, Plan: p.Plan}
}

// Hints are what to type next, each once.
func Hints(err error) []string {
	return once(failure.Hints(err))
}

// once drops repetitions: what was tried for several resources failed for each
// of them for the same reason.
func once(hints []string) []string {
	var unique []string
	for _, h := range hints {
		if !slices.Contains(unique, h) {
			unique = append(unique, h)
		}
	}
	return unique
}
