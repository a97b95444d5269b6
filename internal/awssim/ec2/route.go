package ec2

// Routes to interfaces, instances and internet gateways. Other targets are
// refused by their parameter's name. Not modelled: longest-prefix checks against
// the local route, edge association, ConcurrentMutationLimitExceeded.

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

const (
	localGateway = "local"
	maxRoutes    = 500 // facts/apis.md 1.3 CreateRoute
)

// route has exactly one target: an interface or a gateway. That a route to an
// instance is one to its only interface is how EC2 shows it afterwards.
type route struct {
	destination string
	version     ipVersion
	networkInterface,
	gateway string
}

// ipVersion says under which of three members a destination appears.
type ipVersion int

const (
	ipv4 ipVersion = iota
	ipv6
	ofPrefixList
)

// routeInput is what the inputs of the route operations have in common.
type routeInput struct {
	cidr, cidr6, prefixList             *string
	networkInterface, instance, gateway *string
}

// destination reads the one destination of a request.
func (s *state) destination(in routeInput) (route, error) {
	given := slices.DeleteFunc([]*string{in.cidr, in.cidr6, in.prefixList}, func(p *string) bool { return p == nil })
	if len(given) != 1 {
		return route{}, invalid("MissingParameter", "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock and destinationPrefixListId") // unverified
	}
	if in.prefixList != nil {
		p, err := need(&s.prefixLists, "pl", in.prefixList)
		return route{destination: p.id, version: ofPrefixList}, err
	}
	version, parameter := ipv4, "destinationCidrBlock"
	if in.cidr6 != nil {
		version, parameter = ipv6, "destinationIpv6CidrBlock"
	}
	cidr, err := block(parameter, *given[0])
	if err == nil && cidr.Addr().Is6() != (version == ipv6) {
		return route{}, invalid("InvalidParameterValue", "Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", *given[0], parameter)
	}
	return route{destination: cidr.String(), version: version}, err
}

// targeted reads the destination and the one target of a request for a table.
func (s *state) targeted(in routeInput, t routeTable) (route, error) {
	r, err := s.destination(in)
	if err != nil {
		return route{}, err
	}
	given := slices.DeleteFunc([]*string{in.networkInterface, in.instance, in.gateway}, func(p *string) bool { return p == nil })
	if len(given) != 1 {
		return route{}, invalid("InvalidParameterCombination", "The request must contain exactly one of gatewayId, instanceId and networkInterfaceId") // unverified
	}
	if in.gateway != nil {
		g, ok := s.gateways.get(*in.gateway)
		if !ok {
			return route{}, invalid("InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist", *in.gateway) // facts/apis.md 1.3 CreateRoute
		}
		r.gateway = g.id
		return r, sameNetwork(t, g.id, g.vpc)
	}
	eni, err := s.targetInterface(in)
	if err != nil {
		return route{}, err
	}
	r.networkInterface = eni.id
	return r, sameNetwork(t, eni.id, eni.vpc)
}

// targetInterface is the interface that is given, or the only one of the
// instance that is given.
func (s *state) targetInterface(in routeInput) (networkInterface, error) {
	if in.networkInterface != nil {
		return need(&s.interfaces, "eni", in.networkInterface)
	}
	i, err := need(&s.instances, "i", in.instance)
	if err != nil {
		return networkInterface{}, err
	}
	return s.onlyInterface(i)
}

func sameNetwork(t routeTable, id, vpc string) error {
	if vpc != t.vpc {
		return invalid("InvalidParameterValue", "route table %s and %s belong to different networks", t.id, id) // unverified
	}
	return nil
}

func createRoute(_ *awssim.Moment, s *state, in *ec2.CreateRouteInput) (*ec2.CreateRouteOutput, error) {
	t, err := need(&s.routeTables, "rtb", in.RouteTableId)
	if err != nil {
		return nil, err
	}
	r, err := s.targeted(routeInput{
		cidr: in.DestinationCidrBlock, cidr6: in.DestinationIpv6CidrBlock, prefixList: in.DestinationPrefixListId,
		networkInterface: in.NetworkInterfaceId, instance: in.InstanceId, gateway: in.GatewayId,
	}, t)
	if err != nil {
		return nil, err
	}
	if i := t.find(r.destination); i >= 0 {
		if t.routes[i] == r { // facts/apis.md 1.3 CreateRoute: the same target is no error
			return &ec2.CreateRouteOutput{Return: aws.Bool(true)}, nil
		}
		return nil, invalid("RouteAlreadyExists", "The route identified by %s already exists.", r.destination) // facts/apis.md 1.3 CreateRoute
	}
	if len(t.routes) >= maxRoutes {
		return nil, invalid("RouteLimitExceeded", "The maximum number of routes has been reached.") // facts/apis.md 1.3 CreateRoute
	}
	t.routes = append(slices.Clone(t.routes), r)
	slices.SortFunc(t.routes[1:], func(a, b route) int { return cmp.Compare(a.destination, b.destination) })
	s.routeTables.put(t)
	return &ec2.CreateRouteOutput{Return: aws.Bool(true)}, nil
}

func replaceRoute(_ *awssim.Moment, s *state, in *ec2.ReplaceRouteInput) (*ec2.ReplaceRouteOutput, error) {
	t, err := need(&s.routeTables, "rtb", in.RouteTableId)
	if err != nil {
		return nil, err
	}
	r, err := s.targeted(routeInput{
		cidr: in.DestinationCidrBlock, cidr6: in.DestinationIpv6CidrBlock, prefixList: in.DestinationPrefixListId,
		networkInterface: in.NetworkInterfaceId, instance: in.InstanceId, gateway: in.GatewayId,
	}, t)
	if err != nil {
		return nil, err
	}
	i := t.find(r.destination)
	if i < 0 { // facts/apis.md 1.3 ReplaceRoute
		return nil, invalid("InvalidParameterValue", "There is no route defined for '%s' in the route table. Use CreateRoute instead.", r.destination)
	}
	if t.routes[i].gateway == localGateway {
		return nil, invalid("InvalidParameterValue", "cannot replace the local route of %s", t.id) // a simplification: EC2 allows it for some targets
	}
	t.routes = slices.Clone(t.routes)
	t.routes[i] = r
	s.routeTables.put(t)
	return &ec2.ReplaceRouteOutput{}, nil
}

func deleteRoute(_ *awssim.Moment, s *state, in *ec2.DeleteRouteInput) (*ec2.DeleteRouteOutput, error) {
	t, err := need(&s.routeTables, "rtb", in.RouteTableId)
	if err != nil {
		return nil, err
	}
	r, err := s.destination(routeInput{cidr: in.DestinationCidrBlock, cidr6: in.DestinationIpv6CidrBlock, prefixList: in.DestinationPrefixListId})
	if err != nil {
		return nil, err
	}
	i := t.find(r.destination)
	if i < 0 { // facts/apis.md 1.3 ReplaceRoute
		return nil, invalid("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", r.destination, t.id)
	}
	if t.routes[i].gateway == localGateway {
		return nil, invalid("InvalidParameterValue", "cannot remove local route %s in route table %s", r.destination, t.id) // unverified
	}
	t.routes = slices.Delete(slices.Clone(t.routes), i, i+1)
	s.routeTables.put(t)
	return &ec2.DeleteRouteOutput{}, nil
}

// find is the position of a destination's route, or -1.
func (t routeTable) find(destination string) int {
	return slices.IndexFunc(t.routes, func(r route) bool { return r.destination == destination })
}

// routeInstance is the instance behind a route's interface, or "".
func (s *state) routeInstance(r route) string {
	eni, _ := s.interfaces.get(r.networkInterface)
	return eni.attachment.instance
}

// routeState is blackhole if the target cannot take traffic: its interface is
// gone or attached to nothing that runs (doc of ec2 types.Route.State).
func (s *state) routeState(r route) types.RouteState {
	if r.gateway != "" {
		return types.RouteStateActive
	}
	if i, ok := s.instances.get(s.routeInstance(r)); ok && i.state == types.InstanceStateNameRunning {
		return types.RouteStateActive
	}
	return types.RouteStateBlackhole
}

func (s *state) routeOut(m *awssim.Moment, r route) types.Route {
	out := types.Route{State: s.routeState(r), Origin: types.RouteOriginCreateRoute}
	switch r.version {
	case ipv4:
		out.DestinationCidrBlock = aws.String(r.destination)
	case ipv6:
		out.DestinationIpv6CidrBlock = aws.String(r.destination)
	case ofPrefixList:
		out.DestinationPrefixListId = aws.String(r.destination)
	}
	if r.gateway != "" {
		out.GatewayId = aws.String(r.gateway)
	}
	if r.gateway == localGateway {
		out.Origin = types.RouteOriginCreateRouteTable
	}
	if r.networkInterface != "" {
		out.NetworkInterfaceId = aws.String(r.networkInterface)
	}
	if id := s.routeInstance(r); id != "" {
		out.InstanceId = aws.String(id)
		out.InstanceOwnerId = aws.String(m.Account())
	}
	return out
}
