package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario/script"
)

// simulated is the result of one scenario file.
type simulated struct {
	File     string `json:"file"`
	Scenario string `json:"scenario"`
	// AsExpected says that nothing differs; see Expected for whether anything could.
	AsExpected  bool                `json:"asExpected"`
	Expected    int                 `json:"expected"`
	Met         int                 `json:"met"`
	Differences []script.Difference `json:"differences"`
	Runs        int                 `json:"runs"`
	Events      int                 `json:"events"`
	Unwanted    int                 `json:"unwanted"`
	Timeline    []script.Moment     `json:"timeline"`
}

func newSimulate(env *Env) *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate FILE... [--quiet] [--verbose] [--json]",
		Short: "Rehearse a fleet file on simulated AWS",
		Long: `Plays scenario files on simulated AWS and in virtual time, with the whole
program: nothing is called, no account is needed. A scenario file says what is
there, what happens and when (an instance dies, AWS throttles, events are lost),
and how things should be afterwards; docs/guide/simulate.md has all its keys.

It prints what happens, and then what is not as the file expects. So a fleet file
can be rehearsed before it is used, and tested in its own CI: the exit code is 1
if anything differs, and 2 if a file is wrong; then nothing is played.`,
		Example: `  drover simulate examples/gateway-terminated.yaml
  drover simulate --quiet scenarios/*.yaml    # in CI: only what differs
  drover simulate scenario.yaml --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(failure.WithHint(errors.New("missing argument: scenario file"), "%s", cmd.UseLine()))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.simulate(cmd, args, o)
		},
	}
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "print no timeline, only how it ends")
	cmd.Flags().BoolVar(&o.verbose, "verbose", false, "print events that nobody wants and sweeps that find nothing, too")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the results, with their timelines, as one JSON value")
	cmd.MarkFlagsMutuallyExclusive("quiet", "verbose")
	return cmd
}

type simulateOptions struct{ quiet, verbose, json bool }

// simulate reads all files before it plays the first.
func (e *Env) simulate(cmd *cobra.Command, paths []string, o simulateOptions) error {
	scripts := make([]*script.Script, len(paths))
	var wrong []error
	for i, path := range paths {
		var err error
		scripts[i], err = script.Read(path)
		var invalid *fleetfile.Error
		if err != nil && !errors.As(err, &invalid) {
			err = unreadable(path, err)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return usage(errors.Join(wrong...))
	}
	results := make([]simulated, len(paths))
	differ := false
	for i, s := range scripts {
		if i > 0 && !o.json && !o.quiet {
			fmt.Fprintln(e.Stdout)
		}
		var err error
		if results[i], err = e.rehearse(cmd, paths[i], s, o); err != nil {
			return err
		}
		differ = differ || len(results[i].Differences) > 0
	}
	if o.json {
		if err := printJSON(e.Stdout, results); err != nil {
			return err
		}
	}
	if differ {
		return &exit{code: ExitFailed} // the result has said why
	}
	return nil
}

// rehearse plays one file and prints it as it goes.
func (e *Env) rehearse(cmd *cobra.Command, path string, s *script.Script, o simulateOptions) (simulated, error) {
	result := simulated{File: path, Scenario: s.Title(), Differences: []script.Difference{}, Timeline: []script.Moment{}}
	tell := e.timeline()
	switch {
	case o.json:
		tell = func(m script.Moment) { result.Timeline = append(result.Timeline, m) }
	case o.quiet:
		tell = func(script.Moment) {}
	default:
		fmt.Fprintln(e.Stdout, path)
	}
	report, err := s.Play(cmd.Context(), script.Options{Tell: tell, Summary: view.Summary, Verbose: o.verbose})
	if err != nil {
		return result, err
	}
	result.Expected, result.Met = report.Expected, report.Met
	result.Differences = append(result.Differences, report.Differences...)
	result.AsExpected = len(report.Differences) == 0
	result.Runs, result.Events, result.Unwanted = report.Runs, report.Events, report.Unwanted
	if !o.json {
		e.verdict(result, o)
	}
	return result, nil
}

// verdict says how a scenario ended, differences as compilers do: editors jump to
// them.
func (e *Env) verdict(r simulated, o simulateOptions) {
	if !o.quiet {
		fmt.Fprintln(e.Stdout)
	}
	for _, d := range r.Differences {
		fmt.Fprintf(e.Stdout, "%s, at %s\n", d, d.At.Format(time.DateTime))
	}
	how := fmt.Sprintf("as expected: %d of %d", r.Met, r.Expected)
	if r.Expected == 0 && r.AsExpected {
		how = "it expects nothing"
	}
	if r.Unwanted > 0 {
		how += fmt.Sprintf("; %s, and %d that nobody wanted", flow.Count(r.Events-r.Unwanted, "event"), r.Unwanted)
	} else {
		how += "; " + flow.Count(r.Events, "event")
	}
	fmt.Fprintf(e.Stdout, "%s: %s; %s\n", r.File, how, flow.Count(r.Runs, "run"))
}

// timeline prints moments, and each day once.
func (e *Env) timeline() func(script.Moment) {
	day := ""
	return func(m script.Moment) {
		if now := m.At.Format(time.DateOnly); now != day {
			day = now
			fmt.Fprintln(e.Stdout, "\n"+day)
		}
		momentText(e.Stdout, m)
	}
}
