package automation

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// Env is what every turn of every kind is given.
type Env struct {
	// Run says whose turn it is.
	Run Identity
	// Events caused the run, oldest first, followed by those that earlier runs
	// about the same subject asked to keep.
	Events []event.Event
	// Attempt counts the attempts at this act of this step, from 1.
	Attempt int
	// Since is when the first attempt at this act of this step began.
	Since time.Time
	// Settled is, for Undo and Release, from when on AWS shows whatever the
	// step has done: no call of its attempts is under way any more, and a read
	// sees what they did. See Absent.
	Settled time.Time
	// Plan is what the steps carry out; empty while observing. Values that
	// steps have provided are filled in.
	Plan Plan
	// Values are what steps have provided, by "STEP.NAME". See Provide.
	Values map[string]string
	// Tried is what earlier runs about the same subject have tried, and how they
	// ended. See Try.
	Tried map[string]Trial
	// Trying is what this run tries. See Try.
	Trying map[string]bool
	// Approval is who has approved the run, and Asked when that was first asked
	// for. They are only read for a step that Asks. See Approved.
	Approval *Approval
	Asked    time.Time
	// AWS are the clients for the automation's region.
	AWS *cloud.Clients
	// Clock tells the time. Steps never sleep: they return a Wait.
	Clock clock.Clock
	// Log carries the run's id.
	Log *slog.Logger
}

// Provide sets a value that was not known when the plan was made: from now on
// the plan has it in place of "${STEP.NAME}". It is stored with the run.
func (e Env) Provide(step, name, value string) { e.Values[step+"."+name] = value }

// Try writes down that the run tries something, by a name of the kind's choice
// that is good for the subject, such as the id of an image. Later runs about the
// subject find it among Tried once this one has ended: a kind whose attempts are
// dear does not begin the same one again with every event and every sweep. The
// newest MaxTried are remembered, for as long as runs are. It is stored when the
// attempt ends: call it in a step before the first that changes AWS.
func (e Env) Try(name string) { e.Trying[name] = true }

// Forget takes back what Try has written down: the run is given up for a reason that
// does not speak against what it tries.
func (e Env) Forget(name string) { delete(e.Trying, name) }

// MaxTried is how many names are remembered of a subject.
const MaxTried = 50

// Trial is how a run has ended that tried something.
type Trial struct {
	Run     string    `json:"run"`
	Outcome string    `json:"outcome"` // such as "rolled-back"
	Ended   time.Time `json:"ended"`
}

// Absent is what an Undo or Release returns that has found nothing of its
// step in AWS. Before Settled that proves nothing, since a call of an attempt
// that died may still arrive, and a read may lag behind: the error then waits.
func (e Env) Absent(what string) error {
	if e.Clock.Now().Before(e.Settled) {
		return failure.Waitf(e.Settled, "certainty that there is no %s", what)
	}
	return nil
}

// Await is what Observe or a step returns of a read that may be behind what is known
// otherwise, such as an event: the error waits for what is to be read, and has it
// looked for again after some time. It is nil if that is empty, and when the act has
// gone on for the limit: then the read is believed.
func (e Env) Await(what string, every, limit time.Duration) error {
	now := e.Clock.Now()
	if what == "" || now.Sub(e.Since) >= limit {
		return nil
	}
	return failure.Waitf(now.Add(every), "%s", what)
}

// Identity is what a run is known by, and what it writes on what it creates.
type Identity struct {
	ID         string `json:"id"`
	Fleet      string `json:"fleet"`
	Automation string `json:"automation"`
	Ledger     string `json:"ledger"`
}

// Token is a client token that is the same for the same act of the same run: 64
// characters, the most that EC2 and Image Builder take (shared/facts/apis.md 1.2 and
// 5). The parts are texts and numbers.
func (i Identity) Token(parts ...any) string {
	text := []byte(i.ID)
	for _, part := range parts {
		text = fmt.Appendf(text, " %q", fmt.Sprint(part))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Turn is what Observe and the steps of a kind work on. State is stored after
// every turn, even when the turn ends in an error.
type Turn[C, S any] struct {
	Env
	Config C
	State  S
}

// Replan is the error of a step that finds its plan out of date: the world has
// changed, observe and decide again. It is honoured until a step for which the
// plan has changes is done; those done by then are gone through once more.
type Replan struct{ Why string }

func (r *Replan) Error() string { return "the plan is out of date: " + r.Why }

// Join makes one error of those of several changes, so that its class leads on: a
// plan that is out of date comes first, then what is worth another attempt, then what
// is not. It is nil if all are.
func Join(errs []error) error {
	var replan *Replan
	var again, final []error
	for _, err := range errs {
		switch {
		case err == nil:
		case errors.As(err, &replan):
		case failure.ClassOf(err) == failure.Retry:
			again = append(again, err)
		default:
			final = append(final, err)
		}
	}
	if replan != nil {
		return replan
	}
	return errors.Join(append(again, final...)...)
}
