package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/render"
)

func newRender(env *Env) *cobra.Command {
	var fleet, account, partition string
	cmd := &cobra.Command{
		Use:   "render (schema | rules | policy)",
		Short: "Print a document: JSON Schema, EventBridge rules or IAM policy",
		Long: `Prints a document, as JSON, on standard output. Nothing is called.

  schema   the JSON Schema of fleet files, for editors
  rules    the EventBridge rules that bring a fleet its events (needs --fleet)
  policy   the least IAM policy for the process that runs a fleet (needs --fleet)`,
		Example: `  drover render schema > fleet.schema.json
  drover render rules --fleet fleet.yaml
  drover render policy --fleet fleet.yaml --account 123456789012`,
		ValidArgs: []string{"schema", "rules", "policy"},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(failure.WithHint(fmt.Errorf("got %d arguments, wanted one of schema, rules, policy", len(args)), "%s --help", cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			return env.render(args[0], fleet, partition, account)
		},
	}
	cmd.Flags().StringVarP(&fleet, "fleet", "f", "", "the fleet file")
	cmd.Flags().StringVar(&account, "account", "", "the 12-digit account of the policy's ARNs; left out, they are for any account")
	cmd.Flags().StringVar(&partition, "partition", "aws", "the partition of the policy's ARNs: aws, aws-cn or aws-us-gov")
	return cmd
}

func (e *Env) render(what, path, partition, account string) error {
	if what == "schema" {
		schema, err := fleetfile.Schema(app.Kinds())
		if err != nil {
			return err
		}
		_, err = e.Stdout.Write(schema)
		return err
	}
	if what != "rules" && what != "policy" {
		return usage(fmt.Errorf("cannot render %q: wanted schema, rules or policy", what))
	}
	if path == "" {
		return usage(errors.New("--fleet is required"))
	}
	fleet, err := loadFleet(path)
	if err != nil {
		return err
	}
	var document any = render.Rules(fleet)
	if what == "policy" {
		if document, err = render.Policy(fleet, partition, account); err != nil {
			return err
		}
	}
	return printJSON(e.Stdout, document)
}
