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

// follow follows the build to its end. The AMI is there before the tests are over,
// so what counts is Image Builder's own word. When a build has failed, one that
// somebody has started in its place is followed.
func follow(ctx context.Context, t *turn) error {
	if len(t.Plan.Changes) == 0 || len(t.Plan.Stuck) > 0 {
		return nil
	}
	image := cmp.Or(t.Values[stepBuild+"."+valueImage], t.Values[stepStart+"."+valueImage])
	b, shown := Build{}, false
	if image != "" {
		var err error
		if b, shown, err = readBuild(ctx, t, image); err != nil {
			return err
		}
	}
	if !shown || b.failed() {
		builds, err := listBuilds(ctx, t)
		if err != nil {
			return err
		}
		recipe, since := wanted(t)
		if other, ok := best(builds, recipe, since); ok && other.Image != image {
			if b, shown, err = readBuild(ctx, t, other.Image); err != nil {
				return err
			}
		}
	}
	now := t.Clock.Now()
	switch {
	case !shown:
		if t.State.Gone.IsZero() {
			t.State.Gone = now
		}
		if now.Sub(t.State.Gone) < rereadFor {
			return failure.Waitf(now.Add(rereadEvery), "%s to be shown by Image Builder", image)
		}
		return failure.Stopf("follow the build of image pipeline %s: Image Builder does not show %s", t.Config.Pipeline, image)
	case b.failed():
		return failure.WithHint(failure.Stopf("build with image pipeline %s: %s", t.Config.Pipeline, outcome(b)),
			"mend what made it fail, and build again: aws imagebuilder start-image-pipeline-execution --image-pipeline-arn %s", t.Config.Pipeline)
	}
	t.State.Gone = time.Time{}
	t.Provide(stepBuild, valueImage, b.Image)
	if b.runs() {
		return failure.Waitf(now.Add(buildPoll), "%s to be ready: it is %s", b.Image, b.Status)
	}
	t.Provide(stepBuild, valueAMIs, cmp.Or(b.AMIs, "not told"))
	return nil
}

// readBuild reads an image, and says whether it is shown at all.
func readBuild(ctx context.Context, t *turn, image string) (Build, bool, error) {
	out, err := t.AWS.ImageBuilder.GetImage(ctx, &imagebuilder.GetImageInput{ImageBuildVersionArn: aws.String(image)})
	switch {
	case cloud.Code(err) == notFound:
		return Build{}, false, nil
	case err != nil:
		return Build{}, false, fmt.Errorf("read image %s: %w", image, err)
	}
	i := out.Image
	b, err := buildOf(t, aws.ToString(i.Arn), i.State, i.DateCreated, i.OutputResources)
	return b, true, err
}
