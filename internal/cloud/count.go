package cloud

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud/call"
)

// Counted is what is counted of a call when it is over.
type Counted struct {
	Operation string // such as "ec2:ReplaceRoute"
	Failed    bool
	Attempts  int // at least one
	Throttled int // of the attempts
	Took      time.Duration
}

// CountCalls returns a configuration whose clients tell of every call when it is
// over, retries and all. The function must not block.
func CountCalls(cfg aws.Config, clk clock.Clock, tell func(Counted)) aws.Config {
	around := middleware.InitializeMiddlewareFunc("DroverCount", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		start := clk.Now()
		out, meta, err := next.HandleInitialize(ctx, in)
		c := Counted{
			Operation: call.Name(awsmiddleware.GetServiceID(ctx), middleware.GetOperationName(ctx)),
			Failed:    err != nil, Attempts: 1, Took: clk.Now().Sub(start),
		}
		if all, ok := retry.GetAttemptResults(meta); ok {
			c.Attempts = max(1, len(all.Results))
			for _, r := range all.Results {
				var api smithy.APIError
				if errors.As(r.Err, &api) && call.IsThrottle(api.ErrorCode()) {
					c.Throttled++
				}
			}
		}
		tell(c)
		return out, meta, err
	})
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(s *middleware.Stack) error {
		return s.Initialize.Add(around, middleware.After)
	})
	return cfg
}
