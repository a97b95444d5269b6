package imagebuilder_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	ibsim "github.com/droverhq/drover/internal/awssim/imagebuilder"
)

// A recipe goes unless a pipeline has it or an image was built from it; its number
// can then be used again.
func TestDeleteRecipe(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	s.pipeline()
	remove := func(arn string) string {
		_, err := s.client.DeleteImageRecipe(t.Context(), &imagebuilder.DeleteImageRecipeInput{ImageRecipeArn: aws.String(arn)})
		return code(err)
	}
	used := recipes + "golden-image/1.0.0"
	if got := remove(used); got != "ResourceDependencyException" {
		t.Errorf("a pipeline has it: %q", got)
	}
	if got := remove(recipes + "golden-image/7.0.0"); got != "ResourceNotFoundException" {
		t.Errorf("it is not there: %q", got)
	}
	for range 2 {
		arn, err := s.create(imagebuilder.CreateImageRecipeInput{SemanticVersion: aws.String("1.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		if got := remove(recipes + arn); got != "" {
			t.Errorf("nothing has it: %q", got)
		}
		if slices.ContainsFunc(s.sim.Recipes(), func(r types.ImageRecipe) bool { return *r.Arn == recipes+arn }) {
			t.Error("it is still there")
		}
	}
	second, err := s.create(imagebuilder.CreateImageRecipeInput{SemanticVersion: aws.String("1.0.2")})
	_, err2 := s.start("1")
	if err = errors.Join(err, err2, s.sim.ChangePipeline(*s.sim.Pipelines()[0].Arn, func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipes + second) })); err != nil {
		t.Fatal(err)
	}
	if got := remove(used); got != "ResourceDependencyException" {
		t.Errorf("an image is built from it: %q", got)
	}
}
