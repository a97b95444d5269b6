package cli

import (
	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/flow"
)

func newRetry(env *Env) *cobra.Command {
	var in inquiry
	var verbose bool
	cmd := &cobra.Command{
		Use:   "retry RUN [--ledger FILE] [--json] [--verbose]",
		Short: "Have a failed run go on",
		Long: `Has a run that was rolled back or is stuck go on: from the first step that is
not done if what it has done still stands, and otherwise from the beginning,
with a new plan. It does so with the configuration that the run was begun with,
whatever the fleet file says by now, and prints what was done.

RUN is the run's id, or as much of its beginning or its end as no other has.`,
		Example: "  drover retry 20260301-030036-3f82f094",
		Args:    oneArg("run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.retry(cmd, in, args[0], verbose)
		},
	}
	verboseFlag(cmd, &verbose)
	in.flags(cmd)
	cmd.ValidArgsFunction = env.completeRuns(&in, func(r *flow.Run) bool { return r.Outcome.Failed() })
	return cmd
}

func (e *Env) retry(cmd *cobra.Command, in inquiry, asked string, verbose bool) error {
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
	p := newProgress(e, "reading the AWS configuration", verbose)
	defer p.stop()
	// Before the run is live again: without AWS it would only fail once more.
	r, err := e.reach(ctx, run.Region, verbose)
	if err != nil {
		return err
	}
	if err := authenticated(ctx, r.aws); err != nil {
		return err
	}
	if run, err = kept.Retry(ctx, run.ID); err != nil {
		return err
	}
	return e.drive(ctx, r, p, in, run, kept)
}
