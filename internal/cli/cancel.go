package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
)

func newCancel(env *Env) *cobra.Command {
	var in inquiry
	var why string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "cancel RUN [--why TEXT] [--ledger FILE] [--json] [--verbose]",
		Short: "Have a run stop and take back what it has done",
		Long: `Asks a run to stop, says what that means, and sees it to its end: an attempt
that is being made is not cut short; then what was done is undone, step by
step, and what was only needed for the run is given back.

That it shall stop is written down before anything is called. If AWS cannot be
reached from here, whoever is at the run stops it, or the next "drover run" of
its fleet does. The exit code is that of the run: 1 if it was rolled back.

RUN is the run's id, or as much of its beginning or its end as no other has.`,
		Example: `  drover cancel 20260301-030036-3f82f094 --why "wrong image"`,
		Args:    oneArg("run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.cancel(cmd, in, args[0], why, verbose)
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "the reason, in a `TEXT` for whoever reads of it")
	verboseFlag(cmd, &verbose)
	in.flags(cmd)
	cmd.ValidArgsFunction = env.completeRuns(&in, (*flow.Run).Live)
	return cmd
}

func (e *Env) cancel(cmd *cobra.Command, in inquiry, asked, why string, verbose bool) error {
	ctx := cmd.Context()
	kept, err := e.records(ctx, in)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // every write has been acknowledged before
	run, err := kept.find(ctx, in, asked)
	if err != nil {
		return err
	}
	run, err = kept.Cancel(ctx, run.ID, e.User, why)
	var ended *flow.EndedError
	if errors.As(err, &ended) {
		return failure.WithHint(err, "%s", in.next("show %s", ended.Run))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stderr, "run %s of %s/%s is asked to stop\n", run.ID, run.Fleet, run.Automation)
	for _, line := range view.Stopping(run, app.Kinds(), e.Clock.Now()) {
		fmt.Fprintf(e.Stderr, "  %s\n", line)
	}
	p := newProgress(e, "reading the AWS configuration", verbose)
	defer p.stop()
	r, err := e.reach(ctx, run.Region, verbose)
	if err == nil {
		err = authenticated(ctx, r.aws)
	}
	if err != nil {
		return failure.WithHint(fmt.Errorf("run %s is asked to stop, but AWS cannot be reached from here: %w", run.ID, err),
			"%s, once that is mended; or leave it to whoever is at the run", in.next("cancel %s", run.ID))
	}
	return e.drive(ctx, r, p, in, run, kept)
}
