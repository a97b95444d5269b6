package groupfollowstemplate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const (
	// groupsAtOnce is how many groups can be asked for by name, and templatesAtOnce
	// how many values a filter of EC2 takes.
	groupsAtOnce    = 50
	templatesAtOnce = 200
	// Pages as large as they can be had: fewest calls.
	groupsPage    = 100
	templatesPage = 200
)

// describeGroups asks for groups by name if all are known, and otherwise for all
// there are, narrowed by tag. Names that no group has are left out by AWS, so one
// that is gone does not fail the others.
func describeGroups(ctx context.Context, t *turn) ([]types.AutoScalingGroup, error) {
	in := autoscaling.DescribeAutoScalingGroupsInput{IncludeInstances: aws.Bool(false)}
	exact := t.Config.exact()
	if exact == nil {
		in.MaxRecords, in.Filters = aws.Int32(groupsPage), tagFilters(t.Config.Tags)
		return groupPages(ctx, t, in)
	}
	var all []types.AutoScalingGroup
	for names := range slices.Chunk(exact, groupsAtOnce) {
		in.AutoScalingGroupNames = names
		found, err := groupPages(ctx, t, in)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func groupPages(ctx context.Context, t *turn, in autoscaling.DescribeAutoScalingGroupsInput) ([]types.AutoScalingGroup, error) {
	var all []types.AutoScalingGroup
	pages := autoscaling.NewDescribeAutoScalingGroupsPaginator(t.AWS.AutoScaling, &in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe the groups %s: %w", t.Config.scope(), err)
		}
		all = append(all, page.AutoScalingGroups...)
	}
	return all, nil
}

func tagFilters(tags map[string]string) []types.Filter {
	var filters []types.Filter
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		filters = append(filters, types.Filter{Name: aws.String("tag:" + key), Values: []string{tags[key]}})
	}
	return filters
}

// describeTemplates asks for the templates that the groups launch from, by name
// and as a filter: ids cannot be filtered by, and one that is gone would fail the
// whole call (shared/facts/apis.md 1.3). A template made anew under the name of
// another has another id, and is not mistaken for it.
func describeTemplates(ctx context.Context, t *turn, groups []Group) ([]Template, error) {
	wanted := map[string]bool{}
	for _, g := range groups {
		if g.TemplateName != "" && t.Config.allows(g.Template) {
			wanted[g.TemplateName] = true
		}
	}
	var all []Template
	for names := range slices.Chunk(slices.Sorted(maps.Keys(wanted)), templatesAtOnce) {
		pages := ec2.NewDescribeLaunchTemplatesPaginator(t.AWS.EC2, &ec2.DescribeLaunchTemplatesInput{
			Filters:    []ec2types.Filter{{Name: aws.String("launch-template-name"), Values: names}},
			MaxResults: aws.Int32(templatesPage),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("describe the launch templates of the groups %s: %w", t.Config.scope(), err)
			}
			for _, lt := range page.LaunchTemplates {
				all = append(all, Template{
					ID: aws.ToString(lt.LaunchTemplateId), Name: aws.ToString(lt.LaunchTemplateName), Newest: aws.ToInt64(lt.LatestVersionNumber),
				})
			}
		}
	}
	slices.SortFunc(all, func(a, b Template) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}
