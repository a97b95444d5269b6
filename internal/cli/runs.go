package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
)

// inquiry are the flags of the verbs that are about runs in the ledger.
type inquiry struct {
	ledger     string
	automation string
	json       bool
}

func (in *inquiry) flags(cmd *cobra.Command) {
	ledgerFlag(cmd, &in.ledger, "the `FILE` with the ledger, or dynamodb:TABLE")
	cmd.Flags().BoolVar(&in.json, "json", false, "print the result as one JSON value")
}

// choose defines --automation, for verbs that list runs.
func (in *inquiry) choose(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.automation, "automation", "", "only runs of the automation `NAME`, or FLEET/NAME")
}

// wants says whether a run is asked for.
func (in *inquiry) wants(r *flow.Run) bool {
	return in.automation == "" || in.automation == r.Automation || in.automation == r.Fleet+"/"+r.Automation
}

// next is a command line to type next, for the same ledger.
func (in *inquiry) next(format string, args ...any) string {
	line := "drover " + fmt.Sprintf(format, args...)
	if in.ledger != "" {
		line += " --ledger " + in.ledger
	}
	return line
}

// toApprove is what to type about a run that waits for a person.
func (in *inquiry) toApprove(run string) string {
	return in.next("approve %s", run) + ", to have it go on; or " + in.next("cancel %s", run)
}

// records are an open ledger and what can be asked of it without AWS.
type records struct {
	*app.App
	ledger.Ledger
	path string
}

func (e *Env) records(ctx context.Context, in inquiry) (*records, error) {
	kept, path, err := e.lookInto(ctx, in.ledger)
	if err != nil {
		return nil, err
	}
	a := app.New(app.Deps{Ledger: kept, Clock: e.Clock, Log: e.logger(false), Version: e.Version})
	return &records{App: a, Ledger: kept, path: path}, nil
}

// find is the run that a person means.
func (r *records) find(ctx context.Context, in inquiry, asked string) (*flow.Run, error) {
	run, err := r.Find(ctx, asked)
	var unknown *app.UnknownRun
	if !errors.As(err, &unknown) {
		return run, err
	}
	if len(unknown.Found) > 0 {
		return nil, usage(failure.WithHint(err, "more of the id"))
	}
	return nil, usage(failure.WithHint(fmt.Errorf("%w %s", err, r.path), "%s, which lists the runs", in.next("history")))
}

// print prints a result as text or JSON.
func (e *Env) print(asJSON bool, v view.Texter) error {
	if asJSON {
		return printJSON(e.Stdout, v)
	}
	v.Text(e.Stdout)
	return nil
}

// drive sees a run to its end and prints what became of it.
func (e *Env) drive(ctx context.Context, r *reach, p *progress, in inquiry, run *flow.Run, kept ledger.Ledger) error {
	p.watch(run)
	a := app.New(app.Deps{Ledger: kept, AWS: r.aws, Clock: e.Clock, Log: r.log, Version: e.Version, Watch: p.watch})
	ended, err := a.Drive(ctx, run.ID)
	if err != nil {
		return failure.WithHint(err, "%s, which goes on with it", in.next("run --fleet FILE --sweep"))
	}
	result := view.OfRun(ended, app.Kinds(), e.Clock.Now())
	if ended.Next != "" {
		result.Hints = append(result.Hints, in.next("show %s", ended.Next))
	}
	p.aside(func() { err = e.print(in.json, result) })
	if code := outcomeCode(ended.Outcome); err == nil && code != ExitOK {
		err = &exit{code: code} // the result has said why
	}
	return err
}

// completeRuns completes the ids of runs that a verb can be about.
func (e *Env) completeRuns(in *inquiry, fits func(*flow.Run) bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begin string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var found []cobra.Completion
		if kept, err := e.records(cmd.Context(), *in); err == nil && len(args) == 0 {
			defer kept.Close()                            //nolint:errcheck // only read from
			runs, _ := kept.History(cmd.Context(), epoch) // nobody reads errors while typing
			for _, r := range runs {
				if fits(r) && strings.HasPrefix(r.ID, begin) {
					found = append(found, cobra.CompletionWithDesc(r.ID, strings.TrimSpace(r.Fleet+"/"+r.Automation+" "+string(r.Outcome))))
				}
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
