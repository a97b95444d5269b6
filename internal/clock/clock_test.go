package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/clock"
)

func TestRealSleepsAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := (clock.Real{}).Sleep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != time.Hour {
			t.Errorf("slept %v, want 1h", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := (clock.Real{}).Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sleep past the deadline = %v", err)
		}
		if err := (clock.Real{}).Sleep(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sleep(0) hides the context's error: %v", err)
		}
	})
}

func TestVirtualMovesBySleeping(t *testing.T) {
	start := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	v := clock.NewVirtual(start)
	if err := v.Sleep(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	v.Advance(-time.Hour)
	if got := v.Now().Sub(start); got != time.Hour {
		t.Errorf("the clock moved %v, want 1h", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("Sleep after cancel = %v", err)
	}
	if got := v.Now().Sub(start); got != time.Hour {
		t.Errorf("a cancelled sleep moved the clock to %v", got)
	}
}
