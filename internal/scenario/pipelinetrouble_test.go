package scenario_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
	simimagebuilder "github.com/droverhq/drover/internal/awssim/imagebuilder"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario"
)

// building is a scene with a pipeline, and a parameter that has just been given
// another parent image.
type building struct {
	*scene
	studio *scenario.Studio
	told   event.Event
	before types.ImagePipeline
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
	inScene(t, awssim.Options{}, func(sc *scene) {
		b := &building{scene: sc, studio: sc.stage.Studio(edits...)}
		b.told = b.stage.Value(b.studio.Newer)
		b.keep(b.stage.Building(b.studio))
		b.before = b.pipeline()
		f(b)
	})
}

func (b *building) pipeline() types.ImagePipeline { return b.studio.Pipelines()[0] }

// ends fails unless the run ended like that.
func (b *building) ends(run *flow.Run, want flow.Outcome) {
	b.Helper()
	b.stage.Expect(run, want)
	b.check()
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
				run := b.handleStale(b.told, age, func(n int64) bool { return every == 0 || n%int64(every+1) > 0 })
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
		retried := b.retry(run)
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
			b.at(1, operation, func() error {
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
			b.at(1, operation, func() (err error) {
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
		b.at(1, "imagebuilder:CreateImageRecipe", func() error {
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
		b.at(1, "imagebuilder:CreateImageRecipe", func() error {
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
		b.at(1, "imagebuilder:StartImagePipelineExecution", func() error {
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
		b.at(1, "imagebuilder:UpdateImagePipeline", func() error {
			return b.studio.ChangePipeline(b.studio.Pipeline, func(p *types.ImagePipeline) { p.Status = types.PipelineStatusDisabled })
		})
		// The update is of what was read before that: it enables the pipeline again,
		// which is the blink that UpdateImagePipeline leaves.
		b.ends(b.handle(b.told), flow.Succeeded)
	})
	build(t, func(b *building) {
		b.at(1, "imagebuilder:CreateImageRecipe", func() error {
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
		allow := b.deny("imagebuilder:StartImagePipelineExecution")
		run := b.handle(b.told)
		b.ends(run, flow.RolledBack)
		b.stage.ExpectRecipes(b.studio, "1.0.0", "1.0.0 "+b.studio.Base)
		b.check()
		allow()
		b.ends(b.retry(run), flow.Succeeded)
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
			b.apart(b.told, b.told)
			if n := len(b.studio.Recipes()); n > 2 {
				t.Errorf("there are %d versions", n)
			}
			if images := b.studio.Images(); len(images) != 1 || images[0].State.Status != types.ImageStatusAvailable {
				t.Errorf("there are %d images, the first is %s", len(images), images[0].State.Status)
			}
		}, how...)
	}
}

// TestKilledWhileItBuilds: in the end there is one version more, built once.
func TestKilledWhileItBuilds(t *testing.T) {
	t.Parallel()
	for name, how := range map[string][]edit{"by number": nil, "newest": {newest}, "by itself": {dynamic}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killEverywhere(t, 12, []dying{diesBefore, diesAfter}, func(t *testing.T, kill func(victim)) {
				build(t, func(b *building) {
					kill(victim{scene: b.scene, told: func() event.Event { return b.told }, holds: func(h *heir) {
						if h != nil {
							time.Sleep(time.Hour) // a build that the heir has left to itself
						}
						b.builtOnce()
					}})
				}, how...)
			})
		})
	}
}

// builtOnce fails unless one version more was made, if any was needed, and one build.
func (b *building) builtOnce() {
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
	for operation, most := range map[string]int{
		"imagebuilder:CreateImageRecipe": 1, "imagebuilder:StartImagePipelineExecution": 1, "imagebuilder:DeleteImageRecipe": 0,
	} {
		if n := b.carriedOut(operation); n > most {
			b.Errorf("%s was carried out %d times", operation, n)
		}
	}
}
