package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

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
}

func newCheck(env *Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE [--json]",
		Short: "Validate a fleet file",
		Long: `Validates a fleet file and reports all its problems at once, each with its
line and column. Nothing is called.`,
		Example: "  drover check fleet.yaml\n  drover check fleet.yaml --json",
		Args:    oneArg("fleet file"),
		RunE: func(_ *cobra.Command, args []string) error {
			return env.check(args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON value")
	return cmd
}

func (e *Env) check(path string, asJSON bool) error {
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
		for _, a := range fleet.Automations {
			result.Automations = append(result.Automations, checkedAutomation{Name: a.Name, Kind: a.Kind.Name, Region: a.Region})
		}
	}
	if asJSON {
		if err := printJSON(e.Stdout, result); err != nil {
			return err
		}
	} else {
		result.print(e.Stdout)
	}
	if !result.Valid {
		return &exit{code: ExitUsage} // the result has said why
	}
	return nil
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
	}
}
