package pipelinefollowsparameter

import (
	"context"
	"time"

	"github.com/droverhq/drover/internal/failure"
)

// awaitIdle waits for a build of another version that runs: Image Builder builds one
// image of a pipeline at a time. It does so before anything is changed, so that what
// the parameter comes to hold meanwhile is what the next build is made from.
func awaitIdle(ctx context.Context, t *turn) error {
	if len(t.Plan.For(stepStart)) == 0 {
		return nil
	}
	if _, runs := t.State.running(); !runs && isFresh(t) {
		return nil
	}
	l, err := read(ctx, t)
	if err != nil {
		return err
	}
	if err := agree(t, l); err != nil {
		return err
	}
	return idle(t, l.state)
}

// idle says to wait for a build that runs.
func idle(t *turn, s State) error {
	if b, runs := s.running(); runs {
		return failure.Waitf(t.Clock.Now().Add(idlePoll), "%s to be ready: it is %s since %s", b.Image, b.Status, moment(b.Created))
	}
	return nil
}

// fresh is how old an observation may be when something rests on it without another
// look.
const fresh = 2 * time.Second

func isFresh(t *turn) bool {
	return t.Attempt == 1 && t.Clock.Now().Sub(t.State.Observed) <= fresh
}
