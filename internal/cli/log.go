package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
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
	around := middleware.InitializeMiddlewareFunc("DroverLog", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		start := e.Clock.Now()
		out, meta, err := next.HandleInitialize(ctx, in)
		attrs := []slog.Attr{
			slog.String("service", awsmiddleware.GetServiceID(ctx)), slog.String("operation", middleware.GetOperationName(ctx)),
			slog.String("took", e.Clock.Now().Sub(start).Round(time.Microsecond).String()),
		}
		if err != nil {
			attrs = append(attrs, slog.Any("error", err))
		}
		log.LogAttrs(ctx, slog.LevelDebug, "call", attrs...)
		return out, meta, err
	})
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], func(s *middleware.Stack) error {
		return s.Initialize.Add(around, middleware.After)
	})
}
