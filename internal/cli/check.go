package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
)

// checked is the result of check.
type checked struct {
	File        string              `json:"file"`
	Valid       bool                `json:"valid"`
	Fleet       string              `json:"fleet,omitempty"`
	Automations []checkedAutomation `json:"automations,omitempty"`
	Problems    []fleetfile.Problem `json:"problems,omitempty"`
}

type checkedAutomation struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Region string `json:"region"`
}

func newCheck(env *Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Validate a fleet file",
		Long: `Validates a fleet file and reports all its problems at once, each with its
line and column. Nothing is called.`,
		Example: "  drover check fleet.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(failure.WithHint(fmt.Errorf("got %d arguments, wanted one fleet file", len(args)), "%s --help", cmd.CommandPath()))
			}
			return nil
		},
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
		result.Problems = invalid.Problems
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
		if !result.Valid {
			return &exit{code: ExitUsage}
		}
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: fleet %s is valid\n", path, fleet.Name)
	for _, a := range result.Automations {
		fmt.Fprintf(e.Stdout, "  %s: %s in %s\n", a.Name, a.Kind, a.Region)
	}
	return nil
}
