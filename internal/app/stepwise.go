package app

import (
	"context"

	"github.com/droverhq/drover/internal/flow"
)

// Step takes one turn at a run, if that is due, and sends its notices, if these are;
// it returns the run as it is then. It is for a caller that decides by itself what
// happens next, as a simulation does, in which nothing waits for a run that waits.
// Begin such runs with [App.Start].
func (a *App) Step(ctx context.Context, id string) (*flow.Run, error) {
	run, err := a.engine.Turn(ctx, id)
	if err != nil || !run.Tells(a.engine.Clock.Now()) {
		return run, err
	}
	return a.engine.Deliver(ctx, id)
}
