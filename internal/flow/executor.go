package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// maxRaces bounds how often a write is decided anew because somebody else was
// faster. Each loss means that somebody else made progress.
const maxRaces = 50

// idTime is the time in a run's id, so that ids sort by it.
const idTime = "20060102-150405"

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
	// Watch, if not nil, is told of a live run each time it is about to be
	// waited for: what it waits for, and until when. It must not block.
	Watch func(*Run)
	// Ended, if not nil, is told of every run that this process has ended. It must
	// not block.
	Ended func(*Run)
	// Owner names this process. It must differ between processes that share a
	// ledger.
	Owner string
}

// Started says what became of an event.
type Started struct {
	// Run is the run that handles the event; with Joined, the run at work now.
	Run string
	// Joined: the subject has a live run. When it ends one more run follows,
	// and that one handles the event.
	Joined bool
}

// Alongside makes writes that happen together with the claim of an event, or the
// claim does not happen either. It is asked again after a lost race. Its error is
// that of Start.
type Alongside func(context.Context) ([]ledger.Write, error)

// Start records that an event is to be handled: it claims the subject and
// begins a run, or joins the one that is live. It does not act yet.
func (x *Executor) Start(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, e event.Event, alongside ...Alongside) (Started, error) {
	key := claimKey(a.Fleet, a.Name, subject.Key)
	for range maxRaces {
		c, err := x.loadClaim(ctx, key)
		if err != nil {
			return Started{}, err
		}
		now := x.now()
		var writes []ledger.Write
		for _, along := range alongside {
			more, err := along(ctx)
			if err != nil {
				return Started{}, err
			}
			writes = append(writes, more...)
		}
		if c.version > 0 && subject.Mode == automation.Once {
			if len(writes) == 0 {
				return Started{Run: c.Run}, nil
			}
			err := x.Ledger.Write(ctx, append(writes, ledger.Expect(key, c.version))...)
			if ledger.IsConflict(err) {
				continue
			}
			return Started{Run: c.Run}, err
		}
		kept := c.keptEvents(now)
		c.keep(e, subject.Keep, now)
		started := Started{Run: c.Run, Joined: true}
		if c.Live {
			c.pend(e)
		} else {
			run, err := x.begin(ctx, Run{
				Identity: automation.Identity{Fleet: a.Fleet, Automation: a.Name},
				Region:   a.Region, Kind: a.Kind.Name, Revision: a.Kind.Revision, Config: a.Config, Topic: topic,
				Subject: subject, Events: []event.Event{e}, Kept: without(kept, e),
			}, &c)
			if err != nil {
				return Started{}, err
			}
			begun, err := runWrites(run, time.Time{})
			if err != nil {
				return Started{}, err
			}
			writes = append(writes, begun...)
			started = Started{Run: run.ID}
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

// begin makes a new run of what it is about and what caused it, and points the
// claim at it.
func (x *Executor) begin(ctx context.Context, run Run, c *claim) (*Run, error) {
	identity, err := x.Ledger.Identity(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's identity: %w", err)
	}
	now := x.now()
	c.Generation++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d", identity, run.Fleet, run.Automation, run.Subject.Key, c.Generation))
	run.ID, run.Ledger = now.Format(idTime)+"-"+hex.EncodeToString(sum[:4]), identity
	run.Step, run.Act = automation.StepPlan, automation.Do
	run.Created, run.Since, run.Due = now, now, now
	run.Tried = c.Tried
	c.Run, c.Live, c.Pending = run.ID, true, nil
	return &run, nil
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
