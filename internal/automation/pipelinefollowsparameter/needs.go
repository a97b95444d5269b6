package pipelinefollowsparameter

import (
	"cmp"
	"strings"

	"github.com/droverhq/drover/internal/iam"
)

func observeNeeds(c Config) []iam.Need {
	return []iam.Need{
		{
			Actions: []string{"ssm:GetParameter"}, Resources: []string{"arn:${Partition}:ssm:${Region}:${Account}:parameter/" + strings.TrimPrefix(c.Parameter, "/")},
			Why: "read which parent image it is",
		},
		{
			Actions: []string{"imagebuilder:GetImagePipeline", "imagebuilder:ListImagePipelineImages"}, Resources: []string{c.Pipeline},
			Why: "see what the pipeline builds from, and has built",
		},
		{Actions: []string{"imagebuilder:GetImageRecipe"}, Resources: []string{c.recipes()}, Why: "see what the recipe consists of"},
		{Actions: []string{"imagebuilder:ListImageRecipes"}, Why: "see which versions of the recipe there are"}, // has no resource-level permissions
	}
}

func noNeeds(Config) []iam.Need { return nil }

// recipeNeeds are those of making a version, and what AWS asks of whoever does: it
// looks at the components and at the parent image. Components may be AWS's or another
// account's.
func recipeNeeds(c Config) []iam.Need {
	return []iam.Need{
		{
			Actions:   []string{"imagebuilder:CreateImageRecipe", "imagebuilder:DeleteImageRecipe", "imagebuilder:TagResource"},
			Resources: []string{c.recipes()}, Why: "create a version of the recipe, and take it back when the run fails",
		},
		{
			Actions: []string{"imagebuilder:GetComponent"}, Resources: []string{"arn:${Partition}:imagebuilder:${Region}:*:component/*"},
			Why: "AWS refuses a recipe to who might not see its components",
		},
		{
			Actions:    []string{"ec2:DescribeImages"},
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "ec2:Region", Values: []string{"${Region}"}}},
			Why:        "AWS refuses a recipe to who might not see its parent image",
		},
	}
}

// pipelineNeeds are those of the update and what AWS asks of whoever makes it: all
// that the pipeline has is sent again.
func pipelineNeeds(c Config) []iam.Need {
	const why = "AWS refuses a pipeline to who might not see what it consists of"
	return []iam.Need{
		{Actions: []string{"imagebuilder:UpdateImagePipeline"}, Resources: []string{c.Pipeline}, Why: "give the pipeline the version"},
		{Actions: []string{"imagebuilder:GetInfrastructureConfiguration"}, Resources: []string{c.arn("infrastructure-configuration/*")}, Why: why},
		{Actions: []string{"imagebuilder:GetDistributionConfiguration"}, Resources: []string{c.arn("distribution-configuration/*")}, Why: why},
		{Actions: []string{"imagebuilder:GetWorkflow"}, Resources: []string{"arn:${Partition}:imagebuilder:${Region}:*:workflow/*"}, Why: why},
		{
			Actions: []string{"iam:PassRole"}, Resources: []string{"arn:${Partition}:iam::${Account}:role/" + strings.TrimPrefix(cmp.Or(c.Role, "*"), "/")},
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{"imagebuilder.amazonaws.com"}}},
			Why:        "the pipeline keeps its execution role",
		},
	}
}

func startNeeds(c Config) []iam.Need {
	return []iam.Need{
		{Actions: []string{"imagebuilder:StartImagePipelineExecution"}, Resources: []string{c.Pipeline}, Why: "start a build"},
		{Actions: []string{"imagebuilder:TagResource"}, Resources: []string{c.images()}, Why: "say on the image who built it"},
	}
}

func buildNeeds(c Config) []iam.Need {
	return []iam.Need{{Actions: []string{"imagebuilder:GetImage"}, Resources: []string{c.images()}, Why: "see how the build ends"}}
}

// recipes and images are the ARNs of all versions: an image is called after its
// recipe.
func (c Config) recipes() string { return c.arn("image-recipe/" + cmp.Or(c.Recipe, "*") + "/*") }
func (c Config) images() string  { return c.arn("image/" + cmp.Or(c.Recipe, "*") + "/*") }
