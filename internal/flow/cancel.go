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

// Cancellation asks a run to stop and to take back what it has done. It is a
// record of its own, so that whoever asks need not wait for the run's owner.
type Cancellation struct {
	By  string    `json:"by"` // whoever asked
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

func (c Cancellation) String() string {
	s := "cancelled by " + c.By
	if c.Why != "" {
		s += ": " + c.Why
	}
	return s
}

func cancelKey(run string) string { return "cancels/" + run }

// EndedError is what a run that has ended cannot be asked any more.
type EndedError struct {
	Run     string
	Outcome Outcome
}

func (e *EndedError) Error() string { return fmt.Sprintf("run %s has ended: %s", e.Run, e.Outcome) }

// Cancel asks a run to stop. An attempt that is being made is not cut short:
// the run unwinds when that has ended, or when its time is up. A run that
// unwinds already is left alone. Asking twice changes nothing. The error is an
// EndedError if the run has ended.
func (x *Executor) Cancel(ctx context.Context, id, by, why string) (*Run, error) {
	value, err := encode(Cancellation{By: by, Why: why, At: x.now()})
	if err != nil {
		return nil, fmt.Errorf("cancel run %s: %w", id, err)
	}
	for range maxRaces {
		run, err := x.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		if !run.Live() {
			return run, &EndedError{Run: id, Outcome: run.Outcome}
		}
		asked, err := x.cancelled(ctx, run)
		if err != nil || run.unwinds() {
			return run, err
		}
		var writes []ledger.Write
		if asked == nil {
			writes = append(writes, ledger.Create(cancelKey(id), value, x.now().Add(keepRuns)))
		}
		before := run.Due
		run.wake(x.now()) // what it waits for does not matter any more
		err = x.lodge(ctx, run, before, writes...)
		if err == nil {
			return run, nil
		}
		if !ledger.IsConflict(err) {
			return nil, fmt.Errorf("cancel run %s: %w", id, err)
		}
	}
	return nil, failure.Retryf("cancel run %s: lost %d races", id, maxRaces)
}

// wake has a run that waits take its turn now, unless somebody is at it. Whoever
// only sends its notices may be gone.
func (r *Run) wake(now time.Time) {
	if now.Before(r.Due) && (r.Telling || !now.Before(r.Until)) {
		r.Due = now
	}
}

// lodge stores what a person asks of a run, and that it is due earlier, if it is.
func (x *Executor) lodge(ctx context.Context, run *Run, before time.Time, asked ...ledger.Write) error {
	changed, err := runWrites(run, before)
	if err != nil {
		return err
	}
	woken := !before.Equal(run.Due)
	if !woken {
		// Nothing of the run changes: its owner is not to be disturbed.
		changed = []ledger.Write{ledger.Expect(runKey(run.ID), run.version)}
	}
	if err := x.Ledger.Write(ctx, append(changed, asked...)...); err != nil {
		return err
	}
	if woken {
		run.version++
	}
	return nil
}

// cancelled reads whether a run that goes forward is asked to stop.
func (x *Executor) cancelled(ctx context.Context, run *Run) (*Cancellation, error) {
	if run.unwinds() {
		return nil, nil //nolint:nilnil // neither asked nor an error
	}
	return x.Cancelled(ctx, run.ID)
}

// Cancelled is who asked a run to stop, or nil if nobody has.
func (x *Executor) Cancelled(ctx context.Context, id string) (*Cancellation, error) {
	rec, err := x.Ledger.Get(ctx, cancelKey(id))
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil //nolint:nilnil // neither asked nor an error
	}
	if err != nil {
		return nil, fmt.Errorf("read whether run %s is cancelled: %w", id, err)
	}
	var c Cancellation
	if err := decode(rec.Value, &c); err != nil {
		return nil, failure.Stopf("read whether run %s is cancelled: %w", id, err)
	}
	return &c, nil
}

// unwinds says that the run is about to end. One that is tried again only
// unwinds before it goes on.
func (r *Run) unwinds() bool { return r.Ending != nil && !r.Ending.Again }

// cancel has a run unwind because somebody asked for it.
func (r Run) cancel(steps []automation.StepInfo, c Cancellation, now time.Time) Run {
	r.Owner, r.Until, r.Waiting = "", time.Time{}, ""
	return r.fail(steps, failure.WithHint(errors.New(c.String()), "drover retry %s, to go on after all", r.ID), now)
}

// saveLive stores a run that goes on. If it is to wait it does not miss that
// it was cancelled meanwhile, or that it was approved if it waits for that: then
// it is due at once.
func (x *Executor) saveLive(ctx context.Context, run *Run, before time.Time) error {
	if run.unwinds() || !x.now().Before(run.Due) {
		return x.save(ctx, run, before)
	}
	unasked := []ledger.Write{ledger.Expect(cancelKey(run.ID), 0)}
	if run.Asking != nil {
		unasked = append(unasked, ledger.Expect(approvalKey(run.ID), 0))
	}
	err := x.save(ctx, run, before, unasked...)
	var conflict *ledger.ConflictError
	if errors.As(err, &conflict) && !slices.ContainsFunc(conflict.Keys, func(key string) bool {
		return !slices.ContainsFunc(unasked, func(w ledger.Write) bool { return w.Key == key })
	}) {
		run.Due = x.now()
		return x.save(ctx, run, before)
	}
	return err
}
