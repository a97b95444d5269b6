package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/host/lambda"
)

func newLambda(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "lambda",
		Short: "Answer the invocations of an AWS Lambda function",
		Long: `Answers the invocations of an AWS Lambda function: events from EventBridge, SQS
or SNS, sweeps from a schedule, turns from Step Functions, and {"plan": EVENT}.
It is what the program does without arguments where AWS has started it, and is
of no use elsewhere.

The environment says the rest:

  DROVER_TABLE           the DynamoDB table in which runs are remembered; required
  DROVER_FLEET           the fleet file; fleet.yaml beside the program if left out
  DROVER_MACHINE_PREFIX  what the ARNs of the state machines begin with, before
                         FLEET-AUTOMATION; if left out, runs that have to wait
                         go on with the next sweep
  DROVER_LOG_LEVEL       debug, which logs every AWS call, info, warn or error`,
		Example: `  cp bin/drover bootstrap && zip function.zip bootstrap fleet.yaml   # a package for provided.al2023`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := lambda.Run(cmd.Context(), lambda.Env{
				Getenv: env.getenv, Stderr: env.Stderr, AWS: env.AWS, Clock: env.Clock, Version: env.Version,
			})
			if errors.Is(err, lambda.ErrLogged) {
				return &exit{code: ExitFailed}
			}
			return err
		},
	}
}
