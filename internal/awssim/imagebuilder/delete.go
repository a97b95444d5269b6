package imagebuilder

// Recipes that are deleted. What prevents that is the doc of DeleteImageRecipe's
// ResourceDependencyException and of deleting resources in the user guide; that an
// image is among it is unverified. A number can be used again (unverified).

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

type (
	deleteRecipeInput  = imagebuilder.DeleteImageRecipeInput
	deleteRecipeOutput = imagebuilder.DeleteImageRecipeOutput
)

func deleteImageRecipe(m *awssim.Moment, s *state, in *deleteRecipeInput) (*deleteRecipeOutput, error) {
	arn := aws.ToString(in.ImageRecipeArn)
	if _, ok := s.recipes.get(arn); !ok {
		return nil, missing(arn) // not modelled for this operation
	}
	for _, p := range s.pipelines {
		if aws.ToString(p.value.ImageRecipeArn) == arn {
			return nil, depends(arn, p.key)
		}
	}
	for _, i := range s.images {
		if aws.ToString(i.value.ImageRecipe.Arn) == arn {
			return nil, depends(arn, *i.value.Arn)
		}
	}
	at, _ := s.recipes.find(arn)
	s.recipes = append(s.recipes[:at:at], s.recipes[at+1:]...)
	return &deleteRecipeOutput{ImageRecipeArn: aws.String(arn), RequestId: aws.String(m.RequestID)}, nil
}

// depends is the error for what something else needs; its text is unverified.
func depends(arn, on string) error {
	return awssim.FailAs(http.StatusBadRequest, &types.ResourceDependencyException{
		Message: aws.String("The resource '" + arn + "' cannot be deleted: '" + on + "' depends on it."),
	})
}

func deleteImageRecipePermissions(_ *awssim.Moment, s *state, in *deleteRecipeInput) []awssim.Request {
	return []awssim.Request{s.ask("", aws.ToString(in.ImageRecipeArn))}
}
