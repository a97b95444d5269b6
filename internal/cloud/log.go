package cloud

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/droverhq/drover/internal/clock"
)

// LogCalls returns a configuration whose clients log every call when it is
// over, retries and all, at the level debug. What a call was given and what it
// answered is not logged: secrets pass there.
func LogCalls(cfg aws.Config, log *slog.Logger, clk clock.Clock) aws.Config {
	around := middleware.InitializeMiddlewareFunc("DroverLog", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		if !log.Enabled(ctx, slog.LevelDebug) {
			return next.HandleInitialize(ctx, in)
		}
		start := clk.Now()
		out, meta, err := next.HandleInitialize(ctx, in)
		attrs := []slog.Attr{
			slog.String("service", awsmiddleware.GetServiceID(ctx)), slog.String("operation", middleware.GetOperationName(ctx)),
			slog.String("took", clk.Now().Sub(start).Round(time.Microsecond).String()),
		}
		if id, ok := awsmiddleware.GetRequestIDMetadata(meta); ok {
			attrs = append(attrs, slog.String("awsRequestId", id))
		}
		if err != nil {
			attrs = append(attrs, slog.Any("error", err))
		}
		log.LogAttrs(ctx, slog.LevelDebug, "call", attrs...)
		return out, meta, err
	})
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(s *middleware.Stack) error {
		return s.Initialize.Add(around, middleware.After)
	})
	return cfg
}
