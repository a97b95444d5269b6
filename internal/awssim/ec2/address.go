package ec2

// Elastic IP addresses. Not modelled: pools, addresses of other accounts,
// secondary private addresses, DNS names. Public addresses come from
// 203.0.113.0/24, which is reserved for documentation.

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

const maxAddresses = 5 // facts/apis.md 1.3 AllocateAddress

type address struct {
	id, ip                        string
	association, networkInterface string // empty if it is not associated
}

func (a address) key() string { return a.id }

// free is the address after it was disassociated.
func (a address) free() address { return address{id: a.id, ip: a.ip} }

// addressOf is the address that is associated with an interface.
func (s *state) addressOf(networkInterface string) (address, bool) {
	return s.addresses.first(func(a address) bool { return a.networkInterface == networkInterface })
}

func allocateAddress(m *awssim.Moment, s *state, in *ec2.AllocateAddressInput) (*ec2.AllocateAddressOutput, error) {
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeElasticIp)
	if err != nil {
		return nil, err
	}
	if len(s.addresses.rows) >= maxAddresses {
		return nil, invalid("AddressLimitExceeded", "The maximum number of addresses has been reached.")
	}
	a := address{id: m.ID("eipalloc"), ip: fmt.Sprintf("203.0.113.%d", m.Count("public address"))}
	s.addresses.put(a)
	s.tag(a.id, tags[types.ResourceTypeElasticIp])
	return &ec2.AllocateAddressOutput{AllocationId: aws.String(a.id), PublicIp: aws.String(a.ip), Domain: types.DomainTypeVpc}, nil
}

// associateAddress is idempotent, and moves an address that is associated
// elsewhere unless that is forbidden (facts/apis.md 1.3 AssociateAddress).
func associateAddress(m *awssim.Moment, s *state, in *ec2.AssociateAddressInput) (*ec2.AssociateAddressOutput, error) {
	a, err := need(&s.addresses, "eipalloc", in.AllocationId)
	if err != nil {
		return nil, err
	}
	n, err := s.targetInterface(routeInput{networkInterface: in.NetworkInterfaceId, instance: in.InstanceId})
	if err != nil {
		return nil, err
	}
	if a.networkInterface == n.id {
		return &ec2.AssociateAddressOutput{AssociationId: aws.String(a.association)}, nil
	}
	if i, ok := s.instances.get(n.attachment.instance); ok && i.state == types.InstanceStateNamePending {
		return nil, invalid("IncorrectInstanceState", "The pending instance '%s' is not in a valid state for this operation.", i.id)
	}
	displaced, taken := s.addressOf(n.id)
	if (a.networkInterface != "" || taken) && in.AllowReassociation != nil && !*in.AllowReassociation {
		return nil, invalid("Resource.AlreadyAssociated", "resource %s is already associated", a.id)
	}
	if taken {
		s.addresses.put(displaced.free())
	}
	a.association, a.networkInterface = m.ID("eipassoc"), n.id
	s.addresses.put(a)
	return &ec2.AssociateAddressOutput{AssociationId: aws.String(a.association)}, nil
}

func disassociateAddress(_ *awssim.Moment, s *state, in *ec2.DisassociateAddressInput) (*ec2.DisassociateAddressOutput, error) {
	id := aws.ToString(in.AssociationId)
	a, ok := s.addresses.first(func(a address) bool { return a.association == id })
	if !ok || id == "" {
		return nil, notFound("eipassoc", id) // facts/apis.md 1.3 DisassociateAddress
	}
	s.addresses.put(a.free())
	return &ec2.DisassociateAddressOutput{}, nil
}

func releaseAddress(_ *awssim.Moment, s *state, in *ec2.ReleaseAddressInput) (*ec2.ReleaseAddressOutput, error) {
	a, err := need(&s.addresses, "eipalloc", in.AllocationId)
	if err != nil {
		return nil, err
	}
	if a.association != "" { // facts/apis.md 1.3 ReleaseAddress
		return nil, invalid("InvalidIPAddress.InUse", "Address '%s' is in use.", a.ip)
	}
	s.addresses.remove(a.id)
	s.tags.remove(a.id)
	return &ec2.ReleaseAddressOutput{}, nil
}

var addressFilters = filters[address]{
	"allocation-id":        field(address.key),
	"association-id":       field(func(a address) string { return a.association }),
	"network-interface-id": field(func(a address) string { return a.networkInterface }),
	"public-ip":            field(func(a address) string { return a.ip }),
}

// describeAddresses has no pages: it returns all there are.
func describeAddresses(m *awssim.Moment, s *state, in *ec2.DescribeAddressesInput) (*ec2.DescribeAddressesOutput, error) {
	for _, id := range in.AllocationIds {
		if _, err := need(&s.addresses, "eipalloc", &id); err != nil {
			return nil, err
		}
	}
	for _, ip := range in.PublicIps {
		if _, ok := s.addresses.first(func(a address) bool { return a.ip == ip }); !ok {
			return nil, invalid("InvalidAddress.NotFound", "Address '%s' not found.", ip) // facts/apis.md 1.3 ReleaseAddress
		}
	}
	pass, err := matcher(m, s, listing{filters: in.Filters}, addressFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeAddressesOutput{}
	for _, a := range s.addresses.all(pass) {
		if (len(in.AllocationIds) == 0 || slices.Contains(in.AllocationIds, a.id)) && (len(in.PublicIps) == 0 || slices.Contains(in.PublicIps, a.ip)) {
			out.Addresses = append(out.Addresses, s.addressOut(m, a))
		}
	}
	return out, nil
}

func (s *state) addressOut(m *awssim.Moment, a address) types.Address {
	out := types.Address{AllocationId: aws.String(a.id), PublicIp: aws.String(a.ip), Domain: types.DomainTypeVpc, Tags: s.tagSet(a.id)}
	if a.association == "" {
		return out
	}
	out.AssociationId = aws.String(a.association)
	out.NetworkInterfaceId = aws.String(a.networkInterface)
	out.NetworkInterfaceOwnerId = aws.String(m.Account())
	n, _ := s.interfaces.get(a.networkInterface)
	out.PrivateIpAddress = aws.String(n.address)
	if n.attachment.instance != "" {
		out.InstanceId = aws.String(n.attachment.instance)
	}
	return out
}
