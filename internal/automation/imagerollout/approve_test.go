package imagerollout

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/droverhq/drover/internal/automation"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/failure"
)

// awaited is a rollout of golden-1 that a person has been asked to approve, and that
// will lower the group's maximum.
func awaited(t *testing.T) (r *rollout, image string) {
	t.Helper()
	w := newWorld(t)
	image = w.ec2.AddImage(simec2.Image{Name: "golden-1", Created: w.clock.Now().Add(-time.Hour)})
	r = w.begin(w.config(lowered, func(c *Config) { c.Source, c.Approval = Source{Images: &Images{Name: "golden-*"}}, hours(12) }))
	r.turn.Asked = w.clock.Now()
	r.is(r.once(approve), failure.Wait, "a person to approve the rollout of "+image+" to group web: drover approve run-1")
	r.wantTrying(image)
	return r, image
}

// wantTrying fails unless the next runs know of these names.
func (r *rollout) wantTrying(names ...string) {
	r.Helper()
	var got []string
	for name := range r.turn.Trying {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		r.Errorf("it tries %q, want %q", got, names)
	}
}

// newer is an image that is made now.
func (r *rollout) newer() string {
	return r.ec2.AddImage(simec2.Image{Name: "golden-2", Created: r.clock.Now()})
}

func (r *rollout) approve() {
	r.turn.Approval = &automation.Approval{By: "somebody", At: r.clock.Now()}
}

func TestApprove(t *testing.T) {
	t.Run("somebody approves it", func(t *testing.T) {
		r, image := awaited(t)
		r.clock.Advance(3 * time.Hour)
		r.approve()
		r.must(r.once(approve))
		r.wantTrying(image, "max size 4 lowered to 2")
	})
	t.Run("nobody does", func(t *testing.T) {
		r, image := awaited(t)
		r.clock.Advance(12 * time.Hour)
		r.is(r.once(approve), failure.Stop, "nobody has approved the rollout of "+image+" to group web within 12h")
		r.wantTrying(image) // nobody is asked again with every sweep
	})
	t.Run("a newer image comes while it waits", func(t *testing.T) {
		r, _ := awaited(t)
		newer := r.newer()
		r.clock.Advance(lookEvery)
		r.is(r.once(approve), failure.Stop, "superseded: "+newer+" of ")
		r.wantTrying()
	})
	t.Run("a newer image comes just before it is approved", func(t *testing.T) {
		r, _ := awaited(t)
		newer := r.newer()
		r.clock.Advance(time.Second)
		r.approve()
		r.is(r.once(approve), failure.Stop, "superseded: "+newer+" of ")
		r.wantTrying()
	})
	t.Run("the group has moved before it is approved", func(t *testing.T) {
		r, image := awaited(t)
		r.version(r.base)
		r.update(&autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: at(r.template, "2")})
		r.approve()
		err := r.once(approve)
		r.is(err, failure.Stop, "somebody has changed it meanwhile")
		if want := []string{"roll out again: drover rollout start --image " + image}; !slices.Equal(failure.Hints(err), want) {
			t.Errorf("hints %q", failure.Hints(err))
		}
	})
	t.Run("the plan is made anew, and for another image", func(t *testing.T) {
		r, image := awaited(t)
		r.approve()
		r.must(r.once(approve))
		newer := r.newer()
		r.clock.Advance(time.Minute)
		r.turn.Since = r.clock.Now()
		r.must(observe(t.Context(), r.turn))
		r.plan = decide(r.turn.Config, r.turn.State, r.clock.Now())
		if got := source(r.plan); got != newer {
			t.Fatalf("the plan is for %s", got)
		}
		r.is(r.once(approve), failure.Stop, "superseded: "+image+" was to be approved, and "+newer+" would be rolled out by now")
		for _, name := range []string{image, newer} {
			if r.turn.Trying[name] {
				t.Errorf("nobody will be asked for %s", name)
			}
		}
	})
	t.Run("the plan is made anew, for the same image", func(t *testing.T) {
		r, _ := awaited(t)
		r.approve()
		r.must(r.once(approve))
		r.must(observe(t.Context(), r.turn))
		r.must(r.once(approve))
	})
}

// TestApproveOfAPinnedGroup: $Latest is still what it launches from.
func TestApproveOfAPinnedGroup(t *testing.T) {
	w := newWorld(t)
	w.update(&autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: at(w.template, "$Latest")})
	r := w.golden(stepApprove, pinned, func(c *Config) { c.Approval = hours(1) })
	r.approve()
	r.must(r.do(stepApprove))
}

// TestHoldOfAGroupThatHasGrown: what is above its maximum AWS would terminate.
func TestHoldOfAGroupThatHasGrown(t *testing.T) {
	r := after(t, stepHold, lowered)
	r.update(&autoscaling.UpdateAutoScalingGroupInput{DesiredCapacity: aws.Int32(3)})
	var replan *automation.Replan
	if err := r.do(stepHold); !errors.As(err, &replan) {
		t.Fatalf("%v, and not another plan", err)
	}
	r.wantHolds(", max 4")
	again := r.begin(r.turn.Config).upTo(stepHold)
	again.must(again.do(stepHold))
	again.wantHolds(", max 3")
	again.must(again.release(stepHold))
	again.wantHolds(", max 4")
}
