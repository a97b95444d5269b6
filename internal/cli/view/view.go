// Package view says what the program has to say, for people and as JSON, from
// the same values: whatever is in one is in the other.
package view

import (
	"io"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// Texter is what has a form for people beside the one in JSON.
type Texter interface {
	Text(io.Writer)
}

// Report is what `drover run` and `drover plan` print: one result for each
// event, in the order of the events.
type Report struct {
	Results []Result `json:"results"`
}

// Result is what became of one event.
type Result struct {
	Event       Event        `json:"event"`
	Image       *Captured    `json:"image,omitempty"` // that was made for it
	Runs        []Run        `json:"runs,omitempty"`
	Plans       []Plan       `json:"plans,omitempty"`
	NotWanted   []app.Reason `json:"notWanted,omitempty"` // why no automation wants it
	Unavailable string       `json:"error,omitempty"`     // why it could not be handled
	Hints       []string     `json:"hints,omitempty"`
}

// Captured is the image of an instance that was made to be rolled out.
type Captured struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Instance string `json:"instance"`
	Rebooted bool   `json:"rebooted,omitempty"`
	Adopted  bool   `json:"adopted,omitempty"` // an earlier attempt had made it
}

// Call is one mutating call from the audit.
type Call struct {
	Step      string    `json:"step"`
	Act       string    `json:"act,omitempty"` // undo or release; otherwise it was to do the step
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
	Trail      string          `json:"trail,omitempty"` // why events of API calls do not come
	Hints      []string        `json:"hints,omitempty"`
}

// Span is a duration, in JSON as seconds.
type Span time.Duration

// MarshalJSON writes seconds with a fraction.
func (s Span) MarshalJSON() ([]byte, error) {
	return []byte(seconds(time.Duration(s))), nil
}

// OfPreview views a plan.
func OfPreview(p app.Preview) Plan {
	a := p.Automation
	v := Plan{Fleet: a.Fleet, Automation: a.Name, Kind: a.Kind.Name, Region: a.Region, Plan: p.Plan}
	if p.Trail != nil {
		v.Trail, v.Hints = p.Trail.Error(), Hints(p.Trail)
	}
	return v
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
