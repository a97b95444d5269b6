package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/failure"
)

const exitHelp = `
Exit codes:
  0  succeeded, or nothing to do
  1  failed and rolled back, or an error
  2  the command line, the event or the fleet file is wrong
  3  no automation wants this event
  4  stuck: a person must look; what is left is named
`

func newRoot(env *Env) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "drover",
		Short: "Keeps EC2 fleets in order by itself",
		Long: `Drover keeps EC2 fleets in order by itself: it answers the events that AWS
emits, and does, safely and at once, what would otherwise be done by hand.`,
		Example: `  drover demo                                        # see it work, without an AWS account
  drover plan --fleet fleet.yaml --event event.json  # see what it would do about an event
  drover run --fleet fleet.yaml --event event.json   # have it done`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return env.version(false)
			}
			return cmd.Help()
		},
		SuggestionsMinimumDistance: 2, // letters that may be wrong in a suggestion
	}
	root.Flags().BoolVar(&version, "version", false, "print the version")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(seeHelp(cmd, err))
	})
	// Not a template: one that the linker cannot see through would keep every
	// method of every SDK client in the binary.
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		help(cmd, args)
		fmt.Fprint(env.Stdout, exitHelp)
	})
	root.AddCommand(newCheck(env), newRun(env), newPlan(env), newDemo(env), newSimulate(env), newRender(env), newVersion(env), newCompletion(env))
	root.AddCommand(newWorker(env), newLambda(env))
	root.AddCommand(newStatus(env), newHistory(env), newShow(env), newApprove(env), newCancel(env), newRetry(env), newRollout(env))
	root.SetHelpCommand(newHelp())
	root.InitDefaultHelpCmd() // and below the flags, so that help is the same however it is asked for
	root.InitDefaultHelpFlag()
	settle(root)
	return root
}

// settle makes the help of all verbs alike, and of theirs.
func settle(cmd *cobra.Command) {
	for _, verb := range cmd.Commands() {
		verb.InitDefaultHelpFlag()
		verb.DisableFlagsInUseLine = true
		settle(verb)
	}
}

// newHelp replaces cobra's, which succeeds for verbs that do not exist.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [VERB]",
		Short:   "Explain a verb",
		Long:    "Explains a verb: what it does, its flags and its exit codes.",
		Example: "  drover help run",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var verbs []cobra.Completion
			if of, unknown := explained(cmd.Root(), args); unknown == "" {
				for _, verb := range of.Commands() {
					verbs = append(verbs, cobra.CompletionWithDesc(verb.Name(), verb.Short))
				}
			}
			return verbs, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			verb, unknown := explained(cmd.Root(), args)
			if unknown != "" {
				return unknownVerb(verb, unknown)
			}
			return verb.Help()
		},
	}
}

// explained finds the verb that somebody asks about, and what of that is none.
func explained(root *cobra.Command, args []string) (verb *cobra.Command, unknown string) {
	for verb = root; len(args) > 0; args = args[1:] {
		i := slices.IndexFunc(verb.Commands(), func(c *cobra.Command) bool { return c.Name() == args[0] })
		if i < 0 {
			return verb, args[0]
		}
		verb = verb.Commands()[i]
	}
	return verb, ""
}

func unknownVerb(root *cobra.Command, verb string) error {
	err := fmt.Errorf("unknown verb %q", verb)
	if similar := root.SuggestionsFor(verb); len(similar) > 0 {
		return usage(failure.WithHint(err, "%s %s", root.CommandPath(), similar[0]))
	}
	if root.HasParent() {
		return usage(seeHelp(root, err))
	}
	return usage(failure.WithHint(err, "drover help, which lists the verbs"))
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(seeHelp(cmd, fmt.Errorf("unexpected argument %q", args[0])))
	}
	return nil
}

// oneArg refuses anything but one argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return usage(failure.WithHint(fmt.Errorf("missing argument: %s", what), "%s", cmd.UseLine()))
		case 1:
			return nil
		}
		return usage(seeHelp(cmd, fmt.Errorf("unexpected argument %q after %s %s", args[1], what, args[0])))
	}
}

func seeHelp(cmd *cobra.Command, err error) error {
	return failure.WithHint(err, "%s --help", cmd.CommandPath())
}
