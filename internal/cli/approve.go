package cli

import (
	"cmp"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
)

func newApprove(env *Env) *cobra.Command {
	var in inquiry
	var by, why string
	cmd := &cobra.Command{
		Use:   "approve RUN [--by NAME] [--why TEXT] [--ledger FILE] [--json]",
		Short: "Have a run go on that waits for a person",
		Long: `Writes down that a person wants a run to go on that waits for that, and says
when it will. Nothing is called: whoever is at the run goes on with it, a worker
within seconds, all others when they look again.

The first approval counts, and another one changes nothing. A run may be approved
before it asks: then it does not. One that has ended or stops, or is of a kind
that never asks, is refused. See "drover cancel" for a run that shall not go on.

RUN is the run's id, or as much of its beginning or its end as no other has.`,
		Example: `  drover approve 20260301-030036-3f82f094 --why "looked at the new image"
  drover approve 3f82 --by release-desk --json`,
		Args: oneArg("run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.approve(cmd.Context(), in, args[0], cmp.Or(by, env.User), why)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "the `NAME` of who approves, for the record (default: you)")
	cmd.Flags().StringVar(&why, "why", "", "the reason, in a `TEXT` for whoever reads of it")
	in.flags(cmd)
	cmd.ValidArgsFunction = env.completeRuns(&in, func(r *flow.Run) bool { return r.Asking != nil })
	return cmd
}

func (e *Env) approve(ctx context.Context, in inquiry, asked, by, why string) error {
	kept, err := e.records(ctx, in)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // every write has been acknowledged before
	run, err := kept.find(ctx, in, asked)
	if err != nil {
		return err
	}
	earlier, err := kept.Approved(ctx, run)
	if err != nil {
		return err
	}
	approved, err := kept.Approve(ctx, run.ID, by, why)
	var ended *flow.EndedError
	if errors.As(err, &ended) || err != nil && failure.ClassOf(err) == failure.Stop {
		return failure.WithHint(err, "%s", in.next("show %s", run.ID))
	}
	if err != nil {
		return err
	}
	given, err := kept.Approved(ctx, approved)
	if err != nil {
		return err
	}
	// As it was before: it is due now, and whoever is at it looks again as it meant to.
	result := view.Approval{Brief: view.OfBrief(run, app.Kinds(), e.Clock.Now().UTC()), Earlier: earlier != nil}
	result.Approved = view.OfApproval(given)
	if result.Now != nil && !result.Now.Idle.IsZero() {
		result.Hints = []string{in.next("run --fleet FILE --sweep") + ", which goes on with it"}
	}
	return e.print(in.json, result)
}
