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

// Asking is what a run waits for a person to approve.
type Asking struct {
	What  string    `json:"what"`
	Since time.Time `json:"since"` // when it was first asked for
	Until time.Time `json:"until"` // when the run gives up
}

func approvalKey(run string) string { return "approvals/" + run }

// Approve has a run go on that waits, or will wait, for a person to approve it.
// Like a cancellation that is a record of its own, and the run's owner is not
// disturbed. The first approval counts: another changes nothing. A run that has
// ended is an EndedError; one that stops, or whose kind never asks, is refused.
func (x *Executor) Approve(ctx context.Context, id, by, why string) (*Run, error) {
	value, err := encode(automation.Approval{By: by, Why: why, At: x.now()})
	if err != nil {
		return nil, fmt.Errorf("approve run %s: %w", id, err)
	}
	for range maxRaces {
		run, err := x.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := x.approvable(ctx, run); err != nil {
			return run, err
		}
		given, err := x.Approved(ctx, run)
		if err != nil || given != nil {
			return run, err
		}
		before := run.Due
		if run.Asking != nil {
			run.wake(x.now())
		}
		err = x.lodge(ctx, run, before, ledger.Create(approvalKey(id), value, x.now().Add(keepRuns)))
		if err == nil {
			return run, nil
		}
		if !ledger.IsConflict(err) {
			return nil, fmt.Errorf("approve run %s: %w", id, err)
		}
	}
	return nil, failure.Retryf("approve run %s: lost %d races", id, maxRaces)
}

// approvable says why a run cannot be approved.
func (x *Executor) approvable(ctx context.Context, run *Run) error {
	if !run.Live() {
		return &EndedError{Run: run.ID, Outcome: run.Outcome}
	}
	cancelled, err := x.cancelled(ctx, run)
	switch {
	case err != nil:
		return err
	case run.unwinds():
		return failure.Stopf("run %s stops already, and is about to end %s", run.ID, run.Ending.Outcome)
	case cancelled != nil:
		return failure.Stopf("run %s is %s", run.ID, cancelled)
	}
	for _, d := range x.Kinds {
		if d.Name == run.Kind && d.Revision == run.Revision && !slices.ContainsFunc(d.Steps, func(s automation.StepInfo) bool { return s.Asks }) {
			return failure.Stopf("run %s is of kind %s, which asks for no approval", run.ID, run.Kind)
		}
	}
	return nil
}

// Approved is who approved a run, or nil if nobody has.
func (x *Executor) Approved(ctx context.Context, run *Run) (*automation.Approval, error) {
	if run.Approval != nil {
		return run.Approval, nil
	}
	rec, err := x.Ledger.Get(ctx, approvalKey(run.ID))
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil //nolint:nilnil // neither approved nor an error
	}
	if err != nil {
		return nil, fmt.Errorf("read whether run %s is approved: %w", run.ID, err)
	}
	var a automation.Approval
	if err := decode(rec.Value, &a); err != nil {
		return nil, failure.Stopf("read whether run %s is approved: %w", run.ID, err)
	}
	return &a, nil
}

// approval is that of a run for the attempt that it is about to make. Only steps
// that ask cost a read.
func (x *Executor) approval(ctx context.Context, run *Run, steps []automation.StepInfo) (*automation.Approval, error) {
	if run.Act != automation.Do || !infoOf(steps, run.Step).Asks {
		return nil, nil //nolint:nilnil // neither asked nor an error
	}
	return x.Approved(ctx, run)
}

// ask notes that a run waits for a person, and tells so when it begins to.
func (r Run) ask(err error, now time.Time) Run {
	var u *automation.Unapproved
	if !errors.As(err, &u) {
		return r
	}
	begun := r.Asking == nil
	asking := Asking{What: u.What, Since: now, Until: u.Until}
	if !begun {
		asking.Since = r.Asking.Since
	}
	r.Asking = &asking
	if begun && r.Topic != "" {
		r.Outbox = append(slices.Clone(r.Outbox), request(&r))
	}
	return r
}

// unask ends the waiting for a person. What was not yet told of it is not told
// any more.
func (r *Run) unask() {
	if r.Asking == nil {
		return
	}
	r.Asking = nil
	r.Outbox = slices.Clone(r.Outbox)
	for i := range r.Outbox {
		if n := &r.Outbox[i]; n.Asks && n.open() {
			n.GaveUp, n.Error = true, "the run does not wait for approval any more"
		}
	}
}
