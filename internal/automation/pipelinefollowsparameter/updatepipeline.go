package pipelinefollowsparameter

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// updatePipeline gives the pipeline the version, and everything else that it has at
// that moment. Image Builder has no update of what has not changed since it was
// read, so what somebody changes within that blink is lost.
func updatePipeline(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepPipeline)
	if len(changes) == 0 {
		return nil
	}
	c := changes[0]
	p, err := readPipeline(ctx, t)
	if err != nil {
		return err
	}
	switch now := aws.ToString(p.ImageRecipeArn); {
	case now == c.To:
		return nil
	case now != c.From && len(t.Plan.For(stepRecipe)) == 0:
		return &automation.Replan{Why: fmt.Sprintf("the pipeline built from %s and builds from %s", label(c.From), label(now))}
	case now != c.From && early(t):
		return failure.Retryf("image pipeline %s shows %s, neither %s nor %s", t.Config.Pipeline, label(now), label(c.From), label(c.To))
	case now != c.From:
		return failure.WithHint(failure.Stopf("image pipeline %s built from %s and builds from %s: somebody has changed it meanwhile", t.Config.Pipeline, label(c.From), label(now)),
			"decide anew: drover run --fleet FILE --sweep")
	}
	if err := enabled(p); err != nil {
		return err
	}
	return give(ctx, t, p, c.To)
}

func enabled(p types.ImagePipeline) error {
	if p.Status != types.PipelineStatusDisabled {
		return nil
	}
	return failure.WithHint(failure.Stopf("image pipeline %s has been disabled meanwhile", aws.ToString(p.Arn)), "enable it, then: drover run --fleet FILE --sweep")
}

// give gives the pipeline a recipe. While reads are behind it does not do so again: it
// would take back what somebody changes meanwhile.
//
// It counts attempts in its token: Image Builder would take a second call with the
// token of the first for done, whatever the pipeline has become in between.
func give(ctx context.Context, t *turn, p types.ImagePipeline, recipe string) error {
	behind := failure.Retryf("image pipeline %s still shows %s, not %s", t.Config.Pipeline, label(aws.ToString(p.ImageRecipeArn)), label(recipe))
	if g := t.State.Given; g.Recipe == recipe && t.Clock.Now().Sub(g.At) < rereadFor {
		return behind
	}
	in := withRecipe(p, recipe)
	in.ClientToken = aws.String(t.Run.Token(stepPipeline, recipe, t.Since.UnixNano(), t.Attempt))
	if _, err := t.AWS.ImageBuilder.UpdateImagePipeline(ctx, in); err != nil {
		return fmt.Errorf("give image pipeline %s %s: %w", t.Config.Pipeline, label(recipe), err)
	}
	t.State.Given = Given{Recipe: recipe, At: t.Clock.Now()}
	now, err := readPipeline(ctx, t)
	if err == nil && aws.ToString(now.ImageRecipeArn) != recipe {
		return behind
	}
	return err
}

// undoPipeline gives the pipeline the version that it had, if it has the one of this
// run and has not built from it.
func undoPipeline(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepPipeline)
	if len(changes) == 0 {
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
	for _, c := range changes {
		if aws.ToString(p.ImageRecipeArn) != c.To {
			continue
		}
		if b, ok := best(builds, c.To, time.Time{}); ok && len(t.Plan.For(stepStart)) > 0 {
			return failure.WithHint(failure.Stopf("image pipeline %s has built from %s: %s", t.Config.Pipeline, label(c.To), outcome(b)),
				"let it be, or give the pipeline %s again", label(c.From))
		}
		if err := give(ctx, t, p, c.From); err != nil {
			return err
		}
		break
	}
	// Also after it was set back: a call that is late may set it once more.
	return t.Absent(fmt.Sprintf("call under way that gives %s another recipe", t.Config.Pipeline))
}
