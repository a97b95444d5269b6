package launchtemplate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/filter"
)

// The tags that EC2 puts on what is launched from a template
// (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html).
const (
	tagTemplate = "aws:ec2launchtemplate:id"
	tagVersion  = "aws:ec2launchtemplate:version"
)

// users are those who use each version, by number.
type users map[int64]map[string]bool

func (u users) add(number int64, who string) {
	if number == 0 {
		return
	}
	if u[number] == nil {
		u[number] = map[string]bool{}
	}
	u[number][who] = true
}

// Uses says in words who uses which version, by its number: groups, by what they launch
// from and by what their instances were launched from, and instances. The template is
// given with both its id and its name, since a group may know it by either.
func Uses(ctx context.Context, clients *cloud.Clients, of Ref) (map[int64]string, error) {
	byGroups, byInstances := users{}, users{}
	g, together := errgroup.WithContext(ctx)
	g.Go(func() error { return describeGroups(together, clients.AutoScaling, of, byGroups) })
	g.Go(func() error { return describeInstances(together, clients.EC2, of, byInstances) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for number, instances := range byInstances {
		for who := range instances {
			byGroups.add(number, who)
		}
	}
	uses := map[int64]string{}
	for number, who := range byGroups {
		uses[number] = inWords(slices.Sorted(maps.Keys(who)))
	}
	return uses, nil
}

// inWords names a few of many users. Groups, which say more than instances, come
// first in their order.
func inWords(users []string) string {
	switch n := len(users); n {
	case 1:
		return users[0] + " uses it"
	case 2:
		return users[0] + " and " + users[1] + " use it"
	default:
		return fmt.Sprintf("%s and %d others use it", users[0], n-1)
	}
}

func describeGroups(ctx context.Context, client *autoscaling.Client, of Ref, by users) error {
	pages := autoscaling.NewDescribeAutoScalingGroupsPaginator(client, &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe the groups that use launch template %s: %w", of.ID, err)
		}
		for _, g := range page.AutoScalingGroups {
			for _, spec := range specifications(g) {
				by.add(of.numberIn(spec), "group "+aws.ToString(g.AutoScalingGroupName))
			}
		}
	}
	return nil
}

// specifications are all launch templates that a group names: its own, those of
// its mixed instances policy, and those that its instances were launched from.
func specifications(g scaling.AutoScalingGroup) []*scaling.LaunchTemplateSpecification {
	all := []*scaling.LaunchTemplateSpecification{g.LaunchTemplate}
	if p := g.MixedInstancesPolicy; p != nil && p.LaunchTemplate != nil {
		all = append(all, p.LaunchTemplate.LaunchTemplateSpecification)
		for _, o := range p.LaunchTemplate.Overrides {
			all = append(all, o.LaunchTemplateSpecification)
		}
	}
	for _, i := range g.Instances {
		all = append(all, i.LaunchTemplate)
	}
	return all
}

// numberIn is the number of the version that is meant; 0 if it is one of another
// template, or the default or the latest version, whichever that is: neither is
// ever deleted.
func (r Ref) numberIn(spec *scaling.LaunchTemplateSpecification) int64 {
	switch {
	case spec == nil:
		return 0
	case spec.LaunchTemplateId != nil && *spec.LaunchTemplateId != r.ID, spec.LaunchTemplateId == nil && aws.ToString(spec.LaunchTemplateName) != r.Name:
		return 0
	}
	number, err := strconv.ParseInt(aws.ToString(spec.Version), 10, 64)
	if err != nil {
		return 0
	}
	return number
}

func describeInstances(ctx context.Context, client *ec2.Client, of Ref, by users) error {
	pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{
		MaxResults: aws.Int32(1000),
		Filters: []types.Filter{
			filter.By("tag:"+tagTemplate, of.ID),
			filter.By("instance-state-name", "pending", "running", "stopping", "stopped", "shutting-down"),
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe the instances that use launch template %s: %w", of.ID, err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				for _, tag := range i.Tags {
					if aws.ToString(tag.Key) != tagVersion {
						continue
					}
					if number, err := strconv.ParseInt(aws.ToString(tag.Value), 10, 64); err == nil {
						by.add(number, aws.ToString(i.InstanceId))
					}
				}
			}
		}
	}
	return nil
}
