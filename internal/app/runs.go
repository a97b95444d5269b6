package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
)

// What a person asks of the runs in a ledger. It needs no fleet file: a run
// stores what it was begun with. Only Drive and ResumeFleet call AWS.

// Live lists the runs that have not ended, by when their next turn is due.
func (a *App) Live(ctx context.Context) ([]*flow.Run, error) { return a.engine.Live(ctx) }

// LiveHere is Live for the runs of this fleet alone.
func (a *App) LiveHere(ctx context.Context) ([]*flow.Run, error) {
	runs, err := a.Live(ctx)
	return slices.DeleteFunc(runs, func(r *flow.Run) bool { return r.Fleet != a.fleet.Name }), err
}

// History lists the runs that were begun since then, oldest first.
func (a *App) History(ctx context.Context, since time.Time) ([]*flow.Run, error) {
	return a.engine.History(ctx, since)
}

// UnknownRun is the error for what names no run, or several.
type UnknownRun struct {
	Asked string
	Found []string // those it could mean
}

func (u *UnknownRun) Error() string {
	if len(u.Found) == 0 {
		return fmt.Sprintf("no run %q in the ledger", u.Asked)
	}
	return fmt.Sprintf("%q could be one of %s", u.Asked, strings.Join(u.Found, ", "))
}

// Find finds the run that has this id, or whose id alone begins or ends so. If
// there is none, the error is an [UnknownRun].
func (a *App) Find(ctx context.Context, part string) (*flow.Run, error) {
	if part == "" || ledger.ValidateKey("runs/"+part) != nil {
		return nil, &UnknownRun{Asked: part}
	}
	run, err := a.engine.Load(ctx, part)
	if !errors.Is(err, ledger.ErrNotFound) {
		return run, err
	}
	all, err := a.History(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r *flow.Run) bool {
		return !strings.HasPrefix(r.ID, part) && !strings.HasSuffix(r.ID, part)
	})
	if len(all) == 1 {
		return all[0], nil
	}
	unknown := &UnknownRun{Asked: part}
	for _, r := range all {
		unknown.Found = append(unknown.Found, r.ID)
	}
	return nil, unknown
}

// Cancel asks a run to stop, see [flow.Executor.Cancel].
func (a *App) Cancel(ctx context.Context, id, by, why string) (*flow.Run, error) {
	return a.engine.Cancel(ctx, id, by, why)
}

// Cancelled is who asked a run to stop, or nil if nobody has.
func (a *App) Cancelled(ctx context.Context, id string) (*flow.Cancellation, error) {
	return a.engine.Cancelled(ctx, id)
}

// Approve has a run go on that waits for a person, see [flow.Executor.Approve].
func (a *App) Approve(ctx context.Context, id, by, why string) (*flow.Run, error) {
	return a.engine.Approve(ctx, id, by, why)
}

// Approved is who approved a run, or nil if nobody has.
func (a *App) Approved(ctx context.Context, run *flow.Run) (*automation.Approval, error) {
	return a.engine.Approved(ctx, run)
}

// Retry has a failed run go on, see [flow.Executor.Retry]. [App.Drive] it then.
func (a *App) Retry(ctx context.Context, id string) (*flow.Run, error) {
	return a.engine.Retry(ctx, id)
}

// Drive sees a run to its end, beside whoever else is at it.
func (a *App) Drive(ctx context.Context, id string) (*flow.Run, error) {
	return a.engine.Drive(ctx, id)
}

// ResumeFleet is Resume for the runs of this fleet alone, and returns those
// that it has driven to their end. A ledger may hold runs of other fleets,
// which other credentials reach: in a wrong account their resources are not
// there, and they would end as failed.
func (a *App) ResumeFleet(ctx context.Context) ([]*flow.Run, error) {
	g := a.engine
	var driven []string
	g.Other = func(r *flow.Run) bool {
		if r.Fleet != a.fleet.Name || a.engine.Other != nil && a.engine.Other(r) {
			return true
		}
		if r.Live() {
			driven = append(driven, r.ID)
		}
		return false
	}
	err := g.Resume(ctx)
	if a.steps.Machine != nil {
		s := a.steps
		s.Mine = func(r *flow.Run) bool { return r.Fleet == a.fleet.Name && a.steps.Mine(r) }
		err = errors.Join(err, s.Recover(ctx))
	}
	var ended []*flow.Run
	for _, id := range driven {
		if r, loadErr := a.engine.Load(ctx, id); loadErr == nil && !r.Live() {
			ended = append(ended, r)
		}
	}
	return ended, err
}
