package awssim

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

// Options of a world. The zero value of each field is a sensible choice.
type Options struct {
	Account string // default 123456789012
	Region  string // default us-west-1
	// PageSize is the most a list operation returns at once, whatever the
	// caller asks for; default 2, so that nobody forgets the second page.
	PageSize int
	// Latency is how long the round trip of a call takes. It is slept before
	// the call is applied, outside all locks: parallel calls overlap.
	Latency func(Call) time.Duration
	// RateLimits switches on the request token buckets that AWS publishes.
	RateLimits bool
	// TrailDelay is how long after a call EventBridge delivers what CloudTrail
	// recorded of it; default 20 s. AWS takes minutes at times (facts/events.md 4).
	TrailDelay time.Duration
	// NoTrail is an account without a trail: EventBridge gets no records.
	NoTrail bool
	// Gate, if set, is passed by every call just before it is applied.
	Gate Gate
}

// Gate holds a call back until it may proceed. An error fails the call, which
// then has no effect. See the package gate.
type Gate interface {
	Enter(ctx context.Context, c Call) error
}

// Service is one AWS service, made for one world. Attach is called once, by
// [New]; it makes the service's [Store] and registers its operations.
type Service interface {
	Attach(w *World)
}

// World is one AWS account in one region. It is safe for concurrent use.
type World struct {
	clock    clock.Clock
	options  Options
	handlers map[reflect.Type]*handler // as stores, not changed once New has returned
	stores   []committer

	mu         sync.Mutex // never held while foreign code runs, except an Authorizer
	agenda     agenda
	wake       func() // of Run, if anybody runs it
	counters   map[string]uint64
	buckets    map[string]bucket
	calls      []Call
	hooks      hooks
	outbox     []func()
	delivering bool
}

// hooks are what tests and drivers put into a world.
type hooks struct {
	subscribers []func(event.Event)
	watchers    []func(Call)
	intercept   func(Call) Fault
	stale       func(Call) time.Duration
	authorize   Authorizer
}

// New makes a world of the given services.
func New(clk clock.Clock, o Options, services ...Service) *World {
	if o.Account == "" {
		o.Account = "123456789012"
	}
	if o.Region == "" {
		o.Region = "us-west-1"
	}
	if o.PageSize == 0 {
		o.PageSize = 2
	}
	if o.TrailDelay == 0 {
		o.TrailDelay = 20 * time.Second
	}
	w := &World{
		clock:    clk,
		options:  o,
		handlers: map[reflect.Type]*handler{},
		counters: map[string]uint64{},
		buckets:  map[string]bucket{},
	}
	for _, s := range services {
		s.Attach(w)
	}
	return w
}

// Account is the account's id.
func (w *World) Account() string { return w.options.Account }

// Region is the world's only region.
func (w *World) Region() string { return w.options.Region }

// Subscribe has f called with every event, in order and outside all locks. f
// may make calls; while it runs, later events and hooks wait.
func (w *World) Subscribe(f func(event.Event)) {
	w.change(func(h *hooks) { h.subscribers = append(h.subscribers, f) })
}

// OnCall has f called after every call that reached the world, whatever came
// of it, under the same terms as [World.Subscribe].
func (w *World) OnCall(f func(Call)) {
	w.change(func(h *hooks) { h.watchers = append(h.watchers, f) })
}

// Intercept has f asked which fault befalls each call; it replaces the f
// before. It is called outside all locks, by several goroutines at once if
// there are.
func (w *World) Intercept(f func(Call) Fault) {
	w.change(func(h *hooks) { h.intercept = f })
}

// StaleReads lets a reading call see the state of a while ago, as f says,
// call by call: a later read may well see an older state. No read goes back
// more than [MaxStale], nor behind the moment StaleReads was called; writes
// always act on the present. f is called outside all locks, for one
// call at a time, and must not make calls itself.
func (w *World) StaleReads(f func(Call) time.Duration) {
	var one sync.Mutex
	inTurn := func(c Call) time.Duration {
		one.Lock()
		defer one.Unlock()
		return f(c)
	}
	now := w.lock()
	defer w.unlock()
	w.hooks.stale = inTurn
	for _, s := range w.stores {
		s.remember(now)
	}
}

// Authorize has f decide about every resource that a call touches. f is called
// with the world locked: it decides from its arguments alone.
func (w *World) Authorize(f Authorizer) {
	w.change(func(h *hooks) { h.authorize = f })
}

func (w *World) change(f func(*hooks)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.hooks)
}

// Settle applies everything that is due by now.
func (w *World) Settle() {
	w.lock()
	w.unlock()
}

// NextDue is when the next thing happens by itself, if anything does.
func (w *World) NextDue() (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.agenda) == 0 {
		return time.Time{}, false
	}
	return w.agenda[0].at, true
}

// Run settles what falls due at the moment it falls due, until ctx ends. It is
// for clocks on which time passes by itself, as in a testing/synctest bubble; on
// a [clock.Virtual] it would let all time pass at once.
func (w *World) Run(ctx context.Context) {
	for ctx.Err() == nil {
		now := w.lock()
		nap, wake := context.WithCancel(ctx)
		w.wake = wake
		idle := len(w.agenda) == 0
		var due time.Time
		if !idle {
			due = w.agenda[0].at
		}
		w.unlock()
		if idle {
			<-nap.Done()
		} else {
			_ = w.clock.Sleep(nap, due.Sub(now)) // cut short by a new first item, or by the end of ctx
		}
		wake()
	}
}

// lock takes the world and brings it up to the present, which it returns.
func (w *World) lock() time.Time {
	w.mu.Lock()
	now := w.clock.Now()
	for {
		item, ok := w.agenda.due(now)
		if !ok {
			return now
		}
		m := &Moment{Now: item.at, world: w, store: item.store}
		item.change(m)
		item.store.commit(m)
	}
}

// unlock lets go of the world and then delivers what its change caused, in
// order. If somebody else is delivering already, it is left to them.
func (w *World) unlock() {
	if w.delivering {
		w.mu.Unlock()
		return
	}
	w.delivering = true
	for len(w.outbox) > 0 {
		deliver := w.outbox[0]
		w.outbox = w.outbox[1:]
		w.mu.Unlock()
		deliver() // a test may end in here
		w.mu.Lock()
	}
	w.delivering = false
	w.mu.Unlock()
}
