package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/flow"
)

func newShow(env *Env) *cobra.Command {
	var in inquiry
	cmd := &cobra.Command{
		Use:   "show RUN [--ledger FILE] [--json]",
		Short: "Print all there is to say of a run",
		Long: `Prints all there is to say of a run: what caused it, what it planned and made,
how far each step has come, what it waits for and until when, who approved it,
what comes next, which calls it made, and what is left. Nothing is called.

RUN is the run's id, or as much of its beginning or its end as no other has.`,
		Example: "  drover show 20260301-030036-3f82f094\n  drover show 3f82 --json",
		Args:    oneArg("run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.show(cmd.Context(), in, args[0])
		},
	}
	in.flags(cmd)
	cmd.ValidArgsFunction = env.completeRuns(&in, func(*flow.Run) bool { return true })
	return cmd
}

func (e *Env) show(ctx context.Context, in inquiry, asked string) error {
	kept, err := e.records(ctx, in)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // only read from
	run, err := kept.find(ctx, in, asked)
	if err != nil {
		return err
	}
	cancelled, err := kept.Cancelled(ctx, run.ID)
	if err != nil {
		return err
	}
	approved, err := kept.Approved(ctx, run)
	if err != nil {
		return err
	}
	detail := view.OfDetail(run, approved, cancelled, app.Kinds(), e.Clock.Now().UTC())
	if run.Asking != nil && approved == nil && cancelled == nil {
		detail.Hints = append(detail.Hints, in.toApprove(run.ID))
	}
	switch {
	case detail.Now != nil && !detail.Now.Idle.IsZero():
		detail.Hints = append(detail.Hints, in.next("run --fleet FILE --sweep")+", which goes on with it; or "+in.next("cancel %s", run.ID))
	case run.Outcome.Failed() && run.Next == "" && !slices.ContainsFunc(detail.Hints, func(h string) bool { return strings.HasPrefix(h, "drover retry ") }):
		detail.Hints = append(detail.Hints, in.next("retry %s", run.ID))
	}
	return e.print(in.json, detail)
}
