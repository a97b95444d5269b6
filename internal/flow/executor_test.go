package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
	"github.com/droverhq/drover/internal/schedule"
)

// toy is a kind whose world is one number. The number ought to be at least
// what the configuration says; a step raises it to that.
type toy struct {
	mu     sync.Mutex
	number int
	raised int // how often
	// asks says that the step may ask for approval. It looks every ten minutes.
	asks bool

	observe func(context.Context, *automation.Turn[toyConfig, toyState]) error
	do      func(context.Context, *automation.Turn[toyConfig, toyState]) error
}

type toyConfig struct {
	Want int  `json:"want"`
	Once bool `json:"once,omitempty"`
}

type toyState struct {
	Seen   int      `json:"seen"`
	Events []string `json:"events"`
}

func (w *toy) get() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.number
}

func (w *toy) raise(to int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.number < to {
		w.number = to
		w.raised++
	}
}

func (w *toy) kind() automation.Definition {
	limit, poll := time.Minute, time.Duration(0)
	if w.asks {
		limit, poll = 48*time.Hour, 10*time.Minute
	}
	return automation.Define(automation.Kind[toyConfig, toyState]{
		Name: "toy", Title: "raises a number", Since: "0.1", Revision: 1,
		Claims: func(toyConfig) []automation.Claim { return nil },
		Listen: func(toyConfig) []automation.Trigger { return nil },
		Sweep:  func(toyConfig) schedule.Schedule { return schedule.Every(time.Hour) },
		Needs:  func(toyConfig) []iam.Need { return nil },
		About: func(c toyConfig, e event.Event) (automation.Subject, bool) {
			return automation.Subject{}, false
		},
		Observe: func(ctx context.Context, t *automation.Turn[toyConfig, toyState]) error {
			t.State.Seen = w.get()
			t.State.Events = nil
			for _, e := range t.Events {
				t.State.Events = append(t.State.Events, e.ID)
			}
			if w.observe != nil {
				return w.observe(ctx, t)
			}
			return nil
		},
		Decide: func(c toyConfig, s toyState, _ time.Time) automation.Plan {
			if s.Seen >= c.Want {
				return automation.Plan{Nothing: "the number is high enough"}
			}
			return automation.Plan{Changes: []automation.Change{{
				Step: "raise", Operation: "toy:Raise", Resource: "number", From: fmt.Sprint(s.Seen), To: fmt.Sprint(c.Want), Why: "it is too low",
			}}}
		},
		Steps: []automation.Step[toyConfig, toyState]{{
			Name: "raise", Title: "raise it", Attempt: 10 * time.Second, Limit: limit, Poll: poll, Asks: w.asks,
			Needs: func(toyConfig) []iam.Need { return nil },
			Do: func(ctx context.Context, t *automation.Turn[toyConfig, toyState]) error {
				if w.do != nil {
					if err := w.do(ctx, t); err != nil {
						return err
					}
				}
				w.raise(t.Config.Want)
				return nil
			},
		}},
	})
}

// outbox is a topic in memory.
type outbox struct {
	mu   sync.Mutex
	sent []string
	last string // the text of the last one
	fail error
}

func (o *outbox) Send(_ context.Context, _, subject, text string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	o.sent, o.last = append(o.sent, subject), text
	return nil
}

// told are the subjects of what was sent.
func (o *outbox) told() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.sent, "; ")
}

func (o *outbox) breaks(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = err
}

// bench is everything a test needs.
type bench struct {
	*testing.T
	world  *toy
	topic  *outbox
	ledger ledger.Ledger
	auto   *automation.Automation
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, world: &toy{}, topic: &outbox{}, ledger: memory.NewNamed(clock.Real{}, "test")}
	auto, problems, err := b.world.kind().Configure("fleet", "auto", "us-west-1", json.RawMessage(`{"want": 7}`))
	if err != nil || len(problems) > 0 {
		b.Fatal(err, problems)
	}
	b.auto = auto
	return b
}

// process is one process on the shared ledger.
func (b *bench) process(owner string) *embedded.Engine {
	return &embedded.Engine{Executor: &flow.Executor{
		Ledger: b.ledger, Kinds: []automation.Definition{b.world.kind()}, Sender: b.topic,
		Clients: func(string) *cloud.Clients { return nil },
		Clock:   clock.Real{}, Log: slog.New(slog.DiscardHandler), Owner: owner,
	}}
}

func (b *bench) event(id string) event.Event {
	return event.Event{ID: id, Source: "test", DetailType: "Test " + id, Time: time.Now().UTC(), Detail: json.RawMessage(`{}`)}
}

var (
	latest = automation.Subject{Key: "number", Mode: automation.Latest}
	once   = automation.Subject{Key: "number", Mode: automation.Once}
)

func (b *bench) handle(g *embedded.Engine, s automation.Subject, id string) *flow.Run {
	b.Helper()
	run, err := g.Handle(b.Context(), b.auto, "arn:topic", s, b.event(id))
	if err != nil {
		b.Fatalf("handle %s: %v", id, err)
	}
	return run
}

func bubble(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newBench(t)) })
}

func TestARunSucceedsAndTellsOnce(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.process("p")
		run := b.handle(p, latest, "1")
		if run.Outcome != flow.Succeeded || b.world.get() != 7 {
			b.Fatalf("outcome %s, number %d", run.Outcome, b.world.get())
		}
		again := b.handle(p, latest, "2")
		if again.Outcome != flow.NothingToDo || again.ID == run.ID {
			b.Errorf("the second event: run %s ended %s", again.ID, again.Outcome)
		}
		if len(b.topic.sent) != 1 {
			b.Errorf("notices: %q, want one", b.topic.sent)
		}
		if due, err := p.Due(b.Context(), 10); err != nil || len(due) > 0 {
			b.Errorf("still due: %v, %v", due, err)
		}
	})
}

func TestOnceIsOnce(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.process("p")
		first := b.handle(p, once, "1")
		b.world.number = 0
		second := b.handle(p, once, "2")
		if second.ID != first.ID || b.world.raised != 1 {
			b.Errorf("runs %s and %s; raised %d times", first.ID, second.ID, b.world.raised)
		}
	})
}

func TestEventsMeanwhileCauseOneMoreRun(t *testing.T) {
	bubble(t, func(b *bench) {
		entered, release := make(chan bool), make(chan bool)
		b.world.do = func(context.Context, *automation.Turn[toyConfig, toyState]) error {
			entered <- true
			<-release
			return nil
		}
		results := make(chan *flow.Run, 3)
		go func() { results <- b.handle(b.process("p"), latest, "1") }()
		<-entered
		b.world.do = nil
		for _, id := range []string{"2", "3"} {
			go func() { results <- b.handle(b.process("q"+id), latest, id) }()
		}
		synctest.Wait()
		close(release)
		runs := map[string][]string{}
		for range 3 {
			r := <-results
			var s toyState
			if err := json.Unmarshal(r.State, &s); err != nil {
				b.Fatal(err)
			}
			runs[r.ID] = s.Events
		}
		if len(runs) != 2 {
			b.Fatalf("three events made the runs %v, want two", runs)
		}
		for _, events := range runs {
			if len(events) == 2 {
				return
			}
		}
		b.Errorf("no run saw both events that came meanwhile: %v", runs)
	})
}

func TestADeadOwnersRunIsTakenOverWhenItsTimeIsUp(t *testing.T) {
	bubble(t, func(b *bench) {
		ctx, kill := context.WithCancel(b.Context())
		var once sync.Once
		dead, buried := make(chan struct{}), make(chan struct{})
		b.world.do = func(context.Context, *automation.Turn[toyConfig, toyState]) error {
			first := false
			once.Do(func() { first = true })
			if first { // the process dies here; nothing it does later gets through
				kill()
				close(dead)
				<-buried
				return errors.New("dead")
			}
			return nil
		}
		defer close(buried)
		p := b.process("p")
		p.Ledger = mortal{b.ledger, ctx}
		go p.Handle(ctx, b.auto, "arn:topic", latest, b.event("1")) //nolint:errcheck // it dies
		<-dead
		start := time.Now()
		run := b.handle(b.process("q"), latest, "2")
		if run.Outcome != flow.NothingToDo || b.world.raised != 1 {
			b.Errorf("outcome %s, raised %d times", run.Outcome, b.world.raised)
		}
		if waited := time.Since(start); waited < 10*time.Second || waited > 20*time.Second {
			b.Errorf("taken over after %v, want the attempt's 10s and its slack", waited)
		}
	})
}

// mortal is a process's handle on the ledger: it works while the process lives.
type mortal struct {
	ledger.Ledger
	life context.Context
}

func (m mortal) Write(ctx context.Context, writes ...ledger.Write) error {
	if err := m.life.Err(); err != nil {
		return err
	}
	return m.Ledger.Write(ctx, writes...)
}

func TestOnlyOneOfManyActs(t *testing.T) {
	b := newBench(t)
	inside := 0
	b.world.do = func(context.Context, *automation.Turn[toyConfig, toyState]) error {
		b.world.mu.Lock()
		defer b.world.mu.Unlock()
		inside++
		return nil
	}
	p := b.process("starter")
	started, err := p.Start(b.Context(), b.auto, "", latest, b.event("1"))
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := b.process(fmt.Sprint(i)).Drive(b.Context(), started.Run); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	if inside != 1 {
		b.Errorf("%d attempts at the step, want 1", inside)
	}
}

func TestNoticesAreSentAgainUntilTheyArrive(t *testing.T) {
	bubble(t, func(b *bench) {
		b.topic.fail = errors.New("no route to host")
		p := b.process("p")
		run := b.handle(p, latest, "1")
		if run.Outbox[0].Error == "" || !run.Outbox[0].Sent.IsZero() {
			b.Fatalf("notice: %+v", run.Outbox[0])
		}
		b.topic.fail = nil
		time.Sleep(time.Hour)
		if err := b.process("q").Resume(b.Context()); err != nil {
			b.Fatal(err)
		}
		if len(b.topic.sent) != 1 {
			b.Errorf("notices: %q, want one", b.topic.sent)
		}
	})
}

func TestANoticeThatCannotBeSentIsGivenUp(t *testing.T) {
	bubble(t, func(b *bench) {
		b.topic.fail = failure.Stopf("no such topic")
		p := b.process("p")
		run := b.handle(p, latest, "1")
		if !run.Outbox[0].GaveUp || run.Outcome != flow.Succeeded {
			b.Errorf("outcome %s, notice %+v", run.Outcome, run.Outbox[0])
		}
		if due, _ := p.Due(b.Context(), 10); len(due) > 0 {
			b.Errorf("still due: %v", due)
		}
	})
}

func TestAFailureThatSweepsKeepFindingIsToldOnce(t *testing.T) {
	bubble(t, func(b *bench) {
		b.world.do = func(context.Context, *automation.Turn[toyConfig, toyState]) error { return failure.Stopf("denied") }
		p := b.process("p")
		sweep := func() {
			e := b.event("sweep")
			e.Source = event.SourceDrover
			if _, err := p.Handle(b.Context(), b.auto, "arn:topic", latest, e); err != nil {
				b.Fatal(err)
			}
		}
		b.handle(p, latest, "1")
		for range 5 {
			sweep()
		}
		if n := len(b.topic.sent); n != 1 {
			b.Errorf("%d notices, want one", n)
		}
		b.handle(p, latest, "2")
		if n := len(b.topic.sent); n != 2 {
			b.Errorf("%d notices after another event, want two", n)
		}
		time.Sleep(7 * time.Hour)
		sweep()
		if n := len(b.topic.sent); n != 3 {
			b.Errorf("%d notices after seven hours, want a reminder", n)
		}
	})
}

func TestLaterRunsKnowWhatWasTried(t *testing.T) {
	bubble(t, func(b *bench) {
		var known map[string]automation.Trial
		b.world.observe = func(_ context.Context, t *automation.Turn[toyConfig, toyState]) error {
			known = t.Tried
			return nil
		}
		b.world.do = func(_ context.Context, t *automation.Turn[toyConfig, toyState]) error {
			if !t.Trying["ami-1"] {
				t.Try("ami-1")
				return failure.Retryf("once more")
			}
			return failure.Stopf("it is broken")
		}
		failed := b.handle(b.process("p"), latest, "1")
		if failed.Outcome != flow.RolledBack || len(known) > 0 {
			b.Fatalf("the first run ended %s, and knew of %v", failed.Outcome, known)
		}
		b.world.do = nil
		want := map[string]automation.Trial{"ami-1": {Run: failed.ID, Outcome: "rolled-back", Ended: failed.Ended}}
		plan, err := b.process("q").Preview(b.Context(), b.auto, latest, b.event("2"))
		if diff := cmp.Diff(want, known); diff != "" || err != nil || len(plan.Changes) == 0 {
			b.Errorf("a preview: %v (-want +known):\n%s", err, diff)
		}
		for _, id := range []string{"2", "3"} { // also after a run that tried nothing
			known = nil
			b.handle(b.process("q"), latest, id)
			if diff := cmp.Diff(want, known); diff != "" {
				b.Errorf("event %s (-want +known):\n%s", id, diff)
			}
		}
	})
}

// TestLaterRunsDoNotKnowWhatWasForgotten: not even when nothing else was tried.
func TestLaterRunsDoNotKnowWhatWasForgotten(t *testing.T) {
	for _, also := range []string{"", "ami-2"} {
		bubble(t, func(b *bench) {
			b.world.do = func(_ context.Context, t *automation.Turn[toyConfig, toyState]) error {
				if !t.Trying["ami-1"] {
					t.Try("ami-1")
					if also != "" {
						t.Try(also)
					}
					return failure.Retryf("once more")
				}
				t.Forget("ami-1")
				return failure.Stopf("superseded")
			}
			given := b.handle(b.process("p"), latest, "1")
			if given.Outcome != flow.RolledBack {
				b.Fatalf("the run ended %s", given.Outcome)
			}
			known := map[string]automation.Trial{"nothing": {}}
			b.world.observe = func(_ context.Context, t *automation.Turn[toyConfig, toyState]) error {
				known = t.Tried
				return nil
			}
			b.world.do = nil
			b.handle(b.process("q"), latest, "2")
			var want map[string]automation.Trial
			if also != "" {
				want = map[string]automation.Trial{also: {Run: given.ID, Outcome: "rolled-back", Ended: given.Ended}}
			}
			if diff := cmp.Diff(want, known); diff != "" {
				b.Errorf("(-want +known):\n%s", diff)
			}
		})
	}
}

func TestKeptEventsAreSeenByLaterRuns(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.process("p")
		keeping := latest
		keeping.Keep = time.Hour
		b.handle(p, keeping, "spot")
		seen := func(run *flow.Run) []string {
			var s toyState
			if err := json.Unmarshal(run.State, &s); err != nil {
				b.Fatal(err)
			}
			return s.Events
		}
		if diff := cmp.Diff([]string{"2", "spot"}, seen(b.handle(p, latest, "2"))); diff != "" {
			b.Error(diff)
		}
		time.Sleep(time.Hour)
		if diff := cmp.Diff([]string{"3"}, seen(b.handle(p, latest, "3"))); diff != "" {
			b.Error(diff)
		}
	})
}

func TestTroubleThatPassesIsSurvived(t *testing.T) {
	bubble(t, func(b *bench) {
		n := 0
		b.world.do = func(context.Context, *automation.Turn[toyConfig, toyState]) error {
			if n++; n < 4 {
				return errors.New("something unknown")
			}
			return nil
		}
		waited := 0
		b.world.observe = func(_ context.Context, t *automation.Turn[toyConfig, toyState]) error {
			if waited++; waited < 3 {
				return failure.Waitf(t.Clock.Now().Add(time.Second), "a read that agrees")
			}
			return nil
		}
		run := b.handle(b.process("p"), latest, "1")
		if run.Outcome != flow.Succeeded || run.Marks[0].Attempts != 4 {
			b.Errorf("outcome %s %s after %+v", run.Outcome, run.Reason, run.Marks)
		}
	})
}

func TestPreviewIsTheRunsPlanAndWritesNothing(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.process("p")
		plan, err := p.Preview(b.Context(), b.auto, latest, b.event("1"))
		if err != nil {
			b.Fatal(err)
		}
		if records, err := b.ledger.List(b.Context(), "", "", 10); err != nil || len(records) > 0 {
			b.Errorf("a preview left %v in the ledger (%v)", records, err)
		}
		if b.world.raised > 0 {
			b.Error("a preview acted")
		}
		run := b.handle(p, latest, "1")
		if diff := cmp.Diff(plan, run.Plan); diff != "" {
			b.Errorf("preview and run differ:\n%s", diff)
		}
	})
}

func TestAnInterruptedRunIsLeftToOthers(t *testing.T) {
	bubble(t, func(b *bench) {
		ctx, interrupt := context.WithCancel(b.Context())
		b.world.do = func(ctx context.Context, _ *automation.Turn[toyConfig, toyState]) error {
			interrupt()
			return ctx.Err()
		}
		if _, err := b.process("p").Handle(ctx, b.auto, "", latest, b.event("1")); !errors.Is(err, context.Canceled) {
			b.Fatalf("Handle = %v, want canceled", err)
		}
		b.world.do = nil
		time.Sleep(time.Second)
		if err := b.process("q").Resume(b.Context()); err != nil {
			b.Fatal(err)
		}
		if b.world.get() != 7 {
			b.Error("nobody finished the run")
		}
	})
}

func TestAnotherRevisionIsNotContinued(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.process("p")
		started, err := p.Start(b.Context(), b.auto, "", latest, b.event("1"))
		if err != nil {
			b.Fatal(err)
		}
		newer := b.process("q")
		newer.Kinds[0].Revision++
		run, err := newer.Drive(b.Context(), started.Run)
		if err != nil {
			b.Fatal(err)
		}
		if run.Outcome != flow.RolledBack || b.world.raised > 0 {
			b.Errorf("outcome %s (%s), raised %d times", run.Outcome, run.Reason, b.world.raised)
		}
	})
}

func TestLatencyOfAReplayedEventIsNotTold(t *testing.T) {
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	run := flow.Run{
		Created: now,
		Audit:   []flow.Entry{{Step: "move", Act: automation.Do, Entry: call.Entry{Operation: "ec2:ReplaceRoute", At: now.Add(time.Second), Took: time.Second, Outcome: call.Done}}},
	}
	for age, told := range map[time.Duration]bool{time.Minute: true, 5 * 365 * 24 * time.Hour: false} {
		run.Events = []event.Event{{Time: now.Add(-age)}}
		if l, ok := run.Latency(); ok != told || ok && l != age+2*time.Second {
			t.Errorf("event %s before the run: latency %s, %t", age, l, ok)
		}
	}
}

// TestPlanningCannotWrite: a kind that changes something while it observes is
// stopped before anything leaves the process, in a run and in a preview.
func TestPlanningCannotWrite(t *testing.T) {
	bubble(t, func(b *bench) {
		sim := scenario.NewSimulated(clock.Real{}, awssim.Options{})
		p := b.process("p")
		p.Clients = func(region string) *cloud.Clients { return cloud.New(sim.AWS(), region, cloud.Options{Seed: 1}) }
		b.world.observe = func(ctx context.Context, t *automation.Turn[toyConfig, toyState]) error {
			_, err := t.AWS.EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
			return err
		}
		run := b.handle(p, latest, "1")
		if run.Outcome != flow.RolledBack || !strings.Contains(run.Reason, "ec2:CreateVpc: nothing may be changed here") {
			b.Errorf("run ended %s: %s", run.Outcome, run.Reason)
		}
		var refused *call.ReadOnlyError
		if _, err := p.Preview(b.Context(), b.auto, latest, b.event("2")); !errors.As(err, &refused) {
			b.Errorf("preview: %v", err)
		}
		if made := sim.Mutations(); len(made) > 0 {
			b.Errorf("planning made %v", made)
		}
	})
}

// TestTheCallsOfAnOvertakenAttemptAreAudited: an attempt does not heed its
// deadline, another process takes over and finishes, and then the first one
// comes back, having changed something.
func TestTheCallsOfAnOvertakenAttemptAreAudited(t *testing.T) {
	bubble(t, func(b *bench) {
		sim := scenario.NewSimulated(clock.Real{}, awssim.Options{})
		var begun atomic.Bool
		b.world.do = func(ctx context.Context, t *automation.Turn[toyConfig, toyState]) error {
			if begun.Swap(true) {
				return nil
			}
			time.Sleep(time.Minute)
			_, err := t.AWS.EC2.CreateVpc(context.WithoutCancel(ctx), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
			return err
		}
		slow, quick := b.process("slow"), b.process("quick")
		slow.Clients = func(region string) *cloud.Clients { return cloud.New(sim.AWS(), region, cloud.Options{Seed: 1}) }
		done := make(chan *flow.Run)
		go func() { done <- b.handle(slow, latest, "1") }()
		time.Sleep(time.Second)
		b.handle(quick, latest, "2")
		run := <-done
		if run.Outcome != flow.Succeeded || len(run.Audit) != 1 || run.Audit[0].Operation != "ec2:CreateVpc" {
			b.Errorf("outcome %s, audit %+v", run.Outcome, run.Audit)
		}
	})
}

// TestAForeignClaimIsLeftAlone: the ledger says that the subject belongs to
// another run. That is damage, and ending the run must not add to it.
func TestAForeignClaimIsLeftAlone(t *testing.T) {
	bubble(t, func(b *bench) {
		const key = "claims/fleet/auto/number"
		foreign := json.RawMessage(`{"run": "somebody-else", "live": true, "generation": 7}`)
		b.world.do = func(ctx context.Context, _ *automation.Turn[toyConfig, toyState]) error {
			rec, err := b.ledger.Get(ctx, key)
			if err != nil {
				return err
			}
			return b.ledger.Write(ctx, ledger.Update(key, rec.Version, foreign, time.Time{}))
		}
		_, err := b.process("p").Handle(b.Context(), b.auto, "", latest, b.event("1"))
		if failure.ClassOf(err) != failure.Stop || err == nil {
			b.Fatalf("Handle = %v, want a stop", err)
		}
		rec, err := b.ledger.Get(b.Context(), key)
		if err != nil || string(rec.Value) != string(foreign) {
			b.Errorf("the claim is now %s (%v)", rec.Value, err)
		}
	})
}
