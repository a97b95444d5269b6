package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/scenario"
)

func newDemo(env *Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo [--json]",
		Short: "Watch Drover work, on simulated AWS",
		Long: `Plays a few hours in the life of two gateways, and then three nights in the
life of a launch template, on simulated AWS and in virtual time: nothing is
called, no account is needed, and it takes no time.`,
		Example: "  drover demo\n  drover demo --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			moments := []scenario.Moment{}
			tell := env.timeline()
			if asJSON {
				tell = func(m scenario.Moment) { moments = append(moments, m) }
			} else {
				fmt.Fprintln(env.Stdout, "Simulated AWS, virtual time: nothing leaves this machine.")
			}
			if err := scenario.Demo(cmd.Context(), tell); err != nil {
				return err
			}
			if asJSON {
				return printJSON(env.Stdout, moments)
			}
			fmt.Fprintln(env.Stdout, "\nThe same with your gateways: drover plan --fleet FILE --event FILE changes nothing.")
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the timeline as one JSON value")
	return cmd
}

func momentText(w io.Writer, m scenario.Moment) {
	if m.Who == "operator" {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s  %-8s  %s\n", m.At.Format("15:04:05"), m.Who, m.What)
	for _, line := range m.More {
		fmt.Fprintf(w, "                      %s\n", line)
	}
	now(w, "routes", m.Routes)
	now(w, "versions", m.Versions)
	now(w, "groups", m.Groups)
	now(w, "parameters", m.Parameters)
	now(w, "pipelines", m.Pipelines)
}

// now says what there is, where that has changed.
func now(w io.Writer, what string, is map[string]string) {
	if len(is) == 0 {
		return
	}
	fmt.Fprintf(w, "            %s now:\n", what)
	for _, name := range slices.Sorted(maps.Keys(is)) {
		fmt.Fprintf(w, "              %-40s %s\n", name, is[name])
	}
}
