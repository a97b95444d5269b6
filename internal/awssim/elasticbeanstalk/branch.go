package elasticbeanstalk

// Platform branches as they are shown.

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"github.com/droverhq/drover/internal/awssim"
)

type (
	branchesInput  = elasticbeanstalk.ListPlatformBranchesInput
	branchesOutput = elasticbeanstalk.ListPlatformBranchesOutput
)

// listPlatformBranches lists in the order they were added (unverified).
func listPlatformBranches(m *awssim.Moment, s *state, in *branchesInput) (*branchesOutput, error) {
	if err := size(in.MaxRecords); err != nil {
		return nil, err
	}
	found := s.branches
	for _, f := range in.Filters {
		keep, err := branchFilter(m, f)
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(slices.Clone(found), func(b *branch) bool { return !keep(*b) })
	}
	page, next, err := awssim.Page(m, found, func(b *branch) string { return fmt.Sprintf("%06d", b.order) }, in.MaxRecords, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &branchesOutput{NextToken: next}
	for _, b := range page {
		out.PlatformBranchSummaryList = append(out.PlatformBranchSummaryList, types.PlatformBranchSummary{
			BranchName: aws.String(b.Name), BranchOrder: b.order, LifecycleState: aws.String(b.State),
			PlatformName: aws.String(b.Platform), SupportedTierList: slices.Clone(b.Tiers),
		})
	}
	return out, nil
}
