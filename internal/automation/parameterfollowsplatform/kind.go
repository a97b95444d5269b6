package parameterfollowsplatform

import (
	"time"

	"github.com/droverhq/drover/internal/automation"
)

// Kind is the declaration of parameter-follows-platform.
var Kind = automation.Kind[Config, State]{
	Name:     "parameter-follows-platform",
	Title:    "publishes the current base image of a platform as a parameter",
	Since:    "0.3",
	Revision: 1,
	Defaults: defaults,
	Check:    check,
	Claims:   claims,
	Listen:   listen,
	Sweep:    sweep,
	About:    about,
	Needs:    observeNeeds,
	Observe:  observe,
	Decide:   decide,
	Steps: []automation.Step[Config, State]{{
		Name:    stepPublish,
		Title:   "write the image into the parameter, and wait until AWS has validated it",
		Attempt: time.Minute,
		Limit:   publishLimit,
		Poll:    publishPoll,
		Needs:   publishNeeds,
		Do:      publish,
		Undo:    unpublish,
		Commit:  true,
	}, {
		Name:    stepTag,
		Title:   "write on the parameter where its image is from",
		Attempt: 30 * time.Second,
		Limit:   5 * time.Minute,
		Needs:   tagNeeds,
		Do:      tag,
	}},
}

// How long AWS takes to validate an image is not published; seconds, as a rule.
const (
	publishPoll = 5 * time.Second
	// validation is how long an image that AWS has taken may take to be shown.
	validation = 10 * time.Minute
	// doubt is how long a call whose outcome is not known is given to show it.
	doubt        = time.Minute
	publishLimit = validation + 5*time.Minute
)

// turn is what the kind's functions work on.
type turn = automation.Turn[Config, State]
