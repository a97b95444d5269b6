package lambda

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/droverhq/drover/internal/failure"
)

// The errorType of an invocation that failed. Step Functions and alarms tell
// failures apart by it.
const (
	TypeInit        = "Drover.Init"        // the function is not set up right
	TypePayload     = "Drover.Payload"     // what it was given cannot be read
	TypeTimeout     = "Drover.Timeout"     // the function's time is too short to do anything
	TypeUnavailable = "Drover.Unavailable" // something passing, such as a ledger that cannot be reached
	TypeStopped     = "Drover.Stopped"     // a person must look
	TypePanic       = "Drover.Panic"       // a defect
)

// Error is why an invocation failed.
type Error struct {
	Type string
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// typed gives an error the type that its class asks for, unless it has one.
func typed(err error) *Error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return &Error{Type: known.Type, Err: err}
	case failure.ClassOf(err) == failure.Stop:
		return &Error{Type: TypeStopped, Err: err}
	}
	return &Error{Type: TypeUnavailable, Err: err}
}

// message is what is wrong, and in lines of their own what to do next.
func message(err error) string {
	var b strings.Builder
	b.WriteString(err.Error())
	for _, hint := range failure.Hints(err) {
		b.WriteString("\nnext: " + hint)
	}
	return b.String()
}

// wire is the error as the Runtime API is told. After a panic the process ends,
// since nobody knows what it left behind, and AWS starts another.
func (e *Error) wire() messages.InvokeResponse_Error {
	return messages.InvokeResponse_Error{Type: e.Type, Message: message(e), ShouldExit: e.Type == TypePanic}
}

// recovered is the error of a panic; the stack is for the log.
func recovered(value any) (err *Error, stack slog.Attr) {
	return &Error{Type: TypePanic, Err: fmt.Errorf("panic: %v", value)}, slog.String("stack", string(debug.Stack()))
}
