package elasticbeanstalk

// Platform versions as they are shown. Members are those of the records in
// lib:40733535104. Not modelled: frameworks, solution stacks, whether a version that
// is not ready shows its images (it does not here; unverified).

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"github.com/droverhq/drover/internal/awssim"
)

type (
	listInput      = elasticbeanstalk.ListPlatformVersionsInput
	listOutput     = elasticbeanstalk.ListPlatformVersionsOutput
	describeInput  = elasticbeanstalk.DescribePlatformVersionInput
	describeOutput = elasticbeanstalk.DescribePlatformVersionOutput
)

const owner = "AWSElasticBeanstalk"

// listPlatformVersions lists in the order of ARNs, which is not that of version
// numbers (the order unverified).
func listPlatformVersions(m *awssim.Moment, s *state, in *listInput) (*listOutput, error) {
	if err := size(in.MaxRecords); err != nil {
		return nil, err
	}
	found := s.versions
	for _, f := range in.Filters {
		keep, err := s.versionFilter(m, f)
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(slices.Clone(found), func(v *version) bool { return !keep(*v) })
	}
	page, next, err := awssim.Page(m, found, func(v *version) string { return v.arn }, in.MaxRecords, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listOutput{NextToken: next}
	for _, v := range page {
		out.PlatformSummaryList = append(out.PlatformSummaryList, s.summary(*v))
	}
	return out, nil
}

func size(most *int32) error {
	if most != nil && *most < 1 { // unverified
		return invalid("Invalid value for MaxRecords: %d. Must be at least 1.", *most)
	}
	return nil
}

func (s *state) summary(v version) types.PlatformSummary {
	b, _ := s.branch(v.Branch)
	return types.PlatformSummary{
		PlatformArn: aws.String(v.arn), PlatformVersion: aws.String(v.Number), PlatformStatus: v.status,
		PlatformBranchName: aws.String(v.Branch), PlatformBranchLifecycleState: aws.String(b.State), PlatformLifecycleState: s.lifecycle(v),
		PlatformOwner: aws.String(owner), PlatformCategory: aws.String(b.Platform), OperatingSystemName: aws.String(v.System),
		SupportedTierList: slices.Clone(b.Tiers),
	}
}

// describePlatformVersion of an unknown ARN fails in a way that facts/apis.md 6
// does not know; the text is that of other operations (lib:2804612345).
func describePlatformVersion(_ *awssim.Moment, s *state, in *describeInput) (*describeOutput, error) {
	v, ok := s.get(aws.ToString(in.PlatformArn))
	if !ok {
		return nil, invalid("No Platform named '%s' found.", aws.ToString(in.PlatformArn))
	}
	d := s.summary(v)
	out := &types.PlatformDescription{
		PlatformArn: d.PlatformArn, PlatformVersion: d.PlatformVersion, PlatformStatus: d.PlatformStatus,
		PlatformBranchName: d.PlatformBranchName, PlatformBranchLifecycleState: d.PlatformBranchLifecycleState,
		PlatformLifecycleState: d.PlatformLifecycleState, PlatformOwner: d.PlatformOwner, PlatformCategory: d.PlatformCategory,
		OperatingSystemName: d.OperatingSystemName, SupportedTierList: d.SupportedTierList,
		PlatformName: d.PlatformBranchName, // as in lib:40733535104
		DateCreated:  aws.Time(v.created), DateUpdated: aws.Time(v.updated),
	}
	if v.status == types.PlatformStatusReady {
		for _, i := range v.Images {
			out.CustomAmiList = append(out.CustomAmiList, types.CustomAmi{ImageId: aws.String(i.ID), VirtualizationType: aws.String(i.Virtualization)})
		}
	}
	return &describeOutput{PlatformDescription: out}, nil
}
