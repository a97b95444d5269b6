package cli

import (
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/cloud"
)

// logger writes to standard error what goes on. Unless asked to, it is silent:
// whatever matters is in the result.
func (e *Env) logger(verbose bool) *slog.Logger {
	if !verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(e.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// logCalls has every call logged when it is over, retries and all.
func (e *Env) logCalls(cfg *aws.Config, log *slog.Logger) {
	*cfg = cloud.LogCalls(*cfg, log, e.Clock)
}
