package imagebuilder

// Pipelines. Not modelled: when a schedule runs next, that a pipeline is disabled
// after failures, which only scheduled runs do (doc of ImagePipeline), and whether a
// pipeline can be updated while it runs (here it can; unverified).

import (
	"cmp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

type (
	getPipelineInput     = imagebuilder.GetImagePipelineInput
	getPipelineOutput    = imagebuilder.GetImagePipelineOutput
	listPipelinesInput   = imagebuilder.ListImagePipelinesInput
	listPipelinesOutput  = imagebuilder.ListImagePipelinesOutput
	updatePipelineInput  = imagebuilder.UpdateImagePipelineInput
	updatePipelineOutput = imagebuilder.UpdateImagePipelineOutput
)

func getImagePipeline(m *awssim.Moment, s *state, in *getPipelineInput) (*getPipelineOutput, error) {
	p, ok := s.pipelines.get(aws.ToString(in.ImagePipelineArn))
	if !ok {
		return nil, missing(aws.ToString(in.ImagePipelineArn))
	}
	p = deep(p)
	return &getPipelineOutput{ImagePipeline: &p, RequestId: aws.String(m.RequestID)}, nil
}

// listImagePipelines lists in the order of ARNs (unverified).
func listImagePipelines(m *awssim.Moment, s *state, in *listPipelinesInput) (*listPipelinesOutput, error) {
	found, err := filtered(m, s.pipelines, in.Filters, map[string]func(types.ImagePipeline) *string{
		"name":                           func(p types.ImagePipeline) *string { return p.Name },
		"description":                    func(p types.ImagePipeline) *string { return p.Description },
		"status":                         func(p types.ImagePipeline) *string { return aws.String(string(p.Status)) },
		"imageRecipeArn":                 func(p types.ImagePipeline) *string { return p.ImageRecipeArn },
		"distributionConfigurationArn":   func(p types.ImagePipeline) *string { return p.DistributionConfigurationArn },
		"infrastructureConfigurationArn": func(p types.ImagePipeline) *string { return p.InfrastructureConfigurationArn },
	})
	if err != nil {
		return nil, err
	}
	page, next, err := paged(m, found, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &listPipelinesOutput{ImagePipelineList: page, NextToken: next, RequestId: aws.String(m.RequestID)}, nil
}

// updateImagePipeline replaces everything that can be updated: what the request
// leaves out is as in a new pipeline (facts/apis.md 5).
func updateImagePipeline(m *awssim.Moment, s *state, in *updatePipelineInput) (*updatePipelineOutput, error) {
	arn := aws.ToString(in.ImagePipelineArn)
	asked := *in
	asked.ClientToken = nil
	_, done, err := s.once(in.ClientToken, "UpdateImagePipeline", asked)
	if err != nil {
		return nil, err
	}
	out := &updatePipelineOutput{ClientToken: aws.String(*in.ClientToken), ImagePipelineArn: aws.String(arn), RequestId: aws.String(m.RequestID)}
	if done {
		return out, nil
	}
	old, ok := s.pipelines.get(arn)
	if !ok {
		return nil, missing(arn) // unverified for this operation
	}
	given := deep(asked)
	p, err := s.usual(types.ImagePipeline{
		Arn: old.Arn, Name: old.Name, Tags: old.Tags, Platform: old.Platform, DateCreated: old.DateCreated, DateLastRun: old.DateLastRun,
		LastRunStatus: old.LastRunStatus, DateUpdated: date(m.Now),
		ConsecutiveFailures: aws.Int32(0), // doc of ImagePipeline.ConsecutiveFailures

		ImageRecipeArn: given.ImageRecipeArn, ContainerRecipeArn: given.ContainerRecipeArn,
		InfrastructureConfigurationArn: given.InfrastructureConfigurationArn, DistributionConfigurationArn: given.DistributionConfigurationArn,
		Description: given.Description, EnhancedImageMetadataEnabled: given.EnhancedImageMetadataEnabled, ExecutionRole: given.ExecutionRole,
		ImageScanningConfiguration: given.ImageScanningConfiguration, ImageTags: given.ImageTags, ImageTestsConfiguration: given.ImageTestsConfiguration,
		LoggingConfiguration: given.LoggingConfiguration, Schedule: given.Schedule, Status: given.Status, Workflows: given.Workflows,
	})
	if err != nil {
		return nil, err
	}
	if p.Schedule != nil {
		p.DateNextRun = old.DateNextRun
	}
	s.pipelines.put(arn, p)
	s.remember(in.ClientToken, "UpdateImagePipeline", asked, arn)
	return out, nil
}

// usual completes a pipeline with what AWS has where nothing is said: the docs of
// Schedule and ImageTestsConfiguration and EnhancedImageMetadataEnabled, the timeout
// and the status as in lib:48986333010.
func (s *state) usual(p types.ImagePipeline) (types.ImagePipeline, error) {
	if (p.ImageRecipeArn == nil) == (p.ContainerRecipeArn == nil) { // doc of UpdateImagePipeline; the error unverified
		return p, refused("You must specify exactly one of 'imageRecipeArn' and 'containerRecipeArn'.")
	}
	if p.ImageRecipeArn != nil {
		r, ok := s.recipe(*p.ImageRecipeArn)
		if !ok { // unverified
			return p, refused("The recipe '" + *p.ImageRecipeArn + "' does not exist.")
		}
		p.Platform = r.Platform
	}
	if p.EnhancedImageMetadataEnabled == nil {
		p.EnhancedImageMetadataEnabled = aws.Bool(true)
	}
	tests := types.ImageTestsConfiguration{}
	if p.ImageTestsConfiguration != nil {
		tests = *p.ImageTestsConfiguration
	}
	tests.ImageTestsEnabled = cmp.Or(tests.ImageTestsEnabled, aws.Bool(true))
	tests.TimeoutMinutes = cmp.Or(tests.TimeoutMinutes, aws.Int32(720))
	p.ImageTestsConfiguration = &tests
	if p.Schedule != nil {
		schedule := *p.Schedule
		schedule.PipelineExecutionStartCondition = cmp.Or(schedule.PipelineExecutionStartCondition, types.PipelineExecutionStartConditionExpressionMatchAndDependencyUpdatesAvailable)
		schedule.Timezone = cmp.Or(schedule.Timezone, aws.String("UTC"))
		p.Schedule = &schedule
	}
	p.Status = cmp.Or(p.Status, types.PipelineStatusEnabled)
	p.Tags = orEmpty(p.Tags)
	return p, nil
}
