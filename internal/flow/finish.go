package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

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
			return x.foreign(ctx, run, key, c)
		}
		var next []ledger.Write
		c.Live = false
		c.tell(run)
		c.try(run)
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
	kept := c.keptEvents(x.now())
	for _, e := range c.Pending {
		kept = without(kept, e)
	}
	return x.begin(ctx, Run{
		Identity: automation.Identity{Fleet: run.Fleet, Automation: run.Automation},
		Region:   run.Region, Kind: run.Kind, Revision: run.Revision, Config: run.Config, Topic: run.Topic,
		Subject: run.Subject, Events: c.Pending, Kept: kept,
	}, c)
}

// foreign is the error for a claim that belongs to another run: somebody else
// has ended this one meanwhile, and its successor holds the claim; or else the
// ledger is damaged, and a person must look.
func (x *Executor) foreign(ctx context.Context, run *Run, key string, c claim) error {
	stored, err := x.Load(ctx, run.ID)
	if err != nil {
		return err
	}
	if stored.version != run.version {
		return fmt.Errorf("end run %s: %w", run.ID, &ledger.ConflictError{Keys: []string{runKey(run.ID)}})
	}
	return failure.Stopf("end run %s: its claim %s belongs to run %s", run.ID, key, c.Run)
}
