package scenario

import (
	"github.com/droverhq/drover/internal/flow"
)

// Rollouts are the stories of image-rollout.
func Rollouts() []Scenario {
	return []Scenario{
		{Name: "rollout", Title: "a backup is prepared, imaged and rolled out, and the fleet is replaced", Story: rolloutWhole, Simulated: noRefresh},
		{Name: "rollout-again", Title: "the same backup, again and by the sweep: nothing", Story: rolloutAgain, Simulated: noRefresh},
	}
}

const noRefresh = "moto implements neither instance refreshes nor run commands that end"

func rolloutWhole(s *Stage) {
	e := s.Estate(Estate{Instances: 2})
	fleet := s.Rollout(e, fullRollout...)
	image, told := s.Backup(e)
	run := s.Handle(fleet, told)
	s.Expect(run, flow.Succeeded)
	golden := s.ExpectRolledOut(e, image, 2)
	s.ExpectRunning(e, golden)
	s.ExpectNothingLeft(e)
	s.ExpectNotice(run, image, golden, "version 2")
}

func rolloutAgain(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	fleet := s.Rollout(e, fullRollout...)
	image, told := s.Backup(e)
	s.Expect(s.Handle(fleet, told), flow.Succeeded)
	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.ExpectRolledOut(e, image, 2)
	s.ExpectNothingLeft(e)
}
