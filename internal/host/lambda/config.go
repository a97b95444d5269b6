package lambda

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
)

// The environment variables that configure the function.
const (
	EnvFleet    = "DROVER_FLEET"          // the fleet file; fleet.yaml beside the program if left out
	EnvTable    = "DROVER_TABLE"          // the DynamoDB table of the ledger
	EnvMachines = "DROVER_MACHINE_PREFIX" // what the ARNs of the state machines begin with
	EnvLevel    = "DROVER_LOG_LEVEL"      // debug, info, warn or error; info if left out
)

// EnvRuntime is set by AWS, and only there: where the Runtime API is.
const EnvRuntime = "AWS_LAMBDA_RUNTIME_API"

// config is what the environment says.
type config struct {
	fleet    string // the path of the fleet file
	table    string
	machines string // "" if all runs are handled within their invocation
	level    slog.Level
	function string
}

// guide is where to read on.
const guide = "docs/guide/lambda.md explains the function's environment variables"

var (
	machinesForm = regexp.MustCompile(`^arn:aws[a-z-]*:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[A-Za-z0-9_-]*$`)
	// A table is named, or given by its ARN.
	tableForm = regexp.MustCompile(`^(arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?[A-Za-z0-9_.-]{3,255}$`)
)

// readConfig returns all that is wrong, joined. program is the folder of the
// program, where the package is not unpacked by AWS.
func readConfig(getenv func(string) string, program string) (config, error) {
	c := config{
		fleet:    cmp.Or(getenv(EnvFleet), "fleet.yaml"),
		table:    getenv(EnvTable),
		machines: getenv(EnvMachines),
		level:    slog.LevelInfo,
		function: cmp.Or(getenv("AWS_LAMBDA_FUNCTION_NAME"), "lambda"),
	}
	if !filepath.IsAbs(c.fleet) {
		c.fleet = filepath.Join(cmp.Or(getenv("LAMBDA_TASK_ROOT"), program), c.fleet)
	}
	var problems []error
	switch {
	case c.table == "":
		problems = append(problems, fmt.Errorf("%s is not set: wanted the name of a DynamoDB table; without a ledger a function forgets every run when it ends", EnvTable))
	case !tableForm.MatchString(c.table):
		problems = append(problems, fmt.Errorf("%s: got %q, wanted the name or the ARN of a DynamoDB table", EnvTable, c.table))
	}
	if err := checkPrefix(EnvMachines, c.machines); err != nil {
		problems = append(problems, err)
	}
	if said := getenv(EnvLevel); said != "" {
		level, ok := levels[strings.ToLower(said)]
		if !ok {
			problems = append(problems, fmt.Errorf("%s: got %q, wanted debug, info, warn or error", EnvLevel, said))
		}
		c.level = level
	}
	return c, failure.WithHint(errors.Join(problems...), guide)
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// Machine is the ARN of an automation's state machine.
func Machine(prefix, fleet, automation string) string { return prefix + fleet + "-" + automation }

// maxMachine is the length of a state machine's name.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
const maxMachine = 80

// CheckMachines looks for what is wrong with the ARNs of a fleet's state
// machines. said is what the prefix was given by. Without a prefix there are none.
func CheckMachines(said, prefix string, f *fleetfile.Fleet) error {
	if err := checkPrefix(said, prefix); err != nil || prefix == "" {
		return err
	}
	var problems []error
	for _, a := range f.Automations {
		arn := Machine(prefix, f.Name, a.Name)
		if name := arn[strings.LastIndex(arn, ":")+1:]; a.Kind.Waits() && len(name) > maxMachine {
			problems = append(problems, fmt.Errorf("%s: the state machine of %s would be %s, of %d characters, wanted at most %d", said, a.Name, name, len(name), maxMachine))
		}
	}
	return errors.Join(problems...)
}

func checkPrefix(said, prefix string) error {
	if prefix == "" || machinesForm.MatchString(prefix) {
		return nil
	}
	return fmt.Errorf("%s: got %q, wanted the beginning of ARNs of state machines, such as arn:aws:states:us-west-1:123456789012:stateMachine:drover-", said, prefix)
}
