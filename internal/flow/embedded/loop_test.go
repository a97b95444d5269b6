package embedded_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/schedule"
)

const poll = time.Minute

// bench is a ledger with runs of one step, and what the loops that share it do.
// It is for synctest bubbles.
type bench struct {
	*testing.T
	ledger ledger.Ledger
	kind   automation.Definition
	// do is the step; nil is done at once.
	do func(context.Context, *automation.Turn[config, state]) error

	mu   sync.Mutex
	all  seen
	gets atomic.Int64
	// broken, if not nil, is what each call of the ledger returns.
	broken atomic.Pointer[error]
}

// seen is what loops have done.
type seen struct {
	turns  map[string][]time.Time // of the step, by run
	failed []string
	looked []error
	told   int // of waits
}

// seen is what was done so far.
func (b *bench) seen() seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.all
	s.turns = maps.Clone(s.turns)
	return s
}

type (
	config struct{}
	state  struct{}
)

func newBench(t *testing.T) *bench {
	b := &bench{T: t, all: seen{turns: map[string][]time.Time{}}}
	b.ledger = &counted{memory.NewNamed(clock.Real{}, "bench"), b}
	b.kind = automation.Define(automation.Kind[config, state]{
		Name: "toy", Title: "does nothing", Since: "0.1", Revision: 1,
		Claims:  func(config) []automation.Claim { return nil },
		Listen:  func(config) []automation.Trigger { return nil },
		Sweep:   func(config) schedule.Schedule { return schedule.Every(time.Hour) },
		Needs:   func(config) []iam.Need { return nil },
		About:   func(config, event.Event) (automation.Subject, bool) { return automation.Subject{}, false },
		Observe: func(context.Context, *automation.Turn[config, state]) error { return nil },
		Decide: func(config, state, time.Time) automation.Plan {
			return automation.Plan{Changes: []automation.Change{{Step: "act", Operation: "toy:Act", Resource: "r", To: "x", Why: "w"}}}
		},
		Steps: []automation.Step[config, state]{{
			Name: "act", Title: "act", Attempt: time.Minute, Limit: 24 * time.Hour, Poll: 90 * time.Second,
			Needs: func(config) []iam.Need { return nil },
			Do: func(ctx context.Context, turn *automation.Turn[config, state]) error {
				b.mu.Lock()
				b.all.turns[turn.Run.ID] = append(b.all.turns[turn.Run.ID], time.Now())
				b.mu.Unlock()
				if b.do == nil {
					return nil
				}
				return b.do(ctx, turn)
			},
		}},
	})
	return b
}

// counted is the bench's ledger, which can break.
type counted struct {
	ledger.Ledger
	*bench
}

func (c *counted) wrong() error {
	if err := c.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (c *counted) Get(ctx context.Context, key string) (ledger.Record, error) {
	c.gets.Add(1)
	if err := c.wrong(); err != nil {
		return ledger.Record{}, err
	}
	return c.Ledger.Get(ctx, key)
}

func (c *counted) List(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
	if err := c.wrong(); err != nil {
		return nil, err
	}
	return c.Ledger.List(ctx, prefix, after, limit)
}

func (c *counted) Write(ctx context.Context, writes ...ledger.Write) error {
	if err := c.wrong(); err != nil {
		return err
	}
	return c.Ledger.Write(ctx, writes...)
}

func (b *bench) executor(owner string) *flow.Executor {
	return &flow.Executor{
		Ledger: b.ledger, Kinds: []automation.Definition{b.kind}, Clients: func(string) *cloud.Clients { return nil },
		Sender: silent{}, Clock: clock.Real{}, Log: slog.New(slog.DiscardHandler), Owner: owner,
		Watch: func(*flow.Run) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.all.told++
		},
	}
}

type silent struct{}

func (silent) Send(context.Context, string, string, string) error { return nil }

// loop makes a loop, and runs it until the function it returns is called.
func (b *bench) loop(edit ...func(*embedded.Loop)) (*embedded.Loop, func()) {
	l := &embedded.Loop{
		Engine: &embedded.Engine{Executor: b.executor("loop")}, Workers: 4, Poll: poll, Backoff: cloud.NewBackoff(1),
		Looked: func(err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.all.looked = append(b.all.looked, err)
		},
		Failed: func(_ string, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.all.failed = append(b.all.failed, err.Error())
		},
	}
	for _, e := range edit {
		e(l)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		l.Run(ctx, context.WithoutCancel(ctx))
		close(ended)
	}()
	stop := func() {
		cancel()
		<-ended
	}
	b.Cleanup(stop)
	return l, stop
}

// begin begins a run about a subject, which no loop is told of.
func (b *bench) begin(fleet, subject string) string {
	b.Helper()
	auto, _, err := b.kind.Configure(fleet, "toy", "us-west-1", json.RawMessage(`{}`))
	if err != nil {
		b.Fatal(err)
	}
	e := event.Event{ID: subject, Source: "test", DetailType: "Test", Detail: json.RawMessage(`{}`)}
	started, err := b.executor("beginner").Start(b.Context(), auto, "", automation.Subject{Key: subject, Mode: automation.Latest}, e)
	if err != nil {
		b.Fatal(err)
	}
	return started.Run
}

func (b *bench) run(id string) *flow.Run {
	b.Helper()
	run, err := b.executor("reader").Load(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	return run
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newBench(t)) })
}

// waits has the step wait until it has been tried that often.
func waits(times int, span time.Duration) func(context.Context, *automation.Turn[config, state]) error {
	var mu sync.Mutex
	tried := map[string]int{}
	return func(_ context.Context, t *automation.Turn[config, state]) error {
		mu.Lock()
		defer mu.Unlock()
		if tried[t.Run.ID]++; tried[t.Run.ID] <= times {
			return failure.Waitf(time.Now().Add(span), "patience")
		}
		return nil
	}
}

// pass lets time pass, and what happens then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLoopIsOnTime(t *testing.T) {
	bubble(t, func(b *bench) {
		b.do = waits(2, 100*time.Second)
		l, _ := b.loop()
		pass(poll / 2)
		begun := time.Now()
		id := b.begin("f", "s")
		l.Nudge(id)
		pass(205 * time.Second)
		if run := b.run(id); run.Live() || !run.Ended.Equal(begun.Add(200*time.Second).UTC()) {
			b.Errorf("after two waits of 100s a nudged run is %s (%s), ended after %s", run.Step, run.Waiting, run.Ended.Sub(begun))
		}
		if got := l.Tended(); got != (embedded.Tended{}) {
			b.Errorf("nothing is left to do, but the loop tends %+v", got)
		}

		// What nobody nudges is found with the next look.
		id = b.begin("f", "t")
		pass(poll + 205*time.Second)
		if run := b.run(id); run.Live() {
			b.Errorf("what others began is at %s after a poll", run.Step)
		}
	})
}

// A person who cancels a run that waits need not wait for it, nor say so to the loop.
func TestLoopSeesThatARunIsDueEarlier(t *testing.T) {
	bubble(t, func(b *bench) {
		b.do = waits(1, 10*time.Hour)
		l, _ := b.loop()
		id := b.begin("f", "s")
		l.Nudge(id)
		pass(time.Hour)
		if _, err := b.executor("person").Cancel(b.Context(), id, "me", ""); err != nil {
			b.Fatal(err)
		}
		pass(poll + 10*time.Second)
		if run := b.run(id); run.Live() {
			b.Errorf("a poll after it was cancelled the run still waits until %s", run.Due)
		}
	})
}

func TestLoopLeavesOthersAlone(t *testing.T) {
	bubble(t, func(b *bench) {
		l, _ := b.loop(func(l *embedded.Loop) { l.Engine.Other = func(r *flow.Run) bool { return r.Fleet != "mine" } })
		var foreign []string
		for i := range 20 {
			foreign = append(foreign, b.begin("theirs", fmt.Sprint(i)))
		}
		mine := b.begin("mine", "s")
		pass(3 * time.Hour)
		if run := b.run(mine); run.Live() {
			b.Error("the loop's own run has not ended")
		}
		for _, id := range foreign {
			if run := b.run(id); !run.Live() || run.Owner != "" || len(b.seen().turns[id]) > 0 {
				b.Fatalf("a run of another fleet is at %s", run.Step)
			}
		}
		// What others have ended is forgotten.
		theirs := &embedded.Engine{Executor: b.executor("theirs")}
		if err := theirs.Resume(b.Context()); err != nil {
			b.Fatal(err)
		}
		pass(10 * time.Minute)
		before := b.gets.Load()
		pass(10 * time.Hour)
		if n := b.gets.Load() - before; n > 0 || l.Tended() != (embedded.Tended{}) {
			b.Errorf("runs of others that have ended are read %d times, and tended: %+v", n, l.Tended())
		}
	})
}

// A nudge at any moment is heeded at once: before the loop runs, while it looks,
// while all its workers are busy, and while the run itself has its turn.
func TestNudgesAreNotLost(t *testing.T) {
	bubble(t, func(b *bench) {
		b.do = func(ctx context.Context, _ *automation.Turn[config, state]) error {
			return clock.Real{}.Sleep(ctx, 10*time.Second)
		}
		var ids []string
		early := b.begin("f", "early")
		ids = append(ids, early)
		var loop *embedded.Loop
		l, _ := b.loop(func(l *embedded.Loop) {
			l.Workers = 2
			l.Nudge(early)
			looked := l.Looked
			l.Looked = func(err error) {
				looked(err)
				if len(b.seen().looked) == 1 {
					ids = append(ids, b.begin("f", "looking"))
					loop.Nudge(ids[1])
				}
			}
			loop = l
		})
		synctest.Wait()
		for i := range 10 {
			id := b.begin("f", fmt.Sprint("busy", i))
			ids = append(ids, id)
			l.Nudge(id)
			l.Nudge(id)
		}
		synctest.Wait()
		if got := l.Tended(); got.Working != 2 || got.Ready != 10 {
			b.Errorf("with two workers and twelve runs the loop tends %+v", got)
		}
		// An event that comes while its subject has a run causes one more, which is
		// not a poll late.
		next := b.begin("f", "early")
		if next != early {
			b.Fatal("the subject has two runs")
		}
		l.Nudge(early)
		began := time.Now()
		pass(50 * time.Second) // before the next look
		successor := b.run(early).Next
		if successor == "" {
			b.Fatal("the run has no successor")
		}
		pass(21 * time.Second)
		for _, id := range append(ids, successor) {
			if run := b.run(id); run.Live() {
				b.Errorf("%s after the nudge of %s, with five turns' time before, it is at %s", time.Since(began), run.Subject.Key, run.Step)
			}
		}
		for id, turns := range b.seen().turns {
			if len(turns) != 1 {
				b.Errorf("%s had %d turns", id, len(turns))
			}
		}
	})
}

func TestManyThatWaitCostATurnEach(t *testing.T) {
	bubble(t, func(b *bench) {
		const many, each = 500, 2
		b.do = waits(each, 2*time.Hour)
		l, _ := b.loop()
		for i := range many {
			id := b.begin("f", fmt.Sprint(i))
			l.Nudge(id)
			if i%10 == 0 {
				l.Nudge(id)
			}
		}
		pass(time.Hour)
		if got := l.Tended(); got.Waiting != many || got.Working != 0 {
			b.Errorf("the loop tends %+v", got)
		}
		before := b.gets.Load()
		pass(50 * time.Minute)
		if n := b.gets.Load() - before; n > 0 {
			b.Errorf("while all wait the ledger is read %d times beside the looks", n)
		}
		pass(3 * time.Hour)
		for id, turns := range b.seen().turns {
			if len(turns) != each+1 || b.run(id).Live() {
				b.Fatalf("%s had %d turns of its step, wanted %d", id, len(turns), each+1)
			}
		}
		if len(b.seen().turns) != many {
			b.Errorf("%d of %d had a turn", len(b.seen().turns), many)
		}
		if b.seen().told != many*each {
			b.Errorf("%d waits were told of, wanted %d", b.seen().told, many*each)
		}
	})
}

func TestLoopBacksOff(t *testing.T) {
	bubble(t, func(b *bench) {
		b.do = func(context.Context, *automation.Turn[config, state]) error { panic("a defect") }
		l, _ := b.loop()
		id := b.begin("f", "s")
		broken := errors.New("connection refused")
		pass(500 * time.Millisecond)
		before := len(b.seen().looked)
		b.broken.Store(&broken)
		l.Nudge(id)
		pass(10 * time.Minute)
		if n := len(b.seen().looked) - before; n < 20 || n > 60 {
			b.Errorf("in ten minutes without a ledger it looked %d times", n)
		}
		if n := len(b.seen().failed); n < 20 || n > 60 {
			b.Errorf("in ten minutes without a ledger it tried a turn %d times", n)
		}
		b.broken.Store(nil)
		pass(5 * time.Minute)
		if looked := b.seen().looked; slices.Contains(looked[len(looked)-4:], broken) || len(b.seen().turns) == 0 {
			b.Error("it does not recover")
		}
		// A step that panics each time is given up.
		pass(25 * time.Hour)
		run := b.run(id)
		if run.Live() || !run.Outcome.Failed() {
			b.Fatalf("a step that panics has outcome %q after its limit", run.Outcome)
		}
		if !slices.ContainsFunc(b.seen().failed, func(s string) bool { return len(s) > 15 && s[:15] == "panic: a defect" }) {
			b.Errorf("nobody is told of the panic: %q", b.seen().failed[len(b.seen().failed)-1])
		}
	})
}

func TestLoopReturnsAfterItsTurns(t *testing.T) {
	bubble(t, func(b *bench) {
		b.do = func(ctx context.Context, _ *automation.Turn[config, state]) error {
			return clock.Real{}.Sleep(ctx, 20*time.Second)
		}
		l, stop := b.loop(func(l *embedded.Loop) { l.Workers = 1 })
		first, second := b.begin("f", "1"), b.begin("f", "2")
		l.Nudge(first)
		l.Nudge(second)
		pass(5 * time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took != 15*time.Second {
			b.Errorf("Run returned after %s, the turn has 15s left", took)
		}
		if b.run(first).Live() { // a look may have been faster than the nudges
			first, second = second, first
		}
		if b.run(first).Live() {
			b.Error("the turn under way is not recorded")
		}
		if len(b.seen().turns[second]) > 0 {
			b.Error("a turn was begun after the end")
		}
		if got := l.Tended(); got.Working != 0 || got.Ready != 0 {
			b.Errorf("it has returned, and tends %+v", got)
		}
	})
}

// Any number of loops may share a ledger: each step of each run is done once.
func TestLoopsShareALedger(t *testing.T) {
	bubble(t, func(b *bench) {
		b.do = func(ctx context.Context, _ *automation.Turn[config, state]) error {
			return clock.Real{}.Sleep(ctx, 3*time.Second)
		}
		var loops []*embedded.Loop
		for i := range 3 {
			l, _ := b.loop(func(l *embedded.Loop) {
				l.Engine, l.Poll = &embedded.Engine{Executor: b.executor(fmt.Sprint("loop", i))}, time.Second
			})
			loops = append(loops, l)
		}
		var ids []string
		for i := range 60 {
			ids = append(ids, b.begin("f", fmt.Sprint(i)))
			loops[i%3].Nudge(ids[i])
		}
		pass(5 * time.Minute)
		for _, id := range ids {
			if b.run(id).Live() || len(b.seen().turns[id]) != 1 {
				b.Errorf("%s had %d turns, and is live: %t", id, len(b.seen().turns[id]), b.run(id).Live())
			}
		}
	})
}
