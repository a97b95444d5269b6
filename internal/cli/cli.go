// Package cli is the program: one file per verb. Standard output is what was
// asked for, standard error everything else; --json gives the same facts.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
)

// Exit codes, the same for every verb.
const (
	ExitOK       = 0 // succeeded, or nothing to do
	ExitFailed   = 1 // failed and rolled back, or an error
	ExitUsage    = 2 // the command line, the event or the fleet file is wrong
	ExitUnwanted = 3 // no automation wants this event
	ExitStuck    = 4 // a person must look
)

// Env is what the program is given by its surroundings.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// AWS loads the SDK configuration for a region.
	AWS func(ctx context.Context, region string) (aws.Config, error)
	// Clock tells the time.
	Clock   clock.Clock
	Version string
}

// exit is an error that carries its exit code. An exit without a cause has
// nothing more to say: the result has been printed.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// usage marks an error of the command line, the event or the fleet file.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exit{code: ExitUsage, err: err}
}

// Main runs the program and returns its exit code.
func Main(ctx context.Context, env Env, args []string) int {
	root := newRoot(&env)
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if e := silent(err); err != nil && !e {
		explain(env.Stderr, err)
	}
	return code
}

func silent(err error) bool {
	var e *exit
	return errors.As(err, &e) && e.err == nil
}

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	var e *exit
	if errors.As(err, &e) {
		return e.code
	}
	var unwanted *app.Unwanted
	if errors.As(err, &unwanted) {
		return ExitUnwanted
	}
	return ExitFailed
}

// explain prints an error: the problem in one line, then what to type next.
func explain(w io.Writer, err error) {
	fmt.Fprintf(w, "drover: %v\n", err)
	var unwanted *app.Unwanted
	if errors.As(err, &unwanted) {
		for _, r := range unwanted.Reasons {
			fmt.Fprintf(w, "  %s: %s\n", r.Automation, r.Why)
		}
	}
	for _, hint := range failure.Hints(err) {
		fmt.Fprintf(w, "  next: %s\n", hint)
	}
}

const exitHelp = `
Exit codes:
  0  succeeded, or nothing to do
  1  failed and rolled back, or an error
  2  the command line, the event or the fleet file is wrong
  3  no automation wants this event
  4  stuck: a person must look; what is left is named`

func newRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "drover",
		Short: "Keeps EC2 fleets in order by itself",
		Long: `Drover keeps EC2 fleets in order by itself: it answers the events that AWS
emits, and does, safely and at once, what would otherwise be done by hand.

To see it work without an AWS account:      drover demo
To see what it would do about an event:     drover plan --fleet fleet.yaml --event event.json
To have it done:                            drover run --fleet fleet.yaml --event event.json
` + exitHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(failure.WithHint(err, "%s --help", cmd.CommandPath()))
	})
	root.AddCommand(newCheck(env), newRun(env), newPlan(env), newDemo(env), newRender(env), newVersion(env))
	for _, c := range root.Commands() {
		c.Long = strings.TrimRight(c.Long, "\n") + "\n" + exitHelp
	}
	return root
}

// noArgs refuses arguments as a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(failure.WithHint(fmt.Errorf("unexpected argument %q", args[0]), "%s --help", cmd.CommandPath()))
	}
	return nil
}

// printJSON writes one JSON value.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// logger writes what goes on beside the result to standard error.
func (e *Env) logger(verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(e.Stderr, &slog.HandlerOptions{Level: level}))
}
