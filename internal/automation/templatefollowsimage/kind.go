package templatefollowsimage

import (
	"context"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/templatestep"
	"github.com/droverhq/drover/internal/schedule"
)

// Kind is the declaration of template-follows-image.
var Kind = automation.Kind[Config, State]{
	Name:     "template-follows-image",
	Title:    "gives a launch template a version with the newest image, and prunes old ones",
	Since:    "0.2",
	Revision: 1,
	Defaults: defaults,
	Check:    check,
	Claims:   claims,
	Listen:   listen,
	Sweep:    func(c Config) schedule.Schedule { return schedule.Every(time.Duration(c.Sweep)) },
	About:    about,
	Needs:    observeNeeds,
	Observe:  observe,
	Decide:   decide,
	Steps: []automation.Step[Config, State]{{
		Name:    stepAwait,
		Title:   "wait until the image is available",
		Attempt: time.Minute,
		Limit:   awaitLimit,
		Poll:    awaitPoll,
		Needs:   noNeeds, // beyond those of observing
		Do:      await,
	}, {
		Name:    stepCreate,
		Title:   "create a version with the image",
		Attempt: time.Minute,
		Limit:   5 * time.Minute,
		Poll:    writePoll,
		Needs:   createNeeds,
		Do:      createVersion,
		Undo:    undoVersion,
	}, {
		Name:    stepDefault,
		Title:   "make the version the default",
		Attempt: 30 * time.Second,
		Limit:   5 * time.Minute,
		Poll:    writePoll,
		Needs:   defaultNeeds,
		Do:      setDefault,
		Undo:    undoDefault,
		Commit:  true,
	}, {
		Name:    stepPrune,
		Title:   "delete old versions that nobody uses",
		Attempt: 2 * time.Minute,
		Limit:   10 * time.Minute,
		Poll:    writePoll,
		Needs:   pruneNeeds,
		Do: func(ctx context.Context, t *turn) error {
			return templatestep.Prune(ctx, t.Env, stepPrune, t.Config.Keep)
		},
	}},
}

// An image of a large volume takes hours. EC2 tells when it is available, so
// that a run that gave up is followed by one that need not wait.
const (
	awaitPoll  = 20 * time.Second
	awaitLimit = 3 * time.Hour
	// writePoll is for waits until reads agree with what was written.
	writePoll = 5 * time.Second
)

// turn is what the kind's functions work on.
type turn = automation.Turn[Config, State]
