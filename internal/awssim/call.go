package awssim

import (
	"context"
	"fmt"
	"time"
)

// Call is one attempt at an operation: what the SDK would have sent once. A
// call that the SDK repeats is several.
type Call struct {
	At        time.Time // when it was applied; for Intercept and Gate: unset
	Actor     string    // see [WithActor]
	Operation string    // as IAM names the action: "ec2:ReplaceRoute"
	Input     any       // the typed input, such as *ec2.ReplaceRouteInput; a copy, not to be changed
	Mutating  bool
	RequestID string
	// Applied says that the service accepted the call: if it is mutating, it
	// has had its effect, whatever the caller was told.
	Applied bool
	// Err is what the caller was told.
	Err error
}

type actorKey struct{}

// WithActor names who makes the calls of a context, for logs and gates.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// ActorOf is the name given by [WithActor], or "".
func ActorOf(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// Calls is the log of all calls that reached the world, in the order they were
// applied. An effect that lands late is an entry of its own.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Call(nil), w.calls...)
}

// log ends a call: it is recorded and whoever watches learns of it.
func (w *World) log(c Call) {
	w.calls = append(w.calls, c)
	for _, f := range w.hooks.watchers {
		w.outbox = append(w.outbox, func() { f(c) })
	}
}

// NotModelled is the answer to what the simulation knows nothing about. It
// looks like no error of AWS, so that nothing can mistake it for one.
type NotModelled struct {
	Operation string // such as "ec2:RunInstances"
	What      string // such as `parameter "CpuOptions"`; empty for the operation itself
}

func (e *NotModelled) Error() string {
	if e.What == "" {
		return e.Operation + " is not modelled"
	}
	return fmt.Sprintf("%s: %s is not modelled", e.Operation, e.What)
}

// NotModelled is the error for a part of the present call: for example
// m.NotModelled("filter %q", name).
func (m *Moment) NotModelled(format string, args ...any) error {
	return &NotModelled{Operation: m.Operation, What: fmt.Sprintf(format, args...)}
}
