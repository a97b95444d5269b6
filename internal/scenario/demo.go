package scenario

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
)

// Moment is a line of a timeline: the demo's, or a scenario file's.
type Moment struct {
	At time.Time `json:"at"` // virtual
	// Who is "operator", "aws" or "drover", or "scenario" where its file speaks.
	Who  string   `json:"who"`
	What string   `json:"what"`
	More []string `json:"more,omitempty"` // details, a line each
	// What there is after this moment; only where that has changed. Routes are
	// all routes through gateways, "TABLE DESTINATION" to the gateway's name;
	// Versions those of the launch template, to the image of each; Groups the
	// Auto Scaling groups, to what they launch from. Of a scenario file it is only
	// what has changed, and Parameters and Pipelines beside.
	Routes     map[string]string `json:"routes,omitempty"`
	Versions   map[string]string `json:"versions,omitempty"`
	Groups     map[string]string `json:"groups,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Pipelines  map[string]string `json:"pipelines,omitempty"`
}

// demoStart is an ordinary time, so that the demo prints the same every time.
var demoStart = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// Demo plays every kind in simulated worlds and tells each moment as it happens.
func Demo(ctx context.Context, tell func(Moment)) error {
	clk := clock.NewVirtual(demoStart)
	for _, act := range []func(*narrator){gateways, templates} {
		w := NewSimulated(clk, awssim.Options{})
		n := &narrator{Stage: NewStage(ctx, w), world: w, clock: clk, tell: tell}
		act(n)
		if err := n.Err(); err != nil {
			return err
		}
	}
	return nil
}

// narrator plays an act and tells of it.
type narrator struct {
	*Stage
	world *Simulated
	clock *clock.Virtual
	tell  func(Moment)
	app   *app.App

	noun    string                           // what the changes are about
	names   func(string) string              // puts names for ids in a text
	summary func(event.Event) (string, bool) // what an event says; false if it is not told of
	show    func(*Moment)                    // adds what has changed
	deaf    bool                             // events are lost
	waiting string                           // what was last told to be waited for
}

// hire has Drover look after a fleet from now on.
func (n *narrator) hire(fleet string) {
	n.try("read the fleet file", func() error {
		parsed, err := fleetfile.Parse("demo.yaml", []byte(fleet), app.Kinds())
		if err == nil {
			n.app = app.New(app.Deps{
				Fleet: parsed, Ledger: n.ledger, AWS: n.AWS(), Clock: n.clock, Log: n.Log,
				Version: "demo", Seed: 1, Owner: "demo", Watch: n.watch,
			})
		}
		return err
	})
	n.world.Take() // the events of setting the stage
	n.clock.Advance(time.Minute)
}

// after lets time pass, has something happen, and then lets Drover handle what
// AWS tells of it.
func (n *narrator) after(pause time.Duration, who, what string, do func() error) {
	if n.Err() != nil {
		return
	}
	n.clock.Advance(pause)
	n.say(who, what)
	n.try(what, do)
	n.listen(time.Minute)
}

// listen hears of events for some time.
func (n *narrator) listen(span time.Duration) {
	for end := n.clock.Now().Add(span); n.Err() == nil; {
		n.world.Settle()
		if events := n.world.Take(); len(events) > 0 {
			for _, e := range events {
				n.arrive(e)
			}
			continue // meanwhile more may have happened
		}
		due, ok := n.world.NextDue()
		if !ok || due.After(end) {
			n.clock.Advance(end.Sub(n.clock.Now()))
			return
		}
		n.clock.Advance(due.Sub(n.clock.Now()))
	}
}

// arrive is what happens to an event: it is lost, or Drover handles it.
func (n *narrator) arrive(e event.Event) {
	what, known := n.summary(e)
	if n.deaf || !known {
		return
	}
	n.say("aws", "event: "+what)
	n.handle(e)
}

func (n *narrator) sweep(what string, automations ...string) {
	if n.Err() != nil {
		return
	}
	events, err := n.app.Sweeps(automations...)
	if err != nil {
		n.Failf("sweep: %w", err)
		return
	}
	n.say("drover", what)
	for _, e := range events {
		n.handle(e)
	}
}

func (n *narrator) handle(e event.Event) {
	n.waiting = ""
	n.try("handle "+e.DetailType, func() error {
		runs, err := n.app.Handle(n.ctx, e)
		for _, r := range runs {
			n.outcome(r)
		}
		return err
	})
}

// watch tells once what a run waits for.
func (n *narrator) watch(r *flow.Run) {
	if r.Waiting != "" && r.Step != automation.StepPlan && r.Waiting != n.waiting {
		n.waiting = r.Waiting
		n.say("drover", fmt.Sprintf("%s: waits for %s", r.Automation, n.names(r.Waiting)))
	}
}

func (n *narrator) outcome(r *flow.Run) {
	n.say("drover", fmt.Sprintf("%s: %s", r.Automation, r.Outcome), Told(r, n.noun, n.names)...)
}

// Told is what a timeline tells of a run that has ended, beside its outcome: the
// noun is what its changes are about, and names puts names for ids.
func Told(r *flow.Run, noun string, names func(string) string) (more []string) {
	if r.Reason != "" {
		more = append(more, names(r.Reason))
	}
	for _, g := range automation.GroupChanges(r.Made) {
		more = append(more, names(together(g, noun)+" went "+g.What))
	}
	for _, g := range automation.GroupRemarks(r.Left) {
		more = append(more, names(together(g, noun)+" "+g.What))
	}
	for _, notice := range r.Outbox {
		if !notice.Sent.IsZero() {
			more = append(more, "told "+r.Topic)
		}
	}
	return more
}

func (n *narrator) say(who, what string, more ...string) {
	m := Moment{At: n.clock.Now(), Who: who, What: what, More: more}
	n.show(&m)
	n.tell(m)
}

// together names several resources in a few words.
func together(g automation.Group, noun string) string {
	if len(g.Resources) > 1 {
		return fmt.Sprintf("each of %d %s", len(g.Resources), noun)
	}
	return g.Resources[0]
}

// changed is what there is now, if that is not what there was last.
func changed(last *map[string]string, now map[string]string) map[string]string {
	if maps.Equal(*last, now) {
		return nil
	}
	*last = now
	return now
}

// replaced puts names for ids, given in pairs.
func replaced(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
