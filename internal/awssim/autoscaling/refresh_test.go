package autoscaling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/awssim"
)

// start starts a refresh to version 2.
func (l *life) start(p *types.RefreshPreferences) {
	l.t.Helper()
	l.must(l.tryStart("2", p))
}

func (l *life) tryStart(version string, p *types.RefreshPreferences) error {
	l.t.Helper()
	in := &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), Preferences: p}
	if version != "" {
		in.DesiredConfiguration = &types.DesiredConfiguration{LaunchTemplate: byID(l.template, version)}
	}
	_, err := l.client.StartInstanceRefresh(l.t.Context(), in)
	return err
}

func (l *life) cancel() error {
	_, err := l.client.CancelInstanceRefresh(l.t.Context(), &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	return err
}

func (l *life) rollBack() error {
	_, err := l.client.RollbackInstanceRefresh(l.t.Context(), &autoscaling.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	return err
}

func (l *life) last() types.InstanceRefresh {
	l.t.Helper()
	out, err := l.client.DescribeInstanceRefreshes(l.t.Context(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("web")})
	l.must(err)
	return out.InstanceRefreshes[0]
}

// wantRefresh is the state of the last refresh as "Status percentage/left: reason".
func (l *life) wantRefresh(want string) {
	l.t.Helper()
	r := l.last()
	got := fmt.Sprintf("%s %d/%d: %s", r.Status, aws.ToInt32(r.PercentageComplete), aws.ToInt32(r.InstancesToUpdate), aws.ToString(r.StatusReason))
	if got = strings.TrimSuffix(got, ": "); !strings.HasPrefix(got, want) {
		l.t.Errorf("the refresh is %q, want %q", got, want)
	}
}

func (l *life) wantVersion(want string) {
	l.t.Helper()
	if got := *l.group("web").LaunchTemplate.Version; got != want {
		l.t.Errorf("the group launches from version %s, want %s", got, want)
	}
}

// untilRest lets time pass until nothing more happens, and watches how few instances
// of the group serve and how many there are at most.
func (l *life) untilRest() (fewest, most int) {
	l.t.Helper()
	fewest = 1000
	for more := true; more; {
		serving, all := 0, 0
		for _, i := range l.group("web").Instances {
			if i.LifecycleState == types.LifecycleStateInService {
				serving++
			}
			if i.LifecycleState != types.LifecycleStateTerminating {
				all++
			}
		}
		fewest, most = min(fewest, serving), max(most, all)
		more = l.step()
	}
	return fewest, most
}

func TestRefreshSucceeds(t *testing.T) {
	l := newLife(t)
	l.grow(3)
	l.start(nil)
	l.wantRefresh("Pending 0/0")
	l.pass(10 * time.Second)
	l.wantRefresh("InProgress 0/3")
	l.wantVersion("1")
	l.wantFleet("InService:1 InService:1 Pending:2 Terminating:1")
	l.pass(30 * time.Second)
	l.wantRefresh("InProgress 66/1")
	if r := l.last(); !strings.Contains(*r.StatusReason, "has insufficient data to evaluate its health") {
		t.Errorf("reason %s", *r.StatusReason)
	}
	fewest, most := l.untilRest()
	if fewest != 2 || most != 3 { // 90 % of 3 are 3, so one goes while another comes
		t.Errorf("%d to %d instances", fewest, most)
	}
	l.wantRefresh("Successful 100/0")
	l.wantFleet("InService:2 InService:2 InService:2")
	l.wantVersion("2")
	l.wantTold("Started, -, +, -, +, -, +, Succeeded")
	r := l.last()
	if took := r.EndTime.Sub(*r.StartTime); took != 49*time.Second { // 10 s until it begins, and 13 s each
		t.Errorf("it took %v", took)
	}
	same(t, &types.RefreshPreferences{
		MinHealthyPercentage: aws.Int32(90), InstanceWarmup: aws.Int32(0), SkipMatching: aws.Bool(false), AutoRollback: aws.Bool(false),
		ScaleInProtectedInstances: types.ScaleInProtectedInstancesWait, StandbyInstances: types.StandbyInstancesWait,
	}, r.Preferences)
	same(t, shown(l.template, "web", "2"), r.DesiredConfiguration.LaunchTemplate)
}

// How many are replaced at once.
func TestRefreshKeepsItsBounds(t *testing.T) {
	for name, test := range map[string]struct {
		desired      int32
		p            types.RefreshPreferences
		fewest, most int
	}{
		"none need serve":        {4, types.RefreshPreferences{MinHealthyPercentage: aws.Int32(0)}, 0, 4},
		"half of them":           {4, types.RefreshPreferences{MinHealthyPercentage: aws.Int32(50)}, 2, 4},
		"rounded up":             {3, types.RefreshPreferences{MinHealthyPercentage: aws.Int32(50)}, 2, 3},
		"all, and no more":       {3, types.RefreshPreferences{MinHealthyPercentage: aws.Int32(100)}, 2, 3},
		"all, and that was said": {3, types.RefreshPreferences{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(100)}, 3, 4},
		"90 % of 3, and no more": {3, types.RefreshPreferences{MinHealthyPercentage: aws.Int32(90), MaxHealthyPercentage: aws.Int32(100)}, 3, 4},
		"all, and half as many":  {4, types.RefreshPreferences{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(150)}, 4, 6},
		"a single one":           {1, types.RefreshPreferences{}, 0, 1},
		"a single one, one more": {1, types.RefreshPreferences{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(200)}, 1, 2},
		"with a time to warm up": {2, types.RefreshPreferences{InstanceWarmup: aws.Int32(7200)}, 1, 2},
		"one more, and checkpoint": {2, types.RefreshPreferences{
			MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(200), CheckpointPercentages: []int32{50, 100},
		}, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.grow(test.desired)
			l.start(&test.p)
			if fewest, most := l.untilRest(); fewest != test.fewest || most != test.most {
				t.Errorf("%d to %d instances, want %d to %d", fewest, most, test.fewest, test.most)
			}
			l.wantRefresh("Successful 100/0")
			l.wantFleet(strings.TrimSpace(strings.Repeat("InService:2 ", int(test.desired))))
		})
	}
}

func TestRefreshSkipsWhatMatches(t *testing.T) {
	for name, test := range map[string]struct {
		skip bool
		told string
	}{
		"skips":    {true, "Started, -, +, -, +, Succeeded"},
		"does not": {false, "Started, -, +, -, +, -, +, Succeeded"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.grow(2)
			l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID(l.template, "2"), DesiredCapacity: aws.Int32(3)}))
			l.rest()
			l.events = nil
			l.start(&types.RefreshPreferences{SkipMatching: &test.skip})
			l.untilRest()
			l.wantTold(test.told)
			l.wantFleet("InService:2 InService:2 InService:2")
			// Of what matches nothing is replaced, with a desired configuration or without.
			l.events = nil
			for _, version := range []string{"2", ""} {
				l.must(l.tryStart(version, &types.RefreshPreferences{SkipMatching: aws.Bool(true)}))
				l.untilRest()
			}
			l.wantTold("Started, Succeeded, Started, Succeeded")
			l.wantRefresh("Successful 100/0")
		})
	}
}

func TestRefreshOfWhatTheGroupHas(t *testing.T) {
	l := newLife(t)
	l.grow(1)
	old := l.ids()[0]
	l.must(l.tryStart("", nil))
	failed(t, l.rollBack(), "IrreversibleInstanceRefresh", "no desired configuration")
	l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID(l.template, "3")})) // allowed, as nothing is desired
	l.untilRest()
	l.wantRefresh("Successful 100/0")
	l.wantFleet("InService:3")
	if l.ids()[0] == old {
		t.Error("it was not replaced")
	}
}

func TestRefreshOfMixedInstances(t *testing.T) {
	l := newLife(t)
	l.grow(1)
	_, err := l.client.StartInstanceRefresh(t.Context(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), DesiredConfiguration: &types.DesiredConfiguration{
		MixedInstancesPolicy: &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{
			LaunchTemplateSpecification: byID(l.template, "2"), Overrides: []types.LaunchTemplateOverrides{{InstanceType: aws.String("m7i.large")}, {InstanceType: aws.String("m6i.large")}},
		}},
	}})
	l.must(err)
	l.untilRest()
	g := l.group("web")
	if g.LaunchTemplate != nil || g.MixedInstancesPolicy == nil || *g.Instances[0].InstanceType != "m7i.large" {
		t.Errorf("the group is %+v", g)
	}
	same(t, shown(l.template, "web", "2"), g.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification)
}

func TestRefreshStopsAtCheckpoints(t *testing.T) {
	l := newLife(t)
	l.grow(4)
	l.start(&types.RefreshPreferences{CheckpointPercentages: []int32{25, 75, 100}, CheckpointDelay: aws.Int32(3 * 3600)}) // longer than its patience
	l.pass(time.Hour)
	l.wantRefresh("InProgress 25/3: Waiting at the checkpoint of 25 percent.")
	l.wantFleet("InService:1 InService:1 InService:1 InService:2")
	l.pass(3 * time.Hour)
	l.wantRefresh("InProgress 75/1")
	l.untilRest()
	l.wantTold("Started, -, +, Checkpoint 25 3h0m0s, -, +, -, +, Checkpoint 75 3h0m0s, -, +, Checkpoint 100 3h0m0s, Succeeded")

	// Beyond the last checkpoint nothing is replaced.
	l.events = nil
	l.must(l.tryStart("3", &types.RefreshPreferences{CheckpointPercentages: []int32{50}}))
	l.untilRest()
	l.wantRefresh("Successful 50/2")
	l.wantFleet("InService:2 InService:2 InService:3 InService:3")
	l.wantTold("Started, -, +, -, +, Checkpoint 50 1h0m0s, Succeeded")
}

func TestRefreshBakes(t *testing.T) {
	l := newLife(t)
	l.grow(1)
	l.start(&types.RefreshPreferences{BakeTime: aws.Int32(600), AutoRollback: aws.Bool(true), AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"errors"}}})
	l.pass(5 * time.Minute)
	l.wantRefresh("Baking 100/0")
	l.wantVersion("1")
	failed(t, l.tryStart("3", nil), "InstanceRefreshInProgress", "")
	l.sim.SetAlarm("others", true)
	l.untilRest()
	l.wantRefresh("Successful 100/0")
	l.wantVersion("2")
	if r := l.last(); r.EndTime.Sub(*r.StartTime) != 23*time.Second+10*time.Minute {
		t.Errorf("it took %v", r.EndTime.Sub(*r.StartTime))
	}
	l.wantTold("Started, -, +, Started Baking, Succeeded")
}

func TestRefreshFailsByAlarm(t *testing.T) {
	for name, test := range map[string]struct {
		back               bool
		status, told, want string
	}{
		"without rollback": {false, "Failed 33/2: The CloudWatch alarm errors is in the ALARM state.", "Started, -, +, Failed, -, +", "InService:1 InService:2 InService:1"},
		"with rollback":    {true, "RollbackSuccessful 0/2", "Started, -, +, Rollback Started, -, -, +, -, +, Rollback Succeeded", "InService:1 InService:1 InService:1"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.grow(3)
			l.start(&types.RefreshPreferences{AutoRollback: &test.back, AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"latency", "errors"}}})
			l.pass(25 * time.Second) // one is replaced, the second about to be
			l.wantRefresh("InProgress 33/2")
			l.sim.SetAlarm("errors", true)
			l.untilRest()
			l.wantRefresh(test.status)
			l.wantTold(test.told)
			l.wantVersion("1")
			r := l.last()
			if r.EndTime == nil {
				t.Error("it has not ended")
			}
			if !test.back {
				return
			}
			l.wantFleet(test.want)
			d := r.RollbackDetails
			if *d.PercentageCompleteOnRollback != 33 || *d.InstancesToUpdateOnRollback != 2 || *d.RollbackReason != "The CloudWatch alarm errors is in the ALARM state." || d.RollbackStartTime == nil {
				t.Errorf("rollback: %+v", d)
			}
		})
	}
}

// Instances of an image that is no good never serve, so that the refresh gives up.
func TestRefreshToABadImage(t *testing.T) {
	for name, test := range map[string]struct {
		back          bool
		status, fleet string
	}{
		"without rollback": {false, "Failed 0/3: Waiting for remaining instances", "InService:1 InService:1 Pending:2"},
		"with rollback":    {true, "RollbackSuccessful 0/3", "InService:1 InService:1 InService:1"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.grow(3)
			l.sim.FailImage("ami-2", true)
			l.start(&types.RefreshPreferences{AutoRollback: &test.back})
			l.pass(time.Hour)
			l.wantRefresh("InProgress 0/3")
			l.untilRest()
			l.wantRefresh(test.status)
			l.wantFleet(test.fleet)
			l.wantVersion("1")
		})
	}
	t.Run("and the old one is bad too", func(t *testing.T) {
		l := newLife(t)
		l.grow(2)
		l.sim.FailImage("ami-2", true)
		l.sim.FailImage("ami-1", true)
		l.start(&types.RefreshPreferences{AutoRollback: aws.Bool(true)})
		l.untilRest()
		l.wantRefresh("RollbackFailed")
		l.wantTold("Started, -, Rollback Started, -, Rollback Failed")
	})
}

// What is protected or on standby is waited for, ignored, or goes too.
func TestRefreshOfProtectedInstances(t *testing.T) {
	protect := func(l *life, id string) { l.must(l.sim.Protect("web", id, true)) }
	free := func(l *life, id string) { l.must(l.sim.Protect("web", id, false)) }
	standby := func(l *life, id string) {
		_, err := l.client.EnterStandby(l.t.Context(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true)})
		l.must(err)
	}
	back := func(l *life, id string) {
		_, err := l.client.ExitStandby(l.t.Context(), &autoscaling.ExitStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: []string{id}})
		l.must(err)
	}
	for name, test := range map[string]struct {
		before, after      func(l *life, id string) // 40 minutes later
		p                  types.RefreshPreferences
		half, status, want string
	}{
		"protected":               {protect, nil, types.RefreshPreferences{}, "InProgress 50/1: Waiting for remaining instances to be available. For example: ID is protected.", "Failed 50/1: Waiting", "InService:1 InService:2"},
		"protected, and then not": {protect, free, types.RefreshPreferences{}, "InProgress 50/1", "Successful 100/0", "InService:2 InService:2"},
		"ignored":                 {protect, nil, types.RefreshPreferences{ScaleInProtectedInstances: types.ScaleInProtectedInstancesIgnore}, "Successful 100/0", "Successful 100/0", "InService:1 InService:2"},
		"replaced":                {protect, nil, types.RefreshPreferences{ScaleInProtectedInstances: types.ScaleInProtectedInstancesRefresh}, "Successful 100/0", "Successful 100/0", "InService:2 InService:2"},
		"standby":                 {standby, nil, types.RefreshPreferences{}, "InProgress 50/1: Waiting for remaining instances to be available. For example: ID is in Standby.", "Failed 50/1", "InService:2 Standby:1"},
		"standby, and then not":   {standby, back, types.RefreshPreferences{}, "InProgress 50/1", "Successful 100/0", "InService:2 InService:2"},
		"standby ignored":         {standby, nil, types.RefreshPreferences{StandbyInstances: types.StandbyInstancesIgnore}, "Successful 100/0", "Successful 100/0", "InService:2 Standby:1"},
		"standby terminated":      {standby, nil, types.RefreshPreferences{StandbyInstances: types.StandbyInstancesTerminate}, "Successful 100/0", "Successful 100/0", "InService:2"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.grow(2)
			id := l.ids()[0]
			test.before(l, id)
			l.start(&test.p)
			l.pass(40 * time.Minute)
			l.wantRefresh(strings.ReplaceAll(test.half, "ID", id))
			if test.after != nil {
				test.after(l, id)
			}
			l.untilRest()
			l.wantRefresh(test.status)
			l.wantFleet(test.want)
			if r := l.last(); r.Status == types.InstanceRefreshStatusFailed {
				if waited := r.EndTime.Sub(*r.StartTime); waited < time.Hour || waited > time.Hour+time.Minute {
					t.Errorf("it waited %v", waited)
				}
			}
		})
	}
}

func TestRefreshIsRefused(t *testing.T) {
	l := newLife(t)
	l.grow(2)
	failed(t, l.cancel(), "ActiveInstanceRefreshNotFound", "")
	failed(t, l.rollBack(), "ActiveInstanceRefreshNotFound", "")
	for name, p := range map[string]types.RefreshPreferences{
		"between 0 and 100":                       {MinHealthyPercentage: aws.Int32(101)},
		"between 100 and 200":                     {MinHealthyPercentage: aws.Int32(50), MaxHealthyPercentage: aws.Int32(99)},
		"MinHealthyPercentage must be":            {MaxHealthyPercentage: aws.Int32(110)},
		"greater than 100":                        {MinHealthyPercentage: aws.Int32(50), MaxHealthyPercentage: aws.Int32(151)},
		"CheckpointPercentages must be specified": {CheckpointDelay: aws.Int32(1)},
		"CheckpointPercentages must be unique":    {CheckpointPercentages: []int32{50, 50}},
		"At most 10 alarms":                       {AlarmSpecification: &types.AlarmSpecification{Alarms: make([]string, 11)}},
		"ScaleInProtectedInstances":               {ScaleInProtectedInstances: "Perhaps"},
		"StandbyInstances":                        {StandbyInstances: "Refresh"},
		"BakeTime":                                {BakeTime: aws.Int32(172801)},
	} {
		failed(t, l.tryStart("2", &p), "ValidationError", name)
	}
	back := &types.RefreshPreferences{AutoRollback: aws.Bool(true)}
	failed(t, l.tryStart("", back), "ValidationError", "no desired configuration")
	failed(t, l.tryStart("$Latest", back), "ValidationError", "$Latest")
	failed(t, l.tryStart("77", nil), "ValidationError", "valid fully-formed launch template")
	l.start(nil)
	failed(t, l.tryStart("3", nil), "InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
	failed(t, l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID(l.template, "3")}), "ValidationError", "An active instance refresh with a desired configuration exists.")
	l.untilRest()
	l.wantRefresh("Successful")
	l.must(l.tryStart("$Latest", nil))
	failed(t, l.rollBack(), "IrreversibleInstanceRefresh", "$Latest")
	l.untilRest()
	l.wantVersion("$Latest")
	l.wantFleet("InService:3 InService:3")
	if n := len(l.sim.Refreshes("web")); n != 2 {
		t.Errorf("%d refreshes", n)
	}
	l.start(nil) // the group used $Latest
	failed(t, l.rollBack(), "IrreversibleInstanceRefresh", "$Latest")
}

func TestRefreshIsCancelled(t *testing.T) {
	l := newLife(t)
	l.grow(3)
	l.start(&types.RefreshPreferences{InstanceWarmup: aws.Int32(60)})
	l.pass(20 * time.Second)
	l.must(l.cancel())
	l.wantRefresh("Cancelling 0/3")
	failed(t, l.cancel(), "ActiveInstanceRefreshNotFound", "")
	failed(t, l.rollBack(), "ActiveInstanceRefreshNotFound", "")
	failed(t, l.tryStart("3", nil), "InstanceRefreshInProgress", "")
	l.untilRest()
	l.wantRefresh("Cancelled")
	l.wantFleet("InService:1 InService:1 InService:2")
	l.wantVersion("1")
	l.wantTold("Started, -, +, Cancelled")
	if r := l.last(); r.EndTime.Sub(*r.StartTime) != 83*time.Second { // the new instance is waited for
		t.Errorf("it ended after %v", r.EndTime.Sub(*r.StartTime))
	}

	l.start(nil)
	l.pass(20 * time.Second)
	_, err := l.client.CancelInstanceRefresh(t.Context(), &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), WaitForTransitioningInstances: aws.Bool(false)})
	l.must(err)
	l.wantRefresh("Cancelled")

	l.start(nil) // before it has begun
	l.must(l.cancel())
	l.wantRefresh("Cancelled 0/0")
}

func TestRefreshIsRolledBack(t *testing.T) {
	l := newLife(t)
	l.grow(4)
	l.start(&types.RefreshPreferences{MinHealthyPercentage: aws.Int32(50)})
	l.pass(30 * time.Second)
	l.wantRefresh("InProgress 50/2")
	l.must(l.rollBack())
	l.wantRefresh("RollbackInProgress 50/2")
	if why := *l.last().RollbackDetails.RollbackReason; why != "Rollback was initiated by user request." {
		t.Errorf("rolled back: %s", why)
	}
	failed(t, l.rollBack(), "ActiveInstanceRefreshNotFound", "")
	if fewest, _ := l.untilRest(); fewest != 2 {
		t.Errorf("only %d instances served", fewest)
	}
	l.wantRefresh("RollbackSuccessful 0/2")
	l.wantFleet("InService:1 InService:1 InService:1 InService:1")
	l.wantVersion("1")

	l.start(nil) // a rollback can be cancelled too
	l.pass(30 * time.Second)
	l.must(l.rollBack())
	l.must(l.cancel())
	l.untilRest()
	l.wantRefresh("Cancelled")
}

// Without the processes that it takes, a refresh gets nowhere, until it gives up.
func TestRefreshWithSuspendedProcesses(t *testing.T) {
	for _, process := range []string{"Launch", "Terminate", "InstanceRefresh"} {
		t.Run(process, func(t *testing.T) {
			l := newLife(t)
			l.grow(2)
			l.suspend(process)
			l.start(nil)
			l.pass(30 * time.Minute)
			l.wantFleet("InService:1 InService:1")
			l.resume()
			l.untilRest()
			l.wantRefresh("Successful 100/0")
			if process == "InstanceRefresh" {
				return
			}
			l.suspend(process)
			l.must(l.tryStart("3", nil))
			l.untilRest()
			l.wantRefresh("Failed 0/2: The instance refresh made no progress.")
		})
	}
}

// Groups change their size while they are refreshed.
func TestRefreshWhileScaling(t *testing.T) {
	l := newLife(t)
	l.grow(3)
	l.start(nil)
	l.pass(15 * time.Second)
	for _, size := range []int32{5, 2} {
		if _, err := l.sim.Scale("web", size); err != nil {
			t.Fatal(err)
		}
		l.pass(10 * time.Second)
	}
	l.untilRest()
	l.wantRefresh("Successful 100/0")
	l.wantFleet("InService:2 InService:2")
}

// An instance that dies during a refresh is replaced like others.
func TestRefreshWhileInstancesDie(t *testing.T) {
	l := newLife(t)
	l.grow(3)
	l.start(&types.RefreshPreferences{InstanceWarmup: aws.Int32(300)})
	l.pass(time.Minute)
	_, err := l.calls.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: l.ids()})
	l.must(err)
	l.untilRest()
	l.wantRefresh("Successful 100/0")
	l.wantFleet("InService:2 InService:2 InService:2")
}

func TestRefreshPermissionsAndRecords(t *testing.T) {
	l := newLife(t)
	l.grow(1)
	var asked []string
	l.world.Authorize(func(action, resource string, _ map[string][]string) bool {
		asked = append(asked, action+" "+resource[strings.LastIndex(resource, ":")+1:])
		return action != "autoscaling:RollbackInstanceRefresh"
	})
	l.start(nil)
	failed(t, l.rollBack(), "AccessDenied", "")
	l.must(l.cancel())
	l.suspend("Launch")
	l.resume("Launch")
	_, _ = l.client.EnterStandby(t.Context(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: l.ids(), ShouldDecrementDesiredCapacity: aws.Bool(true)})
	_, _ = l.client.ExitStandby(t.Context(), &autoscaling.ExitStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: l.ids()})
	_, _ = l.client.SetInstanceProtection(t.Context(), &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"), InstanceIds: l.ids(), ProtectedFromScaleIn: aws.Bool(true)})
	got := strings.Join(asked, "\n")
	one, two, _ := strings.Cut(l.subnets, ",")
	const web = " autoScalingGroupName/web\n"
	want := "autoscaling:StartInstanceRefresh" + web + "ec2:RunInstances image/ami-2\nec2:RunInstances launch-template/" + l.template +
		"\nec2:RunInstances instance/*\nec2:RunInstances volume/*\nec2:RunInstances network-interface/*\nec2:RunInstances security-group/*\nec2:RunInstances subnet/" +
		one + "\nec2:RunInstances subnet/" + two + "\nautoscaling:RollbackInstanceRefresh" + web + "autoscaling:CancelInstanceRefresh" + web +
		"autoscaling:SuspendProcesses" + web + "autoscaling:ResumeProcesses" + web +
		"autoscaling:DescribeAutoScalingGroups *\nautoscaling:EnterStandby" + web + "autoscaling:DescribeAutoScalingGroups *\nautoscaling:ExitStandby" + web +
		"autoscaling:DescribeAutoScalingGroups *\nautoscaling:SetInstanceProtection autoScalingGroupName/web"
	same(t, want, got)

	l.rest()
	var records []string
	for _, e := range l.events {
		if e.Source == "aws.autoscaling" && e.DetailType == awssim.TypeTrailCall {
			d := string(e.Detail)
			_, d, _ = strings.Cut(d, `"eventName":"`)
			name, _, _ := strings.Cut(d, `"`)
			_, d, _ = strings.Cut(d, `"responseElements":`)
			response, _, _ := strings.Cut(d, `,"requestID`)
			records = append(records, name+" "+response)
		}
	}
	id := `{"instanceRefreshId":"` + *l.last().InstanceRefreshId + `"}`
	same(t, []string{
		"StartInstanceRefresh " + id, "RollbackInstanceRefresh null", "CancelInstanceRefresh " + id, "SuspendProcesses null", "ResumeProcesses null",
		"EnterStandby null", "ExitStandby null", "SetInstanceProtection null",
	}, records)
}
