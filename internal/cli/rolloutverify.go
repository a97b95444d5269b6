package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/failure"
)

func newRolloutVerify(env *Env) *cobra.Command {
	var in rollout
	cmd := &cobra.Command{
		Use:   "verify --fleet FILE [--automation NAME] [--ledger FILE] [--json] [--verbose]",
		Short: "Say whether a group has the image that it is meant to have",
		Long: `Reads back from AWS how the group of an automation stands, and changes nothing:
which template and version it launches from, with which image, from which image
that was made and of when that is; how many of its instances run it, and which do
not; which newer images there are, and why the group does not have them; what
rollouts have launched for a while and left behind; and what of the group is
suspended.

It exits 0 if the group has the image that a sweep would give it, and nothing is
left over. Otherwise it exits 1, and says what differs and what to type. A newer
image that waits for its time differs in nothing: it is pending, not old enough,
or the maintenance window is closed. One whose rollout has failed does. Instances
that run another image are told of and differ in nothing either: whether they are
replaced is a matter of the fleet file.

Whether a rollout is under way is in its ledger, and without that all that it has
launched counts as left: give the one that the rollouts use. Your credentials need
what observing takes of what "drover render policy" prints, and
ec2:DescribeVolumes.`,
		Example: `  drover rollout verify --fleet fleet.yaml
  drover rollout verify --fleet fleet.yaml --automation web --ledger dynamodb:drover --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.verifyRollout(cmd, in)
		},
	}
	in.flags(cmd)
	return cmd
}

func (e *Env) verifyRollout(cmd *cobra.Command, in rollout) error {
	if in.fleet == "" {
		return usage(failure.WithHint(errors.New("--fleet is missing"), "%s --fleet FILE", cmd.CommandPath()))
	}
	fleet, err := loadFleet(in.fleet)
	if err != nil {
		return err
	}
	auto, err := app.RolloutOf(fleet, in.automation)
	if err != nil {
		return usage(err)
	}
	var seen app.Verification
	err = e.visit(cmd.Context(), fleet, in.input, e.readLedger, func(ctx context.Context, d *desk) (err error) {
		if err := authenticated(ctx, d.reach.aws); err != nil {
			return err
		}
		d.progress.say("looking at AWS")
		seen, err = d.app.VerifyRollout(ctx, auto)
		return err
	})
	if err != nil {
		return err
	}
	result := view.OfRollout(auto, seen)
	result.Hints = in.mend(seen, auto.Name)
	if err := e.print(in.json, result); err != nil {
		return err
	}
	if !seen.OK() {
		return &exit{code: ExitFailed} // the result has said why
	}
	return nil
}

// mend is what to type next.
func (in *rollout) mend(v app.Verification, automation string) []string {
	var hints []string
	asked := inquiry{ledger: in.ledger}
	for _, id := range v.Under {
		hints = append(hints, asked.next("show %s", id))
	}
	if v.Due != "" && len(v.Under) == 0 {
		hints = append(hints, in.next("run --sweep=%s", automation))
	}
	if v.Failed != "" {
		hints = append(hints, in.next("rollout start --automation %s --image %s", automation, v.Failed))
	}
	for _, l := range v.Left {
		if l.Next != "" {
			hints = append(hints, l.Next)
		}
	}
	return hints
}
