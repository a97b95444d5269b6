package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// versions is the result of version.
type versions struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

func newVersion(env *Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version [--json]",
		Short:   "Print the version",
		Long:    "Prints the version of Drover and of the Go it was built with.",
		Example: "  drover version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return env.version(asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON value")
	return cmd
}

func (e *Env) version(asJSON bool) error {
	v := versions{Version: e.Version, Go: runtime.Version()}
	if asJSON {
		return printJSON(e.Stdout, v)
	}
	fmt.Fprintf(e.Stdout, "drover %s (%s)\n", v.Version, v.Go)
	return nil
}
