package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/label"
	"github.com/droverhq/drover/internal/ledger"
)

// What a process that stays does with the fleet: it records what is to be done, and
// a loop does it.

// Fleet is the fleet's name.
func (a *App) Fleet() string { return a.fleet.Name }

// Start records that a match of an event is to be handled, and returns the run that
// does so, or that goes before the one that will. Nothing is done yet.
func (a *App) Start(ctx context.Context, m Match, e event.Event) (run string, err error) {
	started, err := a.start(ctx, m, e)
	return started.Run, err
}

func (a *App) start(ctx context.Context, m Match, e event.Event, alongside ...flow.Alongside) (flow.Started, error) {
	ctx = label.With(ctx, slog.String("automation", m.Automation.Name))
	started, err := a.engine.Start(ctx, m.Automation, a.fleet.Notify.Topic, m.Subject, e, alongside...)
	if err != nil {
		return flow.Started{}, fmt.Errorf("%s: %w", m.Automation.Name, err)
	}
	return started, nil
}

// Loop takes the turns of this fleet's runs; see [embedded.Loop] for what is to be
// set beside. It leaves alone the runs of other fleets, see ResumeFleet, and those
// on Step Functions.
func (a *App) Loop() *embedded.Loop {
	g := a.engine
	g.Other = func(r *flow.Run) bool {
		return r.Fleet != a.fleet.Name || a.engine.Other != nil && a.engine.Other(r)
	}
	return &embedded.Loop{Engine: &g}
}

// appointment is when a schedule fires next. It is shared by all processes.
type appointment struct {
	Expression string    `json:"expression"`
	Zone       string    `json:"zone,omitempty"`
	Due        time.Time `json:"due,omitzero"` // zero: never

	version int64
}

// errFired means that somebody else has moved an appointment.
var errFired = errors.New("somebody else was faster")

// Fired is a schedule that has fired.
type Fired struct {
	Automation string
	Run        string
	Due        time.Time // when it was to fire
}

// Fire fires the schedules of the fleet that are due, and says when the next one
// is; zero if none ever is. However many processes call it, each time of a schedule
// is fired by one of them: the run is begun by the same write that moves the
// appointment. Times that nobody was there for are made good once, together.
//
// A rate fires when it is first seen, a cron expression at its first time; one that
// was changed is begun anew.
func (a *App) Fire(ctx context.Context) (fired []Fired, next time.Time, err error) {
	var failed []error
	for _, auto := range a.fleet.Automations {
		for _, t := range auto.Triggers() {
			if t.Schedule.IsZero() {
				continue
			}
			f, due, err := a.fire(ctx, auto, t)
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: fire %s: %w", auto.Name, t.Schedule, err))
			}
			if f != nil {
				fired = append(fired, *f)
			}
			if !due.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
	}
	return fired, next, errors.Join(failed...)
}

// fire fires one schedule, if it is due, and says when it is due next.
func (a *App) fire(ctx context.Context, auto *automation.Automation, t automation.Trigger) (*Fired, time.Time, error) {
	key := "schedules/" + a.fleet.Name + "/" + auto.Name + "/" + t.Name
	for range 10 {
		kept, err := a.appointment(ctx, key)
		if err != nil {
			return nil, time.Time{}, err
		}
		now := a.clock.Now().UTC()
		wanted := appointment{Expression: t.Schedule.Expression(), Zone: t.Schedule.Zone(), version: kept.version}
		wanted.Due = kept.Due
		if kept.Expression != wanted.Expression || kept.Zone != wanted.Zone {
			wanted.Due = t.Schedule.First(now)
		}
		if wanted.Due.IsZero() || wanted.Due.After(now) {
			if wanted == kept {
				return nil, kept.Due, nil
			}
			write, err := wanted.write(key)
			if err == nil {
				err = a.engine.Ledger.Write(ctx, write)
			}
			if ledger.IsConflict(err) {
				continue
			}
			return nil, wanted.Due, err
		}
		was := wanted.Due
		wanted.Due = t.Schedule.After(was, now)
		run, err := a.sweepBy(ctx, auto, func(ctx context.Context) ([]ledger.Write, error) {
			seen, err := a.appointment(ctx, key)
			if err != nil {
				return nil, err
			}
			if seen.version != kept.version {
				return nil, errFired
			}
			write, err := wanted.write(key)
			return []ledger.Write{write}, err
		})
		if errors.Is(err, errFired) {
			continue
		}
		if err != nil {
			return nil, was, err
		}
		return &Fired{Automation: auto.Name, Run: run, Due: was}, wanted.Due, nil
	}
	return nil, time.Time{}, failure.Retryf("%s: %w", key, errFired)
}

// sweepBy has an automation swept, together with a write.
func (a *App) sweepBy(ctx context.Context, auto *automation.Automation, alongside flow.Alongside) (string, error) {
	events, err := a.Sweeps(auto.Name)
	if err != nil {
		return "", err
	}
	subject, why, ok := auto.Wants(event.Flatten(events[0]))
	if !ok {
		return "", failure.Stopf("the sweep is not wanted: %s", why)
	}
	started, err := a.start(ctx, Match{Automation: auto, Subject: subject}, events[0], alongside)
	return started.Run, err
}

func (a *App) appointment(ctx context.Context, key string) (kept appointment, err error) {
	rec, err := a.engine.Ledger.Get(ctx, key)
	if errors.Is(err, ledger.ErrNotFound) {
		return kept, nil
	}
	if err != nil {
		return kept, err
	}
	if err := json.Unmarshal(rec.Value, &kept); err != nil {
		return kept, failure.Stopf("read %s: %w", key, err)
	}
	kept.version = rec.Version
	return kept, nil
}

func (s appointment) write(key string) (ledger.Write, error) {
	value, err := json.Marshal(s)
	if err != nil {
		return ledger.Write{}, err
	}
	if s.version == 0 {
		return ledger.Create(key, value, time.Time{}), nil
	}
	return ledger.Update(key, s.version, value, time.Time{}), nil
}
