package scenario_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/awssim/gate"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

var (
	histories = flag.Int("histories", defaultHistories, "how many histories to play")
	firstSeed = flag.Uint64("seed", 1, "the first seed; -histories 1 -seed N plays one history again")
	traced    = flag.Bool("trace", false, "print the whole trace of a history that fails")
)

// TestHistories plays seeded histories of two processes that look after the
// same gateways while everything goes wrong: gateways stop and start, events
// are lost, doubled, delayed and reordered, reads are stale, calls are
// throttled and fail before, after and long before their effect, processes
// are killed between any two calls and started again, and every call, the
// ledger's included, waits at a gate that decides who is next.
//
// At every moment, every route is there and targets a gateway. When it has
// become quiet, one sweep leaves no route on a dead gateway while one is
// healthy, and writes exactly what its plan says.
func TestHistories(t *testing.T) {
	playAll(t, *histories, func(t *testing.T, seed uint64) *history {
		h := newHistory(t, seed)
		h.run(h.trouble, h.quiet)
		return h
	})
}

// playAll plays so many histories, in shards, until one of each shard has problems.
func playAll(t *testing.T, count int, play func(t *testing.T, seed uint64) *history) {
	t.Parallel()
	const shards = 8
	name := t.Name()
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for i := shard; i < count; i += shards {
				seed := *firstSeed + uint64(i)
				synctest.Test(t, func(t *testing.T) {
					h := play(t, seed)
					if len(h.problems) == 0 {
						return
					}
					trace := h.gate.Trace()
					if !*traced {
						trace = trace[max(0, len(trace)-40):]
					}
					t.Fatalf("%s\nseed %d: %v\nplay it again: go test ./internal/scenario -run '^%s$' -histories 1 -seed %d -trace",
						strings.Join(trace, "\n"), seed, errors.Join(h.problems...), name, seed)
				})
			}
		})
	}
}

// TestHistoriesRepeat holds the histories to their promise: a seed is enough
// to play one again.
func TestHistoriesRepeat(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		var traces [2][]string
		for i := range traces {
			synctest.Test(t, func(t *testing.T) {
				h := newHistory(t, seed)
				h.run(h.trouble, h.quiet)
				traces[i] = h.gate.Trace()
			})
		}
		if !slices.Equal(traces[0], traces[1]) {
			for i := range min(len(traces[0]), len(traces[1])) {
				if traces[0][i] != traces[1][i] {
					t.Fatalf("seed %d: step %d was\n%s\nand then\n%s", seed, i, traces[0][i], traces[1][i])
				}
			}
			t.Fatalf("seed %d: %d steps, then %d", seed, len(traces[0]), len(traces[1]))
		}
	}
}

// history is one history.
type history struct {
	*testing.T
	world  *scenario.Simulated
	stage  *scenario.Stage
	gate   *gate.Gate
	fleet  *fleetfile.Fleet
	shared ledger.Ledger // nil: each process has its own, as `drover run` does

	// Each purpose draws from its own source, so that what is drawn does not
	// depend on who is faster.
	operator, delivery, faults, stale, choices *rand.Rand

	mu        sync.Mutex
	calm      bool
	processes [2]*process
	born      int
	delivered int
	problems  []error
	handlers  sync.WaitGroup
}

// process is one process of Drover. Each thing it does at the same time is an
// actor of its own at the gate: calls of one actor that look the same are taken
// to be interchangeable there.
type process struct {
	name   string
	app    *app.App
	ctx    context.Context
	dead   bool
	actors []string
}

// as is the context for one thing that a process does; nil if it is dead.
func (h *history) as(p *process, what string) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.dead {
		return nil
	}
	name := p.name + "/" + what
	p.actors = append(p.actors, name)
	return h.gate.Actor(p.ctx, name)
}

// kill ends everything that a process does.
func (h *history) kill(p *process) {
	h.mu.Lock()
	p.dead = true
	actors := slices.Sorted(slices.Values(p.actors))
	h.mu.Unlock()
	for _, a := range actors {
		h.gate.Kill(a)
	}
}

// emptyHistory has a world and a gate, and chance from a seed for a kind of histories.
func emptyHistory(t *testing.T, seed, kind uint64) *history {
	source := func(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, kind+purpose)) }
	h := &history{
		T: t, gate: gate.New(),
		operator: source(1), delivery: source(2), faults: source(3), stale: source(4), choices: source(5),
	}
	h.world = scenario.NewSimulated(clock.Real{}, awssim.Options{Gate: h.gate})
	h.stage = scenario.NewStage(gate.Free(t.Context()), h.world)
	return h
}

// keep makes a fleet file the one that is kept, and begins to disturb the world.
func (h *history) keep(file string) {
	fleet, err := fleetfile.Parse("history.yaml", []byte(file), app.Kinds())
	if err := errors.Join(h.stage.Err(), err); err != nil {
		h.Fatal(err)
	}
	h.fleet = fleet
	h.world.Take()
	h.disturb()
}

func newHistory(t *testing.T, seed uint64) *history {
	h := emptyHistory(t, seed, 0)
	h.stage.Set(scenario.Layout{Gateways: 2 + h.operator.IntN(2), Tables: 1 + h.operator.IntN(2)})
	for table := range h.stage.Tables {
		for _, d := range []string{"0.0.0.0/0", "10.1.0.0/16", "2001:db8::/32"}[:1+h.operator.IntN(3)] {
			on := h.stage.Gateways[h.operator.IntN(2)]
			h.stage.Route(table, d, on.Interfaces[0])
		}
	}
	if h.operator.IntN(2) == 0 {
		h.shared = h.gate.Ledger(memory.NewNamed(clock.Real{}, "history"))
	}
	h.watch()
	h.keep(h.stage.Failover())
	return h
}

func (h *history) fail(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.problems = append(h.problems, fmt.Errorf(format, args...))
}

func (h *history) calmed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calm
}

// watch holds the invariant of every moment.
func (h *history) watch() {
	key := func(r simec2.RouteView) string { return r.Table + " " + r.Destination }
	want := map[string]bool{}
	for _, r := range h.world.EC2.Routes() {
		want[key(r)] = true
	}
	gateways := map[string]bool{}
	for _, g := range h.stage.Gateways {
		gateways[g.Interfaces[0]] = true
	}
	h.world.EC2.WatchRoutes(func(at time.Time, routes []simec2.RouteView) {
		if len(routes) != len(want) {
			h.fail("at %s there were %d routes, want %d", at, len(routes), len(want))
		}
		for _, r := range routes {
			if !want[key(r)] || !gateways[r.InterfaceID] {
				h.fail("at %s route %s targeted %q", at, key(r), r.InterfaceID)
			}
		}
	})
}

// disturb has the world misbehave until it is calm.
func (h *history) disturb() {
	h.world.Intercept(func(c awssim.Call) awssim.Fault {
		if h.calmed() || c.Actor == "operator" {
			return awssim.Fault{}
		}
		switch h.faults.IntN(40) {
		case 0:
			return awssim.FailBefore(awssim.Throttled(c.Operation))
		case 1:
			return awssim.FailBefore(awssim.InternalError())
		case 2:
			return awssim.FailAfter(awssim.InternalError())
		case 3:
			return awssim.FailAfter(awssim.ConnectionReset())
		case 4:
			return awssim.FailLate(time.Duration(1+h.faults.IntN(20))*time.Second, awssim.ConnectionReset())
		}
		return awssim.Fault{}
	})
	h.world.StaleReads(func(c awssim.Call) time.Duration {
		if h.calmed() || c.Actor == "operator" || h.stale.IntN(4) > 0 {
			return 0
		}
		return time.Duration(h.stale.IntN(3000)) * time.Millisecond
	})
	h.world.Subscribe(h.deliver)
}

// deliver is EventBridge on a bad day.
func (h *history) deliver(e event.Event) {
	copies := 1
	switch h.delivery.IntN(5) {
	case 0:
		copies = 0
	case 1:
		copies = 2
	}
	for range copies {
		delay := time.Duration(0)
		if h.delivery.IntN(2) == 0 {
			delay = time.Duration(h.delivery.IntN(60_000)) * time.Millisecond
		}
		to := h.delivery.IntN(2)
		h.delivered++
		what := fmt.Sprintf("event %d", h.delivered)
		h.handlers.Go(func() {
			time.Sleep(delay)
			p := h.process(to)
			if ctx := h.as(p, what); ctx != nil {
				// What goes wrong here is what the test makes go wrong; what
				// counts is the world afterwards.
				_, _ = p.app.Handle(ctx, e)
			}
		})
	}
}

func (h *history) process(i int) *process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.processes[i]
}

// spawn starts a process in place of the one that was there.
func (h *history) spawn(ctx context.Context, i int) *process {
	h.mu.Lock()
	h.born++
	name := fmt.Sprintf("p%d", h.born)
	h.mu.Unlock()
	l := h.shared
	if l == nil {
		l = h.gate.Ledger(memory.NewNamed(clock.Real{}, "ledger of "+name))
	}
	p := &process{name: name, ctx: ctx}
	p.app = app.New(app.Deps{
		Fleet: h.fleet, Ledger: l, AWS: h.world.AWS(), Clock: clock.Real{}, Log: slog.New(slog.DiscardHandler),
		Version: "history", Seed: uint64(h.born), Owner: name,
	})
	h.mu.Lock()
	h.processes[i] = p
	h.mu.Unlock()
	return p
}

// run plays the history: trouble, and then quiet.
func (h *history) run(trouble, quiet func(context.Context)) {
	ctx, cancel := context.WithCancel(h.Context())
	defer cancel()
	for i := range h.processes {
		h.spawn(ctx, i)
	}
	go func() {
		defer cancel()
		trouble(ctx)
		quiet(ctx)
	}()
	h.gate.Run(ctx, h.choose(ctx))
	h.handlers.Wait()
}

// choose picks who is next, and now and then kills a process and starts
// another in its place.
func (h *history) choose(ctx context.Context) func(int) int {
	return func(n int) int {
		if h.calmed() {
			return h.choices.IntN(n - 1) // calls take no time any more
		}
		if h.choices.IntN(150) == 0 {
			i := h.choices.IntN(2)
			h.kill(h.process(i))
			p := h.spawn(ctx, i)
			resume := h.as(p, "resume")
			h.handlers.Go(func() { _ = p.app.Resume(resume) })
		}
		k := h.choices.IntN(n)
		if k == n-1 && h.choices.IntN(4) > 0 { // time passes less often than calls do
			k = h.choices.IntN(n)
		}
		return k
	}
}

// trouble is what happens to the gateways.
func (h *history) trouble(ctx context.Context) {
	operator := h.gate.Actor(ctx, "operator")
	client := ec2.NewFromConfig(h.world.AWS())
	for range 3 + h.operator.IntN(8) {
		time.Sleep(time.Duration(h.operator.IntN(45_000)) * time.Millisecond)
		ids := []string{h.stage.Gateways[h.operator.IntN(len(h.stage.Gateways))].Instance}
		// A gateway in transition refuses; then nothing happens, which is fine.
		if h.operator.IntN(2) == 0 {
			_, _ = client.StopInstances(operator, &ec2.StopInstancesInput{InstanceIds: ids})
		} else {
			_, _ = client.StartInstances(operator, &ec2.StartInstancesInput{InstanceIds: ids})
		}
		if h.operator.IntN(4) == 0 {
			h.preview(ctx)
		}
	}
}

// preview plans in the middle of everything, and must not change anything.
func (h *history) preview(ctx context.Context) {
	h.handlers.Go(func() {
		p := &process{ctx: h.gate.Actor(ctx, "planner")}
		l := memory.NewNamed(clock.Real{}, "ledger of the planner")
		p.app = app.New(app.Deps{
			Fleet: h.fleet, Ledger: l, AWS: h.world.AWS(), Clock: clock.Real{}, Log: slog.New(slog.DiscardHandler),
			Version: "history", Seed: 99, Owner: "planner",
		})
		sweeps, err := p.app.Sweeps()
		if err != nil {
			h.fail("sweep: %w", err)
			return
		}
		_, _ = p.app.Plan(p.ctx, sweeps[0]) // may fail like everything else
	})
}

// quiet ends the disturbances, waits until what they set going has come to
// rest, sweeps once, and looks at the world.
func (h *history) quiet(ctx context.Context) {
	h.mu.Lock()
	h.calm = true
	h.mu.Unlock()
	time.Sleep(2 * time.Minute) // for late effects and late events
	h.world.Settle()
	h.handlers.Wait()

	p := h.spawn(ctx, 0)
	ctx = h.as(p, "sweep")
	sweeps, err := p.app.Sweeps()
	if err != nil {
		h.fail("sweep: %w", err)
		return
	}
	previews, err := p.app.Plan(ctx, sweeps[0])
	if err != nil {
		h.fail("plan the sweep: %w", err)
		return
	}
	before := len(h.world.Mutations())
	runs, err := p.app.Handle(ctx, sweeps[0])
	if err != nil {
		h.fail("sweep: %w", err)
		return
	}
	// A run that a dead process left is finished first and may do the sweep's
	// work: what counts is what the world saw.
	if err := scenario.Agree(previews, h.world.Mutations()[before:]); err != nil {
		h.fail("%w", err)
	}
	h.judge(runs[0])

	before = len(h.world.Mutations())
	again, err := p.app.Handle(ctx, sweeps[0])
	if err != nil {
		h.fail("sweep again: %w", err)
		return
	}
	if err := scenario.Agree(nil, h.world.Mutations()[before:]); err != nil {
		h.fail("a second sweep, which ended %s: %w", again[0].Outcome, err)
	}
	for _, c := range h.world.Calls() {
		if c.Actor == "planner" && c.Mutating {
			h.fail("planning called %s", c.Operation)
		}
	}
}

// judge looks at the world after the sweep.
func (h *history) judge(run *flow.Run) {
	out, err := ec2.NewFromConfig(h.world.AWS()).DescribeInstances(gate.Free(h.Context()), &ec2.DescribeInstancesInput{InstanceIds: h.instances()})
	if err != nil {
		h.fail("describe the gateways: %w", err)
		return
	}
	healthy := map[string]bool{}
	for _, r := range out.Reservations {
		for _, in := range r.Instances {
			if in.State.Name == "running" {
				healthy[*in.InstanceId] = true
			}
		}
	}
	for _, r := range h.world.EC2.Routes() {
		if len(healthy) > 0 && !healthy[r.InstanceID] {
			h.fail("after the sweep, which ended %s, route %s in %s is on %s (%s), though %d gateways run", run.Outcome, r.Destination, r.Table, r.InstanceID, r.InterfaceID, len(healthy))
		}
	}
	if len(healthy) == 0 && run.Outcome != flow.Stuck {
		h.fail("no gateway runs, and the sweep ended %s", run.Outcome)
	}
}

func (h *history) instances() []string {
	var ids []string
	for _, g := range h.stage.Gateways {
		ids = append(ids, g.Instance)
	}
	return ids
}
