package imagerollout

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/failure"
)

func TestPreferences(t *testing.T) {
	minutes := func(n int) automation.Duration { return automation.Duration(n) * automation.Duration(time.Minute) }
	half, double := 50, 150
	plain := types.RefreshPreferences{
		MinHealthyPercentage: aws.Int32(90), MaxHealthyPercentage: aws.Int32(100), SkipMatching: aws.Bool(true), AutoRollback: aws.Bool(true),
		ScaleInProtectedInstances: types.ScaleInProtectedInstancesWait, StandbyInstances: types.StandbyInstancesWait,
	}
	with := func(edit func(*types.RefreshPreferences)) *types.RefreshPreferences {
		p := plain
		edit(&p)
		return &p
	}
	for _, test := range []struct {
		name    string
		refresh Refresh
		want    *types.RefreshPreferences
	}{
		{"nothing is said", Refresh{}, &plain},
		{"healthy", Refresh{MinHealthy: &half, MaxHealthy: &double}, with(func(p *types.RefreshPreferences) {
			p.MinHealthyPercentage, p.MaxHealthyPercentage = aws.Int32(50), aws.Int32(150)
		})},
		{"checkpoints", Refresh{Checkpoints: []int{20, 100}}, with(func(p *types.RefreshPreferences) {
			p.CheckpointPercentages, p.CheckpointDelay = []int32{20, 100}, aws.Int32(3600)
		})},
		{"checkpoints before the end", Refresh{Checkpoints: []int{20, 50}, Pause: minutes(5)}, with(func(p *types.RefreshPreferences) {
			p.CheckpointPercentages, p.CheckpointDelay = []int32{20, 50, 100}, aws.Int32(300)
		})},
		{"a pause without checkpoints, which AWS refuses", Refresh{Pause: minutes(5)}, &plain},
		{"warm-up, bake time and alarms", Refresh{Warmup: minutes(5), Bake: minutes(15), Alarms: []string{"errors"}}, with(func(p *types.RefreshPreferences) {
			p.InstanceWarmup, p.BakeTime, p.AlarmSpecification = aws.Int32(300), aws.Int32(900), &types.AlarmSpecification{Alarms: []string{"errors"}}
		})},
		{"what is blocked", Refresh{Protected: BlockedRefresh, Standby: BlockedTerminate}, with(func(p *types.RefreshPreferences) {
			p.ScaleInProtectedInstances, p.StandbyInstances = types.ScaleInProtectedInstancesRefresh, types.StandbyInstancesTerminate
		})},
		{"is ignored", Refresh{Protected: BlockedIgnore, Standby: BlockedIgnore}, with(func(p *types.RefreshPreferences) {
			p.ScaleInProtectedInstances, p.StandbyInstances = types.ScaleInProtectedInstancesIgnore, types.StandbyInstancesIgnore
		})},
	} {
		c := config(func(c *Config) { c.Refresh = &test.refresh })
		if diff := cmp.Diff(test.want, c.Refresh.preferences(), cmpopts.IgnoreUnexported(types.RefreshPreferences{}, types.AlarmSpecification{})); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}

// wantRunning fails unless all instances of the group are of a version, as many as there
// were.
func (w *world) wantRunning(version string) {
	w.Helper()
	g, _ := w.groups.Group("web")
	for _, i := range g.Instances {
		if *i.LaunchTemplate.Version != version || i.LifecycleState != types.LifecycleStateInService {
			w.Errorf("%s is %s, of version %s, want %s", *i.InstanceId, i.LifecycleState, *i.LaunchTemplate.Version, version)
		}
	}
	if len(g.Instances) != 2 {
		w.Errorf("%d instances", len(g.Instances))
	}
}

// TestRefreshIsRolledBack, however it goes: the group launches from the old version, its
// instances are of it, and the new one can be deleted.
func TestRefreshIsRolledBack(t *testing.T) {
	baking := func(c *Config) {
		c.Refresh = &Refresh{Alarms: []string{"errors"}, Bake: automation.Duration(30 * time.Minute)}
	}
	for _, test := range []struct {
		name  string
		spoil func(*rollout)
		want  string // what the error of the refresh says; empty: it is successful
	}{
		{"it is successful, and a later step fails", func(*rollout) {}, ""},
		{"an alarm", func(r *rollout) { r.clock.Advance(5 * time.Minute); r.groups.SetAlarm("errors", true) }, "ended Rollback"},
		{"an image that does not get in service", func(r *rollout) { r.groups.FailImage(source(r.plan), true) }, "ended Rollback"},
		{"somebody cancels it", func(r *rollout) {
			r.clock.Advance(5 * time.Minute)
			_, err := r.aws.AutoScaling.CancelInstanceRefresh(r.Context(), &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
			r.must(err)
		}, "ended Cancelled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := golden(t, stepRefresh, baking)
			r.turn.Attempt, r.turn.Since = 1, r.clock.Now()
			r.is(r.once(refresh), failure.Wait, "instance refresh ")
			test.spoil(r)
			err := r.resume(r.step(stepRefresh).Poll, refresh)
			if test.want == "" {
				r.must(err)
				r.wantRunning("2")
			} else {
				r.is(err, failure.Stop, test.want)
				if len(failure.Hints(err)) == 0 {
					t.Error("no hint")
				}
			}
			r.groups.SetAlarm("errors", false)
			r.must(r.undo(stepRefresh))
			r.must(r.undo(stepRefresh)) // again
			r.must(r.undo(stepTemplate))
			r.wantLaunches("1 of 1, default 1")
			r.clock.Advance(10 * time.Minute)
			r.wantRunning("1")
		})
	}
}

// TestRefreshGoesBeyondTheLastCheckpoint: by itself AWS would not.
func TestRefreshGoesBeyondTheLastCheckpoint(t *testing.T) {
	r := golden(t, stepRefresh, func(c *Config) { c.Refresh = &Refresh{Checkpoints: []int{50}} })
	r.must(r.do(stepRefresh))
	r.wantRunning("2")
}

// TestRefreshThatWasCancelledLeavesNothing: an instance of the version that is on its way
// out need not be replaced, and is waited for.
func TestRefreshThatWasCancelledLeavesNothing(t *testing.T) {
	r := golden(t, stepRefresh, refreshed)
	r.must(r.groups.SetInstances("web",
		types.Instance{InstanceId: aws.String("i-00000000000000098")},
		types.Instance{InstanceId: aws.String("i-00000000000000099"), LifecycleState: types.LifecycleStateTerminatingWait, LaunchTemplate: at(r.template, "2")},
	))
	r.must(r.groups.SetRefreshes("web", types.InstanceRefresh{
		Status: types.InstanceRefreshStatusCancelled, DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: at(r.template, "2")},
	}))
	began := r.clock.Now()
	r.must(r.undo(stepRefresh))
	if n := len(r.groups.Refreshes("web")); n != 1 {
		t.Errorf("%d refreshes", n)
	}
	if lasted := r.clock.Now().Sub(began); lasted < leaving {
		t.Errorf("an instance of the version is there, and is waited for for %s", lasted)
	}
}

// TestRefreshThatRunsIsRolledBack: the run is cancelled meanwhile.
func TestRefreshThatRunsIsRolledBack(t *testing.T) {
	r := golden(t, stepRefresh, refreshed)
	r.turn.Attempt, r.turn.Since = 1, r.clock.Now()
	r.is(r.once(refresh), failure.Wait, "instance refresh ")
	r.clock.Advance(20 * time.Second)
	r.must(r.undo(stepRefresh))
	r.must(r.undo(stepTemplate))
	r.wantLaunches("1 of 1, default 1")
	if got := r.groups.Refreshes("web"); len(got) != 1 || got[0].Status != types.InstanceRefreshStatusRollbackSuccessful {
		t.Errorf("refreshes %+v", got)
	}
}

// TestRefreshIsBegunOnce: whatever becomes of the attempt that began it.
func TestRefreshIsBegunOnce(t *testing.T) {
	for name, fault := range map[string]awssim.Fault{"the answer is lost": awssim.FailAfter(broken()), "it arrives late": awssim.FailLate(20*time.Second, broken())} {
		t.Run(name, func(t *testing.T) {
			r := golden(t, stepRefresh, refreshed)
			first := true
			r.sim.Intercept(func(c awssim.Call) awssim.Fault {
				if c.Operation != opRefresh || !first {
					return awssim.Fault{}
				}
				first = false
				return fault
			})
			r.is(r.do(stepRefresh), failure.Retry, "replace the instances of group web")
			r.clock.Advance(30 * time.Second)
			r.turn.Attempt++
			r.must(r.resume(time.Minute, refresh))
			if n := len(r.groups.Refreshes("web")); n != 1 {
				t.Errorf("%d refreshes", n)
			}
			r.wantRunning("2")
		})
	}
}

// TestSomebodyElseRefreshes: that is not taken for the run's, nor taken back.
func TestSomebodyElseRefreshes(t *testing.T) {
	r := golden(t, stepRefresh, refreshed)
	r.must(r.groups.SetRefreshes("web", types.InstanceRefresh{InstanceRefreshId: aws.String("theirs")}))
	err := r.do(stepRefresh)
	r.is(err, failure.Stop, "somebody else has begun to")
	if len(failure.Hints(err)) == 0 {
		t.Error("no hint")
	}
	r.must(r.undo(stepRefresh))
	if got := r.groups.Refreshes("web"); len(got) != 1 || got[0].Status != types.InstanceRefreshStatusInProgress {
		t.Errorf("refreshes %+v", got)
	}
}

// TestRefreshTakesTooLong: because it waits for an instance that is protected.
func TestRefreshTakesTooLong(t *testing.T) {
	r := golden(t, stepRefresh, func(c *Config) { c.Refresh = &Refresh{Limit: automation.Duration(20 * time.Minute)} })
	for _, id := range r.members() {
		r.must(r.groups.Protect("web", id, true))
	}
	err := r.do(stepRefresh)
	r.is(err, failure.Stop, "has not ended within 20m: it is InProgress, 0% done")
	r.must(r.undo(stepRefresh))
	r.must(r.undo(stepTemplate))
	r.wantLaunches("1 of 1, default 1")
}

// TestOldRefreshesAreNotLookedAt: a group may have hundreds.
func TestOldRefreshesAreNotLookedAt(t *testing.T) {
	r := golden(t, stepRefresh, refreshed)
	old := types.InstanceRefresh{
		Status: types.InstanceRefreshStatusSuccessful, StartTime: aws.Time(r.clock.Now().Add(-2 * time.Hour)),
		DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: at(r.template, "2")}, // of a version that is deleted, and whose number is not given again
	}
	r.must(r.groups.SetRefreshes("web", slices.Repeat([]types.InstanceRefresh{old}, 9)...))
	before := r.asked("autoscaling:DescribeInstanceRefreshes")
	if _, found, err := refreshTo(t.Context(), r.turn, r.template, 2, time.Time{}); found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
	if n := r.asked("autoscaling:DescribeInstanceRefreshes") - before; n != 1 {
		t.Errorf("%d calls", n)
	}
}

func (w *world) asked(operation string) int {
	n := 0
	for _, c := range w.sim.Calls() {
		if c.Operation == operation {
			n++
		}
	}
	return n
}
