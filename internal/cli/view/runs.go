package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
)

// Brief is a run in a list.
type Brief struct {
	ID         string       `json:"id"`
	Fleet      string       `json:"fleet"`
	Automation string       `json:"automation"`
	Kind       string       `json:"kind"`
	Region     string       `json:"region"`
	Outcome    flow.Outcome `json:"outcome,omitempty"` // of a run that has ended
	Reason     string       `json:"reason,omitempty"`
	Changes    int          `json:"changes"`
	Started    time.Time    `json:"started"`
	Ended      time.Time    `json:"ended,omitzero"`
	Took       Span         `json:"took"`          // until now, if it has not ended
	Now        *Position    `json:"now,omitempty"` // of a run that has not ended
	// Approved is who has approved a run that waits for that, and has not gone on yet.
	Approved *Asked `json:"approved,omitempty"`
}

// OfBrief views a run at a moment.
func OfBrief(r *flow.Run, kinds []automation.Definition, now time.Time) Brief {
	b := Brief{
		ID: r.ID, Fleet: r.Fleet, Automation: r.Automation, Kind: r.Kind, Region: r.Region,
		Outcome: r.Outcome, Reason: r.Reason, Changes: len(r.Made), Started: r.Created, Ended: r.Ended, Took: took(r, now),
	}
	if r.Live() {
		p := OfPosition(r, kinds, now)
		b.Now = &p
	}
	return b
}

// Status is what `drover status` prints: the runs that have not ended.
type Status struct {
	Ledger string    `json:"ledger"` // the file
	At     time.Time `json:"at"`
	Runs   []Brief   `json:"runs"`
	Hints  []string  `json:"hints,omitempty"`
}

// Text writes the status for people.
func (s Status) Text(w io.Writer) {
	if len(s.Runs) == 0 {
		fmt.Fprintf(w, "nothing is running (ledger %s)\n", s.Ledger)
	}
	for i, r := range s.Runs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s/%s (%s, %s): %s\n", r.Fleet, r.Automation, r.Kind, r.Region, r.Now.heading())
		r.Now.text(w, s.At)
		if r.Approved != nil {
			fmt.Fprintf(w, "  %s\n", r.Approved.line("approved"))
		}
		fmt.Fprintf(w, "  run %s, begun %s\n", r.ID, at(r.Started))
	}
	hints(w, s.Hints)
}

// History is what `drover history` prints: runs, newest first.
type History struct {
	Ledger string    `json:"ledger"` // the file
	Since  time.Time `json:"since"`
	Runs   []Brief   `json:"runs"`
	Hints  []string  `json:"hints,omitempty"`
}

// Text writes the history for people, a line for each run.
func (h History) Text(w io.Writer) {
	if len(h.Runs) == 0 {
		fmt.Fprintf(w, "no such run since %s (ledger %s)\n", at(h.Since), h.Ledger)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range h.Runs {
		outcome, verb := string(r.Outcome), "took"
		if r.Now != nil {
			outcome, verb = "live", "for"
		}
		cells := []string{
			at(r.Started), r.Fleet + "/" + r.Automation, outcome, flow.Count(r.Changes, "change"),
			fmt.Sprintf("%s %s", verb, round(time.Duration(r.Took))), "run " + r.ID,
		}
		switch {
		case r.Now != nil:
			cells = append(cells, oneLine(r.Now.heading()))
		case r.Outcome.Failed():
			cells = append(cells, oneLine(r.Reason))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	_ = table.Flush() // the writer in internal/cli keeps the error
	hints(w, h.Hints)
}
