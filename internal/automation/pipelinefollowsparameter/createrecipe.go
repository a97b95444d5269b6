package pipelinefollowsparameter

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// createRecipe makes the version, or finds the one that an attempt before has made:
// whatever has the same content and the parent will do.
func createRecipe(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepRecipe)
	if len(changes) == 0 {
		return nil
	}
	parent := changes[0].To
	l, err := read(ctx, t)
	if err != nil {
		return err
	}
	if r, ok := made(t, l.state, parent); ok {
		t.Provide(stepRecipe, valueRecipe, r.ARN)
		return nil
	}
	if err := agree(t, l); err != nil {
		return err
	}
	in := withParent(l.recipe, parent, l.state.Next, t.Run)
	in.ClientToken = aws.String(t.Run.Token(stepRecipe, l.state.Recipe.ARN, parent, l.state.Next, t.State.Undone))
	out, err := t.AWS.ImageBuilder.CreateImageRecipe(ctx, in)
	switch {
	case cloud.Code(err) == "ResourceAlreadyExistsException":
		return taken(ctx, t, l.state)
	case err != nil:
		return fmt.Errorf("create version %s of image recipe %s with parent %s: %w", l.state.Next, l.state.Recipe.Name, parent, err)
	}
	return settled(ctx, t, aws.ToString(out.ImageRecipeArn), parent)
}

// made finds a version that is what the plan wants made. Of a pipeline that takes
// the newest it is what the pipeline has by now.
func made(t *turn, now State, parent string) (Recipe, bool) {
	then := t.State
	switch {
	case now.Parameter.Value != parent || now.Pipeline.Recipe != then.Pipeline.Recipe:
		return Recipe{}, false
	case now.Pipeline.floats():
		return now.Recipe, now.Recipe.Parent == parent && now.Recipe.Content == then.Recipe.Content
	case now.Recipe.ARN == then.Recipe.ARN && len(now.Same) > 0:
		return now.Same[0], true
	}
	return Recipe{}, false
}

// taken deals with a number that is taken although no list showed it: by somebody who
// was faster, or by an attempt whose answer was lost. The next look is to find it; a
// number that stays hidden is passed over.
func taken(ctx context.Context, t *turn, s State) error {
	base, _ := cutLast(s.Recipe.ARN)
	arn := base + "/" + s.Next
	_, err := readRecipe(ctx, t, arn)
	hidden := cloud.Code(err) == notFound
	if err != nil && !hidden {
		return err
	}
	if hidden && !early(t) {
		t.State.Taken = s.Next
	}
	return failure.Retryf("create a version of image recipe %s: %s is taken, and was not listed", s.Recipe.Name, s.Next)
}

// settled looks whether the version can be seen, and provides its ARN. If somebody
// has changed meanwhile what the pipeline builds from, this version lacks that: it
// goes, and the run begins anew.
func settled(ctx context.Context, t *turn, arn, parent string) error {
	r, err := readRecipe(ctx, t, arn)
	if cloud.Code(err) == notFound || err == nil && aws.ToString(r.ParentImage) != parent {
		return failure.Retryf("%s cannot be seen yet", label(arn))
	}
	if err != nil {
		return err
	}
	p, err := readPipeline(ctx, t)
	if err != nil {
		return err
	}
	why := ""
	switch now := pipelineOf(p); {
	case now.Recipe == arn: // somebody was faster, to the same end
	case now.Recipe != t.State.Pipeline.Recipe:
		why = fmt.Sprintf("somebody has given the pipeline %s while %s was made", label(now.Recipe), label(arn))
	case now.floats():
		newest, err := readRecipe(ctx, t, now.Recipe)
		if err != nil {
			return err
		}
		switch got := aws.ToString(newest.Arn); {
		case got == t.State.Recipe.ARN:
			return failure.Retryf("%s does not show %s yet", now.Recipe, label(arn))
		case got != arn:
			why = fmt.Sprintf("somebody has made %s while %s was made", label(got), label(arn))
		}
	}
	if why == "" {
		t.Provide(stepRecipe, valueRecipe, arn)
		return nil
	}
	if err := deleteRecipe(ctx, t, arn); err != nil {
		return err
	}
	t.State.Undone++
	return &automation.Replan{Why: why}
}

// undoRecipe deletes every version that the run has made, unless something is built
// from it.
func undoRecipe(ctx context.Context, t *turn) error {
	if t.State.Recipe.ARN == "" {
		return nil // the pipeline has never been read, so nothing was made
	}
	versions, err := listVersions(ctx, t, t.State.Recipe)
	if err != nil {
		return err
	}
	p, err := readPipeline(ctx, t)
	if err != nil {
		return err
	}
	builds, err := listBuilds(ctx, t)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.Tags[tagRun] != t.Run.ID {
			continue
		}
		if err := unused(t, v, p, builds); err != nil {
			return err
		}
		if err := deleteRecipe(ctx, t, *v.Arn); err != nil {
			return err
		}
	}
	// Also after a version was deleted: a call that is late may make another.
	if err := t.Absent("version of recipe " + t.State.Recipe.Name + " that this run has made"); err != nil {
		return err
	}
	t.State.Undone++
	return nil
}

func unused(t *turn, v types.ImageRecipeSummary, p types.ImagePipeline, builds []Build) error {
	arn := *v.Arn
	if aws.ToString(p.ImageRecipeArn) == arn {
		if early(t) {
			return failure.Retryf("%s still shows %s", t.Config.Pipeline, label(arn))
		}
		return failure.WithHint(failure.Stopf("%s is what %s builds from", label(arn), t.Config.Pipeline),
			"give the pipeline another version, then delete it: aws imagebuilder delete-image-recipe --image-recipe-arn %s", arn)
	}
	if b, ok := best(builds, arn, time.Time{}); ok {
		return failure.WithHint(failure.Stopf("%s was built from: %s", label(arn), outcome(b)), "let it be: what comes next uses it")
	}
	return nil
}

func deleteRecipe(ctx context.Context, t *turn, arn string) error {
	_, err := t.AWS.ImageBuilder.DeleteImageRecipe(ctx, &imagebuilder.DeleteImageRecipeInput{ImageRecipeArn: aws.String(arn)})
	if err != nil && cloud.Code(err) != notFound {
		return fmt.Errorf("delete image recipe %s: %w", arn, err)
	}
	return nil
}
