package pipelinefollowsparameter

import (
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/schedule"
)

// Kind is the declaration of pipeline-follows-parameter.
var Kind = automation.Kind[Config, State]{
	Name:     "pipeline-follows-parameter",
	Title:    "builds with a pipeline of Image Builder when a parameter names another parent image",
	Since:    "0.3",
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
		Name:    stepIdle,
		Title:   "wait until the pipeline builds nothing else",
		Attempt: time.Minute,
		Limit:   buildLimit,
		Poll:    idlePoll,
		Needs:   noNeeds, // beyond those of observing
		Do:      awaitIdle,
	}, {
		Name:    stepRecipe,
		Title:   "create a version of the recipe with the parent image",
		Attempt: time.Minute,
		Limit:   5 * time.Minute,
		Poll:    writePoll,
		Needs:   recipeNeeds,
		Do:      createRecipe,
		Undo:    undoRecipe,
	}, {
		Name:    stepPipeline,
		Title:   "give the pipeline that version",
		Attempt: time.Minute,
		Limit:   5 * time.Minute,
		Poll:    writePoll,
		Needs:   pipelineNeeds,
		Do:      updatePipeline,
		Undo:    undoPipeline,
	}, {
		Name:    stepStart,
		Title:   "start a build",
		Attempt: time.Minute,
		Limit:   startLimit,
		Poll:    buildPoll,
		Needs:   startNeeds,
		Do:      start,
		Commit:  true,
	}, {
		Name:    stepBuild,
		Title:   "follow the build to its end",
		Attempt: time.Minute,
		Limit:   buildLimit,
		Poll:    buildPoll,
		Needs:   buildNeeds,
		Do:      follow,
	}},
}

// A build of Windows with updates and tests takes hours. The tests alone may take
// twelve of them, if the pipeline says nothing else. Image Builder tells how a build
// ended, so that what a run gave up is heard of all the same.
const (
	buildLimit = 12 * time.Hour
	buildPoll  = 2 * time.Minute
	idlePoll   = 3 * time.Minute
	// startLimit is for a build that somebody begins between the step that waits
	// for that and the start.
	startLimit = 2 * time.Hour
	// writePoll is for waits until reads agree with what was written.
	writePoll = 5 * time.Second
)

// turn is what the kind's functions work on.
type turn = automation.Turn[Config, State]
