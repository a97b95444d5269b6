package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/imagerollout"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
)

// What a person asks of the automations that roll out images.

// RolloutOf is the automation of a fleet that rolls out images: the one of that name,
// or without a name the only one.
func RolloutOf(fleet *fleetfile.Fleet, name string) (*automation.Automation, error) {
	var all []*automation.Automation
	var names []string
	for _, a := range fleet.Automations {
		if _, ok := imagerollout.GroupOf(a); ok {
			all, names = append(all, a), append(names, a.Name)
		}
	}
	kind := imagerollout.Kind.Name
	if len(all) == 0 {
		return nil, fmt.Errorf("fleet %s has no automation of kind %s", fleet.Name, kind)
	}
	choice := func(err error) error {
		return failure.WithHint(err, "--automation %s", strings.Join(names, ", or --automation "))
	}
	if name == "" && len(all) == 1 {
		return all[0], nil
	}
	if name == "" {
		return nil, choice(fmt.Errorf("fleet %s has %d automations of kind %s: %s", fleet.Name, len(all), kind, strings.Join(names, ", ")))
	}
	for _, a := range all {
		if a.Name == name {
			return a, nil
		}
	}
	if other, ok := fleet.Find(name); ok {
		return nil, choice(fmt.Errorf("automation %s is of kind %s, wanted one of kind %s", name, other.Kind.Name, kind))
	}
	return nil, choice(fmt.Errorf("fleet %s has no automation %q", fleet.Name, name))
}

// RolloutRequest is the event that has an automation roll out an image, whatever was
// tried before.
func (a *App) RolloutRequest(auto *automation.Automation, image string) event.Event {
	group, _ := imagerollout.GroupOf(auto)
	e := event.NewRolloutRequest(event.RolloutRequest{Group: group, Image: image}, a.clock.Now())
	e.Region = auto.Region
	return e
}

// Captured is the image of an instance that is to be rolled out.
type Captured struct {
	Instance string
	ID       string // empty as long as there is none
	Name     string
	Rebooted bool // EC2 was asked to reboot the instance for it
	Adopted  bool // it was there already, made by the same request
}

const (
	// captureAgain is when a capture is tried again that has failed for a reason that
	// passes, and captureErrors how often in a row that may be.
	captureAgain  = 15 * time.Second
	captureErrors = 5
)

// Capture makes an image of an instance for an automation, and waits until it is
// available. say is told what it waits for. An image that has been begun is returned
// beside an error, since it stays.
func (a *App) Capture(ctx context.Context, auto *automation.Automation, instance string, reboot bool, say func(string)) (Captured, error) {
	identity, err := a.engine.Ledger.Identity(ctx)
	if err != nil {
		return Captured{}, fmt.Errorf("read the ledger's identity: %w", err)
	}
	c := imagerollout.Capture{Automation: auto, Ledger: identity, Instance: instance, Reboot: reboot, Began: a.clock.Now()}
	client := a.engine.Clients(auto.Region).EC2
	for failed := 0; ; {
		err := c.Take(ctx, client, a.clock.Now())
		made := Captured{Instance: instance, ID: c.Image, Name: c.Name(), Rebooted: reboot, Adopted: c.Adopted}
		if err == nil {
			return made, nil
		}
		again, state := a.clock.Now().Add(captureAgain), "to be tried again"
		switch failure.ClassOf(err) {
		case failure.Wait:
			again, state, failed = failure.Until(err), "waiting", 0
		case failure.Retry:
			failed++
		default:
			failed = captureErrors
		}
		if failed >= captureErrors || ctx.Err() != nil {
			return made, err
		}
		say(fmt.Sprintf("image of %s, %s: %v", instance, state, err))
		if stopped := a.clock.Sleep(ctx, again.Sub(a.clock.Now())); stopped != nil {
			return made, fmt.Errorf("wait for %w: %w", err, stopped)
		}
	}
}

// Verification is how the group of an automation stands that rolls out images.
type Verification = imagerollout.Verification

// VerifyRollout reads back how the group of an automation stands that rolls out images:
// what it launches from and runs, what a sweep would do, and what is left of rollouts.
// Nothing is changed.
func (a *App) VerifyRollout(ctx context.Context, auto *automation.Automation) (Verification, error) {
	ctx = call.ReadOnly(ctx)
	identity, err := a.engine.Ledger.Identity(ctx)
	if err != nil {
		return Verification{}, fmt.Errorf("read the ledger's identity: %w", err)
	}
	sweeps, err := a.Sweeps(auto.Name)
	if err != nil {
		return Verification{}, err
	}
	matches, err := a.Route(sweeps[0])
	if err != nil {
		return Verification{}, err
	}
	plan, state, err := a.engine.Survey(ctx, auto, matches[0].Subject, sweeps[0])
	if err != nil {
		return Verification{}, fmt.Errorf("%s: %w", auto.Name, err)
	}
	return imagerollout.Verify(ctx, auto, a.engine.Clients(auto.Region), imagerollout.Observed{
		State: state, Plan: plan, Ledger: identity, Now: a.clock.Now(),
		Past: func(ctx context.Context) ([]imagerollout.Past, error) { return a.past(ctx, auto) },
	})
}

// past are the runs of an automation, oldest first.
func (a *App) past(ctx context.Context, auto *automation.Automation) ([]imagerollout.Past, error) {
	runs, err := a.History(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	var past []imagerollout.Past
	for _, r := range runs {
		if r.Fleet != auto.Fleet || r.Automation != auto.Name {
			continue
		}
		p := imagerollout.Past{ID: r.ID, Outcome: string(r.Outcome), Plan: r.Plan}
		for _, m := range r.Marks {
			step, known := auto.Kind.Step(m.Step)
			if known && step.Releases && !r.Live() && m.Released.IsZero() {
				p.Kept = append(p.Kept, m.Step)
			}
		}
		past = append(past, p)
	}
	return past, nil
}
