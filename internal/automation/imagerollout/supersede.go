package imagerollout

import (
	"context"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/failure"
)

// lookEvery is how often a rollout under way looks for a newer image.
const lookEvery = 10 * time.Minute

// superseded is an error once there is an image that would be chosen before the one
// that is being rolled out: then that is given up, and the next run begins with the
// newer. Once the template is to get a version nobody looks any more.
func superseded(ctx context.Context, t *turn) error {
	now := t.Clock.Now()
	if now.Sub(t.State.Looked) < lookEvery {
		return nil
	}
	candidates, err := describeCandidates(ctx, t)
	if err != nil {
		return err
	}
	newest := State{Group: t.State.Group, Templates: t.State.Templates, Asked: t.State.Asked}
	if err := newest.choose(candidates); err != nil {
		return err
	}
	newest.tell(t.Tried)
	t.State.Looked = now
	own, _ := t.State.image(source(t.Plan))
	newest.Images = slices.DeleteFunc(newest.Images, func(i Image) bool {
		return newestFirst(i, own) >= 0 || i.Architecture != own.Architecture
	})
	d := decision{config: t.Config, state: newest, now: now}
	// One that would have to wait for the maintenance window has no turn to get.
	if image, ok := d.choose(); ok && d.closed(image) == "" {
		t.Forget(own.ID) // should the newer come to nothing, it is this one's turn again
		return failure.Stopf("superseded: %s of %s is newer than %s, and gets its turn", image.ID, moment(image.Created), own.ID)
	}
	return nil
}
