package autoscaling

// What can be asked of groups, of their instances and of their refreshes. Not
// modelled: other filters than by tag, and that refreshes are forgotten after six
// weeks.

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// page holds MaxRecords against its limit (in the docs of the inputs; the error
// unverified) and cuts a page.
func page[T any](m *awssim.Moment, items []T, key func(T) string, most *int32, limit int32, token *string) ([]T, *string, error) {
	if most != nil && (*most < 1 || *most > limit) {
		return nil, nil, invalid("The value %d for MaxRecords is not between 1 and %d", *most, limit)
	}
	return awssim.Page(m, items, key, most, token)
}

// describeAutoScalingGroups leaves out names that no group has, without a word.
func describeAutoScalingGroups(m *awssim.Moment, s *state, in *autoscaling.DescribeAutoScalingGroupsInput) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	pass, err := matcher(m, in.Filters)
	if err != nil {
		return nil, err
	}
	var found []*group
	for _, g := range s.groups {
		if (len(in.AutoScalingGroupNames) == 0 || slices.Contains(in.AutoScalingGroupNames, g.name())) && pass(g) {
			found = append(found, g)
		}
	}
	found, next, err := page(m, found, (*group).name, in.MaxRecords, 100, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &autoscaling.DescribeAutoScalingGroupsOutput{NextToken: next}
	for _, g := range found {
		shown := deep(g.AutoScalingGroup)
		if in.IncludeInstances != nil && !*in.IncludeInstances {
			shown.Instances = nil
		}
		out.AutoScalingGroups = append(out.AutoScalingGroups, shown)
	}
	return out, nil
}

// matcher makes a predicate of filters: all of them must pass, each by any of its
// values (doc of types.Filter).
func matcher(m *awssim.Moment, filters []types.Filter) (func(*group) bool, error) {
	passes := make([]func(types.TagDescription) bool, 0, len(filters))
	for _, f := range filters {
		name, wanted := aws.ToString(f.Name), f.Values
		key, byKey := strings.CutPrefix(name, "tag:")
		switch {
		case byKey:
			passes = append(passes, func(t types.TagDescription) bool { return *t.Key == key && slices.Contains(wanted, *t.Value) })
		case name == "tag-key":
			passes = append(passes, func(t types.TagDescription) bool { return slices.Contains(wanted, *t.Key) })
		case name == "tag-value":
			passes = append(passes, func(t types.TagDescription) bool { return slices.Contains(wanted, *t.Value) })
		default:
			return nil, m.NotModelled("filter %q", name)
		}
	}
	return func(g *group) bool {
		return !slices.ContainsFunc(passes, func(pass func(types.TagDescription) bool) bool { return !slices.ContainsFunc(g.Tags, pass) })
	}, nil
}

// describeAutoScalingInstances leaves out ids that no group has an instance of
// (doc of the input).
func describeAutoScalingInstances(m *awssim.Moment, s *state, in *autoscaling.DescribeAutoScalingInstancesInput) (*autoscaling.DescribeAutoScalingInstancesOutput, error) {
	const limit = 50 // facts/apis.md 2
	if len(in.InstanceIds) > limit {
		return nil, invalid("%d instances were asked for, at most %d can be", len(in.InstanceIds), limit) // unverified
	}
	var found []types.AutoScalingInstanceDetails
	for _, g := range s.groups {
		for _, i := range g.Instances {
			if len(in.InstanceIds) > 0 && !slices.Contains(in.InstanceIds, *i.InstanceId) {
				continue
			}
			found = append(found, types.AutoScalingInstanceDetails{
				AutoScalingGroupName: g.AutoScalingGroupName, InstanceId: i.InstanceId, InstanceType: i.InstanceType,
				AvailabilityZone: i.AvailabilityZone, HealthStatus: i.HealthStatus, LifecycleState: aws.String(string(i.LifecycleState)),
				ProtectedFromScaleIn: i.ProtectedFromScaleIn, ImageId: i.ImageId, WeightedCapacity: i.WeightedCapacity,
				LaunchTemplate: i.LaunchTemplate, LaunchConfigurationName: i.LaunchConfigurationName,
			})
		}
	}
	id := func(i types.AutoScalingInstanceDetails) string { return *i.InstanceId }
	slices.SortFunc(found, func(a, b types.AutoScalingInstanceDetails) int { return strings.Compare(id(a), id(b)) })
	found, next, err := page(m, found, id, in.MaxRecords, limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &autoscaling.DescribeAutoScalingInstancesOutput{AutoScalingInstances: deep(found), NextToken: next}, nil
}

// describeInstanceRefreshes lists the refreshes of a group, newest first.
func describeInstanceRefreshes(m *awssim.Moment, s *state, in *autoscaling.DescribeInstanceRefreshesInput) (*autoscaling.DescribeInstanceRefreshesOutput, error) {
	g, ok := s.get(aws.ToString(in.AutoScalingGroupName))
	if !ok {
		return nil, noGroup(aws.ToString(in.AutoScalingGroupName))
	}
	found := slices.DeleteFunc(slices.Clone(g.refreshes), func(r types.InstanceRefresh) bool {
		return len(in.InstanceRefreshIds) > 0 && !slices.Contains(in.InstanceRefreshIds, *r.InstanceRefreshId)
	})
	found, next, err := page(m, found, newestFirst, in.MaxRecords, 100, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &autoscaling.DescribeInstanceRefreshesOutput{InstanceRefreshes: deep(found), NextToken: next}, nil
}

// newestFirst is a key that descends with time.
func newestFirst(r types.InstanceRefresh) string {
	return fmt.Sprintf("%020d-%s", math.MaxInt64-r.StartTime.UnixNano(), *r.InstanceRefreshId)
}

// active says whether a refresh is not over yet (facts/apis.md 2, the statuses).
func active(r types.InstanceRefresh) bool {
	switch r.Status {
	case types.InstanceRefreshStatusPending, types.InstanceRefreshStatusInProgress, types.InstanceRefreshStatusCancelling,
		types.InstanceRefreshStatusRollbackInProgress, types.InstanceRefreshStatusBaking:
		return true
	default:
		return false
	}
}

// locks says whether a refresh keeps what its group launches from as it is.
func locks(r types.InstanceRefresh) bool { return active(r) && r.DesiredConfiguration != nil }
