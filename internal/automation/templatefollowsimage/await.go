package templatefollowsimage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// fresh is how old an observation may be when something rests on it without
// another look.
const fresh = 2 * time.Second

// await waits until the image is available, and then looks whether all is still as
// it was when the plan was made.
func await(ctx context.Context, t *turn) error {
	if !advances(t.Plan) {
		return nil
	}
	image, _ := t.State.chosen()
	if image.State != stateAvailable {
		if err := awaitImage(ctx, t, image); err != nil {
			return err
		}
	} else if isFresh(t) {
		return nil
	}
	l, err := read(ctx, t)
	if err != nil {
		return err
	}
	return agree(t, l)
}

// advances says whether a plan gives the default version another image.
func advances(p automation.Plan) bool { return len(p.For(stepDefault)) > 0 }

func isFresh(t *turn) bool {
	return t.Attempt == 1 && t.Clock.Now().Sub(t.State.Observed) <= fresh
}

// awaitImage returns nil once the image is available. While it is not, only images
// are looked at.
func awaitImage(ctx context.Context, t *turn, image Image) error {
	matched, err := describeMatching(ctx, t)
	if err != nil {
		return err
	}
	now := t.Clock.Now()
	t.State.Awaited = image.ID
	i := slices.IndexFunc(matched, func(i Image) bool { return i.ID == image.ID })
	if i < 0 {
		// A read that is behind does not show an image that is only seconds old.
		if t.State.Missing.IsZero() {
			t.State.Missing = now
		}
		if now.Sub(t.State.Missing) < rereadFor {
			return failure.Waitf(now.Add(rereadEvery), "%s to be shown by EC2 again", image.ID)
		}
		return &automation.Replan{Why: image.ID + " is gone, or does not match any more"}
	}
	t.State.Missing = time.Time{}
	for _, newer := range matched[:i] {
		if newer.State == stateAvailable {
			return &automation.Replan{Why: fmt.Sprintf("%s is newer than %s, and available", newer.ID, image.ID)}
		}
	}
	switch seen := matched[i]; seen.State {
	case stateAvailable:
		return nil
	case statePending:
		return failure.Waitf(now.Add(awaitPoll), "%s to be available: it is pending since %s, and given up at %s",
			image.ID, moment(image.Created), moment(t.Since.Add(awaitLimit)))
	default:
		return &automation.Replan{Why: image.ID + " " + unusable(seen)}
	}
}

// agree takes a later look for the observation if the same is to be done. If not,
// the plan is out of date.
func agree(t *turn, l look) error {
	then := t.State
	t.State = l.state
	now := decide(t.Config, l.state, t.Clock.Now())
	if why := changed(then, l.state, t.Config); why != "" {
		return &automation.Replan{Why: why}
	}
	for _, step := range []string{stepCreate, stepDefault, stepPrune} {
		if !slices.EqualFunc(t.Plan.For(step), now.For(step), automation.Change.Same) {
			return &automation.Replan{Why: "images, versions or their users have changed since it was made"}
		}
	}
	return nil
}

// changed says what somebody has changed about the template.
func changed(then, now State, c Config) string {
	switch a, b := then.Template, now.Template; {
	case a.ID != b.ID:
		return fmt.Sprintf("the template was %s and is %s", a.ID, b.ID)
	case a.Default != b.Default:
		return fmt.Sprintf("the default version of %s was %d and is %d", a.ID, a.Default.Number, b.Default.Number)
	case then.source(c) != now.source(c):
		return fmt.Sprintf("the latest version of %s was %d and is %d", a.ID, a.Latest.Number, b.Latest.Number)
	}
	return ""
}
