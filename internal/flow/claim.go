package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

func claimKey(fleet, automation, subject string) string {
	return "claims/" + fleet + "/" + automation + "/" + subject
}

// claim says which run a subject belongs to.
type claim struct {
	Run        string        `json:"run"`
	Live       bool          `json:"live"`
	Generation int           `json:"generation"` // counts the subject's runs
	Pending    []event.Event `json:"pending,omitempty"`
	Kept       []keptEvent   `json:"kept,omitempty"`
	// Told is the failure that was last notified, and when.
	Told   string    `json:"told,omitempty"`
	ToldAt time.Time `json:"toldAt,omitzero"`
	// Tried is what the subject's runs have tried, see automation.Env.
	Tried map[string]automation.Trial `json:"tried,omitempty"`

	version int64
}

// keptEvent is an event that later runs must still see.
type keptEvent struct {
	Event event.Event `json:"event"`
	Until time.Time   `json:"until"`
}

// maxPending bounds the events that wait for a live run to end. When there
// are more, the oldest go: the newest of each kind of event says what counts,
// and a run reads AWS in any case.
const maxPending = 64

// remindAfter is how often a failure that only sweeps keep finding is notified
// again. The first time, and whenever an event meets it, it is told at once.
const remindAfter = 6 * time.Hour

// tell decides whether the notice of an ended run is sent or has been told
// already.
func (c *claim) tell(r *Run) {
	if !r.Outcome.Failed() {
		c.Told, c.ToldAt = "", time.Time{}
		return
	}
	what := cloud.WithoutRequests(fmt.Sprintf("%s: %s: %v", r.Outcome, r.Reason, r.Left))
	swept := !slices.ContainsFunc(r.Events, func(e event.Event) bool { return e.Source != event.SourceDrover })
	if swept && what == c.Told && r.Ended.Sub(c.ToldAt) < remindAfter {
		r.Outbox, r.Due = r.Outbox[:max(0, len(r.Outbox)-1)], time.Time{}
		return
	}
	c.Told, c.ToldAt = what, r.Ended
}

// try remembers what a run has tried, and forgets the oldest if that is too much.
func (c *claim) try(r *Run) {
	if len(r.Trying) == 0 {
		return
	}
	tried := maps.Clone(c.Tried)
	if tried == nil {
		tried = map[string]automation.Trial{}
	}
	for _, name := range r.Trying {
		tried[name] = automation.Trial{Run: r.ID, Outcome: string(r.Outcome), Ended: r.Ended}
	}
	names := slices.SortedFunc(maps.Keys(tried), func(a, b string) int {
		return cmp.Or(tried[b].Ended.Compare(tried[a].Ended), strings.Compare(a, b))
	})
	for _, name := range names[min(len(names), automation.MaxTried):] {
		delete(tried, name)
	}
	c.Tried = tried
}

// pend adds an event to those that will cause one more run. An event of the
// same type about the same resources replaces an older one.
func (c *claim) pend(e event.Event) {
	c.Pending = append(without(c.Pending, e), e)
	if len(c.Pending) > maxPending {
		c.Pending = c.Pending[len(c.Pending)-maxPending:]
	}
}

// keep remembers an event for later runs, and forgets those whose time is up.
func (c *claim) keep(e event.Event, span time.Duration, now time.Time) {
	var kept []keptEvent
	for _, k := range c.Kept {
		if now.Before(k.Until) && !sameMatter(k.Event, e) {
			kept = append(kept, k)
		}
	}
	if span > 0 {
		kept = append(kept, keptEvent{Event: e, Until: now.Add(span)})
	}
	c.Kept = kept
}

func (c *claim) keptEvents(now time.Time) []event.Event {
	var events []event.Event
	for _, k := range c.Kept {
		if now.Before(k.Until) {
			events = append(events, k.Event)
		}
	}
	return events
}

func without(events []event.Event, e event.Event) []event.Event {
	var rest []event.Event
	for _, x := range events {
		if !sameMatter(x, e) {
			rest = append(rest, x)
		}
	}
	return rest
}

// sameMatter says whether two events are of one type and about the same
// resources, so that the newer one replaces the older. Events of CloudTrail
// name no resources: only a second delivery is the same matter.
func sameMatter(a, b event.Event) bool {
	if a.DetailType == event.TypeAPICall {
		return a.ID != "" && a.ID == b.ID
	}
	return a.Source == b.Source && a.DetailType == b.DetailType && fmt.Sprint(a.Resources) == fmt.Sprint(b.Resources)
}

func (x *Executor) loadClaim(ctx context.Context, key string) (claim, error) {
	rec, err := x.Ledger.Get(ctx, key)
	if errors.Is(err, ledger.ErrNotFound) {
		return claim{}, nil
	}
	if err != nil {
		return claim{}, fmt.Errorf("read claim %s: %w", key, err)
	}
	var c claim
	if err := decode(rec.Value, &c); err != nil {
		return claim{}, failure.Stopf("read claim %s: %w", key, err)
	}
	c.version = rec.Version
	return c, nil
}

// claimWrite stores a claim. Claims of live runs never expire.
func claimWrite(key string, c claim, now time.Time) (ledger.Write, error) {
	value, err := encode(c)
	if err != nil {
		return ledger.Write{}, fmt.Errorf("store claim %s: %w", key, err)
	}
	var expires time.Time
	if !c.Live {
		expires = now.Add(keepRuns)
	}
	if c.version == 0 {
		return ledger.Create(key, value, expires), nil
	}
	return ledger.Update(key, c.version, value, expires), nil
}
