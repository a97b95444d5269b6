package pipelinefollowsparameter

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/failure"
)

// planned is a turn of a run that has decided.
func (w *world) planned() *turn {
	w.Helper()
	t := w.turn(config())
	w.must(observe(w.Context(), t))
	t.Plan = decide(t.Config, t.State, w.clock.Now())
	return t
}

// again is the next attempt at a step.
func (w *world) again(t *turn, after time.Duration) {
	w.clock.Advance(after)
	t.Attempt++
	t.Plan = t.Plan.Filled(t.Values)
}

// next is the first attempt at the next step.
func (w *world) next(t *turn) {
	t.Plan, t.Attempt, t.Since = t.Plan.Filled(t.Values), 1, w.clock.Now()
}

func (w *world) versions() string {
	var all []string
	for _, r := range w.ib.Recipes() {
		all = append(all, *r.Version)
	}
	return strings.Join(all, " ")
}

func replans(err error) bool {
	var replan *automation.Replan
	return errors.As(err, &replan)
}

func TestStepRecipeIsNotMadeTwice(t *testing.T) {
	w := newWorld(t)
	one, other := w.planned(), w.planned()
	other.Run.ID = "run-2"
	w.must(createRecipe(t.Context(), one))
	w.must(createRecipe(t.Context(), other)) // of another run, which adopts it
	w.again(one, time.Minute)
	w.must(createRecipe(t.Context(), one))
	if got := w.versions(); got != "1.0.0 1.0.1" {
		t.Errorf("there are the versions %s", got)
	}
	for _, x := range []*turn{one, other} {
		if got := x.Values[stepRecipe+"."+valueRecipe]; got != recipeARN("1.0.1") {
			t.Errorf("it provides %q", got)
		}
	}
}

func TestStepRecipeLooksAgain(t *testing.T) {
	for name, edit := range map[string]func(*world){
		"the value": func(w *world) { w.set(oldImage) },
		"the pipeline's version": func(w *world) {
			w.version("1.2.0", oldImage)
			w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipeARN("1.2.0")) })
		},
		"disabled": func(w *world) { w.pipeline(func(p *types.ImagePipeline) { p.Status = types.PipelineStatusDisabled }) },
	} {
		w := newWorld(t)
		x := w.planned()
		edit(w)
		before := w.versions()
		if err := createRecipe(t.Context(), x); !replans(err) || w.versions() != before {
			t.Errorf("%s: %v, versions %s", name, err, w.versions())
		}
	}
}

// TestStepRecipePassesOverAHiddenNumber: Image Builder says that a number is taken,
// and shows nobody who has it.
func TestStepRecipePassesOverAHiddenNumber(t *testing.T) {
	w := newWorld(t)
	w.sim.Intercept(func(c awssim.Call) awssim.Fault {
		if in, ok := c.Input.(*imagebuilder.CreateImageRecipeInput); ok && *in.SemanticVersion == "1.0.1" {
			return awssim.FailBefore(awssim.FailAs(400, &types.ResourceAlreadyExistsException{Message: aws.String("taken")}))
		}
		return awssim.Fault{}
	})
	x := w.planned()
	for range 2 { // at once it may only be that the list is behind
		if err := createRecipe(t.Context(), x); failure.ClassOf(err) != failure.Retry || x.State.Taken != "" {
			t.Fatalf("%v, taken %q", err, x.State.Taken)
		}
		w.again(x, time.Second)
	}
	w.again(x, rereadFor)
	if err := createRecipe(t.Context(), x); failure.ClassOf(err) != failure.Retry || x.State.Taken != "1.0.1" {
		t.Fatalf("%v, taken %q", err, x.State.Taken)
	}
	w.again(x, time.Second)
	w.must(createRecipe(t.Context(), x))
	if got := w.versions(); got != "1.0.0 1.0.2" {
		t.Errorf("there are the versions %s", got)
	}
}

func TestStepUndoRecipe(t *testing.T) {
	w := newWorld(t)
	x := w.planned()
	w.must(createRecipe(t.Context(), x))
	w.version("1.0.7", newOne) // of somebody else
	w.next(x)
	x.Settled = w.clock.Now().Add(time.Minute)
	if err := undoRecipe(t.Context(), x); failure.ClassOf(err) != failure.Wait || w.versions() != "1.0.0 1.0.7" {
		t.Errorf("%v, versions %s", err, w.versions())
	}
	w.again(x, time.Minute)
	w.must(undoRecipe(t.Context(), x))
	if x.State.Undone != 1 {
		t.Errorf("it was taken back %d times", x.State.Undone)
	}
	if err := undoRecipe(t.Context(), w.turn(config())); err != nil {
		t.Errorf("of a run that never came to look: %v", err)
	}
}

func TestStepUndoRecipeSparesWhatIsUsed(t *testing.T) {
	for name, use := range map[string]func(*world, string){
		"is what " + pipeline + " builds from": func(w *world, arn string) {
			w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(arn) })
		},
		"was built from": func(w *world, arn string) {
			w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(arn) })
			w.build()
			w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipeARN("1.0.0")) })
		},
	} {
		w := newWorld(t)
		x := w.planned()
		w.must(createRecipe(t.Context(), x))
		use(w, x.Values[stepRecipe+"."+valueRecipe])
		w.next(x)
		w.clock.Advance(rereadFor)
		if err := undoRecipe(t.Context(), x); failure.ClassOf(err) != failure.Stop || !strings.Contains(err.Error(), name) || w.versions() != "1.0.0 1.0.1" {
			t.Errorf("%s: %v, versions %s", name, err, w.versions())
		}
	}
}

// TestStepPipelineIsNotGivenTwice: while reads are behind, an update is not repeated.
func TestStepPipelineIsNotGivenTwice(t *testing.T) {
	w := newWorld(t)
	x := w.planned()
	w.must(createRecipe(t.Context(), x))
	w.clock.Advance(time.Minute)
	w.next(x)
	w.sim.StaleReads(func(awssim.Call) time.Duration { return 10 * time.Second })
	w.clock.Advance(11 * time.Second)
	for range 3 {
		if err := updatePipeline(t.Context(), x); failure.ClassOf(err) != failure.Retry {
			t.Fatal(err)
		}
		w.again(x, 2*time.Second)
	}
	w.again(x, 10*time.Second)
	w.must(updatePipeline(t.Context(), x))
	n := 0
	for _, c := range w.sim.Calls() {
		if c.Operation == opUpdate {
			n++
		}
	}
	if n != 1 {
		t.Errorf("it was updated %d times", n)
	}
}

func TestStepPipelineThatSomebodyChanged(t *testing.T) {
	w := newWorld(t)
	x := w.planned()
	w.must(createRecipe(t.Context(), x))
	w.next(x)
	w.version("1.2.0", oldImage)
	w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipeARN("1.2.0")) })
	if err := updatePipeline(t.Context(), x); failure.ClassOf(err) != failure.Retry {
		t.Errorf("at once it may be that the read is behind: %v", err)
	}
	w.again(x, rereadFor)
	if err := updatePipeline(t.Context(), x); failure.ClassOf(err) != failure.Stop || len(failure.Hints(err)) == 0 {
		t.Errorf("somebody has changed it: %v", err)
	}
	w.version("1.0.5", newOne)
	w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipeARN("1.0.0")) })
	y := w.planned() // with the version that is there
	w.pipeline(func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipeARN("1.2.0")) })
	if err := updatePipeline(t.Context(), y); !replans(err) {
		t.Errorf("nothing was made yet, so all can be decided anew: %v", err)
	}
}

func TestStepFollowOfAnImageThatIsNotShown(t *testing.T) {
	w := newWorld(t)
	x := w.planned()
	x.Provide(stepStart, valueImage, arns+"image/windows/1.0.1/1")
	if err := follow(t.Context(), x); failure.ClassOf(err) != failure.Wait {
		t.Errorf("it may be that the read is behind: %v", err)
	}
	w.again(x, rereadFor)
	if err := follow(t.Context(), x); failure.ClassOf(err) != failure.Stop || !strings.Contains(err.Error(), "does not show "+arns+"image/windows/1.0.1/1") {
		t.Errorf("it is gone: %v", err)
	}
}

func TestStepAwaitIdle(t *testing.T) {
	w := newWorld(t)
	image := w.build()
	x := w.planned()
	w.clock.Advance(time.Minute)
	if err := awaitIdle(t.Context(), x); failure.ClassOf(err) != failure.Wait || !strings.Contains(err.Error(), image+" to be ready: it is BUILDING") {
		t.Errorf("it builds something else: %v", err)
	}
	w.again(x, time.Hour)
	w.must(awaitIdle(t.Context(), x))
	w.set("ami-00000000000000003")
	if err := awaitIdle(t.Context(), x); !replans(err) {
		t.Errorf("the parameter has changed: %v", err)
	}
}
