package scenario

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

// gateways is the act of route-failover.
func gateways(n *narrator) {
	n.Set(Layout{Gateways: 2, Tables: 2})
	for table := range n.Tables {
		n.Route(table, "0.0.0.0/0", n.Gateways[0].Interfaces[0])
		n.Route(table, "10.20.0.0/16", n.Gateways[0].Interfaces[0])
	}
	n.Route(0, "2001:db8::/32", n.Gateways[0].Interfaces[0])
	if n.Err() != nil {
		return
	}
	var last map[string]string
	n.noun, n.names = "routes", n.gatewayNames
	n.show = func(m *Moment) {
		routes := n.Targets()
		for route, target := range routes {
			routes[route] = n.gatewayOf(target)
		}
		m.Routes = changed(&last, routes)
	}
	n.summary = func(e event.Event) (string, bool) {
		change, ok, err := event.AsInstanceStateChange(e)
		if err != nil || !ok {
			n.Failf("the demo met an event that it does not know: %s", flow.Cause(e))
		}
		return fmt.Sprintf("%s is %s", n.gatewayOf(change.InstanceID), change.State), ok
	}
	n.hire(n.Failover())
	var more []string
	for i, g := range n.Gateways {
		more = append(more, fmt.Sprintf("%s is %s in %s, interface %s", gatewayName(i), g.Instance, g.Zone, g.Interfaces[0]))
	}
	n.say("aws", "two gateways run; every route goes through the first", more...)

	n.operator("stops gateway-a", 0, n.ec2Stop)
	n.operator("starts gateway-a again", 0, n.ec2Start)
	n.deaf = true
	n.operator("terminates gateway-b, and the events of that are lost", 1, n.ec2Terminate)
	n.deaf = false
	n.clock.Advance(4 * time.Minute)
	n.sweep("sweeps, as it does every five minutes")
	n.operator("stops gateway-a too: now nobody is healthy", 0, n.ec2Stop)
	n.operator("starts gateway-a", 0, n.ec2Start)
}

// operator has somebody do something to a gateway.
func (n *narrator) operator(what string, gateway int, do func(string) error) {
	n.after(9*time.Minute, "operator", what, func() error { return do(n.Gateways[gateway].Instance) })
}

func (n *narrator) ec2Stop(id string) error {
	_, err := n.ec2.StopInstances(n.ctx, &ec2.StopInstancesInput{InstanceIds: []string{id}})
	return err
}

func (n *narrator) ec2Start(id string) error {
	_, err := n.ec2.StartInstances(n.ctx, &ec2.StartInstancesInput{InstanceIds: []string{id}})
	return err
}

func (n *narrator) ec2Terminate(id string) error {
	_, err := n.ec2.TerminateInstances(n.ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	return err
}

func gatewayName(gateway int) string { return "gateway-" + string(rune('a'+gateway)) }

// gatewayNames puts the gateways' names for their ids.
func (n *narrator) gatewayNames(text string) string {
	var pairs []string
	for i, g := range n.Gateways {
		pairs = append(pairs, g.Interfaces[0], gatewayName(i), g.Instance, gatewayName(i)) // an instance's id is a part of its interface's
	}
	return replaced(pairs...)(text)
}

// gatewayOf is the name of the gateway that an id belongs to.
func (n *narrator) gatewayOf(id string) string {
	for i, g := range n.Gateways {
		if g.Instance == id || slices.Contains(g.Interfaces, id) {
			return gatewayName(i)
		}
	}
	return id
}
