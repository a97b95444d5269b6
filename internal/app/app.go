// Package app joins the parts: the readable list of kinds, and the program's
// one way from an event to the runs it causes.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/groupfollowstemplate"
	"github.com/droverhq/drover/internal/automation/imagerollout"
	"github.com/droverhq/drover/internal/automation/parameterfollowsplatform"
	"github.com/droverhq/drover/internal/automation/pipelinefollowsparameter"
	"github.com/droverhq/drover/internal/automation/routefailover"
	"github.com/droverhq/drover/internal/automation/templatefollowsimage"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
	"github.com/droverhq/drover/internal/label"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/notify"
	"github.com/droverhq/drover/internal/trail"
)

// Kinds are all automation kinds there are.
func Kinds() []automation.Definition {
	return []automation.Definition{
		automation.Define(groupfollowstemplate.Kind),
		automation.Define(imagerollout.Kind),
		automation.Define(parameterfollowsplatform.Kind),
		automation.Define(pipelinefollowsparameter.Kind),
		automation.Define(routefailover.Kind),
		automation.Define(templatefollowsimage.Kind),
	}
}

// Deps is what an App is made of.
type Deps struct {
	Fleet  *fleetfile.Fleet
	Ledger ledger.Ledger
	// AWS is the SDK configuration; regions are set per automation.
	AWS     aws.Config
	Clock   clock.Clock
	Log     *slog.Logger
	Version string
	// Seed makes back-off reproducible; zero seeds it from the system.
	Seed uint64
	// Watch, if not nil, is told of runs that wait. It must not block.
	Watch func(*flow.Run)
	// Ended, if not nil, is told of runs that this process has ended. It must not block.
	Ended func(*flow.Run)
	// Owner names this process among those that share the ledger. Empty: host
	// name and process id.
	Owner string
	// Machine, if not nil, is the ARN of the state machine of an automation:
	// automations that can wait then run on Step Functions. Nil: all run here.
	Machine func(fleet, automation string) string
}

// App handles events for a fleet. It is safe for concurrent use.
type App struct {
	fleet  *fleetfile.Fleet
	engine embedded.Engine
	steps  stepfunctions.Engine // its Machine is nil if all runs here
	clock  clock.Clock
}

// engine sees an event through, or at least begins to.
type engine interface {
	Handle(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, e event.Event) (*flow.Run, error)
}

// New joins the parts.
func New(d Deps) *App {
	if d.Owner == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		d.Owner = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	clients := regional(d.AWS, cloud.Options{Version: d.Version, Seed: d.Seed, Clock: d.Clock})
	x := &flow.Executor{
		Ledger:  d.Ledger,
		Kinds:   Kinds(),
		Clients: clients,
		Sender:  notify.SNS{Clients: clients},
		Clock:   d.Clock,
		Log:     d.Log,
		Owner:   d.Owner,
		Watch:   d.Watch,
		Ended:   d.Ended,
	}
	a := &App{fleet: d.Fleet, clock: d.Clock, engine: embedded.Engine{Executor: x}}
	if d.Machine != nil {
		waits := waiting(x.Kinds)
		a.engine.Other = func(r *flow.Run) bool { return waits[r.Kind] }
		a.steps = stepfunctions.Engine{Executor: x, Machine: d.Machine, Mine: a.engine.Other}
	}
	return a
}

// waiting says of which kinds a run can wait.
func waiting(kinds []automation.Definition) map[string]bool {
	waits := map[string]bool{}
	for _, k := range kinds {
		waits[k.Name] = k.Waits()
	}
	return waits
}

// engineOf is the engine that runs an automation.
func (a *App) engineOf(auto *automation.Automation) engine {
	if a.steps.Machine != nil && auto.Kind.Waits() {
		return &a.steps
	}
	return &a.engine
}

// regional makes the clients of a region once.
func regional(cfg aws.Config, o cloud.Options) func(string) *cloud.Clients {
	var mu sync.Mutex
	made := map[string]*cloud.Clients{}
	return func(region string) *cloud.Clients {
		mu.Lock()
		defer mu.Unlock()
		c, ok := made[region]
		if !ok {
			c = cloud.New(cfg, region, o)
			made[region] = c
		}
		return c
	}
}

// Match is an automation that wants an event.
type Match struct {
	Automation *automation.Automation
	Subject    automation.Subject
}

// Unwanted is the error for an event that no automation wants. It says why,
// for each automation.
type Unwanted struct {
	Event   event.Event
	Reasons []Reason
}

// Reason is why one automation does not want an event.
type Reason struct {
	Automation string `json:"automation"`
	Why        string `json:"why"`
}

func (u *Unwanted) Error() string {
	return fmt.Sprintf("no automation wants this event: %s", flow.Cause(u.Event))
}

// Route finds the automations that want an event. If there is none, the error
// is an [Unwanted].
func (a *App) Route(e event.Event) ([]Match, error) {
	var matches []Match
	var reasons []Reason
	flat := event.Flatten(e)
	for _, auto := range a.fleet.Automations {
		subject, why, ok := auto.Wants(flat)
		if !ok {
			reasons = append(reasons, Reason{Automation: auto.Name, Why: why})
			continue
		}
		matches = append(matches, Match{Automation: auto, Subject: subject})
	}
	if len(matches) == 0 {
		return nil, &Unwanted{Event: e, Reasons: reasons}
	}
	return matches, nil
}

// Handle sees every automation that wants an event through to the end of its
// run, all at once, and returns the runs in the order of the automations'
// names. The runs that did end are returned beside an error. A run on Step
// Functions is only begun, and returned as it then is.
func (a *App) Handle(ctx context.Context, e event.Event) ([]*flow.Run, error) {
	matches, err := a.Route(e)
	if err != nil {
		return nil, err
	}
	runs := make([]*flow.Run, len(matches))
	errs := make([]error, len(matches))
	var g errgroup.Group
	for i, m := range matches {
		g.Go(func() error {
			ctx := label.With(ctx, slog.String("automation", m.Automation.Name))
			runs[i], errs[i] = a.engineOf(m.Automation).Handle(ctx, m.Automation, a.fleet.Notify.Topic, m.Subject, e)
			return nil
		})
	}
	_ = g.Wait() // errors are in errs
	var ended []*flow.Run
	for i, r := range runs {
		if r != nil {
			ended = append(ended, r)
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("%s: %w", matches[i].Automation.Name, errs[i])
		}
	}
	return ended, errors.Join(errs...)
}

// Preview is what one automation would do about an event.
type Preview struct {
	Automation *automation.Automation
	Plan       automation.Plan
	// Trail is why the automation's events cannot come, or why that could not
	// be found out. It is nil if they can. See the package trail.
	Trail error
}

// Plan says what Handle would do, and changes nothing.
func (a *App) Plan(ctx context.Context, e event.Event) ([]Preview, error) {
	matches, err := a.Route(e)
	if err != nil {
		return nil, err
	}
	previews := make([]Preview, len(matches))
	g, ctx := errgroup.WithContext(ctx)
	for i, m := range matches {
		g.Go(func() error {
			plan, err := a.engine.Preview(ctx, m.Automation, m.Subject, e)
			if err != nil {
				return fmt.Errorf("%s: %w", m.Automation.Name, err)
			}
			previews[i] = Preview{Automation: m.Automation, Plan: plan, Trail: a.trail(ctx, m.Automation)}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return previews, nil
}

// trail checks that the events of an automation that come by CloudTrail can come.
func (a *App) trail(ctx context.Context, auto *automation.Automation) error {
	if !auto.NeedsTrail() {
		return nil
	}
	return trail.Check(ctx, a.engine.Clients(auto.Region))
}

// Trails checks that the events of all automations can come, as far as a trail
// is needed for that. The errors are by the automations' names.
func (a *App) Trails(ctx context.Context) map[string]error {
	missing := map[string]error{}
	for _, auto := range a.fleet.Automations {
		if err := a.trail(ctx, auto); err != nil {
			missing[auto.Name] = err
		}
	}
	return missing
}

// Sweeps are the events that make every automation, or the named ones, look
// for what lost events left behind.
func (a *App) Sweeps(names ...string) ([]event.Event, error) {
	if len(names) == 0 {
		for _, auto := range a.fleet.Automations {
			names = append(names, auto.Name)
		}
	}
	var events []event.Event
	for _, name := range names {
		auto, ok := a.fleet.Find(name)
		if !ok {
			return nil, fmt.Errorf("fleet %s has no automation %q", a.fleet.Name, name)
		}
		e := event.Sweep(auto.Name, a.clock.Now().UTC())
		e.Region = auto.Region
		events = append(events, e)
	}
	return events, nil
}

// Resume goes on with what processes that died have left in the ledger: runs
// that nobody owns any more, executions that are lost, and notices that were
// not sent.
func (a *App) Resume(ctx context.Context) error {
	err := a.engine.Resume(ctx)
	if a.steps.Machine != nil {
		err = errors.Join(err, a.steps.Recover(ctx))
	}
	return err
}

// Turn takes the turn that an execution of Step Functions asks for.
func (a *App) Turn(ctx context.Context, t stepfunctions.Task) (stepfunctions.Answer, error) {
	return a.steps.Turn(ctx, t)
}

// Ended goes on from the end of an execution of Step Functions.
func (a *App) Ended(ctx context.Context, e event.ExecutionStatusChange) error {
	return a.steps.Ended(ctx, e)
}
