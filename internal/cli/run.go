package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// input are the flags that say which events are to be handled for which fleet.
type input struct {
	fleet, event string
	sweep        []string
	json         bool
	verbose      bool
}

func (in *input) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&in.fleet, "fleet", "f", "", "the fleet file")
	f.StringVarP(&in.event, "event", "e", "", "the file with the event, or with several; - is standard input")
	f.StringSliceVar(&in.sweep, "sweep", nil, "instead of an event: look for what lost events left behind, for the named automations or for all")
	f.Lookup("sweep").NoOptDefVal = allAutomations
	f.BoolVar(&in.json, "json", false, "print the result as one JSON value")
	f.BoolVarP(&in.verbose, "verbose", "v", false, "log every step to standard error")
	for _, name := range []string{"fleet", "event"} {
		if err := cmd.MarkFlagFilename(name); err != nil {
			panic(err) // the flag is defined three lines above
		}
	}
}

// allAutomations is what --sweep means without names. Automation names cannot
// hold an asterisk.
const allAutomations = "*"

func newRun(env *Env) *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "run --fleet FILE (--event FILE | --sweep[=NAME,...])",
		Short: "Handle events to their end and print what was done",
		Long: `Handles one event, or several, each to its end: finds the automations that
want it, observes AWS, decides, acts, verifies, and prints what was done.

The event is what EventBridge delivers, as JSON; a file may hold several, one
after another or one per line. With --sweep there is no event: the automations
look by themselves for what a lost event has left behind.

Credentials and endpoint are the AWS SDK's usual ones (AWS_PROFILE,
AWS_ENDPOINT_URL and so on); the region is the fleet file's.`,
		Example: `  drover run --fleet fleet.yaml --event event.json
  drover run --fleet fleet.yaml --event - < events.jsonl
  drover run --fleet fleet.yaml --sweep`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.handle(cmd.Context(), in, handled)
		},
	}
	in.flags(cmd)
	return cmd
}

func newPlan(env *Env) *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "plan --fleet FILE (--event FILE | --sweep[=NAME,...])",
		Short: "Print what run would do, and change nothing",
		Long: `Observes AWS and decides exactly as run does, prints the plan, and changes
nothing: a guard refuses every call that could.`,
		Example: `  drover plan --fleet fleet.yaml --event event.json
  drover plan --fleet fleet.yaml --sweep=sdwan --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.handle(cmd.Context(), in, previewed)
		},
	}
	in.flags(cmd)
	return cmd
}

// handle reads the input, does one thing about every event, and prints the
// results.
func (e *Env) handle(ctx context.Context, in input, do func(context.Context, *app.App, event.Event) (view.Result, error)) error {
	switch {
	case in.fleet == "":
		return usage(errors.New("--fleet is required"))
	case in.event == "" && len(in.sweep) == 0:
		return usage(failure.WithHint(errors.New("--event or --sweep is required"), "--event FILE, or --event - for standard input"))
	case in.event != "" && len(in.sweep) > 0:
		return usage(errors.New("--event and --sweep exclude each other"))
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
	a, stop, err := e.open(ctx, fleet, in)
	if err != nil {
		return err
	}
	defer stop()
	if in.event == "" {
		names := in.sweep
		if names[0] == allAutomations {
			names = nil
		}
		if events, err = a.Sweeps(names...); err != nil {
			return usage(err)
		}
	}

	var report view.Report
	var failed []error
	for _, ev := range events {
		result, err := do(ctx, a, ev)
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
	return verdict(failed, len(events))
}

// open joins the parts for a fleet. The function it returns ends the progress
// display.
func (e *Env) open(ctx context.Context, fleet *fleetfile.Fleet, in input) (*app.App, func(), error) {
	cfg, err := e.AWS(ctx, fleet.Region)
	if err != nil {
		return nil, nil, failure.WithHint(err, "check AWS_PROFILE and the files in ~/.aws")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, nil, failure.WithHint(fmt.Errorf("no AWS credentials: %w", err),
			"aws configure, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	p := newProgress(e)
	a := app.New(app.Deps{
		Fleet: fleet, Ledger: memory.New(e.Clock), AWS: cfg, Clock: e.Clock,
		Log: e.logger(in.verbose), Version: e.Version, Watch: p.watch,
	})
	return a, p.stop, nil
}

func handled(ctx context.Context, a *app.App, e event.Event) (view.Result, error) {
	result := view.Result{Event: viewEvent(e)}
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
	result := view.Result{Event: viewEvent(e)}
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
	r.Hints = failure.Hints(err)
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

func viewEvent(e event.Event) view.Event {
	return view.Event{ID: e.ID, DetailType: e.DetailType, Resources: e.Resources, Time: e.Time, Cause: strings.TrimSpace(flow.Cause(e))}
}

// progress tells on standard error what a run waits for, and that the program
// is alive, when something takes more than two seconds.
type progress struct {
	env  *Env
	done chan struct{}

	mu   sync.Mutex
	last string
}

const quiet = 2 * time.Second

func newProgress(e *Env) *progress {
	p := &progress{env: e, done: make(chan struct{})}
	go func() {
		tick := time.NewTicker(quiet)
		defer tick.Stop()
		start := time.Now()
		for {
			select {
			case <-p.done:
				return
			case <-tick.C:
				p.say(start)
			}
		}
	}()
	return p
}

func (p *progress) say(start time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := p.last
	if what == "" {
		what = "waiting for AWS"
	}
	fmt.Fprintf(p.env.Stderr, "drover: %s (%s)\n", what, time.Since(start).Round(time.Second))
}

func (p *progress) watch(r *flow.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = fmt.Sprintf("%s: at step %q", r.Automation, r.Step)
	if r.Waiting != "" {
		p.last += ": " + r.Waiting
	}
}

func (p *progress) stop() { close(p.done) }
