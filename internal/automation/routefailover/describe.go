package routefailover

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud/filter"
)

// memberFilters says how to ask for each entry of the members list. Entries by
// id share one call, which is made at the first of them; the others are nil.
func memberFilters(c Config) [][]types.Filter {
	filters := make([][]types.Filter, len(c.Members))
	var ids []string
	first := -1
	for i, m := range c.Members {
		if m.Instance == "" {
			filters[i] = append(filter.Tags(m.Tags), filter.By("vpc-id", c.VPC))
			continue
		}
		if first < 0 {
			first = i
		}
		ids = append(ids, m.Instance)
	}
	if first >= 0 {
		// A filter, not InstanceIds: that would fail as a whole once one of
		// the instances is forgotten (shared/facts/apis.md 1.3).
		filters[first] = []types.Filter{filter.By("instance-id", ids...)}
	}
	return filters
}

func describeInstances(ctx context.Context, t *turn, filters []types.Filter) ([]types.Instance, error) {
	var all []types.Instance
	pages := ec2.NewDescribeInstancesPaginator(t.AWS.EC2, &ec2.DescribeInstancesInput{Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe the members of %s: %w", t.Config.VPC, err)
		}
		for _, r := range page.Reservations {
			all = append(all, r.Instances...)
		}
	}
	return all, nil
}

func describeRouteTables(ctx context.Context, t *turn) ([]types.RouteTable, error) {
	filters := append(filter.Tags(t.Config.Routes.TableTags), filter.By("vpc-id", t.Config.VPC))
	if ids := t.Config.Routes.Tables; len(ids) > 0 {
		filters = append(filters, filter.By("route-table-id", ids...))
	}
	var all []types.RouteTable
	pages := ec2.NewDescribeRouteTablesPaginator(t.AWS.EC2, &ec2.DescribeRouteTablesInput{Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe the route tables of %s: %w", t.Config.VPC, err)
		}
		all = append(all, page.RouteTables...)
	}
	return all, nil
}

func describeSubnets(ctx context.Context, t *turn, zones map[string]string) error {
	pages := ec2.NewDescribeSubnetsPaginator(t.AWS.EC2, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter.By("vpc-id", t.Config.VPC)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe the subnets of %s: %w", t.Config.VPC, err)
		}
		for _, s := range page.Subnets {
			zones[aws.ToString(s.SubnetId)] = aws.ToString(s.AvailabilityZone)
		}
	}
	return nil
}

// describeStatus fills in what is wrong with the status checks of the running
// members. A check that is still initializing does not count as passed.
func describeStatus(ctx context.Context, t *turn, members []MemberState) error {
	byID := map[string]*MemberState{}
	var ids []string
	for i := range members {
		if m := &members[i]; m.State == running {
			m.Checks = "not reported"
			byID[m.Instance] = m
			ids = append(ids, m.Instance)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	pages := ec2.NewDescribeInstanceStatusPaginator(t.AWS.EC2, &ec2.DescribeInstanceStatusInput{InstanceIds: ids})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe the status of %s: %w", strings.Join(ids, ", "), err)
		}
		for _, s := range page.InstanceStatuses {
			if m, ok := byID[aws.ToString(s.InstanceId)]; ok {
				m.Checks = failing(s)
			}
		}
	}
	return nil
}

func failing(s types.InstanceStatus) string {
	var wrong []string
	for _, check := range []struct {
		name    string
		summary *types.InstanceStatusSummary
	}{{"instance", s.InstanceStatus}, {"system", s.SystemStatus}} {
		switch {
		case check.summary == nil:
			wrong = append(wrong, check.name+" not reported")
		case check.summary.Status != types.SummaryStatusOk:
			wrong = append(wrong, fmt.Sprintf("%s %s", check.name, check.summary.Status))
		}
	}
	return strings.Join(wrong, ", ")
}

// findOrphans marks the routes whose interface no longer exists. It asks only
// if there is a blackhole that is none of the members'.
func findOrphans(ctx context.Context, t *turn, s *State) error {
	missing := map[string]bool{}
	for _, r := range s.Routes {
		if s.strays(r) {
			missing[r.Interface] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(missing))
	pages := ec2.NewDescribeNetworkInterfacesPaginator(t.AWS.EC2, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter.By("network-interface-id", ids...)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe the interfaces that routes are blackholes to: %w", err)
		}
		for _, n := range page.NetworkInterfaces {
			delete(missing, aws.ToString(n.NetworkInterfaceId))
		}
	}
	for i, r := range s.Routes {
		s.Routes[i].Orphan = missing[r.Interface]
	}
	return nil
}
