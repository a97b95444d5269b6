package imagerollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// golden is a rollout of an image as it is, which has come to a step.
func golden(t *testing.T, step string, edit ...func(*Config)) *rollout {
	t.Helper()
	return newWorld(t).golden(step, edit...)
}

func (w *world) golden(step string, edit ...func(*Config)) *rollout {
	w.Helper()
	w.ec2.AddImage(simec2.Image{Name: fmt.Sprintf("golden-%d", len(w.ec2.Images())), Created: w.clock.Now()})
	named := func(c *Config) { c.Builder, c.Source = nil, Source{Images: &Images{Name: "golden-*"}} }
	return w.begin(w.config(append([]func(*Config){named}, edit...)...)).upTo(step)
}

// launches says what the group launches from, and what its template has.
func (w *world) launches() string {
	g, _ := w.groups.Group("web")
	var parts []string
	for _, spec := range templatesOf(g) {
		parts = append(parts, spec.Version)
	}
	for _, t := range w.ec2.Templates() {
		if t.ID == w.template {
			parts = append(parts, fmt.Sprintf("of %d, default %d", len(t.Versions), t.Default))
		}
	}
	return strings.Join(parts, " ")
}

func (w *world) wantLaunches(want string) {
	w.Helper()
	if got := w.launches(); got != want {
		w.Errorf("the group launches from %s, want %s", got, want)
	}
}

// TestMove: there and back, for whatever the group launches from.
func TestMove(t *testing.T) {
	for on, want := range map[string]struct{ before, moved, back string }{
		"1":        {"1 of 2, default 1", "2 of 2, default 1", "1 of 1, default 1"},
		"$Default": {"$Default of 2, default 1", "$Default of 2, default 2", "$Default of 1, default 1"},
		"$Latest":  {"$Latest of 2, default 1", "$Latest of 2, default 1", "$Latest of 1, default 1"},
	} {
		t.Run(on, func(t *testing.T) {
			w := newWorld(t)
			w.update(&autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: at(w.template, on)})
			r := w.golden(stepMove)
			r.wantLaunches(want.before)
			r.must(r.do(stepMove))
			r.must(r.do(stepMove)) // again
			r.wantLaunches(want.moved)
			r.must(r.do(stepConfirm))
			r.must(r.undo(stepMove))
			r.must(r.undo(stepTemplate))
			r.wantLaunches(want.back)
			if r.turn.State.Undone == 0 {
				t.Error("the next version would have the token of the first")
			}
		})
	}
}

// TestMoveKeepsThePolicy: of a group with a template for each architecture, one moves.
func TestMoveKeepsThePolicy(t *testing.T) {
	w := newWorld(t)
	arm := w.armed()
	w.policy(at(w.template, "1"), at(arm, "1"))
	before, _ := w.groups.Group("web")
	w.ec2.AddImage(simec2.Image{Name: "golden-arm", Architecture: types.ArchitectureValuesArm64, Created: w.clock.Now()})
	r := w.begin(w.config(bare, func(c *Config) { c.Source = Source{Images: &Images{Name: "golden-*"}} })).upTo(stepMove)
	r.must(r.do(stepMove))
	g, _ := w.groups.Group("web")
	if got := r.launches(); !strings.HasPrefix(got, "1 2 of 1,") {
		t.Errorf("the group launches from %s", got)
	}
	if p := g.MixedInstancesPolicy; len(p.LaunchTemplate.Overrides) != 2 || *p.InstancesDistribution.OnDemandBaseCapacity != *before.MixedInstancesPolicy.InstancesDistribution.OnDemandBaseCapacity {
		t.Errorf("the policy is another: %+v", p)
	}
	r.must(r.do(stepConfirm))
	r.must(r.undo(stepMove))
	if got := r.launches(); !strings.HasPrefix(got, "1 1 of 1,") {
		t.Errorf("the group launches from %s", got)
	}
}

// TestRefreshOfAPolicy: AWS moves one template of the group, and brings it back.
func TestRefreshOfAPolicy(t *testing.T) {
	w := newWorld(t)
	arm := w.armed()
	w.policy(at(w.template, "1"), at(arm, "1"))
	r := w.golden(stepRefresh, refreshed)
	r.must(r.do(stepRefresh))
	if got := r.launches(); !strings.HasPrefix(got, "2 1 of 2,") {
		t.Errorf("the group launches from %s", got)
	}
	r.must(r.do(stepConfirm))
	r.must(r.undo(stepRefresh))
	if got := r.launches(); !strings.HasPrefix(got, "1 1 of 2,") {
		t.Errorf("the group launches from %s", got)
	}
}

// TestSomebodyElseMovesTheGroup: then it is theirs, before and after.
func TestSomebodyElseMovesTheGroup(t *testing.T) {
	theirs := func(r *rollout) {
		n := r.version(r.base)
		r.update(&autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: at(r.template, fmt.Sprint(n))})
	}
	t.Run("before the version", func(t *testing.T) {
		r := golden(t, stepTemplate)
		theirs(r)
		err := r.do(stepTemplate)
		r.is(err, failure.Stop, "somebody has changed it meanwhile")
		if hints := failure.Hints(err); len(hints) != 1 || hints[0] != "roll out again: drover rollout start --image "+source(r.plan) {
			t.Errorf("hints %q", hints)
		}
		r.wantLaunches("2 of 2, default 1")
	})
	t.Run("before the move", func(t *testing.T) {
		r := golden(t, stepMove)
		theirs(r)
		r.is(r.do(stepMove), failure.Stop, "somebody has changed it meanwhile")
		r.must(r.undo(stepMove))
		r.must(r.undo(stepTemplate))
		r.wantLaunches("3 of 2, default 1")
	})
	t.Run("before the refresh", func(t *testing.T) {
		r := golden(t, stepRefresh, refreshed)
		theirs(r)
		r.is(r.do(stepRefresh), failure.Stop, "somebody has changed it meanwhile")
		if n := len(r.groups.Refreshes("web")); n != 0 {
			t.Errorf("%d refreshes", n)
		}
	})
	t.Run("before the end", func(t *testing.T) {
		r := golden(t, stepConfirm)
		theirs(r)
		r.is(r.do(stepConfirm), failure.Stop, "somebody has changed it meanwhile")
	})
	t.Run("the default", func(t *testing.T) {
		w := newWorld(t)
		w.update(&autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: at(w.template, "$Default")})
		r := w.golden(stepMove)
		n := r.version(r.base)
		_, err := r.aws.EC2.ModifyLaunchTemplate(t.Context(), &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: aws.String(r.template), DefaultVersion: aws.String(fmt.Sprint(n))})
		r.must(err)
		r.is(r.do(stepMove), failure.Stop, "somebody has changed it meanwhile")
		r.must(r.undo(stepMove))
		r.must(r.undo(stepTemplate))
		r.wantLaunches("$Default of 2, default 3")
	})
}

// TestTheGroupGoes: steps that need it stop, and those that take back have nothing to do.
func TestTheGroupGoes(t *testing.T) {
	r := golden(t, stepMove)
	_, err := r.aws.AutoScaling.DeleteAutoScalingGroup(t.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), ForceDelete: aws.Bool(true)})
	r.must(err)
	r.clock.Advance(10 * time.Minute)
	r.is(r.do(stepMove), failure.Stop, "group web is gone")
	r.must(r.undo(stepMove))
	r.must(r.undo(stepTemplate))
	if n := len(r.ec2.Templates()[0].Versions); n != 1 {
		t.Errorf("%d versions", n)
	}
}

func TestAVersionIsMadeOnce(t *testing.T) {
	for name, late := range map[string]bool{"the answer is lost": false, "it arrives late": true} {
		t.Run(name, func(t *testing.T) {
			r := golden(t, stepTemplate)
			first := true
			r.sim.Intercept(func(c awssim.Call) awssim.Fault {
				if c.Operation != opVersion || !first {
					return awssim.Fault{}
				}
				first = false
				if late {
					return awssim.FailLate(time.Minute, errGone)
				}
				return awssim.FailAfter(errGone)
			})
			r.is(r.do(stepTemplate), failure.Retry, "create a version of launch template ")
			r.turn.Attempt++
			r.must(r.resume(time.Minute, createVersion))
			r.clock.Advance(2 * time.Minute)
			r.wantLaunches("1 of 2, default 1")
			if got := r.turn.Values["create-version.number"]; got != "2" {
				t.Errorf("it provides %q", got)
			}
		})
	}
}

// TestAVersionDoesNotTakeAnothersForIts: versions of other runs, and of people, with the
// same image.
func TestAVersionDoesNotTakeAnothersForIts(t *testing.T) {
	r := golden(t, stepTemplate)
	r.version(source(r.plan))
	r.turn.Attempt, r.turn.Since = 2, r.clock.Now()
	r.must(r.once(createVersion))
	r.wantLaunches("1 of 3, default 1")
	r.must(r.undo(stepTemplate))
	r.wantLaunches("1 of 2, default 1")
}

// TestAVersionHeedsWarnings: what AWS warns of would only appear at a launch.
func TestAVersionHeedsWarnings(t *testing.T) {
	r := golden(t, stepTemplate)
	cfg := r.sim.Config()
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Warn", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleInitialize(ctx, in)
			if made, ok := out.Result.(*ec2.CreateLaunchTemplateVersionOutput); ok && err == nil {
				made.Warning = &types.ValidationWarning{Errors: []types.ValidationError{{Code: aws.String("InvalidGroup.NotFound"), Message: aws.String("no sg-1")}}}
			}
			return out, metadata, err
		}), middleware.Before)
	})
	r.turn.AWS = cloud.New(cfg, "us-west-1", cloud.Options{Seed: 1, Clock: r.clock})
	err := r.do(stepTemplate)
	r.is(err, failure.Stop, "InvalidGroup.NotFound: no sg-1")
	if len(failure.Hints(err)) == 0 {
		t.Error("no hint")
	}
	r.must(r.undo(stepTemplate))
	r.wantLaunches("1 of 1, default 1")
}

// TestPin: a group on $Latest launches from a number while it is refreshed, and gets
// $Latest back when that fails.
func TestPin(t *testing.T) {
	for _, on := range []string{"$Latest", "$Default"} {
		w := newWorld(t)
		w.update(&autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: at(w.template, on)})
		r := w.golden(stepPin, pinned)
		r.must(r.do(stepPin))
		r.must(r.do(stepPin)) // again
		r.wantLaunches("1 of 1, default 1")
		r.must(r.do(stepTemplate))
		r.wantLaunches("1 of 2, default 1")
		r.must(r.do(stepRefresh))
		r.wantLaunches("2 of 2, default 1")
		r.must(r.undo(stepRefresh))
		r.must(r.undo(stepTemplate))
		r.must(r.undo(stepPin))
		r.wantLaunches(on + " of 1, default 1")
	}
}

func TestConfirmReadsBack(t *testing.T) {
	w := newWorld(t)
	w.update(&autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: at(w.template, "$Latest")})
	r := w.golden(stepConfirm)
	r.must(r.do(stepConfirm))
	r.version(r.base) // by somebody else
	began := r.clock.Now()
	r.is(r.do(stepConfirm), failure.Stop, "launches from "+r.base)
	if lasted := r.clock.Now().Sub(began); lasted < settling {
		t.Errorf("a read that may be behind is believed after %s", lasted)
	}
}

// TestPrune: old versions that nobody uses go, and the one that was made counts.
func TestPrune(t *testing.T) {
	w := newWorld(t)
	for range 4 {
		w.version(w.base)
	}
	w.update(&autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: at(w.template, "4")})
	r := w.golden(stepPrune, keep(2))
	r.must(r.do(stepPrune))
	r.must(r.do(stepPrune)) // again
	var left []int64
	for _, v := range r.ec2.Templates()[0].Versions {
		left = append(left, v.Number)
	}
	// 1 is the default, and used; 4 is what the group launched from.
	if want := []int64{6, 5, 4, 1}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
}

func TestSpecsOfARefresh(t *testing.T) {
	policy := func(version string) *scaling.DesiredConfiguration {
		return &scaling.DesiredConfiguration{MixedInstancesPolicy: &scaling.MixedInstancesPolicy{LaunchTemplate: &scaling.LaunchTemplate{
			LaunchTemplateSpecification: at("lt-1", "1"), Overrides: []scaling.LaunchTemplateOverrides{{LaunchTemplateSpecification: at("lt-2", version)}},
		}}}
	}
	for name, test := range map[string]struct {
		desired *scaling.DesiredConfiguration
		want    bool
	}{
		"none":                       {nil, false},
		"it":                         {&scaling.DesiredConfiguration{LaunchTemplate: at("lt-2", "7")}, true},
		"another version":            {&scaling.DesiredConfiguration{LaunchTemplate: at("lt-2", "8")}, false},
		"another template":           {&scaling.DesiredConfiguration{LaunchTemplate: at("lt-1", "7")}, false},
		"by a policy":                {policy("7"), true},
		"another version, by policy": {policy("6"), false},
	} {
		if got := brings(scaling.InstanceRefresh{DesiredConfiguration: test.desired}, "lt-2", "7"); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
