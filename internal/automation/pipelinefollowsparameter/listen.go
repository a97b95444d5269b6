package pipelinefollowsparameter

import (
	"slices"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// accepted leaves out a change of a parameter of images that did not come about: its event
// is like one that did, but for the exception (shared/facts/events.md, section 6).
var accepted = event.MustPattern(`{"detail": {"exception": [{"exists": false}]}}`)

// listen wants changes of the parameter, and builds that end: what a run did not
// follow to its end, since it gave up or somebody else began it, is heard of so. Of
// a build the event says neither the pipeline nor the recipe, but the image's ARN
// has the recipe's name.
func listen(c Config) []automation.Trigger {
	changed, err := event.PatternFor(event.SourceSSM, event.TypeParameterChange).
		Where("detail.name", c.Parameter).
		Where("detail.operation", event.ParameterCreated, event.ParameterUpdated).
		Narrow(accepted)
	if err != nil {
		panic(err) // they speak of different fields
	}
	ended := event.PatternFor(event.SourceImageBuilder, event.TypeBuildStateChange).
		Where("detail.state.status", event.BuildAvailable, event.BuildFailed, event.BuildCancelled)
	if c.Recipe != "" {
		ended = ended.WhereLike("resources", c.arn("image/"+c.Recipe+"/*"))
	}
	return []automation.Trigger{
		{Name: "parameter-changed", Title: "the parameter gets another value", Pattern: changed},
		{Name: "build-ended", Title: "a build of Image Builder is available, has failed or was cancelled", Pattern: ended},
	}
}

// about makes the pipeline the subject: it builds one image at a time, and an event
// that comes meanwhile causes one more look.
func about(c Config, _ event.Event) (automation.Subject, bool) {
	return automation.Subject{Key: c.String(), Mode: automation.Latest}, true
}

// endings are the builds that events tell to have ended, the last maxNamed of them.
func endings(events []event.Event) []event.Event {
	var all []event.Event
	for _, e := range events {
		if _, ok, err := event.AsBuildStateChange(e); ok && err == nil {
			all = append(all, e)
		}
	}
	return all[max(0, len(all)-maxNamed):]
}

// changedAt is the last event about the parameter, if there is one.
func changedAt(events []event.Event) (last event.Event, ok bool) {
	for _, e := range slices.Backward(events) {
		if _, is, err := event.AsParameterChange(e); is && err == nil && (!ok || e.Time.After(last.Time)) {
			last, ok = e, true
		}
	}
	return last, ok
}

const maxNamed = 50
