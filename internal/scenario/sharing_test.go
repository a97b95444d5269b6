package scenario_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/cloud/look"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

// statuses is the call that all rollouts wait with for most of their time.
const statuses = "ec2:DescribeInstanceStatus"

// TestRolloutsShareTheirLooks: twenty rollouts in one process, begun one after the
// other, so that each looks at its own moments. A look of one is a look of all: each
// costs less than half of the calls of one that is alone, and together they do not ask
// much oftener than every ten seconds, for which an answer is as good as new.
func TestRolloutsShareTheirLooks(t *testing.T) {
	t.Parallel()
	const many, apart = 20, 7 * time.Second
	alone, _ := looks(t, 1, apart)
	all, busiest := looks(t, many, apart)
	t.Logf("%d looks alone, %d of %d together, %d in the busiest minute", alone, all, many, busiest)
	if alone < 5 {
		t.Errorf("a rollout that is alone looks %d times: too seldom for this test to say anything", alone)
	}
	if all*2 >= alone*many {
		t.Errorf("%d rollouts look %d times, one that is alone %d times", many, all, alone)
	}
	if limit := int(time.Minute/look.Fresh) * 2; busiest > limit {
		t.Errorf("%d looks in a minute, want at most %d", busiest, limit)
	}
}

// looks rolls out to so many groups, and returns how often that asks for statuses, and
// how often in the minute in which it does so most.
func looks(t *testing.T, groups int, apart time.Duration) (all, busiest int) {
	t.Helper()
	inScene(t, awssim.Options{PageSize: 1000}, func(s *scene) {
		crowd := s.stage.Crowd(groups)
		s.keep(s.stage.RollOutTo(crowd, "hold: processes"))
		s.stage.BackUp(crowd, time.Second)
		time.Sleep(30 * time.Minute)
		images := map[string]string{} // by what is backed up
		for _, j := range s.world.Backup.Jobs() {
			images[j.Instance] = j.Image
		}
		began := time.Now()
		var mu sync.Mutex
		looked := map[time.Duration]int{} // by the minute
		s.world.OnCall(func(c awssim.Call) {
			if c.Operation == statuses {
				mu.Lock()
				defer mu.Unlock()
				looked[c.At.Sub(began).Truncate(time.Minute)]++
			}
		})
		program := s.stage.App(s.fleet)
		var handled sync.WaitGroup
		for i, name := range crowd.Groups {
			handled.Go(func() {
				time.Sleep(time.Duration(i) * apart)
				asked := event.NewRolloutRequest(event.RolloutRequest{Group: name, Image: images[crowd.Servers[i]]}, time.Now().UTC())
				runs, err := program.Handle(s.Context(), asked)
				if err != nil || len(runs) != 1 || runs[0].Outcome != flow.Succeeded {
					s.Errorf("group %s: %+v, %v", name, runs, err)
				}
			})
		}
		handled.Wait()
		time.Sleep(time.Minute)
		s.stage.ExpectCrowd(crowd, false)
		for _, n := range looked {
			all += n
		}
		if all == 0 {
			s.Fatal("nobody looked")
		}
		busiest = slices.Max(slices.Collect(maps.Values(looked)))
	})
	return all, busiest
}

// TestBackupsOfOthersCostNothing: every automation hears of every backup. Those whose
// group it is not of find that out together.
func TestBackupsOfOthersCostNothing(t *testing.T) {
	t.Parallel()
	const many = 20
	inScene(t, awssim.Options{PageSize: 1000}, func(s *scene) {
		crowd := s.stage.Crowd(many)
		s.keep(s.stage.RollOutTo(crowd, "hold: processes"))
		s.stage.BackUp(crowd, time.Hour)
		time.Sleep(30 * time.Minute) // the first is complete
		s.world.Settle()
		var told []event.Event
		for _, e := range s.world.Take() {
			if change, ok, err := event.AsBackupJobStateChange(e); ok && err == nil && change.State == event.BackupCompleted {
				told = append(told, e)
			}
		}
		if len(told) != 1 {
			s.Fatalf("%d backups are complete, want one", len(told))
		}
		runs, err := s.stage.App(s.fleet).Handle(s.Context(), told[0])
		if err != nil || len(runs) != many || runs[0].Outcome != flow.Succeeded {
			s.Fatalf("%d runs, %v", len(runs), err)
		}
		for _, r := range runs[1:] {
			if r.Outcome != flow.NothingToDo || !strings.Contains(r.Reason, crowd.Servers[0]) {
				s.Errorf("%s ended %s: %s", r.Automation, r.Outcome, r.Reason)
			}
		}
		read := 0
		for _, c := range s.world.Calls() {
			if c.Operation == "ec2:DescribeLaunchTemplateVersions" {
				read++
			}
		}
		if read > 3 {
			s.Errorf("launch templates were read %d times, want those of one rollout", read)
		}
	})
}
