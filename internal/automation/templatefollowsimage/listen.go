package templatefollowsimage

import (
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/wildcard"
)

// listen wants images that begin to be made, which CloudTrail tells, and images
// that are available, have failed or are gone, which EC2 tells by itself. Rules
// cannot look for text within a description, nor do EC2's events say more of an
// image than its id: the events of all images come.
func listen(Config) []automation.Trigger {
	return []automation.Trigger{
		{
			Name:    "image-created",
			Title:   "somebody creates an image",
			Pattern: event.Calls("ec2", "CreateImage"),
		},
		{
			Name:  "image-state",
			Title: "an image is available, has failed or is gone",
			Pattern: event.PatternFor(event.SourceEC2, event.TypeImageStateChange).
				Where("detail.State", stateAvailable, stateFailed, stateDeregistered),
		},
	}
}

// about makes the template the subject: its versions are made one at a time, and
// an event that comes meanwhile causes one more look.
func about(c Config, e event.Event) (automation.Subject, bool) {
	if call, ok, err := event.AsAPICall(e); ok && err == nil && !mayConcern(c.Images, e.Account, call) {
		return automation.Subject{}, false
	}
	return automation.Subject{Key: c.Template.String(), Mode: automation.Latest}, true
}

// mayConcern says whether the image that a call has made may be one that is
// followed. Tags do not speak against it: they can be set later. A call that was
// too large to be told in full is taken to concern us.
func mayConcern(i Images, account string, call event.APICall) bool {
	if account != "" && !slices.Contains(i.owners(), self) && !slices.Contains(i.owners(), account) {
		return false
	}
	if call.Request == nil {
		return true
	}
	description, name, instance := call.Parameter("description"), call.Parameter("name"), call.Parameter("instanceId")
	return strings.Contains(description, i.Description) &&
		(i.Name == "" || name == "" || wildcard.Match(i.Name, name)) &&
		(i.Instance == "" || instance == "" || i.Instance == instance)
}

// named are the images that events are about, with the latest that they tell of
// each: created, or a state.
func named(events []event.Event) []told {
	var all []told
	for _, e := range events {
		t := told{at: e.Time}
		if call, ok, err := event.AsAPICall(e); ok && err == nil {
			t.image, t.state = call.Element("imageId"), stateCreated
		}
		if change, ok, err := event.AsImageStateChange(e); ok && err == nil {
			t.image, t.state = change.ImageID, change.State
		}
		if t.image == "" {
			continue
		}
		i := slices.IndexFunc(all, func(x told) bool { return x.image == t.image })
		switch {
		case i < 0:
			all = append(all, t)
		case !t.at.Before(all[i].at):
			all[i] = t
		}
	}
	return all[max(0, len(all)-maxNamed):]
}
