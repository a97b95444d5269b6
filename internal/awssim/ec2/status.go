package ec2

// Status checks. Not modelled: scheduled events, EBS checks, system checks that
// fail. They produce no event (facts/events.md 3).

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// checks are the results of an instance's checks: those of the instance itself
// and those of the system under it.
func (s *state) checks(m *awssim.Moment, i instance) (own, system types.SummaryStatus) {
	switch {
	case i.state != types.InstanceStateNameRunning:
		return types.SummaryStatusNotApplicable, types.SummaryStatusNotApplicable
	case m.Now.Before(i.since.Add(cmp.Or(s.bootOf(i).Checks, s.times.Checks))):
		return types.SummaryStatusInitializing, types.SummaryStatusInitializing
	case i.impaired, s.bootOf(i).Impaired:
		return types.SummaryStatusImpaired, types.SummaryStatusOk
	}
	return types.SummaryStatusOk, types.SummaryStatusOk
}

var reachability = map[types.SummaryStatus]types.StatusType{
	types.SummaryStatusInitializing: types.StatusTypeInitializing,
	types.SummaryStatusOk:           types.StatusTypePassed,
	types.SummaryStatusImpaired:     types.StatusTypeFailed,
}

func statusOut(status types.SummaryStatus) *types.InstanceStatusSummary {
	out := &types.InstanceStatusSummary{Status: status}
	if r, ok := reachability[status]; ok {
		out.Details = []types.InstanceStatusDetails{{Name: types.StatusNameReachability, Status: r}}
	}
	return out
}

func statusFilters(m *awssim.Moment) filters[instance] {
	return filters[instance]{
		"instance-state-name": instanceFilters["instance-state-name"],
		"availability-zone":   instanceFilters["availability-zone"],
		"instance-status.status": func(s *state, i instance) []string {
			own, _ := s.checks(m, i)
			return []string{string(own)}
		},
		"system-status.status": func(s *state, i instance) []string {
			_, system := s.checks(m, i)
			return []string{string(system)}
		},
	}
}

// describeInstanceStatus shows running instances only, unless all are asked for
// (facts/apis.md 1.3 DescribeInstances).
func describeInstanceStatus(m *awssim.Moment, s *state, in *ec2.DescribeInstanceStatusInput) (*ec2.DescribeInstanceStatusOutput, error) {
	if _, err := s.named(in.InstanceIds); err != nil {
		return nil, err
	}
	wanted := in.Filters
	if !aws.ToBool(in.IncludeAllInstances) {
		running := types.Filter{Name: aws.String("instance-state-name"), Values: []string{string(types.InstanceStateNameRunning)}}
		wanted = append(slices.Clone(wanted), running)
	}
	page, next, err := list(m, s, &s.instances, "i", listing{ids: in.InstanceIds, filters: wanted, most: in.MaxResults, token: in.NextToken, limit: 1000}, statusFilters(m))
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstanceStatusOutput{NextToken: next}
	for _, i := range page {
		own, system := s.checks(m, i)
		out.InstanceStatuses = append(out.InstanceStatuses, types.InstanceStatus{
			InstanceId:       aws.String(i.id),
			AvailabilityZone: aws.String(i.zone),
			InstanceState:    stateOut(i.state),
			InstanceStatus:   statusOut(own),
			SystemStatus:     statusOut(system),
		})
	}
	return out, nil
}
