package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
	"github.com/droverhq/drover/internal/host/lambda"
	"github.com/droverhq/drover/internal/host/worker"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/ledger/dynamodb"
	"github.com/droverhq/drover/internal/render"
)

var (
	documents   = []string{"schema", "rules", "policy", "asl", "diagram"}
	partitions  = []string{"aws", "aws-cn", "aws-us-gov"}
	accountForm = regexp.MustCompile(`^([0-9]{12})?$`)
)

func newRender(env *Env) *cobra.Command {
	var o renderOptions
	cmd := &cobra.Command{
		Use:   "render (schema | rules --fleet FILE | policy --fleet FILE | asl --kind KIND | diagram --kind KIND)",
		Short: "Print a document: JSON Schema, EventBridge rules, IAM policy, state machine or diagram",
		Long: `Prints a document on standard output: a diagram as text for Mermaid, all others
as JSON. Nothing is called.

  schema   the JSON Schema of fleet files, for editors
  rules    the EventBridge rules that bring a fleet its events (needs --fleet)
  policy   the least IAM policy for the process that runs a fleet (needs --fleet)
  asl      the Step Functions state machine that runs a kind of automation that
           can wait, in the Amazon States Language (needs --kind)
  diagram  the steps of a kind, what waits, and what is undone (needs --kind)`,
		Example: `  drover render schema > fleet.schema.json
  drover render rules --fleet fleet.yaml
  drover render rules --fleet fleet.yaml --machines arn:aws:states:us-west-1:123456789012:stateMachine:drover-
  drover render policy --fleet fleet.yaml --account 123456789012
  drover render policy --fleet fleet.yaml --queue arn:aws:sqs:us-west-1:123456789012:drover --dead-letters arn:aws:sqs:us-west-1:123456789012:drover-dead
  drover render asl --kind template-follows-image --function arn:aws:lambda:us-west-1:123456789012:function:drover:7
  drover render diagram --kind template-follows-image`,
		ValidArgs: documents,
		Args:      oneArg("document"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.render(cmd, args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.fleet, "fleet", "f", "", "the fleet `FILE`")
	f.Bool("json", false, "changes nothing: documents are JSON anyway, and diagrams are text")
	f.StringVar(&o.account, "account", "", "the 12-digit `ID` of the account in the policy's ARNs; left out, any account")
	f.StringVar(&o.queue, "queue", "", "the `ARN` of the queue that a worker takes events from, in the policy")
	f.StringVar(&o.deadLetters, "dead-letters", "", "the `ARN` of the queue for what a worker cannot read, in the policy")
	f.StringVar(&o.table, "table", "", "the `ARN` of the ledger's DynamoDB table, in the policy")
	f.StringVar(&o.partition, "partition", "aws", "the partition in the policy's ARNs: aws, aws-cn or aws-us-gov")
	f.StringVar(&o.machines, "machines", "", "the `PREFIX` of the ARNs of state machines, as in DROVER_MACHINE_PREFIX: rules start them for automations that can wait")
	f.StringVar(&o.kind, "kind", "", "the `KIND` of automation that is drawn or written as a state machine")
	f.StringVar(&o.function, "function", "${DroverFunction}", "the `ARN` of the Lambda function in the state machine, best of one version")
	return cmd
}

type renderOptions struct {
	fleet, account, partition, kind, function string
	queue, deadLetters, table                 string // ARNs
	machines                                  string // what ARNs begin with
}

// check refuses combinations that say nothing.
func (o renderOptions) check(cmd *cobra.Command, what string) error {
	changed := func(flag string) bool { return cmd.Flags().Changed(flag) }
	of := what == "asl" || what == "diagram"
	switch {
	case !slices.Contains(documents, what):
		return unknown("document", what, documents)
	case what != "policy" && (changed("account") || changed("partition")):
		return errors.New("--account and --partition are for policies only")
	case what != "policy" && (changed("queue") || changed("dead-letters") || changed("table")):
		return errors.New("--queue, --dead-letters and --table are for policies only")
	case (o.queue == "") != (o.deadLetters == ""):
		return errors.New("--queue and --dead-letters: wanted both or none, since a worker needs both queues")
	case what != "rules" && changed("machines"):
		return errors.New("--machines is for rules only")
	case what != "asl" && changed("function"):
		return errors.New("--function is for state machines only")
	case !of && changed("kind"):
		return errors.New("--kind is for asl and diagram only")
	case of && changed("fleet"):
		return fmt.Errorf("--fleet says nothing here: %s is of a kind, not of a fleet", what)
	case !arnForm("sqs", "").MatchString(o.queue):
		return fmt.Errorf("--queue: got %q, wanted the ARN of a queue, such as arn:aws:sqs:us-west-1:123456789012:drover", o.queue)
	case !arnForm("sqs", "").MatchString(o.deadLetters):
		return fmt.Errorf("--dead-letters: got %q, wanted the ARN of a queue, such as arn:aws:sqs:us-west-1:123456789012:drover-dead", o.deadLetters)
	case !arnForm("dynamodb", "table/").MatchString(o.table):
		return fmt.Errorf("--table: got %q, wanted the ARN of a table, such as arn:aws:dynamodb:us-west-1:123456789012:table/drover", o.table)
	case !accountForm.MatchString(o.account):
		return fmt.Errorf("--account: got %q, wanted 12 digits", o.account)
	case !slices.Contains(partitions, o.partition):
		return unknown("partition", o.partition, partitions)
	}
	return nil
}

// arnForm matches the ARN of a resource of a service, or nothing.
func arnForm(service, kind string) *regexp.Regexp {
	return regexp.MustCompile(`^(arn:aws[a-z-]*:` + service + `:[a-z0-9-]+:[0-9]{12}:` + kind + `[A-Za-z0-9_.-]+)?$`)
}

// needs are those of the process beside its automations'.
func (o renderOptions) needs() []iam.Need {
	var needs []iam.Need
	if o.queue != "" {
		needs = append(needs, worker.Needs(o.queue, o.deadLetters)...)
	}
	if o.table != "" {
		needs = append(needs, dynamodb.Needs(o.table)...)
	}
	return needs
}

func (e *Env) render(cmd *cobra.Command, what string, o renderOptions) error {
	if err := o.check(cmd, what); err != nil {
		return usage(seeHelp(cmd, err))
	}
	if what == "asl" || what == "diagram" {
		return e.renderKind(cmd, what, o)
	}
	path, partition, account := o.fleet, o.partition, o.account
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
	if what == "rules" {
		return e.renderRules(cmd, fleet, o.machines)
	}
	document, err := render.Policy(fleet, partition, account, o.needs()...)
	if err != nil {
		return err
	}
	return printJSON(e.Stdout, document)
}

func (e *Env) renderRules(cmd *cobra.Command, fleet *fleetfile.Fleet, machines string) error {
	if err := lambda.CheckMachines("--machines", machines, fleet); err != nil {
		return usage(seeHelp(cmd, err))
	}
	var machine func(string) string
	if machines != "" {
		machine = func(automation string) string { return lambda.Machine(machines, fleet.Name, automation) }
	}
	return printJSON(e.Stdout, render.Rules(fleet, machine))
}

// renderKind prints what is known of a kind without any fleet.
func (e *Env) renderKind(cmd *cobra.Command, what string, o renderOptions) error {
	var names []string
	var kind *automation.Definition
	for _, k := range app.Kinds() {
		names = append(names, k.Name)
		if k.Name == o.kind {
			kind = &k
		}
	}
	switch {
	case o.kind == "":
		return usage(failure.WithHint(errors.New("--kind is missing"), "%s %s --kind %s", cmd.CommandPath(), what, names[0]))
	case kind == nil:
		return usage(seeHelp(cmd, unknown("kind", o.kind, names)))
	case what == "diagram":
		fmt.Fprint(e.Stdout, render.Diagram(*kind))
		return nil
	case !kind.Waits():
		return usage(failure.WithHint(
			fmt.Errorf("%s never waits: it runs within one call of its Lambda function and has no state machine", kind.Name),
			"drover render rules --fleet FILE, for the rules that call the function"))
	}
	document, err := stepfunctions.Document(*kind, o.function)
	if err != nil {
		return err
	}
	_, err = e.Stdout.Write(document)
	return err
}
