package templatefollowsimage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// planned is a turn whose plan has just been made: a backup image is to take the
// place of the present one.
func planned(t *testing.T) (*world, *turn, string) {
	t.Helper()
	w := newWorld(t)
	backup := w.image(simec2.Image{Name: "backup", Description: "EC2_BACKUP"})
	return w, w.turn(w.config()), backup
}

// turn is the first attempt at a step, with the plan for what AWS is like.
func (w *world) turn(c Config) *turn {
	w.Helper()
	s, err := w.observe(c)
	w.must(err)
	t := &turn{Env: kindtest.Env("app", w.aws, w.clock), Config: c, State: s}
	t.Plan = decide(c, s, w.clock.Now())
	return t
}

// again makes a turn the next attempt, some time after the one before.
func (w *world) again(t *turn, after time.Duration) {
	w.clock.Advance(after)
	t.Attempt++
}

// version makes a version and returns its number.
func (w *world) version(image, description string) int64 {
	out, err := w.aws.EC2.CreateLaunchTemplateVersion(w.Context(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: aws.String(w.id), SourceVersion: aws.String("1"), VersionDescription: aws.String(description),
		LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(image)},
	})
	w.must(err)
	return *out.LaunchTemplateVersion.VersionNumber
}

func (w *world) setDefault(number int64) {
	_, err := w.aws.EC2.ModifyLaunchTemplate(w.Context(), &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: aws.String(w.id), DefaultVersion: aws.String(fmt.Sprint(number))})
	w.must(err)
}

// has fails unless the template has these versions, oldest first, and this default.
func (w *world) has(standard int64, numbers ...int64) {
	w.Helper()
	view := w.ec2.Templates()[0]
	var got []int64
	for _, v := range slices.Backward(view.Versions) {
		got = append(got, v.Number)
	}
	if view.Default != standard || !slices.Equal(got, numbers) {
		w.Errorf("versions %v, default %d; want %v, default %d", got, view.Default, numbers, standard)
	}
}

func replans(err error) bool {
	var r *automation.Replan
	return errors.As(err, &r)
}

func TestStepCreateAdopts(t *testing.T) {
	w, turn, backup := planned(t)
	w.version(backup, version.Describe(turn.Run, backup, 1)) // by an attempt that died
	w.again(turn, time.Minute)
	if err := createVersion(t.Context(), turn); err != nil {
		t.Fatal(err)
	}
	w.has(1, 1, 2)
	if got := turn.Values["create-version.number"]; got != "2" {
		t.Errorf("it provides %q", got)
	}
}

// TestStepCreateDoesNotAdoptWhatOthersMade: the plan is made anew.
func TestStepCreateDoesNotAdoptWhatOthersMade(t *testing.T) {
	for _, image := range []string{"backup", "another"} {
		w, turn, backup := planned(t)
		if image == "another" {
			backup = w.present
		}
		w.version(backup, "by hand")
		w.again(turn, time.Minute)
		if err := createVersion(t.Context(), turn); !replans(err) {
			t.Errorf("%s image: %v, want another plan", image, err)
		}
		w.has(1, 1, 2)
	}
}

// TestStepCreateLooksAgain: an attempt that comes late finds another image.
func TestStepCreateLooksAgain(t *testing.T) {
	w, turn, _ := planned(t)
	w.clock.Advance(time.Minute)
	w.image(simec2.Image{Name: "newer", Description: "EC2_BACKUP"})
	if err := createVersion(t.Context(), turn); !replans(err) {
		t.Errorf("%v, want another plan", err)
	}
	w.has(1, 1)
}

// TestStepCreateFromDefault: versions that others make beside the default one are
// no concern of a version that is made from that.
func TestStepCreateFromDefault(t *testing.T) {
	w := newWorld(t)
	backup := w.image(simec2.Image{Name: "backup", Description: "EC2_BACKUP"})
	turn := w.turn(w.config(fromDefault))
	w.version(backup, "by hand")
	if err := createVersion(t.Context(), turn); err != nil {
		t.Error(err)
	}
	w.has(1, 1, 2, 3)

	w = newWorld(t)
	backup = w.image(simec2.Image{Name: "backup", Description: "EC2_BACKUP"})
	turn = w.turn(w.config(fromDefault))
	w.version(backup, version.Describe(automation.Identity{ID: "run-0", Fleet: "stage", Automation: "app"}, backup, 1)) // by another process
	if err := createVersion(t.Context(), turn); !replans(err) {
		t.Errorf("another process was faster: %v", err)
	}
	w.has(1, 1, 2)
}

// TestStepCreateHeedsWarnings: what AWS warns of would only appear at a launch.
func TestStepCreateHeedsWarnings(t *testing.T) {
	w, turn, _ := planned(t)
	cfg := w.sim.Config()
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
	turn.AWS = cloud.New(cfg, "us-west-1", cloud.Options{Seed: 1, Clock: w.clock})
	err := createVersion(t.Context(), turn)
	if failure.ClassOf(err) != failure.Stop || !strings.Contains(err.Error(), "InvalidGroup.NotFound: no sg-1") || len(failure.Hints(err)) == 0 {
		t.Fatalf("%v, hints %q", err, failure.Hints(err))
	}
	if err := undoVersion(t.Context(), turn); err != nil {
		t.Error(err)
	}
	w.has(1, 1)
}

func TestStepUndoCreate(t *testing.T) {
	w, turn, backup := planned(t)
	w.version(backup, version.Describe(automation.Identity{ID: "run-0", Fleet: "stage", Automation: "app"}, backup, 1)) // another run's
	w.version(backup, version.Describe(turn.Run, backup, 1))
	turn.Settled = w.clock.Now().Add(time.Minute)
	if err := undoVersion(t.Context(), turn); failure.ClassOf(err) != failure.Wait {
		t.Errorf("a call that is late may make another: %v", err)
	}
	w.has(1, 1, 2)
	w.version(backup, version.Describe(turn.Run, backup, 1)) // and so it does
	w.again(turn, time.Minute)
	if err := undoVersion(t.Context(), turn); err != nil {
		t.Error(err)
	}
	w.has(1, 1, 2)
	if turn.State.Undone == 0 {
		t.Error("the next version would have the token of the first")
	}
}

func TestStepUndoCreateSparesTheDefault(t *testing.T) {
	w, turn, backup := planned(t)
	w.setDefault(w.version(backup, version.Describe(turn.Run, backup, 1)))
	err := undoVersion(t.Context(), turn)
	if failure.ClassOf(err) != failure.Stop || len(failure.Hints(err)) == 0 {
		t.Errorf("%v, hints %q", err, failure.Hints(err))
	}
	w.has(2, 1, 2)
}

func TestStepAwait(t *testing.T) {
	w := newWorld(t)
	older := Image{ID: w.image(simec2.Image{Name: "older", Description: "EC2_BACKUP", Created: t0.Add(-time.Minute)}), State: statePending, Created: t0.Add(-time.Minute)}
	turn := w.turn(w.config())
	w.image(simec2.Image{Name: "newer", Description: "EC2_BACKUP"})
	turn.State.Images = []Image{older}
	if err := await(t.Context(), turn); !replans(err) || !strings.Contains(err.Error(), "is newer than "+older.ID) {
		t.Errorf("a newer image is available: %v", err)
	}
}

func TestStepAwaitOfAnImageThatIsNotShown(t *testing.T) {
	w, turn, _ := planned(t)
	turn.State.Images = []Image{{ID: "ami-00000000000000099", State: statePending, Created: t0.Add(time.Minute)}}
	for _, wait := range []time.Duration{0, 5 * time.Second} {
		w.again(turn, wait)
		if err := await(t.Context(), turn); failure.ClassOf(err) != failure.Wait {
			t.Errorf("after %s: %v, want a wait", wait, err)
		}
	}
	w.again(turn, rereadFor)
	if err := await(t.Context(), turn); !replans(err) {
		t.Errorf("it is gone: %v", err)
	}
}

func TestStepDefault(t *testing.T) {
	create := func(t *testing.T) (*world, *turn, string) {
		w, turn, backup := planned(t)
		w.must(createVersion(t.Context(), turn))
		turn.Plan = turn.Plan.Filled(turn.Values)
		return w, turn, backup
	}
	t.Run("somebody has set it meanwhile", func(t *testing.T) {
		w, turn, _ := create(t)
		w.setDefault(w.version(w.present, "by hand"))
		if err := setDefault(t.Context(), turn); failure.ClassOf(err) != failure.Stop {
			t.Errorf("%v, want an end", err)
		}
		w.has(3, 1, 2, 3)
	})
	t.Run("before a version was made, it is decided anew", func(t *testing.T) {
		w := newWorld(t)
		w.version(w.image(simec2.Image{Name: "backup", Description: "EC2_BACKUP"}), "by hand")
		turn := w.turn(w.config())
		w.setDefault(w.version(w.present, "by hand"))
		w.again(turn, time.Minute)
		if err := setDefault(t.Context(), turn); !replans(err) {
			t.Errorf("%v, want another plan", err)
		}
		w.has(3, 1, 2, 3)
	})
	t.Run("the image went in the meantime", func(t *testing.T) {
		w, turn, backup := create(t)
		_, err := w.aws.EC2.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: aws.String(backup)})
		w.must(err)
		w.again(turn, 5*time.Second)
		if err := setDefault(t.Context(), turn); failure.ClassOf(err) != failure.Wait {
			t.Errorf("one read may be behind: %v", err)
		}
		w.again(turn, time.Hour)
		if err := setDefault(t.Context(), turn); failure.ClassOf(err) != failure.Stop {
			t.Errorf("%v, want an end", err)
		}
		w.has(1, 1, 2)
	})
	t.Run("it is set once more after it was set back", func(t *testing.T) {
		w, turn, _ := create(t)
		w.must(setDefault(t.Context(), turn))
		w.setDefault(1)
		w.again(turn, time.Minute)
		w.must(setDefault(t.Context(), turn))
		w.has(2, 1, 2)
	})
	t.Run("a read does not show it yet", func(t *testing.T) {
		w, turn, _ := create(t)
		w.sim.StaleReads(func(awssim.Call) time.Duration { return time.Minute })
		if err := setDefault(t.Context(), turn); err == nil || failure.ClassOf(err) != failure.Retry {
			t.Errorf("%v, want another attempt", err)
		}
		w.has(2, 1, 2)
	})
	t.Run("undone", func(t *testing.T) {
		w, turn, _ := create(t)
		w.must(setDefault(t.Context(), turn))
		turn.Settled = w.clock.Now().Add(time.Minute)
		if err := undoDefault(t.Context(), turn); failure.ClassOf(err) != failure.Wait {
			t.Errorf("a call that is late may set it again: %v", err)
		}
		w.has(1, 1, 2)
		w.setDefault(2) // and so it does
		w.again(turn, time.Minute)
		w.must(undoDefault(t.Context(), turn))
		w.has(1, 1, 2)
	})
	t.Run("somebody else's default is not undone", func(t *testing.T) {
		w, turn, _ := create(t)
		w.setDefault(w.version(w.present, "by hand"))
		w.must(undoDefault(t.Context(), turn))
		w.has(3, 1, 2, 3)
	})
}
