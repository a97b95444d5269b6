package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/flow"
)

// keptDays is for how long runs are kept.
const keptDays = 90

// epoch is before every run.
var epoch = time.Unix(0, 0).UTC()

func newHistory(env *Env) *cobra.Command {
	var in inquiry
	var since string
	var failed bool
	cmd := &cobra.Command{
		Use:   "history [--since TIME] [--automation NAME] [--failed] [--ledger FILE] [--json]",
		Short: "Print past runs, newest first",
		Long: `Prints the runs that were begun of late, newest first, a line for each: when,
of which automation, how it ended, how much it changed, how long it took, and
its id. Nothing is called.

Runs are kept for 90 days, and those that had nothing to do for seven.`,
		Example: `  drover history
  drover history --since 7d --failed
  drover history --since 2026-03-01 --automation edge/sdwan --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := sinceWhen(since, env.Clock.Now().UTC())
			if err != nil {
				return usage(seeHelp(cmd, err))
			}
			return env.history(cmd.Context(), in, from, failed)
		},
	}
	cmd.Flags().StringVar(&since, "since", "24h", "how far back: a span such as 24h or 7d, or a `TIME` such as 2026-03-01 or 2026-03-01T12:00:00Z")
	cmd.Flags().BoolVar(&failed, "failed", false, "only runs that were rolled back or are stuck")
	in.choose(cmd)
	in.flags(cmd)
	return cmd
}

func (e *Env) history(ctx context.Context, in inquiry, since time.Time, failed bool) error {
	kept, err := e.records(ctx, in)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // only read from
	runs, err := kept.History(ctx, since)
	if err != nil {
		return err
	}
	now, kinds := e.Clock.Now().UTC(), app.Kinds()
	history := view.History{Ledger: kept.path, Since: since, Runs: []view.Brief{}}
	// Ids, by which they are listed, tell times apart by the second.
	slices.SortStableFunc(runs, func(a, b *flow.Run) int { return b.Created.Compare(a.Created) })
	for _, r := range runs {
		if in.wants(r) && (!failed || r.Outcome.Failed()) {
			history.Runs = append(history.Runs, view.OfBrief(r, kinds, now))
		}
	}
	if len(history.Runs) == 0 && since.After(now.AddDate(0, 0, -keptDays)) {
		history.Hints = []string{in.next("history --since %dd", keptDays) + ", which shows all there are"}
	}
	return e.print(in.json, history)
}

// sinceWhen reads how far back somebody wants to look.
func sinceWhen(text string, now time.Time) (time.Time, error) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.ParseUint(number, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(days)), nil
		}
	}
	if span, err := time.ParseDuration(text); err == nil && span >= 0 {
		return now.Add(-span), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("--since: got %q, wanted a span such as 24h or 7d, or a time such as 2026-03-01 or 2026-03-01T12:00:00Z", text)
}
