package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
)

// opener opens the ledger of a verb.
type opener func(ctx context.Context, path string) (ledger.Ledger, error)

// work is what a verb does.
type work struct {
	open   opener
	event  func(context.Context, *app.App, event.Event) (view.Result, error)
	finish func(context.Context, *app.App, *reach, *progress) error // after all events; may be nil
}

// handle reads the input, does a verb's work, and prints the results.
// Everything is read before anything is called.
func (e *Env) handle(cmd *cobra.Command, in input, do work) error {
	if err := in.check(cmd); err != nil {
		return err
	}
	fleet, err := loadFleet(in.fleet)
	if err != nil {
		return err
	}
	var events []event.Event
	if in.event != "" {
		if events, err = e.loadEvents(in.event); err != nil {
			return err
		}
	}
	return e.visit(cmd.Context(), fleet, in, do.open, func(ctx context.Context, d *desk) (err error) {
		if in.event == "" {
			if events, err = sweeps(d.app, in.sweep); err != nil {
				return err
			}
		}
		return e.perform(ctx, d, in, do, events)
	})
}

// desk is what a verb works with.
type desk struct {
	app      *app.App
	reach    *reach
	progress *progress
}

// visit opens what a verb needs that calls AWS, and has it work with that.
func (e *Env) visit(ctx context.Context, fleet *fleetfile.Fleet, in input, open opener, do func(context.Context, *desk) error) error {
	p := newProgress(e, "reading the AWS configuration", in.verbose)
	defer p.stop()
	r, err := e.reach(ctx, fleet.Region, in.verbose)
	if err != nil {
		return err
	}
	kept, err := open(ctx, in.ledger)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // every write has been acknowledged before
	a := app.New(app.Deps{
		Fleet: fleet, Ledger: kept, AWS: r.aws, Clock: e.Clock,
		Log: r.log, Version: e.Version, Watch: p.watch,
	})
	return do(ctx, &desk{app: a, reach: r, progress: p})
}

// perform does a verb's work on events, and prints the results.
func (e *Env) perform(ctx context.Context, d *desk, in input, do work, events []event.Event) error {
	a, p := d.app, d.progress
	if slices.ContainsFunc(events, wanted(a)) {
		if err := authenticated(ctx, d.reach.aws); err != nil {
			return err
		}
	}

	var report view.Report
	var failed []error
	for _, ev := range events {
		p.say(view.Summary(ev) + ": waiting for AWS")
		result, err := do.event(ctx, a, ev)
		if err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil && do.finish != nil && in.ledger != memoryLedger {
			asked := inquiry{ledger: in.ledger}
			result.Hints = append(result.Hints, asked.next("status")+", which shows what is left; the next run of this fleet goes on with it")
		}
		report.Results = append(report.Results, result)
	}
	var err error
	p.aside(func() { err = e.print(in.json, report) })
	if err != nil {
		return err
	}
	if do.finish != nil && ctx.Err() == nil {
		p.say("going on with what earlier processes have left")
		if err := do.finish(ctx, a, d.reach, p); err != nil {
			return err
		}
	}
	return verdict(failed, len(events))
}

func sweeps(a *app.App, names []string) ([]event.Event, error) {
	if names[0] == allAutomations {
		names = nil
	}
	events, err := a.Sweeps(names...)
	return events, usage(failure.WithHint(err, "--sweep, which sweeps all automations"))
}

// wanted says of an event whether it leads to any call.
func wanted(a *app.App) func(event.Event) bool {
	return func(e event.Event) bool {
		_, err := a.Route(e)
		return err == nil
	}
}

// authenticated looks for credentials before the first call: without them
// each call would say so, at length, after looking everywhere.
func authenticated(ctx context.Context, cfg aws.Config) error {
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return failure.WithHint(fmt.Errorf("no AWS credentials: %w", err),
			"aws configure; or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	return nil
}

// resume goes on with what processes that died have left of the fleet, and says
// so on standard error: it is not what was asked for.
func (e *Env) resume(ctx context.Context, a *app.App, r *reach, p *progress) error {
	live, err := a.LiveHere(ctx)
	if err != nil {
		return err
	}
	if len(live) > 0 {
		if err := authenticated(ctx, r.aws); err != nil {
			// Each of them would fail, and is better left as it is.
			p.aside(func() {
				fmt.Fprintf(e.Stderr, "drover: %s left by other processes: %v\n", flow.Count(len(live), "run"), err)
			})
			return nil //nolint:nilerr // it has been told, and the event is another matter
		}
	}
	ended, err := a.ResumeFleet(ctx)
	p.aside(func() {
		for _, r := range ended {
			fmt.Fprintf(e.Stderr, "drover: %s: went on with run %s, which another process had left: %s\n", r.Automation, r.ID, r.Outcome)
		}
	})
	return err
}

func (e *Env) handled(ctx context.Context, a *app.App, ev event.Event) (view.Result, error) {
	result := view.Result{Event: view.OfEvent(ev)}
	begun := e.Clock.Now()
	runs, err := a.Handle(ctx, ev)
	worst := error(nil)
	kinds := app.Kinds()
	for _, r := range runs {
		seen := view.OfRun(r, kinds, e.Clock.Now())
		seen.Earlier = r.Ended.Before(begun)
		result.Runs = append(result.Runs, seen)
		if code := outcomeCode(r.Outcome); code > exitCode(worst) {
			worst = &exit{code: code}
		}
	}
	if err != nil {
		return trouble(result, err), err
	}
	return result, worst
}

func outcomeCode(o flow.Outcome) int {
	switch o {
	case flow.Stuck:
		return ExitStuck
	case flow.RolledBack:
		return ExitFailed
	default:
		return ExitOK
	}
}

func previewed(ctx context.Context, a *app.App, e event.Event) (view.Result, error) {
	result := view.Result{Event: view.OfEvent(e)}
	previews, err := a.Plan(ctx, e)
	if err != nil {
		return trouble(result, err), err
	}
	worst := error(nil)
	for _, p := range previews {
		result.Plans = append(result.Plans, view.OfPreview(p))
		if len(p.Plan.Stuck) > 0 {
			worst = &exit{code: ExitStuck}
		}
	}
	return result, worst
}

// trouble puts an error into the result, so that --json has it too.
func trouble(r view.Result, err error) view.Result {
	var unwanted *app.Unwanted
	if errors.As(err, &unwanted) {
		r.NotWanted = unwanted.Reasons
		return r
	}
	r.Unavailable = err.Error()
	r.Hints = view.Hints(err)
	return r
}

// verdict is the error, and with it the exit code, for all events together:
// the worst of them. Events that nobody wants only count when there is nothing
// else, since a stream of events always holds some.
func verdict(failed []error, events int) error {
	unwanted := 0
	code := ExitOK
	for _, err := range failed {
		switch c := exitCode(err); c {
		case ExitUnwanted:
			unwanted++
		default:
			code = max(code, c)
		}
	}
	if code == ExitOK && unwanted > 0 && unwanted == events {
		code = ExitUnwanted
	}
	if code == ExitOK {
		return nil
	}
	return &exit{code: code} // the results have said why
}
