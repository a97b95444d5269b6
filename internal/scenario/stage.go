package scenario

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// Stage is a world with the things a story is about. It remembers its first
// error; after that its methods do nothing, so that a story reads without
// error handling. [Play] returns the error.
type Stage struct {
	World
	VPC      string
	Subnets  []string // one in each zone
	Tables   []string
	Gateways []Gateway
	Topic    string
	// Policy, if not nil, edits the rendered policy that Drover works under.
	Policy func(iam.Policy) iam.Policy
	Log    *slog.Logger

	ctx    context.Context // kept, because a stage lives for one story, which is one call
	ec2    *ec2.Client
	sns    *sns.Client
	ledger ledger.Ledger
	err    error
}

// Gateway is an instance that routes go through.
type Gateway struct {
	Instance   string
	Zone       string
	Interfaces []string // by device index
}

// Layout is what a stage starts with: a VPC with one subnet in each of two
// zones, and in it these.
type Layout struct {
	Gateways   int
	Interfaces int // of each gateway; 0 means 1
	Tables     int // beside the VPC's main table; 0 means 1
	// Checked leaves the gateways' source/destination checks on.
	Checked bool
	// Tags are on every gateway.
	Tags map[string]string
}

// Scenario is a story.
type Scenario struct {
	Name  string
	Title string
	// Simulated says why the story plays on simulated AWS only; empty if it
	// plays over the wire too.
	Simulated string
	Story     func(*Stage)
}

// Play plays a story in a world of its own.
func Play(ctx context.Context, w World, sc Scenario, edit ...func(*Stage)) error {
	s := NewStage(ctx, w)
	for _, e := range edit {
		e(s)
	}
	sc.Story(s)
	if s.err != nil {
		return fmt.Errorf("%s: %w", sc.Name, s.err)
	}
	return nil
}

// NewStage is an empty stage.
func NewStage(ctx context.Context, w World) *Stage {
	cfg := w.AWS()
	return &Stage{
		World: w, ctx: ctx, Log: slog.New(slog.DiscardHandler),
		ec2: ec2.NewFromConfig(cfg), sns: sns.NewFromConfig(cfg),
		ledger: memory.NewNamed(w.Clock(), "scenario"),
	}
}

// Err is the first thing that went wrong.
func (s *Stage) Err() error { return s.err }

// try does something unless the stage has failed, and keeps its error.
func (s *Stage) try(what string, f func() error) {
	if s.err != nil {
		return
	}
	if err := f(); err != nil {
		s.err = fmt.Errorf("%s: %w", what, err)
	}
}

// Failf makes the story fail, unless it has already.
func (s *Stage) Failf(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// Set builds the layout.
func (s *Stage) Set(l Layout) {
	s.try("set the stage", func() error {
		vpc, err := s.ec2.CreateVpc(s.ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		if err != nil {
			return err
		}
		s.VPC = *vpc.Vpc.VpcId
		region := s.AWS().Region
		for i, letter := range []string{"a", "b"} {
			out, err := s.ec2.CreateSubnet(s.ctx, &ec2.CreateSubnetInput{
				VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(fmt.Sprintf("10.0.%d.0/24", i)), AvailabilityZone: aws.String(region + letter),
			})
			if err != nil {
				return err
			}
			s.Subnets = append(s.Subnets, *out.Subnet.SubnetId)
		}
		topic, err := s.sns.CreateTopic(s.ctx, &sns.CreateTopicInput{Name: aws.String("ops")})
		if err != nil {
			return err
		}
		s.Topic = *topic.TopicArn
		return nil
	})
	for range max(1, l.Tables) {
		s.AddTable(nil)
	}
	for range l.Gateways {
		s.AddGateway(l)
	}
}

// AddTable makes a route table.
func (s *Stage) AddTable(tags map[string]string) {
	s.try("make a route table", func() error {
		in := &ec2.CreateRouteTableInput{VpcId: aws.String(s.VPC)}
		if len(tags) > 0 {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeRouteTable, Tags: tagList(tags)}}
		}
		out, err := s.ec2.CreateRouteTable(s.ctx, in)
		if err == nil {
			s.Tables = append(s.Tables, *out.RouteTable.RouteTableId)
		}
		return err
	})
}

// Associate makes a subnet use a table.
func (s *Stage) Associate(table, subnet int) {
	s.try("associate a route table", func() error {
		_, err := s.ec2.AssociateRouteTable(s.ctx, &ec2.AssociateRouteTableInput{
			RouteTableId: aws.String(s.Tables[table]), SubnetId: aws.String(s.Subnets[subnet]),
		})
		return err
	})
}

// AddGateway starts a gateway and waits until it runs. Gateways stand in the
// zones in turn.
func (s *Stage) AddGateway(l Layout) {
	s.try("start a gateway", func() error {
		subnet := s.Subnets[len(s.Gateways)%len(s.Subnets)]
		in := &ec2.RunInstancesInput{
			ImageId: aws.String("ami-0123456789abcdef0"), InstanceType: types.InstanceTypeC5Large,
			MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: aws.String(subnet),
		}
		if len(l.Tags) > 0 {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: tagList(l.Tags)}}
		}
		out, err := s.ec2.RunInstances(s.ctx, in)
		if err != nil {
			return err
		}
		started := out.Instances[0]
		g := Gateway{
			Instance:   *started.InstanceId,
			Zone:       aws.ToString(started.Placement.AvailabilityZone),
			Interfaces: []string{*started.NetworkInterfaces[0].NetworkInterfaceId},
		}
		if _, err := s.Await(s.ctx, g.Instance, "running"); err != nil {
			return err
		}
		for index := 1; index < l.Interfaces; index++ {
			id, err := s.attach(g.Instance, subnet, index)
			if err != nil {
				return err
			}
			g.Interfaces = append(g.Interfaces, id)
		}
		s.Gateways = append(s.Gateways, g)
		if l.Checked {
			return nil
		}
		for _, id := range g.Interfaces {
			if err := s.setCheck(id, false); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Stage) attach(instance, subnet string, index int) (string, error) {
	out, err := s.ec2.CreateNetworkInterface(s.ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: aws.String(subnet)})
	if err != nil {
		return "", err
	}
	id := *out.NetworkInterface.NetworkInterfaceId
	_, err = s.ec2.AttachNetworkInterface(s.ctx, &ec2.AttachNetworkInterfaceInput{
		InstanceId: aws.String(instance), NetworkInterfaceId: aws.String(id), DeviceIndex: aws.Int32(int32(index)),
	})
	return id, err
}

func (s *Stage) setCheck(id string, on bool) error {
	_, err := s.ec2.ModifyNetworkInterfaceAttribute(s.ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: aws.String(id), SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(on)},
	})
	return err
}

// Checked says whether the source/destination check of an interface is on.
func (s *Stage) Checked(id string) (on bool) {
	s.try("describe "+id, func() error {
		out, err := s.ec2.DescribeNetworkInterfaces(s.ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}})
		if err == nil {
			on = aws.ToBool(out.NetworkInterfaces[0].SourceDestCheck)
		}
		return err
	})
	return on
}

// Route makes a route to a target: an interface, or an instance.
func (s *Stage) Route(table int, destination, target string) {
	s.try("make route "+destination, func() error {
		in := &ec2.CreateRouteInput{RouteTableId: aws.String(s.Tables[table])}
		switch {
		case strings.HasPrefix(destination, "pl-"):
			in.DestinationPrefixListId = aws.String(destination)
		case strings.Contains(destination, ":"):
			in.DestinationIpv6CidrBlock = aws.String(destination)
		default:
			in.DestinationCidrBlock = aws.String(destination)
		}
		if strings.HasPrefix(target, "i-") {
			in.InstanceId = aws.String(target)
		} else {
			in.NetworkInterfaceId = aws.String(target)
		}
		_, err := s.ec2.CreateRoute(s.ctx, in)
		return err
	})
}

// Unroute deletes an IPv4 route.
func (s *Stage) Unroute(table int, destination string) {
	s.try("delete route "+destination, func() error {
		_, err := s.ec2.DeleteRoute(s.ctx, &ec2.DeleteRouteInput{
			RouteTableId: aws.String(s.Tables[table]), DestinationCidrBlock: aws.String(destination),
		})
		return err
	})
}

// PrefixList makes a prefix list and returns its id.
func (s *Stage) PrefixList() (id string) {
	s.try("make a prefix list", func() error {
		out, err := s.ec2.CreateManagedPrefixList(s.ctx, &ec2.CreateManagedPrefixListInput{
			PrefixListName: aws.String("offices"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(1),
			Entries: []types.AddPrefixListEntry{{Cidr: aws.String("10.9.0.0/16")}},
		})
		if err == nil {
			id = *out.PrefixList.PrefixListId
		}
		return err
	})
	return id
}

// Stop stops a gateway and returns the events of that.
func (s *Stage) Stop(gateway int) []event.Event {
	return s.turn(gateway, "stopped", func(ids []string) error {
		_, err := s.ec2.StopInstances(s.ctx, &ec2.StopInstancesInput{InstanceIds: ids})
		return err
	})
}

// Start starts a stopped gateway and returns the events of that.
func (s *Stage) Start(gateway int) []event.Event {
	return s.turn(gateway, "running", func(ids []string) error {
		_, err := s.ec2.StartInstances(s.ctx, &ec2.StartInstancesInput{InstanceIds: ids})
		return err
	})
}

// Terminate ends a gateway and returns the events of that.
func (s *Stage) Terminate(gateway int) []event.Event {
	return s.turn(gateway, "terminated", func(ids []string) error {
		_, err := s.ec2.TerminateInstances(s.ctx, &ec2.TerminateInstancesInput{InstanceIds: ids})
		return err
	})
}

func (s *Stage) turn(gateway int, state string, change func([]string) error) (events []event.Event) {
	id := s.Gateways[gateway].Instance
	s.try(fmt.Sprintf("%s to be %s", id, state), func() error {
		if err := change([]string{id}); err != nil {
			return err
		}
		var err error
		events, err = s.Await(s.ctx, id, state)
		if err == nil && len(events) == 0 {
			err = errors.New("no event was emitted")
		}
		return err
	})
	if len(events) == 0 {
		return []event.Event{{}} // the stage has failed; stories may index what they wait for
	}
	return events
}

// Targets maps every route of the stage's tables that has an interface or an
// instance for a target, as "TABLE DESTINATION", to that target. The interface
// counts where both are shown.
func (s *Stage) Targets() map[string]string {
	targets := map[string]string{}
	s.try("describe the routes", func() error {
		pages := ec2.NewDescribeRouteTablesPaginator(s.ec2, &ec2.DescribeRouteTablesInput{
			Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{s.VPC}}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(s.ctx)
			if err != nil {
				return err
			}
			for _, t := range page.RouteTables {
				for _, r := range t.Routes {
					target := cmpOr(r.NetworkInterfaceId, r.InstanceId)
					if target != "" {
						targets[*t.RouteTableId+" "+cmpOr(r.DestinationCidrBlock, r.DestinationIpv6CidrBlock, r.DestinationPrefixListId)] = target
					}
				}
			}
		}
		return nil
	})
	return targets
}

// cmpOr is the first value that is there.
func cmpOr(values ...*string) string {
	for _, v := range values {
		if v != nil && *v != "" {
			return *v
		}
	}
	return ""
}

// ExpectRoute makes the story fail unless the route targets what it should.
func (s *Stage) ExpectRoute(table int, destination, want string) {
	if got := s.Targets()[s.Tables[table]+" "+destination]; s.err == nil && got != want {
		s.Failf("route %s in %s targets %q, want %q", destination, s.Tables[table], got, want)
	}
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for k, v := range tags {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	slices.SortFunc(list, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return list
}
