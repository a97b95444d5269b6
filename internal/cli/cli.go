// Package cli is the program: one file per verb. Standard output is what was
// asked for, standard error everything else; --json gives the same facts.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/clock"
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
	Clock clock.Clock
	// Getenv reads the environment. Nil: there is nothing in it.
	Getenv func(string) string
	// User is who asks, for the record, such as "jo@laptop".
	User string
	// Terminal says that standard error is a terminal, on which lines can be
	// written over.
	Terminal bool
	Version  string
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
	out := &output{w: env.Stdout}
	env.Stdout, env.Stderr = out, &output{w: env.Stderr}
	root := newRoot(&env)
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if broken := out.failed(); broken != nil && code == ExitOK {
		// Whoever asked has not been told, and must not take that for success.
		err, code = fmt.Errorf("write to standard output: %w", broken), ExitFailed
	}
	if err != nil && !silent(err) {
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

// explain prints an error: each problem in one line, then what to type next.
func explain(w io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "drover: %s\n", strings.TrimRight(line, "\n"))
	}
	for _, hint := range view.Hints(err) {
		fmt.Fprintf(w, "  next: %s\n", hint)
	}
}

// printJSON writes one JSON value.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
