package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/examples"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/scenario/script"
)

func newDemo(env *Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo [--json]",
		Short: "Watch Drover work, on simulated AWS",
		Long: `Plays an hour in the life of two gateways, three nights in the life of a launch
template, how a new base image of AWS becomes the image of a template, and how a
backup becomes what a fleet runs: once to its end, once with a sysprep that fails,
and once with an alarm that has all of it rolled back. It plays on simulated AWS and
in virtual time: nothing is called, no account is needed, and it takes no time. The
six are scenario files: drover simulate plays them as you change them.`,
		Example: "  drover demo\n  drover demo --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			moments := []script.Moment{}
			if !asJSON {
				fmt.Fprintln(env.Stdout, "Simulated AWS, virtual time: nothing leaves this machine.")
			}
			acts := examples.Demo()
			for _, act := range acts {
				tell := env.timeline()
				if asJSON {
					tell = func(m script.Moment) { moments = append(moments, m) }
				}
				if err := play(cmd, act, tell); err != nil {
					return fmt.Errorf("%s: %w", act.Path, err)
				}
			}
			if asJSON {
				return printJSON(env.Stdout, moments)
			}
			fmt.Fprintln(env.Stdout, "\nThe same, as you change it:")
			for _, act := range acts {
				fmt.Fprintln(env.Stdout, "  drover simulate "+act.Path)
			}
			fmt.Fprintln(env.Stdout, "With what you have: drover plan --fleet FILE --event FILE changes nothing.")
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the timeline as one JSON value")
	return cmd
}

// play plays an act of the demo, which must end as it expects.
func play(cmd *cobra.Command, act examples.Act, tell func(script.Moment)) error {
	s, err := script.Parse(act.Path, act.Text)
	if err != nil {
		return err
	}
	report, err := s.Play(cmd.Context(), script.Options{Tell: tell, Summary: view.Summary})
	for _, d := range report.Differences {
		err = errors.Join(err, errors.New(d.String()))
	}
	return err
}

func momentText(w io.Writer, m script.Moment) {
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
