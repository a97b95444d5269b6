package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
)

// Moment is a line of the demo's timeline.
type Moment struct {
	At time.Time `json:"at"` // virtual
	// Who is "operator", "aws" or "drover".
	Who  string   `json:"who"`
	What string   `json:"what"`
	More []string `json:"more,omitempty"` // details, a line each
	// Routes are all routes through gateways after this moment, "TABLE
	// DESTINATION" to the gateway's name; only where they have changed.
	Routes map[string]string `json:"routes,omitempty"`
}

// demoStart is an ordinary time, so that the demo prints the same every time.
var demoStart = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// Demo plays every kind in one simulated world and tells each moment as it
// happens.
func Demo(ctx context.Context, tell func(Moment)) error {
	clk := clock.NewVirtual(demoStart)
	w := NewSimulated(clk, awssim.Options{})
	d := &demo{Stage: NewStage(ctx, w), world: w, clock: clk, tell: tell, last: map[string]string{}}
	d.play()
	return d.Err()
}

type demo struct {
	*Stage
	world *Simulated
	clock *clock.Virtual
	tell  func(Moment)
	app   *app.App
	deaf  bool // events are lost
	last  map[string]string
}

func (d *demo) play() {
	d.Set(Layout{Gateways: 2, Tables: 2})
	for table := range d.Tables {
		d.Route(table, "0.0.0.0/0", d.Gateways[0].Interfaces[0])
		d.Route(table, "10.20.0.0/16", d.Gateways[0].Interfaces[0])
	}
	d.Route(0, "2001:db8::/32", d.Gateways[0].Interfaces[0])
	fleet := d.Failover()
	d.try("read the fleet file", func() error {
		parsed, err := fleetfile.Parse("demo.yaml", []byte(fleet), app.Kinds())
		if err == nil {
			d.app = d.App(parsed)
		}
		return err
	})
	if d.Err() != nil {
		return
	}
	d.world.Take() // the events of setting the stage
	d.clock.Advance(time.Minute)
	var more []string
	for i, g := range d.Gateways {
		more = append(more, fmt.Sprintf("%s is %s in %s, interface %s", d.name(i), g.Instance, g.Zone, g.Interfaces[0]))
	}
	d.say("aws", "two gateways run; every route goes through the first", more...)

	d.operator("stops gateway-a", 0, d.ec2Stop)
	d.operator("starts gateway-a again", 0, d.ec2Start)
	d.deaf = true
	d.operator("terminates gateway-b, and the events of that are lost", 1, d.ec2Terminate)
	d.deaf = false
	d.clock.Advance(4 * time.Minute)
	d.sweep()
	d.operator("stops gateway-a too: now nobody is healthy", 0, d.ec2Stop)
	d.operator("starts gateway-a", 0, d.ec2Start)
}

// operator has somebody do something to a gateway, and then lets a minute pass
// in which AWS emits events and Drover handles them.
func (d *demo) operator(what string, gateway int, do func(string) error) {
	if d.Err() != nil {
		return
	}
	d.clock.Advance(9 * time.Minute)
	d.say("operator", what)
	d.try(what, func() error { return do(d.Gateways[gateway].Instance) })
	for end := d.clock.Now().Add(time.Minute); d.Err() == nil; {
		d.world.Settle()
		for _, e := range d.world.Take() {
			d.arrive(e)
		}
		due, ok := d.world.NextDue()
		if !ok || due.After(end) {
			d.clock.Advance(end.Sub(d.clock.Now()))
			return
		}
		d.clock.Advance(due.Sub(d.clock.Now()))
	}
}

// arrive is what happens to an event: it is lost, or Drover handles it.
func (d *demo) arrive(e event.Event) {
	change, ok, err := event.AsInstanceStateChange(e)
	if err != nil || !ok {
		d.Failf("the demo met an event that it does not know: %s", flow.Cause(e))
		return
	}
	if d.deaf {
		return
	}
	d.say("aws", fmt.Sprintf("event: %s is %s", d.of(change.InstanceID), change.State))
	d.handle(e)
}

func (d *demo) ec2Stop(id string) error {
	_, err := d.ec2.StopInstances(d.ctx, &ec2.StopInstancesInput{InstanceIds: []string{id}})
	return err
}

func (d *demo) ec2Start(id string) error {
	_, err := d.ec2.StartInstances(d.ctx, &ec2.StartInstancesInput{InstanceIds: []string{id}})
	return err
}

func (d *demo) ec2Terminate(id string) error {
	_, err := d.ec2.TerminateInstances(d.ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	return err
}

func (d *demo) sweep() {
	if d.Err() != nil {
		return
	}
	events, err := d.app.Sweeps()
	if err != nil {
		d.Failf("sweep: %w", err)
		return
	}
	for _, e := range events {
		d.say("drover", "sweeps, as it does every five minutes")
		d.handle(e)
	}
}

func (d *demo) handle(e event.Event) {
	d.try("handle "+e.DetailType, func() error {
		runs, err := d.app.Handle(d.ctx, e)
		for _, r := range runs {
			d.outcome(r)
		}
		return err
	})
}

func (d *demo) outcome(r *flow.Run) {
	var more []string
	if r.Reason != "" {
		more = append(more, r.Reason)
	}
	for _, g := range automation.GroupChanges(r.Made) {
		more = append(more, d.group("went ", g))
	}
	for _, g := range automation.GroupRemarks(r.Left) {
		more = append(more, d.group("", g))
	}
	for _, n := range r.Outbox {
		if !n.Sent.IsZero() {
			more = append(more, "told "+r.Topic)
		}
	}
	d.say("drover", fmt.Sprintf("%s: %s", r.Automation, r.Outcome), more...)
}

func (d *demo) say(who, what string, more ...string) {
	m := Moment{At: d.clock.Now(), Who: who, What: what, More: more}
	routes := map[string]string{}
	for route, target := range d.Targets() {
		routes[route] = d.of(target)
	}
	if !maps.Equal(routes, d.last) {
		m.Routes, d.last = routes, routes
	}
	d.tell(m)
}

func (d *demo) name(gateway int) string { return "gateway-" + string(rune('a'+gateway)) }

// group says in a line what holds of several routes.
func (d *demo) group(verb string, g automation.Group) string {
	who := g.Resources[0]
	if n := len(g.Resources); n > 1 {
		who = fmt.Sprintf("each of %d routes", n)
	}
	return who + " " + verb + d.named(g.What)
}

// named puts the gateways' names for their ids.
func (d *demo) named(text string) string {
	for i, g := range d.Gateways {
		text = strings.ReplaceAll(text, g.Interfaces[0], d.name(i)) // before the instance's: that is a part of it
		text = strings.ReplaceAll(text, g.Instance, d.name(i))
	}
	return text
}

// of is the name of the gateway that an id belongs to.
func (d *demo) of(id string) string {
	for i, g := range d.Gateways {
		if g.Instance == id || slices.Contains(g.Interfaces, id) {
			return d.name(i)
		}
	}
	return id
}
