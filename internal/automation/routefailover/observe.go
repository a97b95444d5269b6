package routefailover

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

type turn = automation.Turn[Config, State]

// An event can be ahead of what a read returns. Where they differ and it
// matters, the read is repeated this often and for this long before it is
// believed.
const (
	rereadEvery = 500 * time.Millisecond
	rereadFor   = 5 * time.Second
)

func observe(ctx context.Context, t *turn) error {
	state, err := read(ctx, t)
	if err != nil {
		return err
	}
	heed(&state, t.Events)
	t.State = state
	now := t.Clock.Now()
	if now.Sub(t.Since) >= rereadFor {
		return nil
	}
	if who := doubtful(t.Config, state, t.Events); who != "" {
		return failure.Waitf(now.Add(rereadEvery), "a read of %s that agrees with the event", who)
	}
	return nil
}

// read asks AWS for members, routes and, if the configuration wants them,
// zones, all at once: one round trip, and one more for status checks.
func read(ctx context.Context, t *turn) (State, error) {
	state := State{Observed: t.Clock.Now()}
	members := make([][]types.Instance, len(t.Config.Members))
	var tables []types.RouteTable
	zones := map[string]string{} // by subnet

	g, together := errgroup.WithContext(ctx)
	for i, filters := range memberFilters(t.Config) {
		if filters == nil {
			continue
		}
		g.Go(func() (err error) {
			members[i], err = describeInstances(together, t, filters)
			return err
		})
	}
	g.Go(func() (err error) {
		tables, err = describeRouteTables(together, t)
		return err
	})
	if t.Config.Prefer == PreferZone {
		g.Go(func() error { return describeSubnets(together, t, zones) })
	}
	if err := g.Wait(); err != nil {
		return State{}, err
	}
	state.Members = memberStates(t.Config, members)
	if t.Config.Health == HealthStatusChecks {
		if err := describeStatus(ctx, t, state.Members); err != nil {
			return State{}, err
		}
	}
	state.Routes = routesOf(t.Config, tables, state.Members, zones)
	if t.Config.Routes.Orphaned == OrphanedTake {
		if err := findOrphans(ctx, t, &state); err != nil {
			return State{}, err
		}
	}
	return state, nil
}

// memberFilters says how to ask for each entry of the members list. Entries by
// id share one call, which is made at the first of them; the others are nil.
func memberFilters(c Config) [][]types.Filter {
	filters := make([][]types.Filter, len(c.Members))
	var ids []string
	first := -1
	for i, m := range c.Members {
		if m.Instance == "" {
			filters[i] = append(tagFilters(m.Tags), filter("vpc-id", c.VPC))
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
		filters[first] = []types.Filter{filter("instance-id", ids...)}
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
	filters := append(tagFilters(t.Config.Routes.TableTags), filter("vpc-id", t.Config.VPC))
	if ids := t.Config.Routes.Tables; len(ids) > 0 {
		filters = append(filters, filter("route-table-id", ids...))
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
	pages := ec2.NewDescribeSubnetsPaginator(t.AWS.EC2, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("vpc-id", t.Config.VPC)}})
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

// memberStates puts what was read into the configured order of preference.
// Instances found by tag are ordered by id, so that the order never changes.
func memberStates(c Config, found [][]types.Instance) []MemberState {
	byID := map[string]types.Instance{}
	for _, instances := range found {
		for _, in := range instances {
			byID[aws.ToString(in.InstanceId)] = in
		}
	}
	var states []MemberState
	taken := map[string]bool{}
	for i, m := range c.Members {
		if m.Instance != "" {
			taken[m.Instance] = true
			in, ok := byID[m.Instance]
			states = append(states, memberState(m, m.Instance, in, ok))
			continue
		}
		var ids []string
		for _, in := range found[i] {
			ids = append(ids, aws.ToString(in.InstanceId))
		}
		slices.Sort(ids)
		for _, id := range ids {
			if !taken[id] {
				taken[id] = true
				states = append(states, memberState(m, id, byID[id], true))
			}
		}
	}
	return states
}

func memberState(m Member, id string, in types.Instance, found bool) MemberState {
	s := MemberState{Instance: id, State: gone}
	if found {
		s.VPC = aws.ToString(in.VpcId)
		s.Launched = aws.ToTime(in.LaunchTime)
		if in.State != nil {
			s.State = string(in.State.Name)
		}
		if in.Placement != nil {
			s.Zone = aws.ToString(in.Placement.AvailabilityZone)
		}
	}
	attached := map[string]Interface{}
	for _, n := range in.NetworkInterfaces {
		a := Interface{
			ID: aws.ToString(n.NetworkInterfaceId), Pair: mainPair, SourceDestCheck: aws.ToBool(n.SourceDestCheck),
			Attached: n.Attachment != nil && n.Attachment.Status == types.AttachmentStatusAttached,
		}
		if n.Attachment != nil {
			a.Pair = pairOf(m, int(aws.ToInt32(n.Attachment.DeviceIndex)))
		}
		attached[a.ID] = a
	}
	named := m.Interfaces
	if m.Interface != "" {
		named = map[string]string{mainPair: m.Interface}
	}
	if len(named) > 0 {
		for pair, id := range named {
			n := attached[id] // not attached: the zero value
			n.Pair, n.ID = pair, id
			s.Interfaces = append(s.Interfaces, n)
		}
	} else {
		for _, n := range attached {
			if n.Pair != "" {
				s.Interfaces = append(s.Interfaces, n)
			}
		}
	}
	slices.SortFunc(s.Interfaces, func(a, b Interface) int { return strings.Compare(a.Pair, b.Pair) })
	return s
}

// pairOf names the interface at a device index; "" leaves it out, because the
// member names its devices and this is none of them.
func pairOf(m Member, index int) string {
	if len(m.Devices) > 0 {
		for name, i := range m.Devices {
			if i == index {
				return name
			}
		}
		return ""
	}
	if index == 0 {
		return mainPair
	}
	return fmt.Sprintf("device-%d", index)
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
	pages := ec2.NewDescribeNetworkInterfacesPaginator(t.AWS.EC2, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("network-interface-id", ids...)}})
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

// routesOf picks the routes that target a member, and the strays: blackhole
// routes to an interface that is attached to nothing and is none of the
// members'. A route to somebody else's instance is somebody else's, stopped or
// not; EC2 shows the instance as long as the interface is attached.
func routesOf(c Config, tables []types.RouteTable, members []MemberState, zones map[string]string) []Route {
	ours := map[string]bool{}
	for _, m := range members {
		ours[m.Instance] = true
		for _, n := range m.Interfaces {
			ours[n.ID] = true
		}
	}
	var routes []Route
	for _, table := range tables {
		near := zonesOf(table, zones)
		for _, r := range table.Routes {
			route := Route{
				Table:       aws.ToString(table.RouteTableId),
				Destination: destinationOf(r),
				Interface:   aws.ToString(r.NetworkInterfaceId),
				Instance:    aws.ToString(r.InstanceId),
				Blackhole:   r.State == types.RouteStateBlackhole,
				Zones:       near,
			}
			if route.Interface == "" && route.Instance == "" {
				continue // a gateway, a peering: never a member's
			}
			if len(c.Routes.Destinations) > 0 && !slices.Contains(c.Routes.Destinations, route.Destination) {
				continue
			}
			stray := route.Blackhole && route.Instance == ""
			if ours[route.Interface] || (route.Interface == "" && ours[route.Instance]) || stray {
				routes = append(routes, route)
			}
		}
	}
	sortRoutes(routes)
	return routes
}

func zonesOf(table types.RouteTable, zones map[string]string) []string {
	var near []string
	for _, a := range table.Associations {
		if zone := zones[aws.ToString(a.SubnetId)]; zone != "" && !slices.Contains(near, zone) {
			near = append(near, zone)
		}
	}
	slices.Sort(near)
	return near
}

func destinationOf(r types.Route) string {
	for _, d := range []*string{r.DestinationCidrBlock, r.DestinationIpv6CidrBlock, r.DestinationPrefixListId} {
		if d != nil {
			return *d
		}
	}
	return ""
}

func tagFilters(tags map[string]string) []types.Filter {
	var filters []types.Filter
	for k, v := range tags {
		filters = append(filters, filter("tag:"+k, v))
	}
	slices.SortFunc(filters, func(a, b types.Filter) int { return strings.Compare(*a.Name, *b.Name) })
	return filters
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}
