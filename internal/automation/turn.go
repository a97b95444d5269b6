package automation

import (
	"log/slog"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
)

// Env is what every turn of every kind is given.
type Env struct {
	// Run says whose turn it is.
	Run Identity
	// Events caused the run, oldest first, followed by those that earlier runs
	// about the same subject asked to keep.
	Events []event.Event
	// Attempt counts the attempts at this step, from 1.
	Attempt int
	// Since is when the first attempt at this step began.
	Since time.Time
	// Plan is what the steps carry out; empty while observing.
	Plan Plan
	// AWS are the clients for the automation's region.
	AWS *cloud.Clients
	// Clock tells the time. Steps never sleep: they return a Wait.
	Clock clock.Clock
	// Log carries the run's id.
	Log *slog.Logger
}

// Identity is what a run is known by, and what it writes on what it creates.
type Identity struct {
	ID         string `json:"id"`
	Fleet      string `json:"fleet"`
	Automation string `json:"automation"`
	Ledger     string `json:"ledger"`
}

// Turn is what Observe and the steps of a kind work on. State is stored after
// every turn, even when the turn ends in an error.
type Turn[C, S any] struct {
	Env
	Config C
	State  S
}

// Replan is the error of a step that finds its plan out of date: the world has
// changed, observe and decide again. It is only honoured while no step of the
// run is done.
type Replan struct{ Why string }

func (r *Replan) Error() string { return "the plan is out of date: " + r.Why }
