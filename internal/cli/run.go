package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/failure"
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
	ledgerFlag(cmd, &in.ledger, "the `FILE` in which runs are remembered, shared by processes; dynamodb:TABLE; or memory for none")
	f.BoolVar(&in.json, "json", false, "print the result as one JSON value")
	verboseFlag(cmd, &in.verbose)
	for _, name := range []string{"fleet", "event"} {
		if err := cmd.MarkFlagFilename(name); err != nil {
			panic(err) // the flag is defined some lines above
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

What must outlive the program is kept in a ledger, a file that all fleets and
processes of a user share: claims, so that two processes do not work at the
same thing, runs that a process did not finish, which the next one of the same
fleet does, notices that could not be sent, warnings of interruption, and what
status, history and show tell of. With --ledger memory nothing is kept.

Credentials and endpoint are the AWS SDK's usual ones (AWS_PROFILE,
AWS_ENDPOINT_URL and so on); the region is the fleet file's.`,
		Example: `  drover run --fleet fleet.yaml --event event.json
  drover run --fleet fleet.yaml --event - < events.jsonl
  drover run --fleet fleet.yaml --sweep --ledger /var/lib/drover/ledger.db`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.handle(cmd, in, env.doing())
		},
	}
	in.flags(cmd)
	return cmd
}

// doing is the work of verbs that change AWS.
func (e *Env) doing() work {
	return work{event: e.handled, finish: e.resume, open: func(ctx context.Context, named string) (ledger.Ledger, error) { return e.openLedger(ctx, named) }}
}

// planning is the work of verbs that say what would be done.
func (e *Env) planning() work { return work{event: previewed, open: e.readLedger} }

func newPlan(env *Env) *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "plan --fleet FILE (--event FILE | --sweep[=NAMES]) [--ledger FILE] [--json] [--verbose]",
		Short: "Print what run would do, and change nothing",
		Long: `Observes AWS and decides exactly as run does, prints the plan, and changes
nothing: a guard refuses every call that could. What earlier runs have
remembered in the ledger is taken into account; none is made.`,
		Example: `  drover plan --fleet fleet.yaml --event event.json
  drover plan --fleet fleet.yaml --sweep=sdwan --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.handle(cmd, in, env.planning())
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
