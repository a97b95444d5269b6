package lambda

import (
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/flow"
)

// handled is the answer to an event: in short what became of it. The whole is
// in the ledger. The JSON only grows.
type handled struct {
	Event     view.Event   `json:"event"`
	Runs      []summary    `json:"runs,omitempty"`
	Resumed   []summary    `json:"resumed,omitempty"`   // what earlier invocations had left; after sweeps only
	NotWanted []app.Reason `json:"notWanted,omitempty"` // why no automation wants it
	// Later says what did not come to its end in this invocation: the next
	// sweep goes on with it.
	Later []string `json:"later,omitempty"`
}

// summary is a run in short.
type summary struct {
	ID         string              `json:"id"`
	Automation string              `json:"automation"`
	Kind       string              `json:"kind"`
	Outcome    flow.Outcome        `json:"outcome,omitempty"` // none while Step Functions runs it
	Reason     string              `json:"reason,omitempty"`
	Changes    int                 `json:"changes"`
	Left       []automation.Remark `json:"left,omitempty"`
	Step       string              `json:"step,omitempty"` // where a run stands that has not ended
	Due        time.Time           `json:"due,omitzero"`
}

func summarise(r *flow.Run) summary {
	s := summary{
		ID: r.ID, Automation: r.Automation, Kind: r.Kind,
		Outcome: r.Outcome, Reason: r.Reason, Changes: len(r.Made), Left: r.Left,
	}
	if r.Live() {
		s.Step, s.Due = r.Step, r.Due
	}
	return s
}
