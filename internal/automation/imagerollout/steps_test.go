package imagerollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/failure"
)

// errGone is an error after which the SDK does not try again by itself.
var errGone = errors.New("the connection is gone")

// after is a rollout of a new backup that has come to a step.
func after(t *testing.T, step string, edit ...func(*Config)) *rollout {
	t.Helper()
	w := newWorld(t)
	w.backUp()
	return w.begin(w.config(edit...)).upTo(step)
}

// holds says how the group is held.
func (w *world) holds() string {
	g, _ := w.groups.Group("web")
	return fmt.Sprintf("%s, max %d", strings.Join(suspended(g), " "), *g.MaxSize)
}

func (w *world) wantHolds(want string) {
	w.Helper()
	if got := w.holds(); got != want {
		w.Errorf("the group is held by %q, want %q", got, want)
	}
}

func (w *world) suspend(processes ...string) {
	w.Helper()
	_, err := w.aws.AutoScaling.SuspendProcesses(w.Context(), &autoscaling.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: processes})
	w.must(err)
}

func (w *world) update(in *autoscaling.UpdateAutoScalingGroupInput) {
	w.Helper()
	in.AutoScalingGroupName = aws.String("web")
	_, err := w.aws.AutoScaling.UpdateAutoScalingGroup(w.Context(), in)
	w.must(err)
}

func TestHold(t *testing.T) {
	for _, test := range []struct {
		name               string
		hold               func(*Config)
		before             func(*world)
		meanwhile          func(*world)
		was, held, becomes string
	}{
		{"processes", processed, nil, nil, ", max 4", "AlarmNotification ScheduledActions, max 4", ", max 4"},
		{
			"one was suspended before", processed, func(w *world) { w.suspend("AlarmNotification", "AZRebalance") }, nil,
			"AZRebalance AlarmNotification, max 4", "AZRebalance AlarmNotification ScheduledActions, max 4", "AZRebalance AlarmNotification, max 4",
		},
		{"somebody suspends another meanwhile", processed, nil, func(w *world) { w.suspend("Launch") }, ", max 4", "AlarmNotification ScheduledActions, max 4", "Launch, max 4"},
		{"the maximum", lowered, nil, nil, ", max 4", ", max 2", ", max 4"},
		{"somebody sets it meanwhile", lowered, nil, func(w *world) { w.update(&autoscaling.UpdateAutoScalingGroupInput{MaxSize: aws.Int32(7)}) }, ", max 4", ", max 2", ", max 7"},
	} {
		for _, end := range []string{"released", "let go"} {
			t.Run(test.name+", "+end, func(t *testing.T) {
				w := newWorld(t)
				w.backUp()
				if test.before != nil {
					test.before(w)
				}
				w.wantHolds(test.was)
				r := w.begin(w.config(test.hold)).upTo(stepHold)
				w.must(r.do(stepHold))
				w.must(r.do(stepHold)) // again, as after an attempt that died
				w.wantHolds(test.held)
				if test.meanwhile != nil {
					test.meanwhile(w)
				}
				if end == "let go" {
					w.must(r.do(stepLetGo))
					w.wantHolds(test.becomes)
					w.suspend("AlarmNotification") // by somebody else, from now on
				}
				w.must(r.release(stepHold))
				if end == "let go" {
					if !strings.Contains(w.holds(), "AlarmNotification") {
						t.Errorf("what somebody else does after it was let go was taken back: %s", w.holds())
					}
					return
				}
				w.wantHolds(test.becomes)
			})
		}
	}
}

// TestHoldIsReleasedOfALateCall: of one that arrives after the first look.
func TestHoldIsReleasedOfALateCall(t *testing.T) {
	r := after(t, stepHold, processed)
	r.turn.Settled = r.clock.Now().Add(time.Minute)
	r.is(r.once(release), failure.Wait, "certainty that there is no hold of this run on group web")
	r.suspend("AlarmNotification", "ScheduledActions")
	r.must(r.release(stepHold))
	r.wantHolds(", max 4")
}

// TestTheTrueMaximumIsRestored: by the run after one that is stuck with a lowered one.
func TestTheTrueMaximumIsRestored(t *testing.T) {
	r := after(t, stepHold, lowered)
	r.must(r.do(stepHold))
	w := r.world
	next := w.turnAfter(r, "stuck")
	if next.plan.For(stepHold)[0].From != "max size 4" {
		t.Fatalf("it takes %q for the maximum", next.plan.For(stepHold)[0].From)
	}
	w.must(next.do(stepHold))
	w.wantHolds(", max 2")
	w.must(next.release(stepHold))
	w.wantHolds(", max 4")
	if third := w.turnAfter(next, "rolled-back"); third.plan.For(stepHold)[0].From != "max size 4" {
		t.Errorf("the next takes %q for the maximum", third.plan.For(stepHold)[0].From)
	}
}

// turnAfter begins a run of another backup, after one that has ended.
func (w *world) turnAfter(r *rollout, outcome string) *rollout {
	w.Helper()
	w.clock.Advance(time.Minute)
	tried := map[string]automation.Trial{}
	for name, trial := range r.turn.Tried {
		tried[name] = trial
	}
	for name := range r.turn.Trying {
		tried[name] = automation.Trial{Run: r.turn.Run.ID, Outcome: outcome, Ended: w.clock.Now()}
	}
	w.backUp()
	next := &rollout{world: w, turn: &turn{Env: r.turn.Env, Config: r.turn.Config}}
	next.turn.Run.ID, next.turn.Tried, next.turn.Trying, next.turn.Values = r.turn.Run.ID+"x", tried, map[string]bool{}, map[string]string{}
	next.turn.Attempt, next.turn.Since = 1, w.clock.Now()
	w.must(observe(w.Context(), next.turn))
	next.plan = decide(next.turn.Config, next.turn.State, w.clock.Now())
	next.upTo(stepHold)
	return next
}

func TestABuilderIsLaunchedAsTheFleetFileSays(t *testing.T) {
	w := newWorld(t)
	w.ec2.AddKeyPair("operators")
	image := w.backUp()
	r := w.begin(w.config(func(c *Config) { c.Builder.Key, c.Builder.Type = "operators", "m5.large" })).upTo(stepLaunch)
	r.must(r.do(stepLaunch))
	r.must(r.do(stepLaunch)) // again, as after an attempt that died
	if n := len(r.own()); n != 1 {
		t.Fatalf("%d builders", n)
	}
	i := r.builder()
	if aws.ToString(i.ImageId) != image || i.InstanceType != types.InstanceTypeM5Large || aws.ToString(i.KeyName) != "operators" || aws.ToString(i.SubnetId) != w.subnet {
		t.Errorf("%+v", i)
	}
	if len(i.SecurityGroups) != 1 || *i.SecurityGroups[0].GroupId != w.security || !strings.HasSuffix(*i.IamInstanceProfile.Arn, "/builder") || i.MetadataOptions.HttpTokens != types.HttpTokensStateRequired {
		t.Errorf("%+v", i)
	}
	tags := tagsOf(i.Tags)
	for key, want := range map[string]string{tagName: "drover builder for web", tagTemporary: "builder", tagSource: image, tagRun: "run-1", tagLedger: "ledger", tagFleet: "stage", tagAutomation: "web"} {
		if tags[key] != want {
			t.Errorf("tag %s is %q, want %q", key, tags[key], want)
		}
	}
	for _, v := range w.ec2.Volumes() {
		if v.Instance == aws.ToString(i.InstanceId) && v.Tags[tagRun] != "run-1" {
			t.Errorf("volume %s says not whose it is", v.ID)
		}
	}
	r.must(r.do(stepBoot)) // and a shutdown from within stops it
	r.must(r.do(stepPrepare))
	if got := r.builder().State.Name; got != types.InstanceStateNameStopped {
		t.Errorf("it is %s", got)
	}
}

// own are the machines of the run that are not on their way out.
func (r *rollout) own() []string {
	r.Helper()
	all, _, err := ownMachines(r.Context(), r.turn)
	r.must(err)
	return all
}

func TestABuilderThatSomebodyTerminates(t *testing.T) {
	r := after(t, stepBoot)
	_, err := r.aws.EC2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: r.own()})
	r.must(err)
	r.clock.Advance(time.Minute)
	r.is(r.do(stepLaunch), failure.Stop, "the one that this run has launched was terminated by somebody else")
}

// TestBoot is what becomes of a builder that boots like this.
func TestBoot(t *testing.T) {
	for _, test := range []struct {
		name string
		boot simec2.Boot
		want string // what the error says; empty: there is none
	}{
		{"as usual", simec2.Boot{}, ""},
		{"slowly", simec2.Boot{Checks: 25 * time.Minute}, ""},
		{"too slowly", simec2.Boot{Checks: 35 * time.Minute}, "have not passed within 30m"},
		{"impaired", simec2.Boot{Impaired: true}, "have not passed within 30m"},
		{"it stops", simec2.Boot{Stops: time.Minute}, "before its status checks have passed"},
		{"somebody terminates it", simec2.Boot{Terminated: time.Minute}, "before its status checks have passed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.ec2.SetBoot(w.backUp(), test.boot)
			r := w.begin(w.config()).upTo(stepBoot)
			began := w.clock.Now()
			err := r.do(stepBoot)
			if test.want == "" {
				w.must(err)
				return
			}
			w.is(err, failure.Stop, test.want)
			if test.boot.Checks == 0 && !test.boot.Impaired && w.clock.Now().Sub(began) > 5*time.Minute {
				t.Errorf("it is waited for for %s, in vain", w.clock.Now().Sub(began))
			}
		})
	}
}

// TestMachinesAreTerminated: all of the run, also one that a call launches that is late,
// and none of another run.
func TestMachinesAreTerminated(t *testing.T) {
	r := after(t, stepImage)
	other := r.turnAfter(r, "stuck").upTo(stepBoot)
	r.turn.Settled = r.clock.Now().Add(5 * time.Minute)
	r.must(r.release(stepLaunch))
	if len(r.own()) != 0 || len(other.own()) != 1 {
		t.Errorf("of the run there are %q, of another %q", r.own(), other.own())
	}
	if r.turn.State.Terminated == 0 {
		t.Error("the next builder would have the token of the first")
	}

	late := after(t, stepLaunch)
	late.sim.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation != opRun {
			return awssim.Fault{}
		}
		return awssim.FailLate(time.Minute, errGone)
	})
	late.turn.Plan = late.plan.Filled(late.turn.Values)
	late.turn.Attempt, late.turn.Since = 1, late.clock.Now()
	late.is(launch(t.Context(), late.turn), failure.Retry, "launch a builder from ")
	late.sim.Intercept(func(awssim.Call) awssim.Fault { return awssim.Fault{} })
	late.must(late.release(stepLaunch))
	if len(late.own()) != 0 {
		t.Errorf("%q are left", late.own())
	}
}

func TestTheNewImageIsTried(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*rollout)
		want  string
	}{
		{"it works", func(*rollout) {}, ""},
		{"it does not boot", func(r *rollout) { r.ec2.SetBoot(r.turn.Values["create-image.image"], simec2.Boot{Impaired: true}) }, "the status checks of trial "},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := after(t, stepTry, tested)
			test.spoil(r)
			r.must(r.do(stepTry))
			if i := r.instance(r.turn.Values["try.instance"]); aws.ToString(i.ImageId) != r.turn.Values["create-image.image"] || tagsOf(i.Tags)[tagTemporary] != "trial" {
				t.Errorf("%+v", i)
			}
			err := r.do(stepVerify)
			if test.want != "" {
				r.is(err, failure.Stop, test.want)
			} else {
				r.must(err)
			}
			r.must(r.release(stepTry))
			if left := r.own(); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// TestARunThatIsTriedAgain: it has taken back what it had, and is not answered with that.
func TestARunThatIsTriedAgain(t *testing.T) {
	r := after(t, stepBoot)
	first := r.turn.Values["launch.builder"]
	r.must(r.release(stepLaunch))
	r.must(observe(t.Context(), r.turn))
	r.must(r.do(stepLaunch))
	if second := r.turn.Values["launch.builder"]; second == first || !slices.Equal(r.own(), []string{second}) {
		t.Errorf("the builders are %q, after %s", r.own(), first)
	}

	r = golden(t, stepMove)
	r.must(r.undo(stepTemplate))
	r.wantLaunches("1 of 1, default 1")
	r.must(observe(t.Context(), r.turn))
	r.must(r.do(stepTemplate))
	r.wantLaunches("1 of 2, default 1")
	if got := r.turn.Values["create-version.number"]; got != "3" {
		t.Errorf("it provides %q", got)
	}
}
