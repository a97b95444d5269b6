package cli

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/failure"
)

// reach is the way to AWS.
type reach struct {
	aws aws.Config
	log *slog.Logger
}

func (e *Env) reach(ctx context.Context, region string, verbose bool) (*reach, error) {
	cfg, err := e.AWS(ctx, region)
	if err != nil {
		return nil, failure.WithHint(err, "check AWS_PROFILE and the files in ~/.aws")
	}
	log := e.logger(verbose)
	if verbose {
		e.logCalls(&cfg, log)
	}
	return &reach{aws: cfg, log: log}, nil
}

func verboseFlag(cmd *cobra.Command, verbose *bool) {
	cmd.Flags().BoolVarP(verbose, "verbose", "v", false, "log every AWS call to standard error")
}
