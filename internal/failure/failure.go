// Package failure sorts errors into the four classes that Drover acts on.
//
// The class is decided once, at the edge where the error comes from
// (internal/cloud for AWS), and read with [ClassOf] wherever a decision
// depends on it. Between the two an error may be wrapped any number of times.
//
// An error without a class is [Retry]: something unknown went wrong, so it is
// tried again a bounded number of times and then treated as [Stop].
package failure

import (
	"errors"
	"fmt"
	"time"
)

// Class says what to do about an error.
type Class int

const (
	// Retry is a passing trouble: throttling, a 5xx, a lost race. Try again
	// after a pause, a bounded number of times.
	Retry Class = iota
	// Wait is no trouble at all: something is not ready yet. The error says
	// what is awaited and when to look again.
	Wait
	// Skip means there is nothing to do: not ours, or done already.
	Skip
	// Stop needs a person: denied, invalid, over quota. Trying again is useless.
	Stop
)

// String is the class's name in lower case, as it appears in logs and JSON.
func (c Class) String() string {
	switch c {
	case Retry:
		return "retry"
	case Wait:
		return "wait"
	case Skip:
		return "skip"
	case Stop:
		return "stop"
	}
	return fmt.Sprintf("class(%d)", int(c))
}

// Error is an error that knows its class. It always unwraps to its cause.
type Error struct {
	Class Class
	// Until is when to look again. It is only meaningful with [Wait]; zero
	// leaves the moment to the engine.
	Until time.Time
	// Hint is the next thing a person can type or do. It may be empty.
	Hint string
	// Err is the cause; never nil in errors made by this package.
	Err error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryf makes an error of class [Retry]. The format may use %w.
func Retryf(format string, args ...any) error {
	return &Error{Class: Retry, Err: fmt.Errorf(format, args...)}
}

// Waitf makes an error of class [Wait] that says what is awaited.
func Waitf(until time.Time, format string, args ...any) error {
	return &Error{Class: Wait, Until: until, Err: fmt.Errorf(format, args...)}
}

// Skipf makes an error of class [Skip] that says why there is nothing to do.
func Skipf(format string, args ...any) error {
	return &Error{Class: Skip, Err: fmt.Errorf(format, args...)}
}

// Stopf makes an error of class [Stop].
func Stopf(format string, args ...any) error {
	return &Error{Class: Stop, Err: fmt.Errorf(format, args...)}
}

// As gives err a class, keeping err as the cause. A nil err stays nil.
func As(class Class, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Class: class, Err: err}
}

// WithHint adds the next thing to type. The class of err is kept; an error
// without a class stays [Retry]. A nil err stays nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Class: ClassOf(err), Until: Until(err), Hint: fmt.Sprintf(format, args...), Err: err}
}

// ClassOf reads the class of the outermost classified error in err's chain.
// An unclassified error is [Retry]. ClassOf(nil) is not meaningful.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Retry
}

// Classified says whether err carries a class at all.
func Classified(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

// Until is when an error of class [Wait] asks to look again; zero if it does
// not say.
func Until(err error) time.Time {
	var e *Error
	if errors.As(err, &e) {
		return e.Until
	}
	return time.Time{}
}

// Hints collects the hints in err's chain, outermost first. Branches of
// joined errors are all followed.
func Hints(err error) []string {
	var hints []string
	var walk func(error)
	walk = func(err error) {
		if err == nil {
			return
		}
		if e, ok := err.(*Error); ok && e.Hint != "" { //nolint:errorlint // the chain is walked by hand, link by link
			hints = append(hints, e.Hint)
		}
		switch u := err.(type) { //nolint:errorlint // as above
		case interface{ Unwrap() error }:
			walk(u.Unwrap())
		case interface{ Unwrap() []error }:
			for _, e := range u.Unwrap() {
				walk(e)
			}
		}
	}
	walk(err)
	return hints
}
