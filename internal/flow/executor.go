package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// slack is added to an attempt's deadline before anybody else may act: time
// for an answer that is under way and for clocks that differ.
const slack = 5 * time.Second

// maxRaces bounds how often a write is decided anew because somebody else was
// faster. Each loss means that somebody else made progress.
const maxRaces = 50

// Sender delivers notices.
type Sender interface {
	// Send publishes a notice to a topic. It may be called twice for one notice.
	Send(ctx context.Context, topic, subject, text string) error
}

// Executor takes turns. Its fields are set before use and not changed; it is
// then safe for concurrent use.
type Executor struct {
	Ledger  ledger.Ledger
	Kinds   []automation.Definition
	Clients func(region string) *cloud.Clients
	Sender  Sender
	Clock   clock.Clock
	Log     *slog.Logger
	// Owner names this process. It must differ between processes that share a
	// ledger.
	Owner string
}

// Started says what became of an event.
type Started struct {
	// Run is the run that handles the event; with Joined, the run at work now.
	Run string
	// Fresh: the run was begun by this event.
	Fresh bool
	// Joined: the subject has a live run. When it ends one more run follows,
	// and that one handles the event.
	Joined bool
}

// Start records that an event is to be handled: it claims the subject and
// begins a run, or joins the one that is live. It does not act yet.
func (x *Executor) Start(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, e event.Event) (Started, error) {
	key := claimKey(a.Fleet, a.Name, subject.Key)
	for range maxRaces {
		c, err := x.loadClaim(ctx, key)
		if err != nil {
			return Started{}, err
		}
		now := x.now()
		if c.version > 0 && subject.Mode == automation.Once {
			return Started{Run: c.Run}, nil
		}
		kept := c.keptEvents(now)
		c.keep(e, subject.Keep, now)
		var writes []ledger.Write
		started := Started{Run: c.Run, Joined: true}
		if c.Live {
			c.pend(e)
		} else {
			run, err := x.begin(ctx, a, topic, subject, &c, []event.Event{e}, without(kept, e))
			if err != nil {
				return Started{}, err
			}
			if writes, err = runWrites(run, time.Time{}); err != nil {
				return Started{}, err
			}
			started = Started{Run: run.ID, Fresh: true}
		}
		w, err := claimWrite(key, c, now)
		if err != nil {
			return Started{}, err
		}
		err = x.Ledger.Write(ctx, append(writes, w)...)
		if err == nil {
			return started, nil
		}
		if !ledger.IsConflict(err) {
			return Started{}, fmt.Errorf("claim %s: %w", key, err)
		}
	}
	return Started{}, failure.Retryf("claim %s: lost %d races", key, maxRaces)
}

// begin makes a new run and points the claim at it.
func (x *Executor) begin(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, c *claim, events, kept []event.Event) (*Run, error) {
	identity, err := x.Ledger.Identity(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's identity: %w", err)
	}
	now := x.now()
	c.Generation++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d", identity, a.Fleet, a.Name, subject.Key, c.Generation))
	run := &Run{
		Identity: automation.Identity{
			ID:         now.Format("20060102-150405-") + hex.EncodeToString(sum[:4]),
			Fleet:      a.Fleet,
			Automation: a.Name,
			Ledger:     identity,
		},
		Region: a.Region, Kind: a.Kind.Name, Revision: a.Kind.Revision, Config: a.Config, Topic: topic,
		Subject: subject, Events: events, Kept: kept, Created: now,
		Step: automation.StepPlan, Since: now, Due: now,
	}
	c.Run, c.Live, c.Pending = run.ID, true, nil
	return run, nil
}

// Turn makes one attempt at a run's present step, if it is due and nobody
// else is at it, and returns the run as it is stored afterwards.
func (x *Executor) Turn(ctx context.Context, id string) (*Run, error) {
	run, err := x.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	now := x.now()
	if !run.Live() || now.Before(run.Until) || now.Before(run.Due) {
		return run, nil
	}
	a, rebuildErr := x.rebuild(run)
	var steps []automation.StepInfo
	attempt := planAttempt
	if rebuildErr == nil {
		steps = a.Kind.Steps
		attempt = attemptOf(steps, run.Step)
	}

	before := run.Due
	run.Owner, run.Until = x.Owner, now.Add(attempt+slack)
	run.Attempt++
	if err := x.save(ctx, run, before); err != nil {
		if ledger.IsConflict(err) {
			return x.Load(ctx, id) // somebody else was faster
		}
		return nil, err
	}

	res := result{err: rebuildErr}
	if rebuildErr == nil {
		res = x.act(ctx, a, run, attempt)
	}
	return x.record(ctx, run, steps, res)
}

// act observes and decides, or makes an attempt at a step.
func (x *Executor) act(ctx context.Context, a *automation.Automation, run *Run, attempt time.Duration) result {
	rec := &recorder{step: run.Step}
	ctx, cancel := context.WithTimeout(call.WithRecorder(ctx, rec), attempt)
	defer cancel()
	env := x.env(a, run.Identity, run.Events, run.Kept)
	env.Attempt, env.Since, env.Plan = run.Attempt, run.Since, run.Plan
	var res result
	if run.Step == automation.StepPlan {
		env.Plan = automation.Plan{}
		res.state, res.plan, res.err = a.Plan(call.ReadOnly(ctx), env, run.State)
	} else {
		res.state, res.err = a.Do(ctx, indexOf(a.Kind.Steps, run.Step), env, run.State)
	}
	res.entries = rec.take()
	return res
}

// record settles an attempt and stores what became of it. It does so even
// when ctx has ended: the attempt may have changed AWS. A run that cannot be
// recorded stays owned until its time is up and is then repeated.
func (x *Executor) record(ctx context.Context, run *Run, steps []automation.StepInfo, res result) (*Run, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slack)
	defer cancel()
	settled := settle(*run, steps, res, x.now())
	before := run.Due
	var err error
	if settled.Live() {
		err = x.save(ctx, &settled, before)
	} else {
		err = x.finish(ctx, &settled, before)
	}
	if ledger.IsConflict(err) {
		return x.overtaken(ctx, run.ID, res.entries)
	}
	if err != nil {
		return nil, err
	}
	if settled.Live() {
		return &settled, nil
	}
	x.Log.InfoContext(ctx, "run ended", "run", settled.ID, "automation", settled.Automation,
		"outcome", string(settled.Outcome), "reason", settled.Reason, "changes", len(settled.Writes()),
		"took", settled.Ended.Sub(settled.Created).String())
	return &settled, nil
}

// overtaken is what remains to do for an attempt that took longer than it
// owned the run, so that somebody else went on: its calls belong in the audit
// all the same.
func (x *Executor) overtaken(ctx context.Context, id string, entries []Entry) (*Run, error) {
	for range maxRaces {
		run, err := x.Load(ctx, id)
		if err != nil || len(entries) == 0 {
			return run, err
		}
		run.Audit = append(run.Audit, entries...)
		run.acknowledge(entries)
		err = x.save(ctx, run, run.Due)
		if err == nil || !ledger.IsConflict(err) {
			return run, err
		}
	}
	return nil, failure.Retryf("audit run %s: lost %d races", id, maxRaces)
}

// save stores a run that is still live, or one whose outbox has changed.
func (x *Executor) save(ctx context.Context, run *Run, before time.Time) error {
	writes, err := runWrites(run, before)
	if err != nil {
		return err
	}
	if err := x.Ledger.Write(ctx, writes...); err != nil {
		return fmt.Errorf("store run %s: %w", run.ID, err)
	}
	run.version++
	return nil
}

// finish stores an ended run together with the end of its claim and, if
// events came meanwhile, the run that they cause.
func (x *Executor) finish(ctx context.Context, run *Run, before time.Time) error {
	key := claimKey(run.Fleet, run.Automation, run.Subject.Key)
	for range maxRaces {
		c, err := x.loadClaim(ctx, key)
		if err != nil {
			return err
		}
		if c.Run != run.ID {
			return failure.Stopf("end run %s: its claim %s belongs to run %s", run.ID, key, c.Run)
		}
		var next []ledger.Write
		c.Live = false
		c.tell(run)
		run.Next = ""
		if len(c.Pending) > 0 {
			successor, err := x.succeed(ctx, run, &c)
			if err != nil {
				return err
			}
			if next, err = runWrites(successor, time.Time{}); err != nil {
				return err
			}
			run.Next = successor.ID
		}
		w, err := claimWrite(key, c, x.now())
		if err != nil {
			return err
		}
		writes, err := runWrites(run, before)
		if err != nil {
			return err
		}
		err = x.Ledger.Write(ctx, append(append(writes, w), next...)...)
		if err == nil {
			run.version++
			return nil
		}
		var conflict *ledger.ConflictError
		if !errors.As(err, &conflict) || len(conflict.Keys) != 1 || conflict.Keys[0] != key {
			return fmt.Errorf("end run %s: %w", run.ID, err)
		}
	}
	return failure.Retryf("end run %s: lost %d races", run.ID, maxRaces)
}

// succeed begins the run that the pending events of a claim cause, with the
// configuration of the run that is ending.
func (x *Executor) succeed(ctx context.Context, run *Run, c *claim) (*Run, error) {
	a := &automation.Automation{
		Fleet: run.Fleet, Name: run.Automation, Region: run.Region, Config: run.Config,
		Kind: automation.Definition{Name: run.Kind, Revision: run.Revision},
	}
	kept := c.keptEvents(x.now())
	for _, e := range c.Pending {
		kept = without(kept, e)
	}
	return x.begin(ctx, a, run.Topic, run.Subject, c, c.Pending, kept)
}

// Preview observes and decides as a run would, and changes nothing: neither
// AWS nor the ledger. Waits are waited out on the clock.
func (x *Executor) Preview(ctx context.Context, a *automation.Automation, subject automation.Subject, e event.Event) (automation.Plan, error) {
	c, err := x.loadClaim(ctx, claimKey(a.Fleet, a.Name, subject.Key))
	if err != nil {
		return automation.Plan{}, err
	}
	now := x.now()
	env := x.env(a, automation.Identity{ID: "preview", Fleet: a.Fleet, Automation: a.Name}, []event.Event{e}, without(c.keptEvents(now), e))
	run := Run{Step: automation.StepPlan, Since: now, Created: now}
	for run.Live() {
		run.Attempt++
		env.Attempt, env.Since = run.Attempt, run.Since
		attempt, cancel := context.WithTimeout(call.ReadOnly(ctx), planAttempt)
		state, plan, err := a.Plan(attempt, env, run.State)
		cancel()
		switch {
		case err == nil:
			return plan, nil
		case failure.ClassOf(err) == failure.Skip:
			return automation.Plan{Nothing: err.Error()}, nil
		case ctx.Err() != nil:
			return automation.Plan{}, err
		}
		run = settle(run, a.Kind.Steps, result{state: state, err: err}, x.now())
		if !run.Live() {
			return automation.Plan{}, err
		}
		if err := x.Clock.Sleep(ctx, run.Due.Sub(x.now())); err != nil {
			return automation.Plan{}, err
		}
	}
	return automation.Plan{}, nil
}

func (x *Executor) env(a *automation.Automation, id automation.Identity, events, kept []event.Event) automation.Env {
	return automation.Env{
		Run:    id,
		Events: append(append([]event.Event{}, events...), kept...),
		AWS:    x.Clients(a.Region),
		Clock:  x.Clock,
		Log:    x.Log.With("run", id.ID, "automation", a.Name),
	}
}

func (x *Executor) now() time.Time { return x.Clock.Now().UTC() }

// recorder collects the audit of one attempt.
type recorder struct {
	step    string
	mu      sync.Mutex
	entries []Entry
}

// Record implements call.Recorder.
func (r *recorder) Record(e call.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, Entry{Step: r.step, Entry: e})
}

func (r *recorder) take() []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries
}
