package ec2

// Route tables and their associations with subnets. Not modelled: association
// with gateways, replacing an association or the main table, propagation.

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

type routeTable struct {
	id, vpc      string
	associations []association
	routes       []route // sorted by destination; the local route first
}

// association is with a subnet, or makes the main table if there is none.
type association struct{ id, subnet string }

func (t routeTable) key() string { return t.id }

// newRouteTable has the local route that no table is without.
func newRouteTable(m *awssim.Moment, v vpc) routeTable {
	return routeTable{id: m.ID("rtb"), vpc: v.id, routes: []route{{destination: v.cidr, gateway: localGateway}}}
}

func createRouteTable(m *awssim.Moment, s *state, in *ec2.CreateRouteTableInput) (*ec2.CreateRouteTableOutput, error) {
	v, err := need(&s.vpcs, "vpc", in.VpcId)
	if err != nil {
		return nil, err
	}
	plain := *in
	plain.ClientToken = nil
	id, done, err := s.once(in.ClientToken, "CreateRouteTable", plain)
	if err != nil {
		return nil, err
	}
	if !done {
		tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeRouteTable)
		if err != nil {
			return nil, err
		}
		t := newRouteTable(m, v)
		id = t.id
		s.routeTables.put(t)
		s.tag(id, tags[types.ResourceTypeRouteTable])
		s.remember(in.ClientToken, "CreateRouteTable", plain, id)
	}
	t, err := need(&s.routeTables, "rtb", &id)
	if err != nil {
		return nil, err
	}
	return &ec2.CreateRouteTableOutput{RouteTable: new(s.routeTableOut(m, t)), ClientToken: in.ClientToken}, nil
}

func (s *state) routeTableOut(m *awssim.Moment, t routeTable) types.RouteTable {
	out := types.RouteTable{
		RouteTableId: aws.String(t.id),
		VpcId:        aws.String(t.vpc),
		OwnerId:      aws.String(m.Account()),
		Tags:         s.tagSet(t.id),
	}
	for _, a := range t.associations {
		link := types.RouteTableAssociation{
			RouteTableAssociationId: aws.String(a.id),
			RouteTableId:            aws.String(t.id),
			Main:                    aws.Bool(a.subnet == ""),
			AssociationState:        &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated},
		}
		if a.subnet != "" {
			link.SubnetId = aws.String(a.subnet)
		}
		out.Associations = append(out.Associations, link)
	}
	for _, r := range t.routes {
		out.Routes = append(out.Routes, s.routeOut(m, r))
	}
	return out
}

// each makes a filter of a value that each of several parts of a table has or,
// if it is "", has not.
func each[P any](parts func(routeTable) []P, of func(*state, P) string) func(*state, routeTable) []string {
	return func(s *state, t routeTable) []string {
		var values []string
		for _, p := range parts(t) {
			if v := of(s, p); v != "" {
				values = append(values, v)
			}
		}
		return values
	}
}

func associationsOf(t routeTable) []association { return t.associations }
func routesOf(t routeTable) []route             { return t.routes }

func destinationOf(v ipVersion) func(*state, route) string {
	return func(_ *state, r route) string {
		if r.version != v {
			return ""
		}
		return r.destination
	}
}

var routeTableFilters = filters[routeTable]{
	"route-table-id": field(routeTable.key),
	"vpc-id":         field(func(t routeTable) string { return t.vpc }),

	"association.subnet-id":                  each(associationsOf, func(_ *state, a association) string { return a.subnet }),
	"association.route-table-association-id": each(associationsOf, func(_ *state, a association) string { return a.id }),
	"association.main":                       each(associationsOf, func(_ *state, a association) string { return strconv.FormatBool(a.subnet == "") }),

	"route.destination-cidr-block":      each(routesOf, destinationOf(ipv4)),
	"route.destination-ipv6-cidr-block": each(routesOf, destinationOf(ipv6)),
	"route.destination-prefix-list-id":  each(routesOf, destinationOf(ofPrefixList)),
	"route.gateway-id":                  each(routesOf, func(_ *state, r route) string { return r.gateway }),
	"route.instance-id":                 each(routesOf, (*state).routeInstance),
	"route.state":                       each(routesOf, func(s *state, r route) string { return string(s.routeState(r)) }),
}

func describeRouteTables(m *awssim.Moment, s *state, in *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	page, next, err := list(m, s, &s.routeTables, "rtb", listing{ids: in.RouteTableIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 100}, routeTableFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeRouteTablesOutput{NextToken: next}
	for _, t := range page {
		out.RouteTables = append(out.RouteTables, s.routeTableOut(m, t))
	}
	return out, nil
}

func associateRouteTable(m *awssim.Moment, s *state, in *ec2.AssociateRouteTableInput) (*ec2.AssociateRouteTableOutput, error) {
	t, err := need(&s.routeTables, "rtb", in.RouteTableId)
	if err != nil {
		return nil, err
	}
	sub, err := need(&s.subnets, "subnet", in.SubnetId)
	if err != nil {
		return nil, err
	}
	if sub.vpc != t.vpc {
		return nil, invalid("InvalidParameterValue", "route table %s and subnet %s belong to different networks", t.id, sub.id) // unverified
	}
	ofSubnet := func(a association) bool { return a.subnet == sub.id }
	if other, ok := s.routeTables.first(func(o routeTable) bool { return slices.ContainsFunc(o.associations, ofSubnet) }); ok {
		return nil, invalid("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association of %s", t.id, other.id) // unverified
	}
	a := association{id: m.ID("rtbassoc"), subnet: sub.id}
	t.associations = append(slices.Clone(t.associations), a)
	s.routeTables.put(t)
	return &ec2.AssociateRouteTableOutput{
		AssociationId:    aws.String(a.id),
		AssociationState: &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated},
	}, nil
}

func disassociateRouteTable(_ *awssim.Moment, s *state, in *ec2.DisassociateRouteTableInput) (*ec2.DisassociateRouteTableOutput, error) {
	id := aws.ToString(in.AssociationId)
	byID := func(a association) bool { return a.id == id }
	t, ok := s.routeTables.first(func(t routeTable) bool { return slices.ContainsFunc(t.associations, byID) })
	if !ok {
		return nil, notFound("rtbassoc", id)
	}
	if t.associations[slices.IndexFunc(t.associations, byID)].subnet == "" {
		return nil, invalid("InvalidParameterValue", "cannot disassociate the main route table association %s", id) // unverified
	}
	t.associations = slices.DeleteFunc(slices.Clone(t.associations), byID)
	s.routeTables.put(t)
	return &ec2.DisassociateRouteTableOutput{}, nil
}

func deleteRouteTable(_ *awssim.Moment, s *state, in *ec2.DeleteRouteTableInput) (*ec2.DeleteRouteTableOutput, error) {
	t, err := need(&s.routeTables, "rtb", in.RouteTableId)
	if err != nil {
		return nil, err
	}
	if len(t.associations) > 0 { // doc of ec2 DeleteRouteTable
		return nil, invalid("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", t.id)
	}
	s.routeTables.remove(t.id)
	s.tags.remove(t.id)
	return &ec2.DeleteRouteTableOutput{}, nil
}
