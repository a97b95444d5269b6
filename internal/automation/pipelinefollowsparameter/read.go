package pipelinefollowsparameter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// notFound is Image Builder's code for what is not there, also of operations whose
// model does not have it (shared/facts/apis.md, section 5).
const notFound = "ResourceNotFoundException"

// pageSize is the most that Image Builder's lists give at once.
const pageSize = 25

func readParameter(ctx context.Context, t *turn) (Parameter, error) {
	name := t.Config.Parameter
	out, err := t.AWS.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name), WithDecryption: aws.Bool(true)})
	switch {
	case cloud.Code(err) == "ParameterNotFound":
		return Parameter{Missing: true}, nil
	case err != nil && strings.Contains(err.Error(), "kms:"):
		return Parameter{}, failure.WithHint(fmt.Errorf("read parameter %s: %w", name, err), "an image id is no secret: keep it in a parameter of type String")
	case err != nil:
		return Parameter{}, fmt.Errorf("read parameter %s: %w", name, err)
	}
	p := Parameter{
		ARN: aws.ToString(out.Parameter.ARN), Value: strings.TrimSpace(aws.ToString(out.Parameter.Value)),
		Version: out.Parameter.Version, Modified: aws.ToTime(out.Parameter.LastModifiedDate).UTC(),
	}
	if out.Parameter.Type == ssmtypes.ParameterTypeSecureString && !isImage(p.Value) {
		p.Value, p.Secret = "", true
	}
	return p, nil
}

func readPipeline(ctx context.Context, t *turn) (types.ImagePipeline, error) {
	arn := t.Config.Pipeline
	out, err := t.AWS.ImageBuilder.GetImagePipeline(ctx, &imagebuilder.GetImagePipelineInput{ImagePipelineArn: aws.String(arn)})
	switch {
	case cloud.Code(err) == notFound:
		return types.ImagePipeline{}, failure.WithHint(failure.As(failure.Stop, fmt.Errorf("read image pipeline %s: %w", arn, err)),
			"check the ARN: `aws imagebuilder list-image-pipelines`")
	case err != nil:
		return types.ImagePipeline{}, fmt.Errorf("read image pipeline %s: %w", arn, err)
	}
	return *out.ImagePipeline, nil
}

func pipelineOf(p types.ImagePipeline) Pipeline {
	return Pipeline{
		ARN: aws.ToString(p.Arn), Recipe: aws.ToString(p.ImageRecipeArn), Container: aws.ToString(p.ContainerRecipeArn),
		Disabled: p.Status == types.PipelineStatusDisabled,
	}
}

// readRecipe reads a version of a recipe. Of an ARN with wildcards it is the newest.
func readRecipe(ctx context.Context, t *turn, arn string) (types.ImageRecipe, error) {
	out, err := t.AWS.ImageBuilder.GetImageRecipe(ctx, &imagebuilder.GetImageRecipeInput{ImageRecipeArn: aws.String(arn)})
	if err != nil {
		return types.ImageRecipe{}, fmt.Errorf("read image recipe %s: %w", arn, err)
	}
	return *out.ImageRecipe, nil
}

func recipeOf(r types.ImageRecipe) (Recipe, error) {
	content, err := contentOf(r)
	return Recipe{ARN: aws.ToString(r.Arn), Name: aws.ToString(r.Name), Parent: aws.ToString(r.ParentImage), Content: content}, err
}

// listVersions are all versions of a recipe, the highest number first.
func listVersions(ctx context.Context, t *turn, r Recipe) ([]types.ImageRecipeSummary, error) {
	base, _ := cutLast(r.ARN)
	var all []types.ImageRecipeSummary
	pages := imagebuilder.NewListImageRecipesPaginator(t.AWS.ImageBuilder, &imagebuilder.ListImageRecipesInput{
		Owner: types.OwnershipSelf, Filters: []types.Filter{{Name: aws.String("name"), Values: []string{r.Name}}}, MaxResults: aws.Int32(pageSize),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the versions of image recipe %s: %w", r.Name, err)
		}
		for _, v := range page.ImageRecipeSummaryList {
			if of, _ := cutLast(aws.ToString(v.Arn)); of == base {
				all = append(all, v)
			}
		}
	}
	slices.SortFunc(all, func(a, b types.ImageRecipeSummary) int {
		x, _ := parse(number(*a.Arn))
		y, _ := parse(number(*b.Arn))
		return cmp.Or(higher(x, y), strings.Compare(*a.Arn, *b.Arn))
	})
	return all, nil
}

// listBuilds are all images that the pipeline has built or builds, the newest first.
func listBuilds(ctx context.Context, t *turn) ([]Build, error) {
	var all []Build
	pages := imagebuilder.NewListImagePipelineImagesPaginator(t.AWS.ImageBuilder, &imagebuilder.ListImagePipelineImagesInput{
		ImagePipelineArn: aws.String(t.Config.Pipeline), MaxResults: aws.Int32(pageSize),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the images of %s: %w", t.Config.Pipeline, err)
		}
		for _, i := range page.ImageSummaryList {
			b, err := buildOf(t, aws.ToString(i.Arn), i.State, i.DateCreated, i.OutputResources)
			if err != nil {
				return nil, err
			}
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b Build) int { return cmp.Or(b.Created.Compare(a.Created), strings.Compare(b.Image, a.Image)) })
	return all, nil
}

func buildOf(t *turn, arn string, state *types.ImageState, date *string, made *types.OutputResources) (Build, error) {
	b := Build{Image: arn}
	if state != nil {
		b.Status, b.Reason = string(state.Status), aws.ToString(state.Reason)
	}
	created, err := time.Parse(time.RFC3339, aws.ToString(date))
	if err != nil {
		return Build{}, fmt.Errorf("read the creation date of %s: %w", arn, err)
	}
	b.Created = created.UTC()
	if made == nil {
		return b, nil
	}
	var amis []string
	for _, a := range made.Amis {
		text := aws.ToString(a.Image) + " in " + aws.ToString(a.Region)
		if account := aws.ToString(a.AccountId); account != "" && !strings.Contains(t.Config.Pipeline, ":"+account+":") {
			text += " of " + account
		}
		amis = append(amis, text)
	}
	slices.Sort(amis)
	if more := len(amis) - maxAMIs; more > 0 {
		amis = append(amis[:maxAMIs], fmt.Sprintf("%d more", more))
	}
	b.AMIs = strings.Join(amis, ", ")
	return b, nil
}

// maxAMIs bounds what is told of an image that is distributed to many accounts and
// regions.
const maxAMIs = 20
