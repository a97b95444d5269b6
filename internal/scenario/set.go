package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

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

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for k, v := range tags {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	slices.SortFunc(list, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return list
}
