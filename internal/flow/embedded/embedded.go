// Package embedded is the engine that runs flows in this process: it decides
// when the next turn happens, and nothing else. Several processes may share
// one ledger.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
)

// maxPoll bounds how long the engine looks away from a run that somebody else
// is working on: it may end earlier than its owner's time.
const maxPoll = 250 * time.Millisecond

// patience is for how long a finished run is held up by notices that cannot be
// sent.
const patience = 10 * time.Second

// Engine drives runs to their end. It is safe for concurrent use.
type Engine struct {
	*flow.Executor
	// Other, if not nil, says of a run that another engine runs it. Resume
	// leaves such runs alone.
	Other func(*flow.Run) bool
}

// Handle claims an event's subject and drives the run that handles the event
// to its end. If the subject has a live run, that is seen to its end first,
// taken over if its owner is gone, and then the run that follows it. The error
// is about Drover itself, such as a ledger that cannot be reached; what went
// wrong with the automation is in the run's outcome.
func (g *Engine) Handle(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, e event.Event) (*flow.Run, error) {
	started, err := g.Start(ctx, a, topic, subject, e)
	if err != nil {
		return nil, err
	}
	run, err := g.Drive(ctx, started.Run)
	if err != nil {
		return nil, err
	}
	if started.Joined && run.Next != "" {
		run, err = g.Drive(ctx, run.Next)
		if err != nil {
			return nil, err
		}
	}
	return run, nil
}

// Drive takes turns at a run until it has ended, waiting on the clock between
// them, and then sends its notices, for as long as that takes but no longer
// than patience. Notices that could not be sent by then stay due in the ledger.
// Those of a run that lives are tried between its turns.
func (g *Engine) Drive(ctx context.Context, id string) (*flow.Run, error) {
	for {
		run, err := g.Turn(ctx, id)
		if err == nil && run.Live() && run.Tells(g.Clock.Now()) {
			run, err = g.Deliver(ctx, id)
		}
		if err != nil {
			return nil, err
		}
		if !run.Live() {
			if run, err = g.deliver(ctx, id); err != nil || !run.Live() {
				return run, err
			}
			continue // somebody had it tried again meanwhile
		}
		if g.Watch != nil {
			g.Watch(run)
		}
		if err := g.Clock.Sleep(ctx, pause(run, g.Clock.Now())); err != nil {
			return nil, fmt.Errorf("run %s is left at step %q: %w", id, run.Step, err)
		}
	}
}

func (g *Engine) deliver(ctx context.Context, id string) (*flow.Run, error) {
	for end := g.Clock.Now().Add(patience); ; {
		run, err := g.Deliver(ctx, id)
		if err != nil || run.Live() || run.Due.IsZero() || run.Due.After(end) {
			return run, err
		}
		if err := g.Clock.Sleep(ctx, pause(run, g.Clock.Now())); err != nil {
			return run, err
		}
	}
}

// pause is how long to look away from a run.
func pause(run *flow.Run, now time.Time) time.Duration {
	if run.Until.After(now) {
		return min(run.Until.Sub(now), maxPoll)
	}
	return run.Due.Sub(now)
}

// Resume drives every run that is due and that nobody is working on: those
// whose owner died, and those that have notices left to send. It does not wait
// for runs that are due later, and returns all errors joined.
func (g *Engine) Resume(ctx context.Context) error {
	const batch = 100
	ids, err := g.Due(ctx, batch)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		run, err := g.Load(ctx, id)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			continue
		case err != nil:
			failed = append(failed, err)
			continue
		}
		if run.Until.After(g.Clock.Now()) || g.Other != nil && g.Other(run) {
			continue
		}
		if run.Live() {
			_, err = g.Drive(ctx, id)
		} else {
			_, err = g.Deliver(ctx, id)
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
