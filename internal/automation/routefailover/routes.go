package routefailover

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

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
