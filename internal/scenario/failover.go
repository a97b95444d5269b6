package scenario

import (
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

const replaceRoute = "ec2:ReplaceRoute"

// Failovers are the stories of route-failover.
func Failovers() []Scenario {
	return []Scenario{
		{Name: "seed", Title: "the walk through of the source document: two gateways, one route, both directions", Story: seed},
		{Name: "duplicates", Title: "an event comes twice, late and out of order, and changes nothing twice", Story: duplicates},
		{Name: "nobody-healthy", Title: "both gateways are down: nothing is touched, a person is told", Story: nobodyHealthy},
		{Name: "recovery", Title: "a gateway returns after both were down", Story: recovery},
		{Name: "lost-event", Title: "the event is lost and the sweep finds the dead route", Story: lostEvent},
		{Name: "terminated", Title: "a gateway is terminated, its interface goes with it", Story: terminated},
		{Name: "many-routes", Title: "IPv6, several tables, default routes", Story: manyRoutes},
		{
			Name: "prefix-list", Title: "a route to a prefix list", Story: prefixList,
			Simulated: "moto stores a route to a prefix list without its destination",
		},
		{Name: "by-instance", Title: "a route that targets the instance, not an interface", Story: byInstance},
		{Name: "pairs", Title: "inner routes go to the inner interface of the standby", Story: pairs},
		{Name: "tags", Title: "members are found by tag, interfaces paired by device", Story: tags},
		{
			Name: "orphan", Title: "the route of a replaced gateway is taken when asked, a stranger's is not", Story: orphan,
			Simulated: "moto never shows a route as a blackhole",
		},
		{Name: "filters", Title: "only the listed tables and destinations are touched", Story: filters},
		{Name: "table-tags", Title: "only tables with the tags are touched", Story: tableTags},
		{Name: "zone", Title: "a member in the table's zone is preferred", Story: zone},
		{Name: "status-checks", Title: "status checks are asked for", Story: statusChecks},
		{Name: "repair", Title: "the standby's source/destination check is turned off", Story: repair},
		{Name: "report", Title: "the standby's source/destination check is reported, not touched", Story: report},
		{Name: "spot", Title: "a spot interruption moves the routes while the gateway still runs", Story: spot},
		{Name: "draining-standby", Title: "a standby that is about to go is not chosen, even an event later", Story: drainingStandby},
		{Name: "by-hand", Title: "routes that target no member are never touched", Story: byHand},
	}
}

// last is the event that says that the change is complete.
func last(events []event.Event) event.Event { return events[len(events)-1] }

func seed(s *Stage) {
	s.Set(Layout{Gateways: 2})
	a, b := s.Gateways[0].Interfaces[0], s.Gateways[1].Interfaces[0]
	s.Route(0, "1.1.1.1/32", a)
	fleet := s.Failover()

	stopped := s.Stop(0)
	run := s.Handle(fleet, last(stopped))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, replaceRoute, 1)
	s.ExpectRoute(0, "1.1.1.1/32", b)
	s.ExpectNotice(run, "1.1.1.1/32", a, b, "is stopped", "after the event")

	again := s.Handle(fleet, last(stopped))
	s.Expect(again, flow.NothingToDo)
	s.ExpectCalls(again, replaceRoute, 0)

	for _, e := range s.Start(0) { // pending, then running: no failback
		s.Expect(s.Handle(fleet, e), flow.NothingToDo)
	}
	s.ExpectRoute(0, "1.1.1.1/32", b)

	run = s.Handle(fleet, last(s.Stop(1)))
	s.Expect(run, flow.Succeeded)
	s.ExpectRoute(0, "1.1.1.1/32", a)
}

func duplicates(s *Stage) {
	s.Set(Layout{Gateways: 2})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	fleet := s.Failover()
	stopped := s.Stop(0)
	s.Expect(s.Handle(fleet, last(stopped)), flow.Succeeded)
	started := s.Start(0)
	for _, e := range []event.Event{last(stopped), last(started), stopped[0], last(stopped), started[0]} {
		run := s.Handle(fleet, e)
		s.Expect(run, flow.NothingToDo)
		s.ExpectCalls(run, replaceRoute, 0)
	}
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[1].Interfaces[0])
}

func nobodyHealthy(s *Stage) {
	s.Set(Layout{Gateways: 2})
	a := s.Gateways[0].Interfaces[0]
	s.Route(0, "10.1.0.0/16", a)
	fleet := s.Failover()
	s.Stop(1)
	run := s.Handle(fleet, last(s.Stop(0)))
	s.Expect(run, flow.Stuck)
	s.ExpectCalls(run, replaceRoute, 0)
	s.ExpectRoute(0, "10.1.0.0/16", a)
	s.ExpectNotice(run, "10.1.0.0/16", "stays on "+a, "no other member is healthy")
}

func recovery(s *Stage) {
	s.Set(Layout{Gateways: 2})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	fleet := s.Failover()
	s.Stop(1)
	s.Expect(s.Handle(fleet, last(s.Stop(0))), flow.Stuck)
	run := s.Handle(fleet, last(s.Start(1)))
	s.Expect(run, flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[1].Interfaces[0])
}

func lostEvent(s *Stage) {
	s.Set(Layout{Gateways: 2})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	fleet := s.Failover()
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.Stop(0)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[1].Interfaces[0])
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func terminated(s *Stage) {
	s.Set(Layout{Gateways: 2})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	fleet := s.Failover()
	s.Expect(s.Handle(fleet, last(s.Terminate(0))), flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[1].Interfaces[0])
}

func manyRoutes(s *Stage) {
	s.Set(Layout{Gateways: 2, Tables: 3})
	a, b := s.Gateways[0].Interfaces[0], s.Gateways[1].Interfaces[0]
	destinations := []string{"0.0.0.0/0", "::/0", "192.168.0.0/16", "2001:db8::/32"}
	for table := range s.Tables {
		for _, d := range destinations {
			s.Route(table, d, a)
		}
		s.Route(table, "172.16.0.0/12", b)
	}
	run := s.Handle(s.Failover(), last(s.Stop(0)))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, replaceRoute, 12)
	for table := range s.Tables {
		for _, d := range append(destinations, "172.16.0.0/12") {
			s.ExpectRoute(table, d, b)
		}
	}
	for i, c := range run.Plan.Changes {
		if isDefault := c.Resource[len(c.Resource)-2:] == "/0"; isDefault != (i < 6) {
			s.Failf("change %d is of %s; default routes come first", i, c.Resource)
		}
	}
}

func prefixList(s *Stage) {
	s.Set(Layout{Gateways: 2})
	list := s.PrefixList()
	s.Route(0, list, s.Gateways[0].Interfaces[0])
	s.Expect(s.Handle(s.Failover(), last(s.Stop(0))), flow.Succeeded)
	s.ExpectRoute(0, list, s.Gateways[1].Interfaces[0])
}

func byInstance(s *Stage) {
	s.Set(Layout{Gateways: 2})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Instance)
	s.Expect(s.Handle(s.Failover(), last(s.Stop(0))), flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[1].Interfaces[0])
}

func pairs(s *Stage) {
	s.Set(Layout{Gateways: 2, Interfaces: 2})
	a, b := s.Gateways[0], s.Gateways[1]
	s.Route(0, "0.0.0.0/0", a.Interfaces[0])
	s.Route(0, "10.1.0.0/16", a.Interfaces[1])
	body := fmt.Sprintf("    vpc: %s\n    members:\n", s.VPC)
	for _, g := range s.Gateways {
		body += fmt.Sprintf("      - { instance: %s, interfaces: { outer: %s, inner: %s } }\n", g.Instance, g.Interfaces[0], g.Interfaces[1])
	}
	s.Expect(s.Handle(s.Fleet("route-failover", body), last(s.Stop(0))), flow.Succeeded)
	s.ExpectRoute(0, "0.0.0.0/0", b.Interfaces[0])
	s.ExpectRoute(0, "10.1.0.0/16", b.Interfaces[1])
}

func tags(s *Stage) {
	s.Set(Layout{Gateways: 2, Interfaces: 2, Tags: map[string]string{"role": "nat"}})
	s.AddGateway(Layout{}) // carries no tag: never a member
	by := map[string]Gateway{}
	for _, g := range s.Gateways[:2] {
		by[g.Instance] = g
	}
	// Members by tag have no order of preference but their ids'.
	s.Route(0, "0.0.0.0/0", s.Gateways[0].Interfaces[0])
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[1])
	fleet := s.Fleet("route-failover", fmt.Sprintf("    vpc: %s\n    members:\n      - { tags: { role: nat } }\n", s.VPC))
	s.Expect(s.Handle(fleet, last(s.Stop(0))), flow.Succeeded)
	s.ExpectRoute(0, "0.0.0.0/0", s.Gateways[1].Interfaces[0])
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[1].Interfaces[1])
	s.Expect(s.Handle(fleet, last(s.Stop(2))), flow.NothingToDo)
}

func orphan(s *Stage) {
	role := Layout{Gateways: 1, Tags: map[string]string{"role": "nat"}}
	s.Set(role)
	s.AddGateway(Layout{}) // somebody else's
	old, foreign := s.Gateways[0].Interfaces[0], s.Gateways[1].Interfaces[0]
	s.Route(0, "10.1.0.0/16", old)
	s.Route(0, "10.2.0.0/16", foreign)
	s.Stop(1)
	s.Terminate(0) // its interface goes with it
	s.AddGateway(role)
	fleet := func(orphaned string) string {
		return s.Fleet("route-failover", fmt.Sprintf("    vpc: %s\n    members:\n      - { tags: { role: nat } }\n"+
			"    routes: { destinations: [10.1.0.0/16, 10.2.0.0/16], orphaned: %s }\n", s.VPC, orphaned))
	}
	s.Expect(s.Sweep(fleet("leave")), flow.NothingToDo)
	s.ExpectRoute(0, "10.1.0.0/16", old)
	s.Expect(s.Sweep(fleet("take")), flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[2].Interfaces[0])
	s.ExpectRoute(0, "10.2.0.0/16", foreign)
}

func filters(s *Stage) {
	s.Set(Layout{Gateways: 2, Tables: 2})
	a, b := s.Gateways[0].Interfaces[0], s.Gateways[1].Interfaces[0]
	for table := range s.Tables {
		s.Route(table, "10.1.0.0/16", a)
		s.Route(table, "10.2.0.0/16", a)
	}
	if s.err != nil {
		return
	}
	fleet := s.Failover(fmt.Sprintf("routes: { tables: [%s], destinations: [10.1.0.0/16] }", s.Tables[0]))
	run := s.Handle(fleet, last(s.Stop(0)))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, replaceRoute, 1)
	s.ExpectRoute(0, "10.1.0.0/16", b)
	s.ExpectRoute(0, "10.2.0.0/16", a)
	s.ExpectRoute(1, "10.1.0.0/16", a)
}

func tableTags(s *Stage) {
	s.Set(Layout{Gateways: 2})
	s.AddTable(map[string]string{"tier": "private"})
	a, b := s.Gateways[0].Interfaces[0], s.Gateways[1].Interfaces[0]
	s.Route(0, "10.1.0.0/16", a)
	s.Route(1, "10.1.0.0/16", a)
	run := s.Handle(s.Failover("routes: { table-tags: { tier: private } }"), last(s.Stop(0)))
	s.Expect(run, flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", a)
	s.ExpectRoute(1, "10.1.0.0/16", b)
}

func zone(s *Stage) {
	s.Set(Layout{Gateways: 4, Tables: 2}) // zones a, b, a, b
	s.Associate(0, 0)
	s.Associate(1, 1)
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	s.Route(1, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	run := s.Handle(s.Failover("prefer: zone"), last(s.Stop(0)))
	s.Expect(run, flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[2].Interfaces[0])
	s.ExpectRoute(1, "10.1.0.0/16", s.Gateways[1].Interfaces[0])
}

func statusChecks(s *Stage) {
	s.Set(Layout{Gateways: 2})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	if s.err == nil { // new instances pass their checks only after some minutes
		s.try("wait for the status checks", func() error { return s.Clock().Sleep(s.ctx, s.Settling()) })
	}
	s.Expect(s.Handle(s.Failover("health: status-checks"), last(s.Stop(0))), flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[1].Interfaces[0])
}

func repair(s *Stage) {
	s.Set(Layout{Gateways: 2, Checked: true})
	b := s.Gateways[1].Interfaces[0]
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	run := s.Handle(s.Failover("source-dest-check: repair"), last(s.Stop(0)))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, "ec2:ModifyNetworkInterfaceAttribute", 1)
	s.ExpectRoute(0, "10.1.0.0/16", b)
	if s.Checked(b) {
		s.Failf("the check of %s is still on", b)
	}
}

func report(s *Stage) {
	s.Set(Layout{Gateways: 2, Checked: true})
	b := s.Gateways[1].Interfaces[0]
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	run := s.Handle(s.Failover(), last(s.Stop(0)))
	s.Expect(run, flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", b)
	s.ExpectNotice(run, "source/destination check of "+b)
	if s.err == nil && !s.Checked(b) {
		s.Failf("the check of %s was turned off", b)
	}
}

func spot(s *Stage) {
	s.Set(Layout{Gateways: 2})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	if s.err != nil {
		return
	}
	warning := event.NewSpotInterruption("123456789012", s.AWS().Region, s.Gateways[0].Instance, "terminate", s.Clock().Now())
	s.Expect(s.Handle(s.Failover(), warning), flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[1].Interfaces[0])
}

func drainingStandby(s *Stage) {
	s.Set(Layout{Gateways: 3})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	if s.err != nil {
		return
	}
	notice := event.NewRebalanceRecommendation("123456789012", s.AWS().Region, s.Gateways[1].Instance, s.Clock().Now())
	s.Expect(s.Handle(s.Failover(), notice), flow.NothingToDo)
	s.try("pass time", func() error { return s.Clock().Sleep(s.ctx, time.Millisecond) })
	s.Expect(s.Handle(s.Failover(), last(s.Stop(0))), flow.Succeeded)
	s.ExpectRoute(0, "10.1.0.0/16", s.Gateways[2].Interfaces[0])
}

func byHand(s *Stage) {
	s.Set(Layout{Gateways: 3})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	s.Route(0, "10.2.0.0/16", s.Gateways[2].Interfaces[0])
	if s.err != nil {
		return
	}
	stranger := s.Gateways[2]
	s.Gateways = s.Gateways[:2]
	fleet := s.Failover()
	s.Gateways = append(s.Gateways, stranger)
	s.Stop(2)
	run := s.Handle(fleet, last(s.Stop(0)))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, replaceRoute, 1)
	s.ExpectRoute(0, "10.2.0.0/16", stranger.Interfaces[0])
}
