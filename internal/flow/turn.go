package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// Slack is added to an attempt's deadline before anybody else may act: time
// for an answer that is under way and for clocks that differ.
const Slack = 5 * time.Second

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
	if run.Telling { // whoever was to send its notices is gone
		run.Owner, run.Until, run.Telling = "", time.Time{}, false
	}
	a, rebuildErr := x.rebuild(run)
	var steps []automation.StepInfo
	if rebuildErr == nil {
		steps = a.Kind.Steps
	}
	cancelled, err := x.cancelled(ctx, run)
	if err != nil {
		return nil, err
	}
	if m := run.mark(run.Step); m != nil && run.Owner != "" && run.Act == automation.Do {
		m.Lost = true // whoever made the last attempt has not told how it went
	}
	if cancelled != nil {
		return x.record(ctx, run, run.Due, func(r Run, now time.Time) Run { return r.cancel(steps, *cancelled, now) }, nil)
	}
	if run.hopeless(steps, now) {
		res := result{err: failure.Stopf("gave up after %d attempts: the last one never told how it went", run.Attempt)}
		return x.record(ctx, run, run.Due, func(r Run, now time.Time) Run { return settle(r, steps, res, now) }, nil)
	}

	approval, err := x.approval(ctx, run, steps)
	if err != nil {
		return nil, err
	}
	before := run.Due
	run.begin(x.Owner, infoOf(steps, run.Step).Attempt, now)
	if err := x.save(ctx, run, before); err != nil {
		if ledger.IsConflict(err) {
			return x.Load(ctx, id) // somebody else was faster
		}
		return nil, err
	}

	// The time runs since before the intent was stored, which may have taken
	// long. It is not prolonged: others go by what the ledger says.
	attempt := run.Until.Sub(x.now()) - Slack
	if attempt <= 0 {
		return run, nil
	}
	res := result{err: rebuildErr}
	if rebuildErr == nil {
		res = x.act(ctx, a, run, approval, attempt)
	}
	return x.record(ctx, run, run.Due, func(r Run, now time.Time) Run { return settle(r, steps, res, now) }, res.entries)
}

// act observes and decides, or makes an attempt at a step.
func (x *Executor) act(ctx context.Context, a *automation.Automation, run *Run, approval *automation.Approval, attempt time.Duration) result {
	rec := &recorder{step: run.Step, act: run.Act}
	ctx, cancel := context.WithTimeout(call.WithRecorder(ctx, rec), attempt)
	defer cancel()
	env := x.env(a, run.Identity, run.Events, run.Kept)
	env.Attempt, env.Since = run.Attempt, run.Since
	env.Approval = approval
	if run.Asking != nil {
		env.Asked = run.Asking.Since
	}
	env.Tried, env.Trying = run.Tried, map[string]bool{}
	for _, name := range run.Trying {
		env.Trying[name] = true
	}
	env.Values = maps.Clone(run.Values)
	if env.Values == nil {
		env.Values = map[string]string{}
	}
	res := result{approval: approval}
	if run.Step == automation.StepPlan {
		res.state, res.plan, res.err = a.Plan(call.ReadOnly(ctx), env, run.State)
	} else {
		env.Plan = run.Plan.Filled(run.Values)
		if m := run.mark(run.Step); m != nil && run.Act != automation.Do {
			env.Settled = run.settled(*m)
			env.Plan.Changes = slices.Concat(env.Plan.Changes, run.Former) // the last made is taken back first
		}
		res.state, res.err = a.Act(ctx, run.Step, run.Act, env, run.State)
	}
	res.values = env.Values
	res.trying = slices.Sorted(maps.Keys(env.Trying))
	res.entries = rec.take()
	return res
}

// record settles an attempt and stores what became of it. It does so even
// when ctx has ended: the attempt may have changed AWS. A run that cannot be
// recorded stays owned until its time is up and is then repeated.
func (x *Executor) record(ctx context.Context, run *Run, before time.Time, next func(Run, time.Time) Run, entries []Entry) (*Run, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Slack)
	defer cancel()
	settled := next(*run, x.now())
	var err error
	if settled.Live() {
		err = x.saveLive(ctx, &settled, before)
	} else {
		err = x.finish(ctx, &settled, before)
	}
	if ledger.IsConflict(err) {
		return x.overtaken(ctx, run.ID, entries)
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
	if x.Ended != nil {
		x.Ended(&settled)
	}
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
func (x *Executor) save(ctx context.Context, run *Run, before time.Time, conditions ...ledger.Write) error {
	writes, err := runWrites(run, before)
	if err != nil {
		return err
	}
	if err := x.Ledger.Write(ctx, append(writes, conditions...)...); err != nil {
		return fmt.Errorf("store run %s: %w", run.ID, err)
	}
	run.version++
	return nil
}

// recorder collects the audit of one attempt.
type recorder struct {
	step    string
	act     automation.Act
	mu      sync.Mutex
	entries []Entry
}

// Record implements call.Recorder.
func (r *recorder) Record(e call.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, Entry{Step: r.step, Act: r.act, Entry: e})
}

func (r *recorder) take() []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries
}
