package ec2_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
)

func TestRouteStates(t *testing.T) {
	s := newScene(t)
	id, eni := s.running()
	s.route("10.9.0.0/16", eni)
	spare := s.newInterface()
	s.route("10.8.0.0/16", spare)
	check := func(when, want string) {
		t.Helper()
		wantEqual(t, when, s.states(), []string{"10.8.0.0/16 " + spare + " blackhole", "10.9.0.0/16 " + want})
	}
	check("running", id+" active")
	s.stop(id)
	check("stopped", id+" blackhole")
	s.start(id)
	check("started", id+" active")
	s.terminate(id)
	check("terminated, and the interface with it", eni+" blackhole")
}

func TestDescribedRoutes(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	id, eni := s.running()
	s.route("10.9.8.7/16", eni) // host bits are cleared
	v6, err := s.client.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &s.table, DestinationIpv6CidrBlock: aws.String("::/0"), InstanceId: &id})
	must(t, v6, err)
	list, err := s.client.CreateManagedPrefixList(ctx, &ec2.CreateManagedPrefixListInput{PrefixListName: aws.String("p"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(5)})
	pl := *must(t, list, err).PrefixList.PrefixListId
	toPL, err := s.client.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &s.table, DestinationPrefixListId: &pl, GatewayId: &s.igw})
	must(t, toPL, err)
	out, err := s.client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{s.table}})
	got := must(t, out, err).RouteTables[0].Routes
	owner := aws.String("123456789012")
	want := []types.Route{
		{DestinationCidrBlock: aws.String("10.0.0.0/16"), GatewayId: aws.String("local"), Origin: types.RouteOriginCreateRouteTable, State: types.RouteStateActive},
		{DestinationCidrBlock: aws.String("10.9.0.0/16"), NetworkInterfaceId: &eni, InstanceId: &id, InstanceOwnerId: owner, Origin: types.RouteOriginCreateRoute, State: types.RouteStateActive},
		{DestinationIpv6CidrBlock: aws.String("::/0"), NetworkInterfaceId: &eni, InstanceId: &id, InstanceOwnerId: owner, Origin: types.RouteOriginCreateRoute, State: types.RouteStateActive},
		{DestinationPrefixListId: &pl, GatewayId: &s.igw, Origin: types.RouteOriginCreateRoute, State: types.RouteStateActive},
	}
	if len(got) != len(want) {
		t.Fatalf("%d routes, want %d", len(got), len(want))
	}
	for i := range want {
		if describe(got[i]) != describe(want[i]) {
			t.Errorf("route %d\ngot  %s\nwant %s", i, describe(got[i]), describe(want[i]))
		}
	}
}

// describe spells out a route.
func describe(r types.Route) string {
	parts := []string{string(r.State), string(r.Origin)}
	for _, p := range []*string{
		r.DestinationCidrBlock, r.DestinationIpv6CidrBlock, r.DestinationPrefixListId,
		r.GatewayId, r.NetworkInterfaceId, r.InstanceId, r.InstanceOwnerId,
	} {
		parts = append(parts, aws.ToString(p))
	}
	return strings.Join(parts, "|")
}

func TestRouteErrors(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	id, eni := s.running()
	s.route("10.9.0.0/16", eni)
	other := s.newInterface()
	two := s.run(func(in *ec2.RunInstancesInput) {
		in.SubnetId = nil
		in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{
			{DeviceIndex: aws.Int32(0), SubnetId: &s.subnet}, {DeviceIndex: aws.Int32(1), SubnetId: &s.subnet},
		}
	})
	far, err := s.client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")})
	farTable, err2 := s.client.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: must(t, far, err).Vpc.VpcId})
	must(t, farTable, err2)

	there, absent, missing := aws.String("10.9.0.0/16"), aws.String("10.7.0.0/16"), aws.String("rtb-00000000000000099")
	replace := func(in ec2.ReplaceRouteInput) error { _, err := s.client.ReplaceRoute(ctx, &in); return err }
	create := func(in ec2.CreateRouteInput) error { _, err := s.client.CreateRoute(ctx, &in); return err }
	remove := func(in ec2.DeleteRouteInput) error { _, err := s.client.DeleteRoute(ctx, &in); return err }
	for _, c := range []struct {
		want string
		err  error
	}{
		{"InvalidParameterValue", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: absent, NetworkInterfaceId: &eni})},
		{"InvalidRouteTableID.NotFound", replace(ec2.ReplaceRouteInput{RouteTableId: missing, DestinationCidrBlock: there, NetworkInterfaceId: &eni})},
		{"InvalidNetworkInterfaceID.NotFound", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, NetworkInterfaceId: aws.String("eni-00000000000000099")})},
		{"InvalidInstanceID.NotFound", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, InstanceId: aws.String("i-00000000000000099")})},
		{"InvalidInstanceID", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, InstanceId: two.InstanceId})},
		{"InvalidGatewayID.NotFound", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, GatewayId: aws.String("igw-00000000000000099")})},
		{"InvalidParameterCombination", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there})},
		{"InvalidParameterCombination", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, NetworkInterfaceId: &eni, InstanceId: &id})},
		{"MissingParameter", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, NetworkInterfaceId: &eni})},
		{"InvalidParameterValue", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: aws.String("10.9"), NetworkInterfaceId: &eni})},
		{"InvalidParameterValue", replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: aws.String("::/0"), NetworkInterfaceId: &eni})},
		{"InvalidParameterValue", create(ec2.CreateRouteInput{RouteTableId: farTable.RouteTable.RouteTableId, DestinationCidrBlock: there, NetworkInterfaceId: &eni})},
		{"RouteAlreadyExists", create(ec2.CreateRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, NetworkInterfaceId: &other})},
		{"RouteAlreadyExists", create(ec2.CreateRouteInput{RouteTableId: &s.table, DestinationCidrBlock: aws.String("10.0.0.0/16"), NetworkInterfaceId: &other})},
		{"InvalidPrefixListID.NotFound", create(ec2.CreateRouteInput{RouteTableId: &s.table, DestinationPrefixListId: aws.String("pl-1"), NetworkInterfaceId: &other})},
		{"InvalidRoute.NotFound", remove(ec2.DeleteRouteInput{RouteTableId: &s.table, DestinationCidrBlock: absent})},
		{"InvalidParameterValue", remove(ec2.DeleteRouteInput{RouteTableId: &s.table, DestinationCidrBlock: aws.String("10.0.0.0/16")})},
	} {
		wantCode(t, c.err, c.want)
	}
	if err := replace(ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: absent, NetworkInterfaceId: &eni}); !strings.Contains(err.Error(),
		"There is no route defined for '10.7.0.0/16' in the route table. Use CreateRoute instead.") {
		t.Errorf("text: %v", err)
	}
	if err := create(ec2.CreateRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, NetworkInterfaceId: &eni}); err != nil {
		t.Errorf("the same route again: %v", err)
	}
	wantEqual(t, "routes after all that", s.states(), []string{"10.9.0.0/16 " + id + " active"})
}

// TestWatchRoutes: a replacement is seen as one change, a deletion and a
// creation as two; and so are the states that instances bring about.
func TestWatchRoutes(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	a, eniA := s.running()
	b, eniB := s.running()
	s.route("10.9.0.0/16", eniA)
	var seen []string
	s.sim.WatchRoutes(func(at time.Time, routes []ec2sim.RouteView) {
		line := at.Sub(dawn).String()
		for _, r := range routes {
			line += " " + short(r)
		}
		seen = append(seen, line)
	})
	replaced, err := s.client.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: aws.String("10.9.0.0/16"), NetworkInterfaceId: &eniB})
	must(t, replaced, err)
	deleted, err := s.client.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &s.table, DestinationCidrBlock: aws.String("10.9.0.0/16")})
	must(t, deleted, err)
	s.route("10.9.0.0/16", eniA)
	s.stop(a)
	s.world.Settle()
	wantEqual(t, "changes", seen, []string{
		"2m0s 10.9.0.0/16 " + b + " active",
		"2m0s",
		"2m0s 10.9.0.0/16 " + a + " active",
		"2m0s 10.9.0.0/16 " + a + " blackhole",
	})
}

// TestStaleRoutes: a stale read shows the old target and the old state of the
// instance behind it, though both are the same rows as now.
func TestStaleRoutes(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	a, eniA := s.running()
	b, eniB := s.running()
	s.route("10.9.0.0/16", eniA)
	var age time.Duration
	s.world.StaleReads(func(awssim.Call) time.Duration { return age })
	s.clock.Advance(time.Second)
	replaced, err := s.client.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: aws.String("10.9.0.0/16"), NetworkInterfaceId: &eniB})
	must(t, replaced, err)
	stopped, err := s.client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{a, b}})
	must(t, stopped, err)
	for _, c := range []struct {
		age  time.Duration
		want string
	}{{0, b + " blackhole"}, {time.Second, a + " active"}} {
		age = c.age
		out, err := s.client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{s.table}})
		r := must(t, out, err).RouteTables[0].Routes[1]
		wantEqual(t, "at age "+c.age.String(), *r.InstanceId+" "+string(r.State), c.want)
	}
}

func TestRouteTables(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	_, eni := s.running()
	s.route("10.9.0.0/16", eni)
	linked, err := s.client.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &s.table, SubnetId: &s.subnet})
	link := *must(t, linked, err).AssociationId
	tables := func(f []types.Filter) []string {
		var ids []string
		for p := ec2.NewDescribeRouteTablesPaginator(s.client, &ec2.DescribeRouteTablesInput{Filters: f}); p.HasMorePages(); {
			out, err := p.NextPage(ctx)
			for _, table := range must(t, out, err).RouteTables {
				ids = append(ids, *table.RouteTableId)
			}
		}
		return ids
	}
	main := tables(filter("association.main", "true"))
	if len(main) != 1 || main[0] == s.table {
		t.Fatalf("main tables %v", main)
	}
	for _, c := range []struct {
		filter []types.Filter
		want   []string
	}{
		{filter("vpc-id", s.vpc), []string{main[0], s.table}},
		{filter("vpc-id", "vpc-*"), []string{main[0], s.table}},
		{filter("vpc-id", `vpc-\*`), nil},
		{filter("association.subnet-id", s.subnet), []string{s.table}},
		{filter("route.destination-cidr-block", "10.9.0.0/16"), []string{s.table}},
		{filter("route.destination-ipv6-cidr-block", "*"), nil},
		{filter("route.state", "active"), []string{main[0], s.table}},
		{slices.Concat(filter("vpc-id", s.vpc), filter("route-table-id", s.table, "rtb-1")), []string{s.table}},
	} {
		wantEqual(t, *c.filter[0].Name, tables(c.filter), c.want)
	}
	_, err = s.client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(101)})
	wantCode(t, err, "InvalidParameterValue")
	_, err = s.client.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &s.table})
	wantCode(t, err, "DependencyViolation")
	_, err = s.client.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &main[0], SubnetId: &s.subnet})
	wantCode(t, err, "Resource.AlreadyAssociated")
	unlinked, err := s.client.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: &link})
	must(t, unlinked, err)
	gone, err := s.client.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &s.table})
	must(t, gone, err)
	wantEqual(t, "tables", tables(nil), main)
}
