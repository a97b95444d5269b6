package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
)

func newStatus(env *Env) *cobra.Command {
	var in inquiry
	cmd := &cobra.Command{
		Use:   "status [--automation NAME] [--ledger FILE] [--json]",
		Short: "Print the runs that have not ended, and what they wait for",
		Long: `Prints the runs that have not ended: at which step each of them is, what it
waits for, since when and until when, and which process is at it. What waits for
a person says so, and what to type. Nothing is called.`,
		Example: "  drover status\n  drover status --automation edge/sdwan --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.status(cmd.Context(), in)
		},
	}
	in.choose(cmd)
	in.flags(cmd)
	return cmd
}

func (e *Env) status(ctx context.Context, in inquiry) error {
	kept, err := e.records(ctx, in)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // only read from
	runs, err := kept.Live(ctx)
	if err != nil {
		return err
	}
	now, kinds := e.Clock.Now().UTC(), app.Kinds()
	status := view.Status{Ledger: kept.path, At: now, Runs: []view.Brief{}}
	for _, r := range runs {
		if !in.wants(r) {
			continue
		}
		b := view.OfBrief(r, kinds, now)
		if r.Asking != nil {
			approved, err := kept.Approved(ctx, r)
			if err != nil {
				return err
			}
			if b.Approved = view.OfApproval(approved); approved == nil {
				status.Hints = append(status.Hints, in.toApprove(r.ID))
			}
		}
		status.Runs = append(status.Runs, b)
		if !b.Now.Idle.IsZero() {
			status.Hints = append(status.Hints, in.next("run --fleet FILE --sweep")+", which goes on with it; or "+in.next("cancel %s", r.ID))
		}
	}
	return e.print(in.json, status)
}
