//go:build conformance

package conformance

import (
	"context"
	"sync"
	"time"

	"github.com/droverhq/drover/internal/clock"
)

// hurried is the clock on the wall, until somebody sleeps for longer than
// [longNap]: then it jumps ahead by that. In moto nothing takes longer, a change is
// complete when the call returns, and a rollout that looks every quarter of a minute
// would only be waited for. It never goes back. What moto dates itself is behind then.
type hurried struct {
	mu    sync.Mutex
	ahead time.Duration
}

// longNap is what is slept through in full.
const longNap = 10 * time.Second

// Now implements [clock.Clock].
func (h *hurried) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.ahead)
}

// Sleep implements [clock.Clock].
func (h *hurried) Sleep(ctx context.Context, d time.Duration) error {
	if d <= longNap {
		return clock.Real{}.Sleep(ctx, d)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ahead += d
	return nil
}
