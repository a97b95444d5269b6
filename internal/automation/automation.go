package automation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
)

// Automation is a [Definition] with a valid configuration: one entry of a
// fleet file. It is immutable and safe for concurrent use.
type Automation struct {
	Fleet  string
	Name   string
	Region string
	Kind   Definition
	// Config is the configuration with its defaults filled in. Runs store it.
	Config json.RawMessage

	behaviour behaviour
	triggers  func() []Trigger // made once: patterns are compiled
	when      *When
}

// Configure makes an automation. config is the kind's own part of the fleet
// file as JSON; unknown members are refused. Problems are all that Check
// found, with paths within config; the error says why config could not be
// read at all.
func (d Definition) Configure(fleet, name, region string, config json.RawMessage) (*Automation, []Problem, error) {
	b, problems, err := d.configure(config)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration of %s %q: %w", d.Name, name, err)
	}
	if len(problems) > 0 {
		return nil, problems, nil
	}
	canonical, err := json.Marshal(b.config())
	if err != nil {
		return nil, nil, fmt.Errorf("store configuration of %s %q: %w", d.Name, name, err)
	}
	a := &Automation{Fleet: fleet, Name: name, Region: region, Kind: d, Config: canonical, behaviour: b}
	a.triggers = sync.OnceValue(a.listen)
	return a, nil, nil
}

// Claims lists what the automation changes.
func (a *Automation) Claims() []Claim { return a.behaviour.claims() }

// Triggers lists the events that concern the automation, and last its sweep.
func (a *Automation) Triggers() []Trigger { return a.triggers() }

func (a *Automation) listen() []Trigger {
	all := a.behaviour.triggers()
	sweep := a.sweep()
	if len(all) == 0 {
		sweep.Title = "look, since no event tells of it" // there is nothing else
	}
	return append(all, sweep)
}

func (a *Automation) sweep() Trigger {
	return Trigger{
		Name:     "sweep",
		Title:    "look for what lost events left behind",
		Pattern:  event.PatternFor(event.SourceDrover, event.TypeSweep).Where("detail.automation", a.Name),
		Schedule: a.behaviour.sweep(),
	}
}

// NeedsTrail says whether some of its events come by CloudTrail, which takes a
// trail.
func (a *Automation) NeedsTrail() bool {
	return slices.ContainsFunc(a.Triggers(), func(t Trigger) bool { return t.Pattern.Lists("detail-type", event.TypeAPICall) })
}

// Needs lists the permissions of all its parts.
func (a *Automation) Needs() []iam.Need { return a.behaviour.needs() }

// Wants says whether the automation handles an event and what the event is
// about. If not, why is the reason, for people.
func (a *Automation) Wants(e event.Flat) (subject Subject, why string, ok bool) {
	if e.Region != "" && a.Region != "" && e.Region != a.Region {
		return Subject{}, fmt.Sprintf("the event is from %s, the automation works in %s", e.Region, a.Region), false
	}
	for _, t := range a.Triggers() {
		reason, matched := t.Pattern.Explain(e)
		if !matched {
			// The trigger that comes closest gives the reason: one that wants
			// this type of event, but with other details.
			if why == "" || strings.HasPrefix(reason, "detail.") {
				why = reason
			}
			continue
		}
		if s, ok := a.behaviour.about(e.Event); ok {
			return s, "", true
		}
		why = "the event is about something else"
	}
	return Subject{}, why, false
}

// Plan observes and decides. It returns the kind's state even with an error.
func (a *Automation) Plan(ctx context.Context, env Env, state json.RawMessage) (json.RawMessage, Plan, error) {
	return a.behaviour.observe(ctx, env, state)
}

// Act makes one attempt at one of the functions of a step. It returns the
// kind's state even with an error.
func (a *Automation) Act(ctx context.Context, step string, act Act, env Env, state json.RawMessage) (json.RawMessage, error) {
	return a.behaviour.do(ctx, step, act, env, state)
}
