// Package call is the middleware that surrounds every AWS call: the write
// guard, the audit, and the class of its error. It sits outside the SDK's
// retries, so it sees one call and one outcome however often the SDK tried.
//
// What a call is for travels in its context: [ReadOnly] forbids changes,
// [WithRecorder] collects them. Call sites know nothing of either.
package call

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/droverhq/drover/internal/failure"
)

// Outcome is what is known of a mutating call after it returned.
type Outcome string

const (
	// Done: AWS acknowledged the call.
	Done Outcome = "done"
	// Refused: AWS answered that it did nothing.
	Refused Outcome = "refused"
	// Unknown: no answer, or a server error. The call may have taken effect.
	Unknown Outcome = "unknown"
)

// Entry is the audit of one mutating call.
type Entry struct {
	At        time.Time     `json:"at"`
	Took      time.Duration `json:"took"`
	Operation string        `json:"operation"` // such as "ec2:ReplaceRoute"
	Resource  string        `json:"resource"`
	To        string        `json:"to,omitempty"`
	RequestID string        `json:"requestId,omitempty"`
	Outcome   Outcome       `json:"outcome"`
	Error     string        `json:"error,omitempty"`
}

// Recorder collects entries. Implementations are safe for concurrent use.
type Recorder interface {
	Record(Entry)
}

type (
	readOnlyKey struct{}
	recorderKey struct{}
)

// ReadOnly returns a context under which every mutating call is refused
// before it leaves the process, with a [ReadOnlyError].
func ReadOnly(ctx context.Context) context.Context {
	return context.WithValue(ctx, readOnlyKey{}, true)
}

// WithRecorder returns a context whose mutating calls are recorded by r.
func WithRecorder(ctx context.Context, r Recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, r)
}

// ReadOnlyError is a mutating call made where nothing may be changed.
type ReadOnlyError struct{ Operation string }

func (e *ReadOnlyError) Error() string {
	return e.Operation + ": nothing may be changed here"
}

// Middleware is the configuration of [Add].
type Middleware struct {
	// Classify gives an error its class.
	Classify func(error) error
	// Now tells the time for the audit.
	Now func() time.Time
}

// Add returns the function to append to aws.Config.APIOptions.
func (m Middleware) Add(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("drover", m.handle), middleware.Before)
}

func (m Middleware) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	operation := Name(middleware.GetServiceID(ctx), middleware.GetOperationName(ctx))
	if !Mutates(operation) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		return out, metadata, m.Classify(err)
	}
	if ctx.Value(readOnlyKey{}) != nil {
		return middleware.InitializeOutput{}, middleware.Metadata{}, failure.As(failure.Stop, &ReadOnlyError{Operation: operation})
	}
	start := m.Now()
	out, metadata, err := next.HandleInitialize(ctx, in)
	err = m.Classify(err)
	if r, ok := ctx.Value(recorderKey{}).(Recorder); ok {
		entry := Entry{At: start, Took: m.Now().Sub(start), Operation: operation, Outcome: OutcomeOf(err)}
		entry.Resource, entry.To = Effect(in.Parameters)
		entry.RequestID, _ = awsmiddleware.GetRequestIDMetadata(metadata)
		if err != nil {
			entry.Error = err.Error()
		}
		r.Record(entry)
	}
	return out, metadata, err
}

// OutcomeOf says what an error tells about the effect of a mutating call.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Done
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		if status := response.HTTPStatusCode(); status >= http.StatusBadRequest && status < http.StatusInternalServerError {
			return Refused
		}
	}
	var invalid *smithy.InvalidParamsError
	if errors.As(err, &invalid) {
		return Refused
	}
	var api smithy.APIError
	if errors.As(err, &api) && IsThrottle(api.ErrorCode()) {
		return Refused
	}
	return Unknown
}

// prefixes under which IAM and events know a service whose SDK id differs.
var prefixes = map[string]string{
	"SFN":         "states",
	"EventBridge": "events",
}

// Name is an operation the way IAM names actions: "ec2:ReplaceRoute".
func Name(serviceID, operation string) string {
	prefix, ok := prefixes[serviceID]
	if !ok {
		prefix = strings.ToLower(strings.ReplaceAll(serviceID, " ", ""))
	}
	return fmt.Sprintf("%s:%s", prefix, operation)
}

// Mutates says whether an operation changes anything. What is not known to
// only read is taken to change something.
func Mutates(operation string) bool {
	_, name, _ := strings.Cut(operation, ":")
	for _, reading := range []string{"Describe", "List", "Get", "Search", "Lookup"} {
		if strings.HasPrefix(name, reading) {
			return false
		}
	}
	return true
}

// IsThrottle says whether an error code means that AWS refused a call only
// because there were too many. Such a call had no effect.
func IsThrottle(code string) bool {
	switch code {
	case "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException",
		"RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
		"EC2ThrottledException", "SlowDown", "PriorRequestNotComplete", "BandwidthLimitExceeded",
		"ProvisionedThroughputExceededException", "CallRateLimitExceededException", "RateLimitExceeded":
		return true
	}
	return false
}
