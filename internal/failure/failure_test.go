package failure_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/failure"
)

func TestClassSurvivesWrappingTwice(t *testing.T) {
	until := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	cause := errors.New("cause")
	for _, test := range []struct {
		err  error
		want failure.Class
	}{
		{failure.Retryf("throttled: %w", cause), failure.Retry},
		{failure.Waitf(until, "image ami-1: %w", cause), failure.Wait},
		{failure.Skipf("not ours: %w", cause), failure.Skip},
		{failure.Stopf("denied: %w", cause), failure.Stop},
		{failure.As(failure.Stop, cause), failure.Stop},
		{failure.WithHint(failure.Stopf("denied: %w", cause), "ask"), failure.Stop},
		{cause, failure.Retry},
	} {
		wrapped := fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", test.err))
		if got := failure.ClassOf(wrapped); got != test.want {
			t.Errorf("ClassOf(%v) = %v, want %v", wrapped, got, test.want)
		}
		if !errors.Is(wrapped, cause) {
			t.Errorf("%v hides its cause", wrapped)
		}
	}
	wrapped := fmt.Errorf("a: %w", fmt.Errorf("b: %w", failure.Waitf(until, "x")))
	if got := failure.Until(wrapped); !got.Equal(until) {
		t.Errorf("Until = %v, want %v", got, until)
	}
}

func TestOutermostClassWins(t *testing.T) {
	err := failure.As(failure.Stop, fmt.Errorf("gave up: %w", failure.Retryf("throttled")))
	if got := failure.ClassOf(err); got != failure.Stop {
		t.Errorf("ClassOf = %v, want stop", got)
	}
}

func TestNilStaysNil(t *testing.T) {
	if failure.As(failure.Stop, nil) != nil || failure.WithHint(nil, "x") != nil {
		t.Error("a nil error became an error")
	}
}

func TestHints(t *testing.T) {
	err := errors.Join(
		fmt.Errorf("a: %w", failure.WithHint(errors.New("x"), "first")),
		failure.WithHint(failure.WithHint(errors.New("y"), "third"), "second"),
	)
	got := failure.Hints(fmt.Errorf("all: %w", err))
	want := []string{"first", "second", "third"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Hints = %q, want %q", got, want)
	}
}
