package imagerollout

import (
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/schedule"
)

// Kind is the declaration of image-rollout.
var Kind = automation.Kind[Config, State]{
	Name:     "image-rollout",
	Title:    "prepares the image of a new backup and rolls it out to a group",
	Since:    "0.3",
	Revision: 1,
	Defaults: defaults,
	Check:    check,
	Claims:   claims,
	Listen:   listen,
	Sweep:    func(c Config) schedule.Schedule { return schedule.Every(time.Duration(c.Sweep)) },
	About:    about,
	Needs:    observeNeeds,
	Poll:     observePoll,
	Observe:  observe,
	Decide:   decide,
	Steps: []automation.Step[Config, State]{{
		Name:    stepApprove,
		Title:   "wait for approval, if the fleet file asks for it",
		Attempt: 10 * time.Second,
		Limit:   approvalLimit + 20*time.Minute,
		Poll:    20 * time.Minute,
		Needs:   noNeeds,
		Asks:    true,
		Do:      approve,
	}, {
		Name:    stepHold,
		Title:   "keep the group from growing with the old image",
		Attempt: 30 * time.Second,
		Limit:   5 * time.Minute,
		Poll:    lookAgain,
		Needs:   holdNeeds,
		Do:      hold,
		Release: release,
	}, {
		Name:    stepLaunch,
		Title:   "launch a builder from the image",
		Attempt: time.Minute,
		Limit:   10 * time.Minute,
		Poll:    lookAgain,
		Needs:   launchNeeds,
		Do:      launch,
		Release: terminate,
	}, {
		Name:    stepBoot,
		Title:   "wait until the builder's status checks pass",
		Attempt: 30 * time.Second,
		Limit:   bootLimit + 5*time.Minute,
		Poll:    45 * time.Second,
		Needs:   noNeeds,
		Do:      boot,
	}, {
		Name:    stepPrepare,
		Title:   "run the documents on the builder, until it is stopped",
		Attempt: time.Minute,
		Limit:   prepareLimit + agentLimit,
		Poll:    time.Minute,
		Needs:   prepareNeeds,
		Do:      prepare,
		Within:  stepLaunch,
	}, {
		Name:    stepImage,
		Title:   "make an image of the builder",
		Attempt: time.Minute,
		Limit:   imageLimit,
		Poll:    mostPoll,
		Needs:   imageNeeds,
		Do:      createImage,
		Undo:    removeImage,
	}, {
		Name:    stepReady,
		Title:   "wait until the new image is available",
		Attempt: 30 * time.Second,
		Limit:   imageLimit,
		Poll:    2 * time.Minute,
		Needs:   noNeeds,
		Do:      awaitImage,
	}, {
		Name:    stepTry,
		Title:   "launch an instance from the new image, to try it",
		Attempt: time.Minute,
		Limit:   10 * time.Minute,
		Poll:    lookAgain,
		Needs:   noNeeds, // those of launching the builder
		Do:      try,
		Release: terminate,
	}, {
		Name:    stepVerify,
		Title:   "wait until the instance has passed what the fleet file asks of it",
		Attempt: time.Minute,
		Limit:   bootLimit + verifyLimit + agentLimit,
		Poll:    90 * time.Second,
		Needs:   verifyNeeds,
		Do:      verify,
		Within:  stepTry,
	}, {
		Name:    stepPin,
		Title:   "have the group launch from a number, to which AWS can roll back",
		Attempt: 30 * time.Second,
		Limit:   5 * time.Minute,
		Poll:    lookAgain,
		Needs:   noNeeds, // those of moving the group
		Do:      pin,
		Undo:    unpin,
	}, {
		Name:    stepTemplate,
		Title:   "make a version of the launch template with the new image",
		Attempt: time.Minute,
		Limit:   10 * time.Minute,
		Poll:    lookAgain,
		Needs:   templateNeeds,
		Do:      createVersion,
		Undo:    removeVersion,
	}, {
		Name:    stepLetGo,
		Title:   "let the group grow again, and terminate what was launched",
		Attempt: 30 * time.Second,
		Limit:   10 * time.Minute,
		Poll:    lookAgain,
		Needs:   noNeeds, // those of holding and of launching
		Do:      letGo,
		Within:  stepHold,
	}, {
		Name:    stepMove,
		Title:   "have the group launch from the version",
		Attempt: time.Minute,
		Limit:   5 * time.Minute,
		Poll:    lookAgain,
		Needs:   moveNeeds,
		Do:      move,
		Undo:    moveBack,
	}, {
		Name:    stepRefresh,
		Title:   "replace the group's instances, and follow that to its end",
		Attempt: time.Minute,
		Limit:   refreshLimit + 10*time.Minute,
		Poll:    mostPoll,
		Needs:   refreshNeeds,
		Do:      refresh,
		Undo:    rollBack,
	}, {
		Name:    stepConfirm,
		Title:   "see that the group launches from the new image",
		Attempt: 30 * time.Second,
		Limit:   5 * time.Minute,
		Poll:    lookAgain,
		Needs:   noNeeds, // those of observing
		Do:      confirm,
		Commit:  true,
	}, {
		Name:    stepPrune,
		Title:   "delete old versions that nobody uses",
		Attempt: 2 * time.Minute,
		Limit:   10 * time.Minute,
		Poll:    lookAgain,
		Needs:   noNeeds, // those of making a version
		Do:      prune,
	}, {
		Name:    stepCleanUp,
		Title:   "delete the recovery point, if the fleet file asks for it",
		Attempt: 30 * time.Second,
		Limit:   20 * time.Minute,
		Poll:    30 * time.Second,
		Needs:   cleanUpNeeds,
		Do:      cleanUp,
	}},
}

// turn is what the kind's functions work on.
type turn = automation.Turn[Config, State]
