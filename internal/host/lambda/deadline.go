package lambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
)

const (
	// reserve is kept of an invocation's time to record what was done, and to
	// answer.
	reserve = flow.Slack + time.Second
	// least is what must remain to do anything at all.
	least = time.Second
)

// hasten ends the context early enough before the invocation must.
func hasten(ctx context.Context) (context.Context, context.CancelFunc, error) {
	end, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}, nil
	}
	if left := time.Until(end); left < reserve+least {
		return ctx, nil, &Error{Type: TypeTimeout, Err: failure.WithHint(
			failure.Stopf("this invocation must end in %s, and Drover keeps %s to record what it does", left.Round(100*time.Millisecond), reserve),
			"set the function's timeout to three minutes")}
	}
	ctx, cancel := context.WithDeadline(ctx, end.Add(-reserve))
	return ctx, cancel, nil
}

// leftError says that a run is left to the next sweep, which finds it in the
// ledger.
type leftError struct{ why string }

func (e *leftError) Error() string { return e.why }

// Unwrap lets the error be what it would have been had somebody waited for it.
func (e *leftError) Unwrap() error { return context.DeadlineExceeded }

// hurried is a clock that does not wait, and so costs nothing, for what comes
// after the context's end.
type hurried struct{ clock.Clock }

func (c hurried) Sleep(ctx context.Context, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && c.Now().Add(d).After(end) {
		return &leftError{fmt.Sprintf("it is due in %s, this invocation ends before", d.Round(100*time.Millisecond))}
	}
	err := c.Clock.Sleep(ctx, d)
	if errors.Is(err, context.DeadlineExceeded) {
		return &leftError{"this invocation is at its end"}
	}
	return err
}

// leave sorts out what is only left to the next sweep. The engines wait, and so
// leave, only for what the ledger has; the rest is trouble.
func leave(err error) (left []string, trouble error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, e := range joined.Unwrap() {
			l, t := leave(e)
			left, rest = append(left, l...), append(rest, t)
		}
		return left, errors.Join(rest...)
	}
	var l *leftError
	if errors.As(err, &l) {
		return []string{err.Error()}, nil
	}
	return nil, err
}
