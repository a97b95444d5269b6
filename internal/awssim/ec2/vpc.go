package ec2

// VPCs, subnets and internet gateways, for setting a scene. Not modelled: IPv6
// blocks, further CIDR blocks, overlaps, default VPCs, deletion, detaching.

import (
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

type vpc struct{ id, cidr string }

type subnet struct{ id, vpc, cidr, zone string }

// gateway is an internet gateway; vpc is empty until it is attached.
type gateway struct{ id, vpc string }

func (v vpc) key() string     { return v.id }
func (s subnet) key() string  { return s.id }
func (g gateway) key() string { return g.id }

// block reads an IPv4 or IPv6 block and clears its host bits, as EC2 does (doc
// of ec2 CreateRouteInput.DestinationCidrBlock).
func block(parameter, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, invalid("InvalidParameterValue", "Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", text, parameter)
	}
	return p.Masked(), nil
}

// createVpc also makes the main route table and the default security group, which
// every VPC has.
func createVpc(m *awssim.Moment, s *state, in *ec2.CreateVpcInput) (*ec2.CreateVpcOutput, error) {
	cidr, err := block("cidrBlock", aws.ToString(in.CidrBlock))
	if err != nil {
		return nil, err
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeVpc)
	if err != nil {
		return nil, err
	}
	v := vpc{id: m.ID("vpc"), cidr: cidr.String()}
	s.vpcs.put(v)
	s.tag(v.id, tags[types.ResourceTypeVpc])
	main := newRouteTable(m, v)
	main.associations = []association{{id: m.ID("rtbassoc")}}
	s.routeTables.put(main)
	s.addDefaultGroup(m, v.id)
	return &ec2.CreateVpcOutput{Vpc: new(s.vpcOut(m, v))}, nil
}

func (s *state) vpcOut(m *awssim.Moment, v vpc) types.Vpc {
	return types.Vpc{
		VpcId:     aws.String(v.id),
		CidrBlock: aws.String(v.cidr),
		IsDefault: aws.Bool(false),
		OwnerId:   aws.String(m.Account()),
		State:     types.VpcStateAvailable,
		Tags:      s.tagSet(v.id),
	}
}

var vpcFilters = filters[vpc]{
	"vpc-id": field(vpc.key),
	"cidr":   field(func(v vpc) string { return v.cidr }),
}

func describeVpcs(m *awssim.Moment, s *state, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
	page, next, err := list(m, s, &s.vpcs, "vpc", listing{ids: in.VpcIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000}, vpcFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeVpcsOutput{NextToken: next}
	for _, v := range page {
		out.Vpcs = append(out.Vpcs, s.vpcOut(m, v))
	}
	return out, nil
}

func createSubnet(m *awssim.Moment, s *state, in *ec2.CreateSubnetInput) (*ec2.CreateSubnetOutput, error) {
	v, err := need(&s.vpcs, "vpc", in.VpcId)
	if err != nil {
		return nil, err
	}
	cidr, err := block("cidrBlock", aws.ToString(in.CidrBlock))
	if err != nil {
		return nil, err
	}
	whole := netip.MustParsePrefix(v.cidr)
	if cidr.Bits() < whole.Bits() || !whole.Contains(cidr.Addr()) {
		return nil, invalid("InvalidSubnet.Range", "The CIDR '%s' is invalid.", cidr) // unverified
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeSubnet)
	if err != nil {
		return nil, err
	}
	sub := subnet{id: m.ID("subnet"), vpc: v.id, cidr: cidr.String(), zone: aws.ToString(in.AvailabilityZone)}
	if sub.zone == "" {
		sub.zone = m.Region() + "a"
	}
	s.subnets.put(sub)
	s.tag(sub.id, tags[types.ResourceTypeSubnet])
	return &ec2.CreateSubnetOutput{Subnet: new(s.subnetOut(m, sub))}, nil
}

func (s *state) subnetOut(m *awssim.Moment, sub subnet) types.Subnet {
	return types.Subnet{
		SubnetId:                aws.String(sub.id),
		SubnetArn:               aws.String(m.ARN("ec2", "subnet/"+sub.id)),
		VpcId:                   aws.String(sub.vpc),
		CidrBlock:               aws.String(sub.cidr),
		AvailabilityZone:        aws.String(sub.zone),
		AvailableIpAddressCount: aws.Int32(s.freeAddresses(sub)),
		OwnerId:                 aws.String(m.Account()),
		State:                   types.SubnetStateAvailable,
		Tags:                    s.tagSet(sub.id),
	}
}

// freeAddresses are those that newInterface may still give away.
func (s *state) freeAddresses(sub subnet) int32 {
	cidr := netip.MustParsePrefix(sub.cidr)
	const most = 16 // bits; no subnet is larger (VPC User Guide, "Subnet CIDR blocks")
	free := int32(1)<<min(cidr.Addr().BitLen()-cidr.Bits(), most) - kept
	for _, n := range s.interfaces.rows {
		if n.subnet == sub.id {
			free--
		}
	}
	return max(free, 0)
}

var subnetFilters = filters[subnet]{
	"subnet-id":         field(subnet.key),
	"vpc-id":            field(func(s subnet) string { return s.vpc }),
	"cidr-block":        field(func(s subnet) string { return s.cidr }),
	"availability-zone": field(func(s subnet) string { return s.zone }),
}

func describeSubnets(m *awssim.Moment, s *state, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	page, next, err := list(m, s, &s.subnets, "subnet", listing{ids: in.SubnetIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000}, subnetFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeSubnetsOutput{NextToken: next}
	for _, sub := range page {
		out.Subnets = append(out.Subnets, s.subnetOut(m, sub))
	}
	return out, nil
}

func createInternetGateway(m *awssim.Moment, s *state, in *ec2.CreateInternetGatewayInput) (*ec2.CreateInternetGatewayOutput, error) {
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeInternetGateway)
	if err != nil {
		return nil, err
	}
	g := gateway{id: m.ID("igw")}
	s.gateways.put(g)
	s.tag(g.id, tags[types.ResourceTypeInternetGateway])
	return &ec2.CreateInternetGatewayOutput{InternetGateway: &types.InternetGateway{
		InternetGatewayId: aws.String(g.id),
		OwnerId:           aws.String(m.Account()),
		Tags:              s.tagSet(g.id),
	}}, nil
}

func attachInternetGateway(_ *awssim.Moment, s *state, in *ec2.AttachInternetGatewayInput) (*ec2.AttachInternetGatewayOutput, error) {
	g, err := need(&s.gateways, "igw", in.InternetGatewayId)
	if err != nil {
		return nil, err
	}
	v, err := need(&s.vpcs, "vpc", in.VpcId)
	if err != nil {
		return nil, err
	}
	if g.vpc != "" {
		return nil, invalid("Resource.AlreadyAssociated", "resource %s is already attached to network %s", g.id, g.vpc) // unverified
	}
	g.vpc = v.id
	s.gateways.put(g)
	return &ec2.AttachInternetGatewayOutput{}, nil
}
