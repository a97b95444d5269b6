package flow_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/ledger"
)

// The subjects of the notices of a run that asks.
const (
	requested = "drover fleet/auto: to be approved"
	succeeded = "drover fleet/auto: succeeded"
)

// asking runs a test with a world whose step asks before it raises the number, and
// gives up after a day.
func asking(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		world := &toy{asks: true, do: func(_ context.Context, t *automation.Turn[toyConfig, toyState]) error {
			return t.Approved("the raise to 7", 24*time.Hour)
		}}
		b := newBench(t)
		b.world = world
		auto, _, err := world.kind().Configure("fleet", "auto", "us-west-1", []byte(`{"want": 7}`))
		if err != nil {
			t.Fatal(err)
		}
		b.auto = auto
		f(b)
	})
}

// begin has a process begin a run and go on with it until it waits.
func (b *bench) begin(p *embedded.Engine) *flow.Run {
	b.Helper()
	started, err := p.Start(b.Context(), b.auto, "arn:topic", latest, b.event("1"))
	if err != nil {
		b.Fatal(err)
	}
	return b.turns(p, started.Run)
}

// turns takes turns at a run, and sends its notices, until neither is due.
func (b *bench) turns(p *embedded.Engine, id string) *flow.Run {
	b.Helper()
	for {
		run, err := p.Turn(b.Context(), id)
		if err == nil && run.Tells(time.Now()) {
			run, err = p.Deliver(b.Context(), id)
		}
		if err != nil {
			b.Fatal(err)
		}
		if run.Due.IsZero() || run.Due.After(time.Now()) || run.Until.After(time.Now()) {
			return run
		}
	}
}

func (b *bench) approve(id, by string) *flow.Run {
	b.Helper()
	run, err := b.process("people").Approve(b.Context(), id, by, "it looks well")
	if err != nil {
		b.Fatal(err)
	}
	return run
}

func TestARunWaitsUntilItIsApproved(t *testing.T) {
	asking(t, func(b *bench) {
		p := b.process("p")
		begun := time.Now().UTC()
		run := b.begin(p)
		if run.Waiting != "a person to approve the raise to 7: drover approve "+run.ID || b.world.get() != 0 {
			b.Fatalf("the run waits for %q, and the number is %d", run.Waiting, b.world.get())
		}
		want := `auto (toy) of fleet fleet in us-west-1: a person is to approve the raise to 7

To change from 0 to 7, because it is too low:
  number

Next:
  drover approve RUN, to have it go on
  drover cancel RUN, to have it stop and take back what it has done

Caused by Test 1 at 2000-01-01T00:00:00Z (1)
Run RUN waits until 2000-01-02T00:00:00Z, and then gives up.
`
		if diff := cmp.Diff(want, strings.ReplaceAll(b.topic.last, run.ID, "RUN")); diff != "" {
			b.Error(diff)
		}
		for range 20 { // it looks again, and asks no more
			time.Sleep(time.Until(run.Due))
			run = b.turns(p, run.ID)
		}
		if !run.Live() || b.topic.told() != requested {
			b.Fatalf("after %s the run is at %s, and told %q", time.Since(begun), run.Step, b.topic.told())
		}
		if run = b.approve(run.ID, "jo"); run.Due.After(time.Now()) {
			b.Errorf("an approved run waits until %s", run.Due)
		}
		if again := b.approve(run.ID, "sam"); !again.Due.Equal(run.Due) {
			b.Error("a second approval has changed the run")
		}
		run = b.turns(p, run.ID)
		if run.Outcome != flow.Succeeded || b.world.get() != 7 || b.topic.told() != requested+"; "+succeeded {
			b.Errorf("%s, the number is %d, told %q", run.Outcome, b.world.get(), b.topic.told())
		}
		if a := run.Approval; a == nil || a.By != "jo" || a.Why != "it looks well" || !a.At.Equal(run.Ended) {
			b.Errorf("approved: %+v", a)
		}
		if !strings.Contains(b.topic.last, "It was approved by jo: it looks well, at 2000-01-01T03:20:00Z.") {
			b.Errorf("the notice does not say who has approved it: %s", b.topic.last)
		}
	})
}

func TestAnApprovalAheadIsNotAskedFor(t *testing.T) {
	asking(t, func(b *bench) {
		p := b.process("p")
		started, err := p.Start(b.Context(), b.auto, "arn:topic", latest, b.event("1"))
		if err != nil {
			b.Fatal(err)
		}
		b.approve(started.Run, "jo")
		run := b.turns(p, started.Run)
		if run.Outcome != flow.Succeeded || strings.Contains(b.topic.told(), requested) {
			b.Errorf("%s, told %q", run.Outcome, b.topic.told())
		}
	})
}

// An approval while the turn is made that asks for it is not seen by that turn; the
// next one is due at once, and not when the step would look again.
func TestAnApprovalDuringATurnIsNotMissed(t *testing.T) {
	asking(t, func(b *bench) {
		ask := b.world.do
		b.world.do = func(ctx context.Context, t *automation.Turn[toyConfig, toyState]) error {
			err := ask(ctx, t)
			b.approve(t.Run.ID, "jo")
			return err
		}
		begun := time.Now()
		if run := b.begin(b.process("p")); run.Outcome != flow.Succeeded || run.Ended.Sub(begun) > time.Second {
			b.Errorf("%s, due in %s", run.Outcome, run.Due.Sub(begun))
		}
	})
}

func TestARunThatNobodyApprovesGivesUp(t *testing.T) {
	asking(t, func(b *bench) {
		p := b.process("p")
		run, err := p.Handle(b.Context(), b.auto, "arn:topic", latest, b.event("1"))
		if err != nil {
			b.Fatal(err)
		}
		took := run.Ended.Sub(run.Created)
		if run.Outcome != flow.RolledBack || run.Reason != "nobody has approved the raise to 7 within 24h" || took < 24*time.Hour || took > 24*time.Hour+10*time.Minute {
			b.Errorf("after %s: %s: %s", took, run.Outcome, run.Reason)
		}
		if want := []string{"drover retry " + run.ID + ", which asks again"}; !cmp.Equal(run.Hints, want) {
			b.Errorf("next: %q, want %q", run.Hints, want)
		}
		// It does, though somebody approves it only then.
		if _, err := p.Retry(b.Context(), run.ID); err != nil {
			b.Fatal(err)
		}
		if run = b.turns(p, run.ID); !run.Live() || run.Asking == nil || strings.Count(b.topic.told(), requested) != 2 {
			b.Fatalf("tried again it is %s, told %q", run.Outcome, b.topic.told())
		}
		b.approve(run.ID, "jo")
		if run = b.turns(p, run.ID); run.Outcome != flow.Succeeded {
			b.Errorf("approved it is %s: %s", run.Outcome, run.Reason)
		}
	})
}

// The limit of the step itself is told in the same words.
func TestAStepThatHasNoTimeToWaitForAPerson(t *testing.T) {
	asking(t, func(b *bench) {
		b.world.do = func(_ context.Context, t *automation.Turn[toyConfig, toyState]) error {
			return t.Approved("the raise to 7", 1000*time.Hour)
		}
		run := b.handle(b.process("p"), latest, "1")
		if want := []string{"drover retry " + run.ID + ", which asks again"}; run.Reason != "nobody has approved the raise to 7 within 48h" || !cmp.Equal(run.Hints, want) {
			b.Errorf("%s: %s, next: %q", run.Outcome, run.Reason, run.Hints)
		}
	})
}

// The time for a person is counted from when the person was asked.
func TestNobodyIsLateWhoWasNotAsked(t *testing.T) {
	asking(t, func(b *bench) {
		ask, tried := b.world.do, 0
		b.world.do = func(ctx context.Context, t *automation.Turn[toyConfig, toyState]) error {
			if tried++; tried == 1 {
				return failure.Waitf(t.Clock.Now().Add(30*time.Hour), "something else")
			}
			return ask(ctx, t)
		}
		p := b.process("p")
		run := b.begin(p)
		time.Sleep(time.Until(run.Due))
		if run = b.turns(p, run.ID); !run.Live() || run.Asking == nil || time.Until(run.Asking.Until) != 24*time.Hour {
			b.Errorf("%s: %s, asking %+v", run.Outcome, run.Reason, run.Asking)
		}
	})
}

// What a person has approved is what a run was about to do. When all of that was
// taken back and is to be done again, with a new plan, that person is asked again.
func TestARunThatBeginsAnewIsApprovedAnew(t *testing.T) {
	asking(t, func(b *bench) {
		ask, failing := b.world.do, true
		b.world.do = func(ctx context.Context, t *automation.Turn[toyConfig, toyState]) error {
			if err := ask(ctx, t); err != nil {
				return err
			}
			if failing {
				return failure.Stopf("denied")
			}
			return nil
		}
		p := b.process("p")
		run := b.begin(p)
		b.approve(run.ID, "jo")
		if run = b.turns(p, run.ID); run.Outcome != flow.RolledBack {
			b.Fatalf("%s: %s", run.Outcome, run.Reason)
		}
		failing = false
		if _, err := p.Retry(b.Context(), run.ID); err != nil {
			b.Fatal(err)
		}
		if run = b.turns(p, run.ID); !run.Live() || run.Asking == nil || run.Approval != nil || b.world.get() != 0 {
			b.Errorf("%s, asking %+v, approved %+v, the number is %d", run.Outcome, run.Asking, run.Approval, b.world.get())
		}
	})
}

func TestWhatCannotBeApproved(t *testing.T) {
	asking(t, func(b *bench) {
		p := b.process("p")
		refused := func(id, want string) {
			b.Helper()
			if _, err := p.Approve(b.Context(), id, "jo", ""); err == nil || failure.ClassOf(err) != failure.Stop || err.Error() != want {
				b.Errorf("got %v, want %s", err, want)
			}
		}
		if _, err := p.Approve(b.Context(), "20000101-000000-0", "jo", ""); !errors.Is(err, ledger.ErrNotFound) {
			b.Errorf("a run that there is not: %v", err)
		}
		run := b.begin(p)
		if _, err := p.Cancel(b.Context(), run.ID, "sam", "no"); err != nil {
			b.Fatal(err)
		}
		refused(run.ID, "run "+run.ID+" is cancelled by sam: no")
		run = b.turns(p, run.ID)
		var ended *flow.EndedError
		if _, err := p.Approve(b.Context(), run.ID, "jo", ""); !errors.As(err, &ended) || ended.Outcome != flow.RolledBack {
			b.Errorf("a run that has ended: %v", err)
		}

		b.world.asks, b.world.do = false, func(context.Context, *automation.Turn[toyConfig, toyState]) error { return failure.Retryf("throttled") }
		p = b.process("p")
		run = b.begin(p)
		refused(run.ID, "run "+run.ID+" is of kind toy, which asks for no approval")
	})
}

// A topic that is out of order holds up neither the run nor its approval.
func TestARequestThatCannotBeSent(t *testing.T) {
	asking(t, func(b *bench) {
		b.topic.breaks(errors.New("no route to host"))
		p := b.process("p")
		run := b.begin(p)
		for range 3 {
			time.Sleep(time.Until(run.Due))
			run = b.turns(p, run.ID)
		}
		if n := run.Outbox[0]; !run.Live() || run.Owner != "" || n.Attempts != 4 || n.GaveUp || time.Until(run.Due) > 10*time.Minute {
			b.Fatalf("due %s, owned by %q, notice %+v", run.Due, run.Owner, n)
		}
		b.topic.breaks(nil)
		time.Sleep(time.Until(run.Due))
		if b.turns(p, run.ID); b.topic.told() != requested {
			b.Errorf("mended, the topic was told %q", b.topic.told())
		}
	})
	asking(t, func(b *bench) {
		b.topic.breaks(errors.New("no route to host"))
		p := b.process("p")
		run := b.begin(p)
		b.approve(run.ID, "jo")
		run = b.turns(p, run.ID)
		b.topic.breaks(nil)
		time.Sleep(time.Hour)
		if err := p.Resume(b.Context()); err != nil {
			b.Fatal(err)
		}
		if n := run.Outbox[0]; run.Outcome != flow.Succeeded || b.topic.told() != succeeded || !n.GaveUp {
			b.Errorf("%s, told %q, the request: %+v", run.Outcome, b.topic.told(), n)
		}
	})
}

// mute is a ledger that loses what is written while it is.
type mute struct {
	ledger.Ledger
	on atomic.Bool
}

func (m *mute) Write(ctx context.Context, writes ...ledger.Write) error {
	if m.on.Load() {
		return errors.New("no route to host")
	}
	return m.Ledger.Write(ctx, writes...)
}

// A process that dies while it sends a request has lost no attempt at the step, and
// an approval is not held up for longer than sending may take.
func TestAProcessThatDiesWhileItAsks(t *testing.T) {
	asking(t, func(b *bench) {
		p := b.process("p")
		cut := &mute{Ledger: b.ledger}
		p.Ledger, p.Sender = cut, sender(func(ctx context.Context, topic, subject, text string) error {
			cut.on.Store(true)
			return b.topic.Send(ctx, topic, subject, text)
		})
		started, err := p.Start(b.Context(), b.auto, "arn:topic", latest, b.event("1"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Drive(b.Context(), started.Run); err == nil {
			b.Fatal("the process has not died")
		}
		if run := b.approve(started.Run, "jo"); run.Due.After(time.Now()) {
			b.Errorf("an approved run waits until %s", run.Due)
		}
		q := b.process("q")
		if run := b.turns(q, started.Run); time.Until(run.Until) <= 0 || b.world.get() != 0 {
			b.Errorf("a turn was taken while a process sends notices: %s", run.Step)
		}
		time.Sleep(15 * time.Second)
		run := b.turns(q, started.Run)
		if run.Outcome != flow.Succeeded || run.Marks[0].Lost || run.Marks[0].Attempts != 2 {
			b.Errorf("%s: %s, %+v", run.Outcome, run.Reason, run.Marks)
		}
	})
}

// A process that was held up while it sent a request does not disturb the one that
// goes on meanwhile.
func TestAProcessThatIsHeldUpWhileItAsks(t *testing.T) {
	asking(t, func(b *bench) {
		ask := b.world.do
		b.world.do = func(ctx context.Context, t *automation.Turn[toyConfig, toyState]) error {
			if err := ask(ctx, t); err != nil {
				return err
			}
			time.Sleep(8 * time.Second)
			return nil
		}
		p := b.process("p")
		p.Sender = sender(func(ctx context.Context, topic, subject, text string) error {
			time.Sleep(20 * time.Second)
			return b.topic.Send(ctx, topic, subject, text)
		})
		var work sync.WaitGroup
		defer work.Wait()
		started, err := p.Start(b.Context(), b.auto, "arn:topic", latest, b.event("1"))
		if err != nil {
			b.Fatal(err)
		}
		work.Go(func() { b.turns(p, started.Run) })
		time.Sleep(time.Second)
		b.approve(started.Run, "jo")
		time.Sleep(15 * time.Second)
		run := b.turns(b.process("q"), started.Run)
		if run.Outcome != flow.Succeeded || run.Marks[0].Lost || run.Marks[0].Attempts != 2 {
			b.Errorf("%s: %s, %+v", run.Outcome, run.Reason, run.Marks)
		}
	})
}

type sender func(ctx context.Context, topic, subject, text string) error

func (s sender) Send(ctx context.Context, topic, subject, text string) error {
	return s(ctx, topic, subject, text)
}

// Whatever is asked of a run while its request is sent, that is sent once.
func TestWhatIsAskedWhileARequestIsSent(t *testing.T) {
	asking(t, func(b *bench) {
		p := b.process("p")
		p.Sender = sender(func(ctx context.Context, topic, subject, text string) error {
			live, err := p.Live(ctx)
			for _, run := range live {
				b.approve(run.ID, "jo")
			}
			return errors.Join(err, b.topic.Send(ctx, topic, subject, text))
		})
		run := b.begin(p)
		if run.Outcome != flow.Succeeded || b.topic.told() != requested+"; "+succeeded || len(run.Marks) != 1 || run.Marks[0].Lost {
			b.Errorf("%s: %s, told %q, %+v", run.Outcome, run.Reason, b.topic.told(), run.Marks)
		}
	})
}

// A loop sends the request of a run that waits, and goes on when it is approved.
func TestALoopAsks(t *testing.T) {
	asking(t, func(b *bench) {
		l := &embedded.Loop{
			Engine: b.process("p"), Workers: 2, Poll: time.Second, Backoff: cloud.NewBackoff(1),
			Looked: func(error) {}, Failed: func(run string, err error) { b.Errorf("run %s: %v", run, err) },
		}
		started, err := l.Engine.Start(b.Context(), b.auto, "arn:topic", latest, b.event("1"))
		if err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		var work sync.WaitGroup
		work.Go(func() { l.Run(ctx, ctx) })
		b.topic.breaks(errors.New("no route to host"))
		time.Sleep(25 * time.Minute)
		if n := l.Tended().Delivering; n != 1 {
			b.Errorf("%d requests could not be sent, want one", n)
		}
		b.topic.breaks(nil)
		time.Sleep(36 * time.Minute)
		if n := l.Tended().Delivering; n != 0 || b.topic.told() != requested {
			b.Errorf("while the run waits, told %q, and %d could not be sent", b.topic.told(), n)
		}
		b.approve(started.Run, "jo")
		time.Sleep(2 * time.Second)
		if b.world.get() != 7 || b.topic.told() != requested+"; "+succeeded {
			b.Errorf("two seconds after it was approved the number is %d, told %q", b.world.get(), b.topic.told())
		}
		stop()
		work.Wait()
	})
}

// reader counts what is read.
type reader struct {
	ledger.Ledger
	approvals atomic.Int64
}

func (r *reader) Get(ctx context.Context, key string) (ledger.Record, error) {
	if strings.HasPrefix(key, "approvals/") {
		r.approvals.Add(1)
	}
	return r.Ledger.Get(ctx, key)
}

func TestOnlyStepsThatAskReadApprovals(t *testing.T) {
	bubble(t, func(b *bench) {
		r := &reader{Ledger: b.ledger}
		b.ledger = r
		b.handle(b.process("p"), latest, "1")
		if n := r.approvals.Load(); n != 0 {
			b.Errorf("a run that asks nobody reads %d approvals", n)
		}
	})
	asking(t, func(b *bench) {
		r := &reader{Ledger: b.ledger}
		b.ledger = r
		p := b.process("p")
		run := b.begin(p)
		if n := r.approvals.Load(); n != 1 {
			b.Errorf("one attempt at a step that asks reads %d approvals", n)
		}
		time.Sleep(time.Until(run.Due))
		b.turns(p, run.ID)
		if n := r.approvals.Load(); n != 2 {
			b.Errorf("two attempts at a step that asks read %d approvals", n)
		}
	})
}
