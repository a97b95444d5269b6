package imagebuilder

// Images as they are shown. Not modelled: images that are deprecated, disabled or
// deleted.

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

type (
	getImageInput    = imagebuilder.GetImageInput
	getImageOutput   = imagebuilder.GetImageOutput
	listImagesInput  = imagebuilder.ListImagePipelineImagesInput
	listImagesOutput = imagebuilder.ListImagePipelineImagesOutput
)

// build finds an image by the ARN of its build.
func (s *state) build(arn string) (image, bool) {
	for _, r := range s.images {
		if *r.value.Arn == arn {
			return *r.value, true
		}
	}
	return image{}, false
}

// newestAvailable is what the ARN of a version stands for, with or without
// wildcards: the newest build that is available (doc of GetImage in the API reference).
func (s *state) newestAvailable(arn string) (image, bool) {
	base, number := split(arn)
	wanted, ok := parse(number)
	if !ok {
		return image{}, false
	}
	var found *image
	for _, r := range s.images {
		version, _ := split(*r.value.Arn)
		of, text := split(version)
		have, _ := parse(text)
		if of == base && wanted.covers(have) && r.value.State.Status == types.ImageStatusAvailable && (found == nil || newer(*r.value, *found) > 0) {
			found = r.value
		}
	}
	if found == nil {
		return image{}, false
	}
	return *found, true
}

func getImage(m *awssim.Moment, s *state, in *getImageInput) (*getImageOutput, error) {
	arn := aws.ToString(in.ImageBuildVersionArn)
	i, ok := s.build(arn)
	if !ok {
		i, ok = s.newestAvailable(arn)
	}
	if !ok {
		return nil, missing(arn)
	}
	shown := deep(i.Image)
	version, _ := split(*shown.Arn)
	return &getImageOutput{Image: &shown, LatestVersionReferences: references(version), RequestId: aws.String(m.RequestID)}, nil
}

// listImagePipelineImages lists the oldest first (the order unverified).
func listImagePipelineImages(m *awssim.Moment, s *state, in *listImagesInput) (*listImagesOutput, error) {
	arn := aws.ToString(in.ImagePipelineArn)
	if _, ok := s.pipelines.get(arn); !ok {
		return nil, missingTyped(arn)
	}
	var own table[types.Image]
	for _, r := range s.images {
		if aws.ToString(r.value.SourcePipelineArn) == arn {
			own = append(own, row[types.Image]{r.key, &r.value.Image})
		}
	}
	found, err := filtered(m, own, in.Filters, map[string]func(types.Image) *string{
		"name": func(i types.Image) *string { return i.Name },
		"version": func(i types.Image) *string { // without the build (unverified)
			number, _, _ := strings.Cut(*i.Version, "/")
			return &number
		},
	})
	if err != nil {
		return nil, err
	}
	page, next, err := paged(m, found, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listImagesOutput{NextToken: next, RequestId: aws.String(m.RequestID)}
	for _, i := range page {
		out.ImageSummaryList = append(out.ImageSummaryList, types.ImageSummary{ // as in lib:68475984083
			Arn: i.Arn, Name: i.Name, Type: i.Type, Version: i.Version, Platform: i.Platform, State: i.State, Owner: aws.String(m.Account()),
			DateCreated: i.DateCreated, OutputResources: i.OutputResources, Tags: i.Tags, BuildType: i.BuildType, LoggingConfiguration: i.LoggingConfiguration,
		})
	}
	return out, nil
}
