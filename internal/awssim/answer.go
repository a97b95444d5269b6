package awssim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/middleware"
)

// Config is what SDK clients need to call this world. The caller may add
// middleware and a retryer to its copy.
func (w *World) Config() aws.Config {
	return aws.Config{
		Region:      w.options.Region,
		Credentials: credentials.NewStaticCredentialsProvider("AKIASIMULATED", "simulated", ""),
		HTTPClient:  noNetwork{},
		APIOptions:  []func(*middleware.Stack) error{w.install},
	}
}

// noNetwork is the HTTP client of a world that has no network.
type noNetwork struct{}

func (noNetwork) Do(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("simulated AWS has no network: %s %s", r.Method, r.URL.Host)
}

type inputKey struct{}

// install answers calls below the SDK's retry: the first middleware keeps the
// typed input, the second answers it instead of anything further down
// (facts/toolchain.md, "Answering SDK calls in process").
func (w *World) install(stack *middleware.Stack) error {
	keep := middleware.InitializeMiddlewareFunc("SimulatedInput", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(middleware.WithStackValue(ctx, inputKey{}, in.Parameters), in)
	})
	answer := middleware.DeserializeMiddlewareFunc("SimulatedAWS", func(
		ctx context.Context, _ middleware.DeserializeInput, _ middleware.DeserializeHandler,
	) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		var requestID string
		out.Result, requestID, err = w.answer(ctx, middleware.GetStackValue(ctx, inputKey{}))
		if requestID != "" {
			awsmiddleware.SetRequestIDMetadata(&metadata, requestID)
		}
		return out, metadata, err
	})
	if err := stack.Initialize.Add(keep, middleware.After); err != nil {
		return err
	}
	// Nobody here looks at a signature, and making it is some 7 % of what histories take.
	if _, err := stack.Finalize.Remove("Signing"); err != nil {
		return err
	}
	return stack.Deserialize.Add(answer, middleware.Before)
}

// answer takes one call through everything that stands before the world. The
// request id is empty if the caller would not have seen one.
func (w *World) answer(ctx context.Context, input any) (out any, requestID string, err error) {
	h, ok := w.handlers[reflect.TypeOf(input)]
	if !ok {
		service := strings.ToLower(strings.ReplaceAll(awsmiddleware.GetServiceID(ctx), " ", ""))
		return nil, "", &NotModelled{Operation: service + ":" + awsmiddleware.GetOperationName(ctx)}
	}
	if region := awsmiddleware.GetRegion(ctx); region != w.options.Region {
		return nil, "", &NotModelled{Operation: h.operation, What: fmt.Sprintf("region %q", region)}
	}
	if name := h.parameters.unknown(reflect.ValueOf(input), ""); name != "" {
		return nil, "", &NotModelled{Operation: h.operation, What: fmt.Sprintf("parameter %q", name)}
	}
	c := Call{Actor: ActorOf(ctx), Operation: h.operation, Input: h.copy(input), Mutating: h.mutating}
	if err = w.travel(ctx, c); err == nil {
		out, c = w.take(h, c)
	}
	if ctx.Err() != nil { // also if a hook ended it after the effect: the answer is lost
		return nil, "", &aws.RequestCanceledError{Err: ctx.Err()}
	}
	if err != nil {
		return nil, "", err
	}
	var a *answered
	if c.Err != nil && !errors.As(c.Err, &a) {
		return nil, "", c.Err
	}
	return out, c.RequestID, onWire(c.Err, c.RequestID)
}

// travel is the way of a call to AWS: the round trip and the gate.
func (w *World) travel(ctx context.Context, c Call) error {
	var latency time.Duration
	if w.options.Latency != nil {
		latency = w.options.Latency(c)
	}
	if err := w.clock.Sleep(ctx, latency); err != nil {
		return err
	}
	if w.options.Gate == nil {
		return nil
	}
	return w.options.Gate.Enter(ctx, c)
}

// take lets the call reach the world. A fault stands between the caller and
// what happens; see [Fault].
func (w *World) take(h *handler, c Call) (any, Call) {
	w.mu.Lock()
	intercept, stale := w.hooks.intercept, w.hooks.stale
	w.mu.Unlock()
	var fault Fault
	if intercept != nil {
		fault = intercept(c)
	}
	var age time.Duration
	if stale != nil && !c.Mutating {
		age = stale(c)
	}

	c.At = w.lock()
	defer w.unlock()
	m := &Moment{Now: c.At, Operation: c.Operation, Actor: c.Actor, world: w, store: h.store}
	c.RequestID = m.UUID("request")
	m.RequestID = c.RequestID
	var out any
	switch fault.timing {
	case before:
	case late:
		m.After(fault.delay, func(m *Moment) {
			landed := c
			landed.At, m.Operation, m.Actor, m.RequestID = m.Now, c.Operation, c.Actor, c.RequestID
			_, landed.Err = w.apply(h, m, c.Input, 0)
			landed.Applied = landed.Err == nil
			w.log(landed)
		})
	case never, after:
		out, c.Err = w.apply(h, m, c.Input, age)
		c.Applied = c.Err == nil
		if c.Applied && c.Mutating {
			h.store.commit(m)
		}
	}
	if fault.timing != never {
		out, c.Err = nil, fault.err
	}
	w.log(c)
	return out, c
}

// apply is what AWS does with a call: limits, permissions, the operation, and
// the record of it.
func (w *World) apply(h *handler, m *Moment, in any, age time.Duration) (any, error) {
	out, err := w.admit(h, m, in, age)
	m.record(h, in, out, err)
	return out, err
}

func (w *World) admit(h *handler, m *Moment, in any, age time.Duration) (any, error) {
	if w.options.RateLimits && h.limits != nil && !w.charge(m.Now, h.limits(in)) {
		return nil, Throttled(h.operation)
	}
	if err := w.authorize(m, h, in); err != nil {
		return nil, err
	}
	return h.apply(m, in, age)
}
