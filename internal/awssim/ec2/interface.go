package ec2

// Network interfaces. Not modelled: IPv6 and secondary addresses, public ones of
// their own, network cards other than the first, requester-managed interfaces.

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

type networkInterface struct {
	id, subnet, vpc, zone string
	address, description  string
	groups                []string // security groups, by id
	sourceDestCheck       bool
	attachment            attachment // zero if it is attached to nothing
}

type attachment struct {
	id, instance        string
	device              int32
	deleteOnTermination bool
	at                  time.Time
}

func (n networkInterface) key() string { return n.id }

func (n networkInterface) status() types.NetworkInterfaceStatus {
	if n.attachment.id == "" {
		return types.NetworkInterfaceStatusAvailable
	}
	return types.NetworkInterfaceStatusInUse
}

// newInterface makes an interface in a subnet, at the given address or the lowest
// that is free, and with the given security groups or the default one.
func (s *state) newInterface(m *awssim.Moment, sub subnet, address, description *string, groups ...string) (networkInterface, error) {
	used := map[string]bool{}
	for _, n := range s.interfaces.all(func(n networkInterface) bool { return n.subnet == sub.id }) {
		used[n.address] = true
	}
	n := networkInterface{
		subnet: sub.id, vpc: sub.vpc, zone: sub.zone,
		address: aws.ToString(address), description: aws.ToString(description),
		sourceDestCheck: true, // facts/apis.md 1.3 ModifyInstanceAttribute
	}
	var err error
	if n.groups, err = s.groupsIn(sub, groups); err != nil {
		return n, err
	}
	if address == nil {
		free, err := lowestFree(sub, used)
		if err != nil {
			return n, err
		}
		n.address = free
	}
	if used[n.address] {
		return n, invalid("InvalidIPAddress.InUse", "Address %s is in use.", n.address) // facts/apis.md 1.3 CreateNetworkInterface
	}
	if a, err := netip.ParseAddr(n.address); err != nil || !netip.MustParsePrefix(sub.cidr).Contains(a) {
		return n, invalid("InvalidParameterValue", "Address %s does not fall within the subnet's address range", n.address) // unverified
	}
	n.id = m.ID("eni")
	s.interfaces.put(n)
	return n, nil
}

// kept is how many addresses of a subnet AWS keeps: the first four and the last
// (VPC User Guide, "Subnet CIDR blocks").
const kept = 5

// lowestFree passes over the addresses that AWS keeps.
func lowestFree(sub subnet, used map[string]bool) (string, error) {
	cidr := netip.MustParsePrefix(sub.cidr)
	a := cidr.Addr()
	for range kept - 1 {
		a = a.Next()
	}
	for ; cidr.Contains(a.Next()); a = a.Next() {
		if !used[a.String()] {
			return a.String(), nil
		}
	}
	// facts/apis.md 1.3 CreateNetworkInterface
	return "", invalid("InsufficientFreeAddressesInSubnet", "There are not enough free addresses in subnet '%s'", sub.id)
}

func createNetworkInterface(m *awssim.Moment, s *state, in *ec2.CreateNetworkInterfaceInput) (*ec2.CreateNetworkInterfaceOutput, error) {
	sub, err := need(&s.subnets, "subnet", in.SubnetId)
	if err != nil {
		return nil, err
	}
	plain := *in
	plain.ClientToken = nil
	id, done, err := s.once(in.ClientToken, "CreateNetworkInterface", plain) // facts/apis.md 1.2
	if err != nil {
		return nil, err
	}
	if !done {
		tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeNetworkInterface)
		if err != nil {
			return nil, err
		}
		n, err := s.newInterface(m, sub, in.PrivateIpAddress, in.Description, in.Groups...)
		if err != nil {
			return nil, err
		}
		id = n.id
		s.tag(id, tags[types.ResourceTypeNetworkInterface])
		s.remember(in.ClientToken, "CreateNetworkInterface", plain, id)
	}
	n, err := need(&s.interfaces, "eni", &id)
	if err != nil {
		return nil, err
	}
	return &ec2.CreateNetworkInterfaceOutput{NetworkInterface: new(s.interfaceOut(m, n)), ClientToken: in.ClientToken}, nil
}

func deleteNetworkInterface(_ *awssim.Moment, s *state, in *ec2.DeleteNetworkInterfaceInput) (*ec2.DeleteNetworkInterfaceOutput, error) {
	n, err := need(&s.interfaces, "eni", in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	if n.attachment.id != "" { // facts/apis.md 1.3 DeleteNetworkInterface
		return nil, invalid("InvalidParameterValue", "Network interface '%s' is currently in use.", n.id)
	}
	s.removeInterface(n)
	return &ec2.DeleteNetworkInterfaceOutput{}, nil
}

// removeInterface also frees the address that was associated with it.
func (s *state) removeInterface(n networkInterface) {
	if a, ok := s.addresses.first(func(a address) bool { return a.networkInterface == n.id }); ok {
		s.addresses.put(a.free())
	}
	s.interfaces.remove(n.id)
	s.tags.remove(n.id)
}

var interfaceFilters = filters[networkInterface]{
	"network-interface-id":     field(networkInterface.key),
	"subnet-id":                field(func(n networkInterface) string { return n.subnet }),
	"vpc-id":                   field(func(n networkInterface) string { return n.vpc }),
	"availability-zone":        field(func(n networkInterface) string { return n.zone }),
	"private-ip-address":       field(func(n networkInterface) string { return n.address }),
	"description":              field(func(n networkInterface) string { return n.description }),
	"status":                   field(func(n networkInterface) string { return string(n.status()) }),
	"group-id":                 func(_ *state, n networkInterface) []string { return n.groups },
	"source-dest-check":        field(func(n networkInterface) string { return strconv.FormatBool(n.sourceDestCheck) }),
	"attachment.attachment-id": field(func(n networkInterface) string { return n.attachment.id }),
	"attachment.instance-id":   field(func(n networkInterface) string { return n.attachment.instance }),
	"attachment.device-index":  field(networkInterface.deviceIndex),
	"addresses.association.public-ip": func(s *state, n networkInterface) []string {
		if a, ok := s.addressOf(n.id); ok {
			return []string{a.ip}
		}
		return nil
	},
}

func (n networkInterface) deviceIndex() string {
	if n.attachment.id == "" {
		return ""
	}
	return strconv.Itoa(int(n.attachment.device))
}

func describeNetworkInterfaces(m *awssim.Moment, s *state, in *ec2.DescribeNetworkInterfacesInput) (*ec2.DescribeNetworkInterfacesOutput, error) {
	page, next, err := list(m, s, &s.interfaces, "eni", listing{ids: in.NetworkInterfaceIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000}, interfaceFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeNetworkInterfacesOutput{NextToken: next}
	for _, n := range page {
		out.NetworkInterfaces = append(out.NetworkInterfaces, s.interfaceOut(m, n))
	}
	return out, nil
}

func (s *state) interfaceOut(m *awssim.Moment, n networkInterface) types.NetworkInterface {
	out := types.NetworkInterface{
		NetworkInterfaceId: aws.String(n.id),
		SubnetId:           aws.String(n.subnet),
		VpcId:              aws.String(n.vpc),
		AvailabilityZone:   aws.String(n.zone),
		PrivateIpAddress:   aws.String(n.address),
		PrivateIpAddresses: []types.NetworkInterfacePrivateIpAddress{{Primary: aws.Bool(true), PrivateIpAddress: aws.String(n.address)}},
		Description:        aws.String(n.description),
		Groups:             s.groupsOut(n.groups),
		InterfaceType:      types.NetworkInterfaceTypeInterface,
		OwnerId:            aws.String(m.Account()),
		RequesterManaged:   aws.Bool(false),
		SourceDestCheck:    aws.Bool(n.sourceDestCheck),
		Status:             n.status(),
		TagSet:             s.tagSet(n.id),
	}
	if a, ok := s.addressOf(n.id); ok {
		out.Association = &types.NetworkInterfaceAssociation{
			AllocationId:  aws.String(a.id),
			AssociationId: aws.String(a.association),
			IpOwnerId:     aws.String(m.Account()),
			PublicIp:      aws.String(a.ip),
		}
	}
	if at := n.attachment; at.id != "" {
		out.Attachment = &types.NetworkInterfaceAttachment{
			AttachmentId:        aws.String(at.id),
			AttachTime:          aws.Time(at.at),
			DeleteOnTermination: aws.Bool(at.deleteOnTermination),
			DeviceIndex:         aws.Int32(at.device),
			InstanceId:          aws.String(at.instance),
			InstanceOwnerId:     aws.String(m.Account()),
			NetworkCardIndex:    aws.Int32(0),
			Status:              types.AttachmentStatusAttached,
		}
	}
	return out
}
