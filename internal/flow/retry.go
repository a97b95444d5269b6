package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// Retry has a failed run go on. First, what could not be undone or released is
// tried again. Then the run goes on from the first step that is not done, with
// its plan, if everything done still stands; otherwise from the beginning. The
// run is then live and due. It is an error if the run is live, has not failed,
// or if there is a newer run about the same subject.
func (x *Executor) Retry(ctx context.Context, id string) (*Run, error) {
	for range maxRaces {
		run, err := x.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		switch {
		case run.Live():
			return nil, failure.WithHint(failure.Stopf("run %s is still live, at step %s", id, run.Step), "drover show %s", id)
		case !run.Outcome.Failed():
			return nil, failure.Stopf("run %s ended %s: there is nothing to try again", id, run.Outcome)
		}
		a, err := x.rebuild(run)
		if err != nil {
			return nil, err
		}
		key := claimKey(run.Fleet, run.Automation, run.Subject.Key)
		c, err := x.loadClaim(ctx, key)
		if err != nil {
			return nil, err
		}
		if c.Run != id {
			return nil, failure.WithHint(failure.Stopf("run %s is not the latest about %s: that is run %s", id, run.Subject.Key, c.Run), "drover show %s", c.Run)
		}
		before := run.Due
		reopened := run.reopen(a.Kind.Steps, x.now())
		c.Live = true
		writes, err := x.reopening(ctx, &reopened, before, key, c)
		if err != nil {
			return nil, err
		}
		err = x.Ledger.Write(ctx, writes...)
		if err == nil {
			reopened.version++
			return &reopened, nil
		}
		if !ledger.IsConflict(err) {
			return nil, fmt.Errorf("retry run %s: %w", id, err)
		}
	}
	return nil, failure.Retryf("retry run %s: lost %d races", id, maxRaces)
}

// reopening are the writes that make a run live again. What was asked of it
// before does not count any more.
func (x *Executor) reopening(ctx context.Context, run *Run, before time.Time, key string, c claim) ([]ledger.Write, error) {
	writes, err := runWrites(run, before)
	if err != nil {
		return nil, err
	}
	w, err := claimWrite(key, c, x.now())
	if err != nil {
		return nil, err
	}
	writes = append(writes, w)
	for _, key := range []string{cancelKey(run.ID), approvalKey(run.ID)} {
		asked, err := x.Ledger.Get(ctx, key)
		switch {
		case err == nil:
			writes = append(writes, ledger.Delete(asked.Key, asked.Version))
		case !errors.Is(err, ledger.ErrNotFound):
			return nil, fmt.Errorf("read what was asked of run %s: %w", run.ID, err)
		}
	}
	return writes, nil
}

// reopen makes a live run of an ended one. What could not be undone or released
// is so first: then nothing of it can be forgotten.
func (r Run) reopen(steps []automation.StepInfo, now time.Time) Run {
	r.Ending = &Ending{Again: true, Outcome: RolledBack, Reason: r.Reason, Hints: r.Hints, Undo: !r.stands()}
	r.Outcome, r.Reason, r.Hints, r.Left, r.Ended, r.Next = "", "", nil, nil, time.Time{}, ""
	r.Owner, r.Until, r.Waiting = "", time.Time{}, ""
	r.Retries++
	r.Replans = 0
	r.Marks = slices.Clone(r.Marks)
	for i := range r.Marks {
		r.Marks[i].UndoError, r.Marks[i].ReleaseError = "", ""
	}
	return r.unwind(steps, now)
}

// stands says that something is done and that nothing of it was taken back, or
// was to be.
func (r Run) stands() bool {
	return slices.ContainsFunc(r.Marks, func(m Mark) bool { return !m.Done.IsZero() }) &&
		!slices.ContainsFunc(r.Marks, func(m Mark) bool { return !m.Undone.IsZero() || m.UndoError != "" })
}

// goOn has a run go on that is tried again: with its plan and what is done, or
// from the beginning.
func (r Run) goOn(steps []automation.StepInfo, now time.Time) Run {
	done := !slices.ContainsFunc(steps, func(s automation.StepInfo) bool { return !r.isDone(s.Name) })
	stands := r.stands()
	r.Ending = nil
	// What is neither undone nor without effect is remembered, whatever comes.
	r.Marks = slices.DeleteFunc(slices.Clone(r.Marks), func(m Mark) bool {
		return !m.Undone.IsZero() || m.Done.IsZero() && !r.acted(m)
	})
	for i := range r.Marks {
		r.Marks[i].Attempts = 0
	}
	switch {
	case done && len(r.Plan.Stuck) == 0:
		return r.proceed(steps, now)
	case !stands:
		r.Values, r.Approval = nil, nil // of what is not there any more
		return r.enter(automation.StepPlan, now).hush()
	case done:
		r.Approval = nil
		return r.enter(automation.StepPlan, now).hush()
	}
	for i := range r.Marks {
		if m := &r.Marks[i]; !m.Released.IsZero() {
			m.Done = time.Time{} // a later step may need what was released
		}
	}
	return r.proceed(steps, now).hush()
}

// hush has a run wait that is about to do again what it has just taken back: a
// read might still show it, and a call to take it back might still arrive.
func (r Run) hush() Run {
	if r.Due.Before(r.Quiet) {
		r.Due, r.Since = r.Quiet, r.Quiet
		r.Waiting = "certainty about what was taken back"
	}
	return r
}
