package pipelinefollowsparameter

import (
	"fmt"
	"slices"

	"github.com/droverhq/drover/internal/automation"
)

// agree takes a later look for the observation if the same is to be done. If not,
// the plan is out of date.
func agree(t *turn, l look) error {
	then := t.State
	t.State = l.state
	if why := changed(then, l.state); why != "" {
		return &automation.Replan{Why: why}
	}
	now := decide(t.Config, l.state, t.Clock.Now())
	if !slices.EqualFunc(t.Plan.Changes, now.Changes, automation.Change.Same) {
		return &automation.Replan{Why: "the parameter, the recipe's versions or the pipeline's builds have changed since it was made"}
	}
	return nil
}

// changed says what somebody has changed.
func changed(then, now State) string {
	switch {
	case then.Parameter.Value != now.Parameter.Value:
		return fmt.Sprintf("the parameter held %q and holds %q", short(then.Parameter.Value), short(now.Parameter.Value))
	case then.Pipeline.Recipe != now.Pipeline.Recipe:
		return fmt.Sprintf("the pipeline built from %s and builds from %s", label(then.Pipeline.Recipe), label(now.Pipeline.Recipe))
	case then.Recipe.ARN != now.Recipe.ARN:
		return fmt.Sprintf("the newest version was %s and is %s", label(then.Recipe.ARN), label(now.Recipe.ARN))
	case then.Pipeline.Disabled != now.Pipeline.Disabled:
		return "the pipeline was enabled or disabled"
	}
	return ""
}
