package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/render"
)

var (
	documents   = []string{"schema", "rules", "policy"}
	partitions  = []string{"aws", "aws-cn", "aws-us-gov"}
	accountForm = regexp.MustCompile(`^([0-9]{12})?$`)
)

func newRender(env *Env) *cobra.Command {
	var fleet, account, partition string
	cmd := &cobra.Command{
		Use:   "render (schema | rules --fleet FILE | policy --fleet FILE)",
		Short: "Print a document: JSON Schema, EventBridge rules or IAM policy",
		Long: `Prints a document, as JSON, on standard output. Nothing is called.

  schema   the JSON Schema of fleet files, for editors
  rules    the EventBridge rules that bring a fleet its events (needs --fleet)
  policy   the least IAM policy for the process that runs a fleet (needs --fleet)`,
		Example: `  drover render schema > fleet.schema.json
  drover render rules --fleet fleet.yaml
  drover render policy --fleet fleet.yaml --account 123456789012`,
		ValidArgs: documents,
		Args:      oneArg("document"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.render(cmd, args[0], fleet, partition, account)
		},
	}
	cmd.Flags().StringVarP(&fleet, "fleet", "f", "", "the fleet `FILE`")
	cmd.Flags().Bool("json", false, "changes nothing: documents are JSON anyway")
	cmd.Flags().StringVar(&account, "account", "", "the 12-digit `ID` of the account in the policy's ARNs; left out, any account")
	cmd.Flags().StringVar(&partition, "partition", "aws", "the partition in the policy's ARNs: aws, aws-cn or aws-us-gov")
	return cmd
}

func (e *Env) render(cmd *cobra.Command, what, path, partition, account string) error {
	switch {
	case !slices.Contains(documents, what):
		return usage(seeHelp(cmd, unknown("document", what, documents)))
	case what != "policy" && (cmd.Flags().Changed("account") || cmd.Flags().Changed("partition")):
		return usage(seeHelp(cmd, errors.New("--account and --partition are for policies only")))
	case !accountForm.MatchString(account):
		return usage(seeHelp(cmd, fmt.Errorf("--account: got %q, wanted 12 digits", account)))
	case !slices.Contains(partitions, partition):
		return usage(seeHelp(cmd, unknown("partition", partition, partitions)))
	}
	if what == "schema" {
		schema, err := fleetfile.Schema(app.Kinds())
		if err != nil {
			return err
		}
		_, err = e.Stdout.Write(schema)
		return err
	}
	if path == "" {
		return usage(failure.WithHint(errors.New("--fleet is missing"), "%s %s --fleet FILE", cmd.CommandPath(), what))
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
