package ec2

// What scenarios put into a world before it begins: things that are simply there,
// with ids that are given, so that a fleet file of somebody's own account fits. No
// event tells of them and no call is made. An id that is left out is a new one.

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// VPC is a VPC with its main route table.
type VPC struct {
	ID, CIDR, MainTable string
	Tags                map[string]string
}

// PlaceVPC puts a VPC there and returns its id.
func (s *Service) PlaceVPC(spec VPC) (id string, err error) {
	cidr, err := block("cidrBlock", spec.CIDR)
	if err != nil {
		return "", fmt.Errorf("place VPC: %w", err)
	}
	s.place(&err, "VPC", spec.ID, func(m *awssim.Moment, st *state) error {
		v := vpc{id: or(spec.ID, m, "vpc"), cidr: cidr.String()}
		if err := absent(&st.vpcs, v.id); err != nil {
			return err
		}
		st.vpcs.put(v)
		st.tag(v.id, tagSpecs(spec.Tags))
		main := placedTable(m, v, spec.MainTable)
		main.associations = []association{{id: m.ID("rtbassoc")}}
		st.routeTables.put(main)
		st.addDefaultGroup(m, v.id)
		id = v.id
		return nil
	})
	return id, err
}

// PlaceSubnet puts a subnet there and returns its id.
func (s *Service) PlaceSubnet(id, vpcID, cidr, zone string) (made string, err error) {
	s.place(&err, "subnet", id, func(m *awssim.Moment, st *state) error {
		v, err := need(&st.vpcs, "vpc", &vpcID)
		if err != nil {
			return err
		}
		p, err := block("cidrBlock", cidr)
		if err != nil {
			return err
		}
		if whole := netip.MustParsePrefix(v.cidr); p.Bits() < whole.Bits() || !whole.Contains(p.Addr()) {
			return fmt.Errorf("%s is not within %s", p, whole)
		}
		made = or(id, m, "subnet")
		if err := absent(&st.subnets, made); err != nil {
			return err
		}
		st.subnets.put(subnet{id: made, vpc: v.id, cidr: p.String(), zone: zone})
		return nil
	})
	return made, err
}

// PlaceInternetGateway puts an internet gateway there that is attached to a VPC.
func (s *Service) PlaceInternetGateway(id, vpcID string) (made string, err error) {
	s.place(&err, "internet gateway", id, func(m *awssim.Moment, st *state) error {
		if _, err := need(&st.vpcs, "vpc", &vpcID); err != nil {
			return err
		}
		made = or(id, m, "igw")
		st.gateways.put(gateway{id: made, vpc: vpcID})
		return nil
	})
	return made, err
}

// PlacedInstance is an instance that runs, or is stopped. Its volumes and its
// platform are those of its image.
type PlacedInstance struct {
	ID, Subnet, Image string
	Type              types.InstanceType
	Spot, Stopped     bool
	Interfaces        []PlacedInterface // by device index
	Groups            []string          // the ids of the security groups of all interfaces; default that of the VPC
	Profile, KeyPair  string            // by their names; default none
	Tags              map[string]string
}

// PlacedInterface is an interface of an instance.
type PlacedInterface struct {
	ID      string
	Checked bool // its source/destination check is on
	Stays   bool // when the instance is terminated
}

// PlaceInstance puts an instance there and returns its id.
func (s *Service) PlaceInstance(spec PlacedInstance) (id string, err error) {
	s.place(&err, "instance", spec.ID, func(m *awssim.Moment, st *state) error {
		sub, err := need(&st.subnets, "subnet", &spec.Subnet)
		if err != nil {
			return err
		}
		i := instance{
			id: or(spec.ID, m, "i"), reservation: m.ID("r"), image: spec.Image, subnet: sub.id, vpc: sub.vpc, zone: sub.zone,
			kind: cmp.Or(spec.Type, types.InstanceTypeM1Small), spot: spec.Spot, state: types.InstanceStateNameRunning, since: m.Now, launched: seconds(m),
		}
		if spec.Stopped {
			i.state = types.InstanceStateNameStopped
		}
		if err := absent(&st.instances, i.id); err != nil {
			return err
		}
		from := st.imageOf(spec.Image)
		in := &ec2.RunInstancesInput{InstanceType: i.kind}
		if spec.KeyPair != "" {
			in.KeyName = &spec.KeyPair
		}
		if spec.Profile != "" {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: &spec.Profile}
		}
		if i.made, err = st.configure(in, from); err != nil {
			return err
		}
		st.instances.put(i)
		st.provision(m, i.id, from.devices, nil)
		st.tag(i.id, tagSpecs(spec.Tags))
		for device, own := range spec.Interfaces {
			if err := st.placeInterface(m, sub, i.id, int32(device), own, spec.Groups); err != nil {
				return err
			}
		}
		id = i.id
		return nil
	})
	return id, err
}

func (s *state) placeInterface(m *awssim.Moment, sub subnet, instance string, device int32, spec PlacedInterface, groups []string) error {
	made, err := s.newInterface(m, sub, nil, nil, groups...)
	if err != nil {
		return err
	}
	s.interfaces.remove(made.id)
	made.id, made.sourceDestCheck = cmp.Or(spec.ID, made.id), spec.Checked
	if err := absent(&s.interfaces, made.id); err != nil {
		return err
	}
	s.attach(m, made, instance, device, !spec.Stays)
	return nil
}

// PlacedTable is a route table.
type PlacedTable struct {
	ID, VPC string
	Subnets []string          // that use it
	Routes  map[string]string // destinations to interfaces or internet gateways
	Tags    map[string]string
}

// PlaceTable puts a route table there and returns its id.
func (s *Service) PlaceTable(spec PlacedTable) (id string, err error) {
	s.place(&err, "route table", spec.ID, func(m *awssim.Moment, st *state) error {
		v, err := need(&st.vpcs, "vpc", &spec.VPC)
		if err != nil {
			return err
		}
		t := placedTable(m, v, spec.ID)
		if err := absent(&st.routeTables, t.id); err != nil {
			return err
		}
		for _, sub := range spec.Subnets {
			t.associations = append(t.associations, association{id: m.ID("rtbassoc"), subnet: sub})
		}
		st.routeTables.put(t)
		st.tag(t.id, tagSpecs(spec.Tags))
		for destination, target := range spec.Routes {
			if err := st.placeRoute(m, t.id, destination, target); err != nil {
				return err
			}
		}
		id = t.id
		return nil
	})
	return id, err
}

// placeRoute makes a route. Of a prefix list it is enough that a route names it.
func (s *state) placeRoute(m *awssim.Moment, table, destination, target string) error {
	in := &ec2.CreateRouteInput{RouteTableId: &table}
	switch {
	case strings.HasPrefix(destination, "pl-"):
		in.DestinationPrefixListId = &destination
		if _, known := s.prefixLists.get(destination); !known {
			s.prefixLists.put(prefixList{id: destination, name: destination, family: "IPv4", most: 1})
		}
	case strings.Contains(destination, ":"):
		in.DestinationIpv6CidrBlock = &destination
	default:
		in.DestinationCidrBlock = &destination
	}
	if strings.HasPrefix(target, "igw-") {
		in.GatewayId = &target
	} else {
		in.NetworkInterfaceId = &target
	}
	_, err := createRoute(m, s, in)
	return err
}

func placedTable(m *awssim.Moment, v vpc, id string) routeTable {
	t := newRouteTable(m, v)
	t.id = cmp.Or(id, t.id)
	return t
}

// PlacedTemplate is a launch template.
type PlacedTemplate struct {
	ID, Name string
	Versions []*types.RequestLaunchTemplateData // the oldest first, numbered from 1
	Default  int64                              // a number; default 1
	Tags     map[string]string
}

// PlaceTemplate puts a launch template there and returns its id.
func (s *Service) PlaceTemplate(spec PlacedTemplate) (id string, err error) {
	s.place(&err, "launch template", spec.Name, func(m *awssim.Moment, st *state) error {
		t := template{id: or(spec.ID, m, "lt"), name: spec.Name, created: seconds(m), by: m.Caller(), standard: max(spec.Default, 1)}
		if err := absent(&st.templates, t.id); err != nil {
			return err
		}
		if _, taken := st.templates.first(func(other template) bool { return other.name == t.name }); taken {
			return errors.New("the name is taken")
		}
		for _, given := range spec.Versions {
			data, err := templateData(m, types.ResponseLaunchTemplateData{}, given)
			if err != nil {
				return err
			}
			st.addVersion(m, t, "", data)
			t.last++
		}
		st.tag(t.id, tagSpecs(spec.Tags))
		if _, err := st.version(t, defaultVersion); err != nil {
			return err
		}
		id = t.id
		return nil
	})
	return id, err
}

// place does something as one change.
func (s *Service) place(err *error, what, name string, f func(*awssim.Moment, *state) error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		if failed := f(m, st); failed != nil {
			*err = fmt.Errorf("place %s %s: %w", what, name, failed)
		}
	})
}

func or(given string, m *awssim.Moment, prefix string) string {
	if given != "" {
		return given
	}
	return m.ID(prefix)
}

func absent[T row](t *table[T], id string) error {
	if _, there := t.get(id); there {
		return fmt.Errorf("%s is there already", id)
	}
	return nil
}

func tagSpecs(tags map[string]string) []types.Tag {
	var specs []types.Tag
	for key, value := range tags {
		specs = append(specs, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return specs
}
