// Package clock is time that can be virtual.
//
// Everything that reads or spends time takes a [Clock]. Inside a
// testing/synctest bubble [Real] is virtual already; outside tests, where the
// whole program runs against simulated AWS, [Virtual] lets minutes pass in
// no time.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock reads and spends time. Implementations are safe for concurrent use.
type Clock interface {
	// Now is the present moment.
	Now() time.Time
	// Sleep returns nil once d has passed, or ctx's error if that ends first.
	// A d of zero or less returns at once, still reporting ctx's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// Real is the clock on the wall.
type Real struct{}

// Now is time.Now.
func (Real) Now() time.Time { return time.Now() }

// Sleep waits for d on the wall clock.
func (Real) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Virtual is a clock that moves only when told to, or when somebody sleeps:
// Sleep advances it at once by the whole duration. It suits one driver that
// does one thing after another, as `drover demo` does. The zero value starts
// at the zero time; use [NewVirtual].
type Virtual struct {
	mu  sync.Mutex
	now time.Time
}

// NewVirtual is a virtual clock that shows start.
func NewVirtual(start time.Time) *Virtual { return &Virtual{now: start} }

// Now is the virtual moment.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Sleep moves the clock forward by d and returns at once.
func (v *Virtual) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v.Advance(d)
	return nil
}

// Advance moves the clock forward by d; it never moves back.
func (v *Virtual) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}
