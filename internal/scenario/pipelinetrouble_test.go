package scenario_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	simimagebuilder "github.com/droverhq/drover/internal/awssim/imagebuilder"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

// building is a stage in a bubble: a pipeline, and a parameter that has just been
// given another parent image.
type building struct {
	*testing.T
	world  *scenario.Simulated
	stage  *scenario.Stage
	studio *scenario.Studio
	fleet  *fleetfile.Fleet
	told   event.Event
	before types.ImagePipeline
	others sync.WaitGroup // what later started
}

type edit = func(*imagebuilder.CreateImageRecipeInput, *types.ImagePipeline)

// newest has the pipeline take the newest version by itself.
func newest(_ *imagebuilder.CreateImageRecipeInput, p *types.ImagePipeline) {
	p.ImageRecipeArn = aws.String("x.x.x")
}

// dynamic has the recipe read the parameter by itself.
func dynamic(r *imagebuilder.CreateImageRecipeInput, _ *types.ImagePipeline) {
	r.ParentImage = aws.String("ssm:/golden/windows/base")
}

func build(t *testing.T, f func(*building), edits ...edit) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := scenario.NewSimulated(clock.Real{}, awssim.Options{})
		s := scenario.NewStage(t.Context(), w)
		b := &building{T: t, world: w, stage: s, studio: s.Studio(edits...)}
		b.told = s.Value(b.studio.Newer)
		fleet, err := fleetfile.Parse("stage.yaml", []byte(s.Building(b.studio)), app.Kinds())
		if err != nil || s.Err() != nil {
			t.Fatal(err, s.Err())
		}
		b.fleet = fleet
		b.before = b.pipeline()
		f(b)
	})
}

func (b *building) pipeline() types.ImagePipeline { return b.studio.Pipelines()[0] }

func (b *building) handle(e event.Event) *flow.Run {
	b.Helper()
	runs, err := b.stage.App(b.fleet).Handle(b.Context(), e)
	b.others.Wait()
	if err != nil {
		b.Fatal(err)
	}
	return runs[0]
}

// later has something done while a run waits. It is done when handle returns.
func (b *building) later(after time.Duration, f func() error) {
	b.others.Go(func() {
		time.Sleep(after)
		if err := f(); err != nil {
			b.Error(err)
		}
	})
}

// once has something done at the first call of an operation by a process.
func (b *building) once(operation string, f func() error) {
	var once sync.Once
	b.world.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation == operation {
			once.Do(func() {
				if err := f(); err != nil {
					b.Error(err)
				}
			})
		}
		return awssim.Fault{}
	})
}

// ends fails unless the run ended like that.
func (b *building) ends(run *flow.Run, want flow.Outcome) {
	b.Helper()
	b.stage.Expect(run, want)
	b.check()
}

func (b *building) check() {
	b.Helper()
	if err := b.stage.Err(); err != nil {
		b.Fatal(err)
	}
}

// isBuilt fails unless there are these versions, the pipeline is on the one, that one
// was built once, and nothing else of the pipeline is otherwise than before.
func (b *building) isBuilt(pipeline, version string, versions ...string) {
	b.Helper()
	b.stage.ExpectRecipes(b.studio, pipeline, versions...)
	parent := b.studio.Newer
	b.stage.ExpectBuilds(b.studio, fmt.Sprintf("%s/1 AVAILABLE %s", version, parent))
	b.stage.ExpectAlike(b.before, b.pipeline(), "ImageRecipeArn", "DateUpdated", "ConsecutiveFailures", "LastRunStatus")
	b.check()
}

// usual is isBuilt after nothing but trouble.
func (b *building) usual() {
	b.Helper()
	b.isBuilt("1.0.1", "1.0.1", "1.0.0 "+b.studio.Base, "1.0.1 "+b.studio.Newer)
}

func (b *building) set(value string) error {
	return b.world.SSM.Set("/golden/windows/base", value, ssmtypes.ParameterTypeString)
}

// TestBuildsOfLostAnswers: whichever call's answer is lost, or whichever call takes
// effect long after it was given up, one version is made and built once.
func TestBuildsOfLostAnswers(t *testing.T) {
	faults := map[string]awssim.Fault{
		"after":    awssim.FailAfter(awssim.ConnectionReset()),
		"late":     awssim.FailLate(3*time.Second, awssim.ConnectionReset()),
		"error":    awssim.FailBefore(awssim.InternalError()),
		"throttle": awssim.FailBefore(simimagebuilder.CallRateLimitExceeded()),
	}
	for _, operation := range []string{
		"imagebuilder:CreateImageRecipe", "imagebuilder:UpdateImagePipeline", "imagebuilder:StartImagePipelineExecution",
		"imagebuilder:GetImage", "imagebuilder:ListImageRecipes", "imagebuilder:GetImagePipeline", "ssm:GetParameter",
	} {
		for name, fault := range faults {
			for _, times := range []int{1, 12} { // the SDK tries eight times
				t.Run(fmt.Sprintf("%s %s %d", operation, name, times), func(t *testing.T) {
					build(t, func(b *building) {
						b.world.Intercept(failing(operation, times, fault))
						b.ends(b.handle(b.told), flow.Succeeded)
						b.usual()
					})
				})
			}
		}
	}
}

// TestBuildsWithStaleReads: for some seconds reads show what was before.
func TestBuildsWithStaleReads(t *testing.T) {
	for _, age := range []time.Duration{time.Second, 5 * time.Second, 12 * time.Second} {
		for every := range 3 {
			build(t, func(b *building) {
				time.Sleep(time.Minute)
				n := 0
				b.world.StaleReads(func(awssim.Call) time.Duration {
					if n++; every > 0 && n%(every+1) == 0 {
						return 0
					}
					return age
				})
				run := b.handle(b.told)
				b.world.StaleReads(func(awssim.Call) time.Duration { return 0 })
				b.ends(run, flow.Succeeded)
				b.usual()
			})
		}
	}
}

// TestTheParameterIsReadBehindItsEvent: the first reads show the former value.
func TestTheParameterIsReadBehindItsEvent(t *testing.T) {
	build(t, func(b *building) {
		b.world.StaleReads(func(awssim.Call) time.Duration { return 8 * time.Second })
		time.Sleep(9 * time.Second)
		third := b.stage.Parent("base-3")
		b.told = b.stage.Value(third)
		run := b.handle(b.told)
		b.world.StaleReads(func(awssim.Call) time.Duration { return 0 })
		b.ends(run, flow.Succeeded)
		b.stage.ExpectBuilds(b.studio, "1.0.1/1 AVAILABLE "+third)
		b.check()
	})
}

// TestTheParameterChangesWhileItBuilds: the build is let run, and one more run makes
// the next.
func TestTheParameterChangesWhileItBuilds(t *testing.T) {
	build(t, func(b *building) {
		third := b.stage.Parent("base-3")
		program := b.stage.App(b.fleet)
		b.later(5*time.Minute, func() error {
			b.world.Take()
			if err := b.set(third); err != nil {
				return err
			}
			for _, e := range b.world.Take() {
				if _, ok, _ := event.AsParameterChange(e); ok {
					_, err := program.Handle(b.Context(), e)
					return err
				}
			}
			return fmt.Errorf("no event")
		})
		if _, err := program.Handle(b.Context(), b.told); err != nil {
			t.Fatal(err)
		}
		b.others.Wait()
		b.stage.ExpectRecipes(b.studio, "1.0.2", "1.0.0 "+b.studio.Base, "1.0.1 "+b.studio.Newer, "1.0.2 "+third)
		b.stage.ExpectBuilds(b.studio, "1.0.1/1 AVAILABLE "+b.studio.Newer, "1.0.2/1 AVAILABLE "+third)
		b.check()
	})
}

// TestTheParameterChangesWhileItWaits: nothing was changed yet, so that what the
// parameter held in between is never built.
func TestTheParameterChangesWhileItWaits(t *testing.T) {
	build(t, func(b *building) {
		third := b.stage.Parent("base-3")
		if _, err := b.studio.Start(b.studio.Pipeline, types.BuildTypeScheduled); err != nil {
			t.Fatal(err)
		}
		b.later(5*time.Minute, func() error { return b.set(third) })
		b.ends(b.handle(b.told), flow.Succeeded)
		b.stage.ExpectRecipes(b.studio, "1.0.1", "1.0.0 "+b.studio.Base, "1.0.1 "+third)
		b.stage.ExpectBuilds(b.studio, "1.0.0/1 AVAILABLE "+b.studio.Base, "1.0.1/1 AVAILABLE "+third)
		b.check()
	})
}

// TestTheBuildIsCancelled: the pipeline stays on the recipe, and retry follows the
// build that somebody starts in its place.
func TestTheBuildIsCancelled(t *testing.T) {
	build(t, func(b *building) {
		b.later(5*time.Minute, func() error { return b.studio.Cancel(aws.ToString(b.studio.Images()[0].Arn), "") })
		run := b.handle(b.told)
		b.ends(run, flow.Stuck)
		if !strings.Contains(run.Reason, "image/windows/1.0.1/1 is CANCELLED") {
			t.Errorf("it ended since %s", run.Reason)
		}
		if _, err := b.studio.Start(b.studio.Pipeline, types.BuildTypeUserInitiated); err != nil {
			t.Fatal(err)
		}
		program := b.stage.App(b.fleet)
		if _, err := program.Retry(b.Context(), run.ID); err != nil {
			t.Fatal(err)
		}
		retried, err := program.Drive(b.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		b.ends(retried, flow.Succeeded)
		b.stage.ExpectNotice(&flow.Run{Outbox: retried.Outbox[len(retried.Outbox)-1:]}, "the new image is ami-", "image/windows/1.0.1/2")
		b.stage.ExpectBuilds(b.studio, "1.0.1/1 CANCELLED "+b.studio.Newer, "1.0.1/2 AVAILABLE "+b.studio.Newer)
		b.check()
	})
}

// TestSomebodyEditsThePipelineMeanwhile, whatever of it: nothing of that is lost.
func TestSomebodyEditsThePipelineMeanwhile(t *testing.T) {
	for _, operation := range []string{"imagebuilder:ListImageRecipes", "imagebuilder:CreateImageRecipe"} {
		build(t, func(b *building) {
			b.once(operation, func() error {
				return b.studio.ChangePipeline(b.studio.Pipeline, func(p *types.ImagePipeline) { p.Description = aws.String("edited") })
			})
			b.before.Description = aws.String("edited")
			b.ends(b.handle(b.told), flow.Succeeded)
			b.usual()
		})
	}
}

// TestSomebodyGivesThePipelineAnotherVersionMeanwhile: the new version is made from
// that one, so that what it has is not lost.
func TestSomebodyGivesThePipelineAnotherVersionMeanwhile(t *testing.T) {
	for _, operation := range []string{"imagebuilder:ListImageRecipes", "imagebuilder:CreateImageRecipe"} {
		build(t, func(b *building) {
			edited := ""
			b.once(operation, func() (err error) {
				in := simimagebuilder.EveryRecipeField("windows", b.studio.Base)
				in.SemanticVersion, in.WorkingDirectory = aws.String("1.0.5"), aws.String("C:/edited")
				if edited, err = b.studio.AddRecipe(in); err != nil {
					return err
				}
				return b.studio.ChangePipeline(b.studio.Pipeline, func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(edited) })
			})
			b.ends(b.handle(b.told), flow.Succeeded)
			b.isBuilt("1.0.6", "1.0.6", "1.0.0 "+b.studio.Base, "1.0.5 "+b.studio.Base, "1.0.6 "+b.studio.Newer)
			for _, r := range b.studio.Recipes() {
				if aws.ToString(r.Version) == "1.0.6" && aws.ToString(r.WorkingDirectory) != "C:/edited" {
					t.Errorf("the new version works in %s", *r.WorkingDirectory)
				}
			}
		})
	}
}

// TestSomebodyMakesTheNewestVersionMeanwhile, and the pipeline takes the newest.
func TestSomebodyMakesTheNewestVersionMeanwhile(t *testing.T) {
	build(t, func(b *building) {
		b.once("imagebuilder:CreateImageRecipe", func() error {
			in := simimagebuilder.EveryRecipeField("windows", b.studio.Base)
			in.SemanticVersion, in.WorkingDirectory = aws.String("1.5.0"), aws.String("C:/edited")
			_, err := b.studio.AddRecipe(in)
			return err
		})
		b.ends(b.handle(b.told), flow.Succeeded)
		b.isBuilt("x.x.x", "1.5.1", "1.0.0 "+b.studio.Base, "1.5.0 "+b.studio.Base, "1.5.1 "+b.studio.Newer)
	}, newest)
}

// TestSomebodyIsFasterWithTheNumber: the number is taken between the list and the
// call.
func TestSomebodyIsFasterWithTheNumber(t *testing.T) {
	build(t, func(b *building) {
		b.once("imagebuilder:CreateImageRecipe", func() error {
			in := simimagebuilder.EveryRecipeField("windows", b.studio.Base)
			in.SemanticVersion = aws.String("1.0.1")
			_, err := b.studio.AddRecipe(in)
			return err
		})
		b.ends(b.handle(b.told), flow.Succeeded)
		b.isBuilt("1.0.2", "1.0.2", "1.0.0 "+b.studio.Base, "1.0.1 "+b.studio.Base, "1.0.2 "+b.studio.Newer)
	})
}

// TestTheScheduleIsFaster: it builds between the update and the start.
func TestTheScheduleIsFaster(t *testing.T) {
	build(t, func(b *building) {
		b.once("imagebuilder:StartImagePipelineExecution", func() error {
			_, err := b.studio.Start(b.studio.Pipeline, types.BuildTypeScheduled)
			return err
		})
		b.ends(b.handle(b.told), flow.Succeeded)
		b.usual()
	})
}

// TestThePipelineIsDisabledMeanwhile: what was made is taken back.
func TestThePipelineIsDisabledMeanwhile(t *testing.T) {
	build(t, func(b *building) {
		b.once("imagebuilder:UpdateImagePipeline", func() error {
			return b.studio.ChangePipeline(b.studio.Pipeline, func(p *types.ImagePipeline) { p.Status = types.PipelineStatusDisabled })
		})
		// The update is of what was read before that: it enables the pipeline again,
		// which is the blink that UpdateImagePipeline leaves.
		b.ends(b.handle(b.told), flow.Succeeded)
	})
	build(t, func(b *building) {
		b.once("imagebuilder:CreateImageRecipe", func() error {
			return b.studio.ChangePipeline(b.studio.Pipeline, func(p *types.ImagePipeline) { p.Status = types.PipelineStatusDisabled })
		})
		b.ends(b.handle(b.told), flow.RolledBack)
		b.stage.ExpectRecipes(b.studio, "1.0.0", "1.0.0 "+b.studio.Base)
		b.stage.ExpectBuilds(b.studio)
		b.check()
	})
}

// TestTheBuildIsTakenBack: no build can be started, and what was made goes. The next
// run makes it again, whatever Image Builder remembers of tokens.
func TestTheBuildIsTakenBack(t *testing.T) {
	build(t, func(b *building) {
		denied := true
		b.world.Authorize(func(action, _ string, _ map[string][]string) bool {
			return action != "imagebuilder:StartImagePipelineExecution" || !denied
		})
		run := b.handle(b.told)
		b.ends(run, flow.RolledBack)
		b.stage.ExpectRecipes(b.studio, "1.0.0", "1.0.0 "+b.studio.Base)
		b.check()
		denied = false
		program := b.stage.App(b.fleet)
		if _, err := program.Retry(b.Context(), run.ID); err != nil {
			t.Fatal(err)
		}
		retried, err := program.Drive(b.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		b.ends(retried, flow.Succeeded)
		b.usual()
	})
}

// TestTheStartWasNotDenied: AWS says that it did not start a build, and it did. Then
// nothing is taken back from under the build.
func TestTheStartWasNotDenied(t *testing.T) {
	build(t, func(b *building) {
		b.world.Intercept(failing("imagebuilder:StartImagePipelineExecution", 1, awssim.FailAfter(awssim.Fail(403, "ForbiddenException", "no"))))
		run := b.handle(b.told)
		b.ends(run, flow.Stuck)
		if left := fmt.Sprint(run.Left); !strings.Contains(left, "has built from recipe windows 1.0.1") {
			t.Errorf("left is %s", left)
		}
		b.stage.ExpectRecipes(b.studio, "1.0.1", "1.0.0 "+b.studio.Base, "1.0.1 "+b.studio.Newer)
		time.Sleep(time.Hour)
		b.usual()
	})
}

// TestTwoProcessesBuild that do not know of each other, and handle the event at once.
func TestTwoProcessesBuild(t *testing.T) {
	for _, how := range [][]edit{nil, {newest}, {dynamic}} {
		build(t, func(b *building) {
			var processes sync.WaitGroup
			for range 2 {
				process := scenario.NewStage(b.Context(), b.world).App(b.fleet)
				processes.Go(func() {
					if _, err := process.Handle(b.Context(), b.told); err != nil {
						b.Error(err)
					}
				})
			}
			processes.Wait()
			if n := len(b.studio.Recipes()); n > 2 {
				t.Errorf("there are %d versions", n)
			}
			if images := b.studio.Images(); len(images) != 1 || images[0].State.Status != types.ImageStatusAvailable {
				t.Errorf("there are %d images, the first is %s", len(images), images[0].State.Status)
			}
		}, how...)
	}
}

// TestKilledWhileItBuilds: a process is killed before or after the effect of its n-th
// call; another goes on, with the same ledger or with one of its own, in the same
// minute or after an hour. In the end there is one version more, built once.
func TestKilledWhileItBuilds(t *testing.T) {
	t.Parallel()
	for name, how := range map[string][]edit{"by number": nil, "newest": {newest}, "by itself": {dynamic}} {
		for _, shared := range []bool{true, false} {
			for _, pause := range []time.Duration{0, time.Hour} {
				t.Run(fmt.Sprintf("%s, shared ledger %t, after %s", name, shared, pause), func(t *testing.T) {
					t.Parallel()
					killed := 0
					for n := 1; ; n++ {
						last := false
						for _, fault := range []awssim.Fault{awssim.FailBefore(awssim.ConnectionReset()), awssim.FailAfter(awssim.ConnectionReset())} {
							build(t, func(b *building) { last = !b.kill(n, fault, shared, pause) }, how...)
						}
						if t.Failed() {
							t.Fatalf("killed at call %d", n)
						}
						if last {
							break
						}
						killed++
					}
					if killed < 12 {
						t.Errorf("it was killed at %d calls: did it do anything?", killed)
					}
				})
			}
		}
	}
}

// kill kills the process at its n-th call. It reports false if the process did not
// make so many.
func (b *building) kill(n int, fault awssim.Fault, shared bool, pause time.Duration) bool {
	var dead atomic.Bool
	var calls atomic.Int64
	b.world.Intercept(func(c awssim.Call) awssim.Fault {
		switch {
		case c.Actor != "victim":
		case dead.Load():
			return awssim.FailBefore(awssim.ConnectionReset())
		case calls.Add(1) == int64(n):
			dead.Store(true)
			return fault
		}
		return awssim.Fault{}
	})
	memories := memory.NewNamed(clock.Real{}, "shared")
	process := func(l ledger.Ledger, owner string) *app.App {
		return app.New(app.Deps{
			Fleet: b.fleet, Ledger: l, AWS: b.world.AWS(), Clock: clock.Real{}, Version: "test", Seed: 1, Owner: owner,
			Log: slog.New(slog.DiscardHandler),
		})
	}
	ctx := awssim.WithActor(b.Context(), "victim")
	_, err := process(mortal{memories, &dead}, "victim").Handle(ctx, b.told)
	if !dead.Load() {
		if err != nil {
			b.Error(err)
		}
		b.builtOnce(n)
		return false
	}
	time.Sleep(pause)
	heir := process(memories, "heir")
	if !shared {
		heir = process(memory.NewNamed(clock.Real{}, "own"), "heir")
	}
	runs, err := heir.Handle(b.Context(), b.told)
	if err != nil {
		b.Error(err)
	}
	for _, r := range runs {
		if r.Outcome.Failed() {
			b.Errorf("killed at call %d: the run ended %s: %s %v", n, r.Outcome, r.Reason, r.Left)
		}
	}
	time.Sleep(time.Hour) // a build that the heir has left to itself
	b.builtOnce(n)
	return true
}

// builtOnce fails unless one version more was made, if any was needed, and one build.
func (b *building) builtOnce(n int) {
	b.Helper()
	has := aws.ToString(b.before.ImageRecipeArn)
	switch parent := aws.ToString(b.studio.Recipes()[0].ParentImage); {
	case strings.HasPrefix(parent, "ssm:"):
		b.isBuilt("1.0.0", "1.0.0", "1.0.0 "+parent)
	case strings.HasSuffix(has, "x.x.x"):
		b.isBuilt("x.x.x", "1.0.1", "1.0.0 "+b.studio.Base, "1.0.1 "+b.studio.Newer)
	default:
		b.usual()
	}
	count := map[string]int{}
	for _, m := range b.world.Mutations() {
		operation, _, _ := strings.Cut(m, " ")
		count[operation]++
	}
	for _, operation := range []string{"imagebuilder:CreateImageRecipe", "imagebuilder:UpdateImagePipeline", "imagebuilder:StartImagePipelineExecution"} {
		if count[operation] > 1 && !slices.Contains([]string{"imagebuilder:UpdateImagePipeline"}, operation) {
			b.Errorf("killed at call %d: %s was carried out %d times", n, operation, count[operation])
		}
	}
	if count["imagebuilder:DeleteImageRecipe"] > 0 {
		b.Errorf("killed at call %d: a version was deleted", n)
	}
}
