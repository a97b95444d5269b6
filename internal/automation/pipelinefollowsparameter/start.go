package pipelinefollowsparameter

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// start starts a build, unless there is one: of an attempt before, of the pipeline's
// own schedule, or of somebody who was faster. From now on nothing is undone.
func start(ctx context.Context, t *turn) error {
	if len(t.Plan.For(stepStart)) == 0 {
		return nil
	}
	p, err := readPipeline(ctx, t)
	if err != nil {
		return err
	}
	builds, err := listBuilds(ctx, t)
	if err != nil {
		return err
	}
	recipe, since := wanted(t)
	if b, ok := best(builds, recipe, since); ok {
		t.Provide(stepStart, valueImage, b.Image)
		return nil
	}
	if err := enabled(p); err != nil {
		return err
	}
	if err := has(ctx, t, pipelineOf(p), recipe); err != nil {
		return err
	}
	if err := idle(t, State{Builds: builds}); err != nil {
		return err
	}
	out, err := t.AWS.ImageBuilder.StartImagePipelineExecution(ctx, &imagebuilder.StartImagePipelineExecutionInput{
		// The same for all attempts of this run: whatever becomes of their answers,
		// they start one build.
		ClientToken:      aws.String(t.Run.Token(stepStart, recipe, t.State.Parameter.Version)),
		ImagePipelineArn: aws.String(t.Config.Pipeline),
		Tags:             signed(nil, t.Run),
	})
	switch {
	case cloud.Code(err) == "ResourceInUseException":
		return failure.Waitf(t.Clock.Now().Add(buildPoll), "%s to build nothing else: %w", t.Config.Pipeline, err)
	case err != nil:
		return fmt.Errorf("start a build of image pipeline %s: %w", t.Config.Pipeline, err)
	}
	t.Provide(stepStart, valueImage, aws.ToString(out.ImageBuildVersionArn))
	return nil
}

// has looks whether the pipeline would build from the version.
func has(ctx context.Context, t *turn, p Pipeline, recipe string) error {
	now := p.Recipe
	if p.floats() {
		r, err := readRecipe(ctx, t, p.Recipe)
		if err != nil {
			return err
		}
		now = aws.ToString(r.Arn)
	}
	switch {
	case now == recipe:
		return nil
	case early(t):
		return failure.Retryf("image pipeline %s still shows %s, not %s", p.ARN, label(now), label(recipe))
	}
	return failure.WithHint(failure.Stopf("image pipeline %s builds from %s by now, not from %s: somebody has changed it meanwhile", p.ARN, label(now), label(recipe)),
		"decide anew: drover run --fleet FILE --sweep")
}

// wanted is the version that is built from, and since when a build of it counts.
func wanted(t *turn) (recipe string, since time.Time) {
	if t.State.Recipe.dynamic() {
		return t.State.Recipe.ARN, t.State.Parameter.Modified
	}
	if changes := t.Plan.For(stepPipeline); len(changes) > 0 {
		return changes[0].To, time.Time{}
	}
	return cmp.Or(t.Values[stepRecipe+"."+valueRecipe], t.State.Recipe.ARN), time.Time{}
}
