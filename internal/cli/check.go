package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
)

// checked is the result of check.
type checked struct {
	File        string              `json:"file"`
	Valid       bool                `json:"valid"`
	Fleet       string              `json:"fleet,omitempty"`
	Automations []checkedAutomation `json:"automations,omitempty"`
	Problems    []problem           `json:"problems,omitempty"`
	// Mute: the fleet is valid, but events of some automations do not come.
	Mute bool `json:"mute,omitempty"`
}

type problem struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path,omitempty"`
	Got    string `json:"got"`
	Wanted string `json:"wanted"`
	text   string
}

type checkedAutomation struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Region string `json:"region"`
	// When is the pattern that narrows the automation's events, and Dropped the
	// triggers that never happen because of it.
	When    *event.Pattern   `json:"when,omitempty"`
	Dropped []droppedTrigger `json:"dropped,omitempty"`
	// Trail is why events of API calls do not come. Only with --online.
	Trail string   `json:"trail,omitempty"`
	Hints []string `json:"hints,omitempty"`
}

type droppedTrigger struct {
	Trigger string `json:"trigger"`
	Why     string `json:"why"`
}

// narrowed says what the user's pattern has made of the automation's triggers.
func (c *checkedAutomation) narrowed(a *automation.Automation) {
	when, ok := a.When()
	if !ok {
		return
	}
	c.When = &when.Pattern
	for _, d := range when.Dropped {
		c.Dropped = append(c.Dropped, droppedTrigger{d.Trigger.Name, d.Why})
	}
}

func newCheck(env *Env) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check FILE [--online] [--json]",
		Short: "Validate a fleet file",
		Long: `Validates a fleet file and reports all its problems at once, each with its
line and column. Nothing is called.

With --online, AWS is asked whether the events that the automations wait for can
come at all: those of API calls need a CloudTrail trail that logs management
events in the automation's region. Nothing is changed.`,
		Example: "  drover check fleet.yaml\n  drover check fleet.yaml --online",
		Args:    oneArg("fleet file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.check(cmd.Context(), args[0], o)
		},
	}
	cmd.Flags().BoolVar(&o.online, "online", false, "also ask AWS whether the events that are waited for can come")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as one JSON value")
	return cmd
}

type checkOptions struct{ online, json bool }

func (e *Env) check(ctx context.Context, path string, o checkOptions) error {
	result := checked{File: path}
	fleet, err := loadFleet(path)
	var invalid *fleetfile.Error
	switch {
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			result.Problems = append(result.Problems, problem{p.Line, p.Column, p.Path, p.Got, p.Wanted, p.String()})
		}
	case err != nil:
		return err
	default:
		result.Valid, result.Fleet = true, fleet.Name
		var trails map[string]error
		if o.online {
			if trails, err = e.trails(ctx, fleet); err != nil {
				return err
			}
		}
		for _, a := range fleet.Automations {
			found := checkedAutomation{Name: a.Name, Kind: a.Kind.Name, Region: a.Region}
			found.narrowed(a)
			if err := trails[a.Name]; err != nil {
				found.Trail, found.Hints = err.Error(), failure.Hints(err)
				result.Mute = true
			}
			result.Automations = append(result.Automations, found)
		}
	}
	if o.json {
		if err := printJSON(e.Stdout, result); err != nil {
			return err
		}
	} else {
		result.print(e.Stdout)
	}
	switch {
	case !result.Valid:
		return &exit{code: ExitUsage} // the result has said why
	case result.Mute:
		return &exit{code: ExitFailed} // likewise
	}
	return nil
}

// trails asks AWS of which automations the events cannot come.
func (e *Env) trails(ctx context.Context, fleet *fleetfile.Fleet) (map[string]error, error) {
	p := newProgress(e, "asking AWS for trails", false)
	defer p.stop()
	r, err := e.reach(ctx, fleet.Region, false)
	if err != nil {
		return nil, err
	}
	if err := authenticated(ctx, r.aws); err != nil {
		return nil, err
	}
	return app.New(app.Deps{Fleet: fleet, AWS: r.aws, Clock: e.Clock, Log: r.log, Version: e.Version}).Trails(ctx), nil
}

// print writes the result for people, problems as compilers do: editors jump
// to them.
func (c checked) print(w io.Writer) {
	for _, p := range c.Problems {
		fmt.Fprintln(w, p.text)
	}
	if !c.Valid {
		fmt.Fprintf(w, "%s: %s\n", c.File, flow.Count(len(c.Problems), "problem"))
		return
	}
	fmt.Fprintf(w, "%s: fleet %s is valid\n", c.File, c.Fleet)
	for _, a := range c.Automations {
		fmt.Fprintf(w, "  %s: %s in %s\n", a.Name, a.Kind, a.Region)
		if a.When != nil {
			fmt.Fprintf(w, "    acts on events only when %s; sweeps as before\n", a.When)
		}
		for _, d := range a.Dropped {
			fmt.Fprintf(w, "    %s never happens: %s\n", d.Trigger, d.Why)
		}
		if a.Trail != "" {
			fmt.Fprintf(w, "    %s\n", a.Trail)
		}
		for _, h := range a.Hints {
			fmt.Fprintf(w, "    next: %s\n", h)
		}
	}
}
