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
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
)

// input are the flags that say which events are to be handled for which fleet.
type input struct {
	fleet, event string
	sweep        []string
	ledger       string
	json         bool
	verbose      bool
}

func (in *input) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&in.fleet, "fleet", "f", "", "the fleet `FILE`")
	f.StringVarP(&in.event, "event", "e", "", "the `FILE` with the event, or with several; - is standard input")
	f.StringSliceVar(&in.sweep, "sweep", nil, "instead of an event, look for what lost events left behind: all automations, or those with `NAMES`")
	f.Lookup("sweep").NoOptDefVal = allAutomations
	f.StringVar(&in.ledger, "ledger", memoryLedger, "the `FILE` in which runs and interruption notices are remembered, shared by processes")
	f.BoolVar(&in.json, "json", false, "print the result as one JSON value")
	f.BoolVarP(&in.verbose, "verbose", "v", false, "log every AWS call to standard error")
	for _, name := range []string{"fleet", "event", "ledger"} {
		if err := cmd.MarkFlagFilename(name); err != nil {
			panic(err) // the flag is defined three lines above
		}
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && len(in.sweep) > 0 {
			return usage(failure.WithHint(fmt.Errorf("unexpected argument %q", args[0]), "--sweep=%s, with an equals sign", args[0]))
		}
		return noArgs(cmd, args)
	}
}

// allAutomations is what --sweep means without names. Automation names cannot
// hold an asterisk.
const allAutomations = "*"

func newRun(env *Env) *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "run --fleet FILE (--event FILE | --sweep[=NAMES]) [--ledger FILE] [--json] [--verbose]",
		Short: "Handle events to their end and print what was done",
		Long: `Handles one event, or several, each to its end: finds the automations that
want it, observes AWS, decides, acts, verifies, and prints what was done.

The event is what EventBridge delivers, as JSON; a file may hold several, one
after another or one per line. With --sweep there is no event: the automations
look by themselves for what a lost event has left behind.

With --ledger, what must outlive the program is kept in a file: claims, so that
several processes do not work at the same thing, runs that a process did not
finish, which the next one does, notices that could not be sent, and warnings of
interruption. Without it they are kept in memory.

Credentials and endpoint are the AWS SDK's usual ones (AWS_PROFILE,
AWS_ENDPOINT_URL and so on); the region is the fleet file's.`,
		Example: `  drover run --fleet fleet.yaml --event event.json
  drover run --fleet fleet.yaml --event - < events.jsonl
  drover run --fleet fleet.yaml --sweep --ledger /var/lib/drover/ledger.db`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.handle(cmd, in, work{event: handled, finish: (*app.App).Resume, open: env.openLedger})
		},
	}
	in.flags(cmd)
	return cmd
}

func newPlan(env *Env) *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "plan --fleet FILE (--event FILE | --sweep[=NAMES]) [--ledger FILE] [--json] [--verbose]",
		Short: "Print what run would do, and change nothing",
		Long: `Observes AWS and decides exactly as run does, prints the plan, and changes
nothing: a guard refuses every call that could. With --ledger it takes into
account what earlier runs have remembered there.`,
		Example: `  drover plan --fleet fleet.yaml --event event.json
  drover plan --fleet fleet.yaml --sweep=sdwan --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.handle(cmd, in, work{event: previewed, open: env.readLedger})
		},
	}
	in.flags(cmd)
	return cmd
}

// check refuses combinations of flags that say nothing.
func (in *input) check(cmd *cobra.Command) error {
	switch verb := cmd.CommandPath(); {
	case in.fleet == "":
		return usage(failure.WithHint(errors.New("--fleet is missing"), "%s --fleet FILE --event FILE", verb))
	case in.event == "" && len(in.sweep) == 0:
		return usage(failure.WithHint(errors.New("neither --event nor --sweep is given"), "%s --fleet %s --event FILE, where - is standard input", verb, in.fleet))
	case in.event != "" && len(in.sweep) > 0:
		return usage(failure.WithHint(errors.New("--event and --sweep exclude each other"), "%s --fleet %s --event %s", verb, in.fleet, in.event))
	}
	return nil
}

// work is what a verb does.
type work struct {
	open   func(ctx context.Context, path string) (ledger.Ledger, error)
	event  func(context.Context, *app.App, event.Event) (view.Result, error)
	finish func(*app.App, context.Context) error // after all events; may be nil
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
	ctx := cmd.Context()
	p := newProgress(e.Stderr, "reading the AWS configuration")
	defer p.stop()
	cfg, err := e.AWS(ctx, fleet.Region)
	if err != nil {
		return failure.WithHint(err, "check AWS_PROFILE and the files in ~/.aws")
	}
	log := e.logger(in.verbose)
	if in.verbose {
		e.logCalls(&cfg, log)
	}
	kept, err := do.open(ctx, in.ledger)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // every write has been acknowledged before
	a := app.New(app.Deps{
		Fleet: fleet, Ledger: kept, AWS: cfg, Clock: e.Clock,
		Log: log, Version: e.Version, Watch: p.watch,
	})
	if in.event == "" {
		if events, err = sweeps(a, in.sweep); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(events, wanted(a)) {
		if err := authenticated(ctx, cfg); err != nil {
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
		report.Results = append(report.Results, result)
	}
	if in.json {
		if err := printJSON(e.Stdout, report); err != nil {
			return err
		}
	} else {
		report.Text(e.Stdout)
	}
	if do.finish != nil {
		p.say("going on with what earlier processes have left")
		if err := do.finish(a, ctx); err != nil {
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

func handled(ctx context.Context, a *app.App, e event.Event) (view.Result, error) {
	result := view.Result{Event: view.OfEvent(e)}
	runs, err := a.Handle(ctx, e)
	worst := error(nil)
	for _, r := range runs {
		result.Runs = append(result.Runs, view.OfRun(r))
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
