package flow

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// How long ended runs are kept. Runs that had nothing to do are many and tell
// little.
const (
	keepRuns    = 90 * 24 * time.Hour
	keepNothing = 7 * 24 * time.Hour
)

func runKey(id string) string { return "runs/" + id }

func claimKey(fleet, automation, subject string) string {
	return "claims/" + fleet + "/" + automation + "/" + subject
}

// dueKey sorts by time. Nanoseconds since 1970 have 19 digits until the year 2286.
func dueKey(at time.Time, id string) string {
	return fmt.Sprintf("due/%019d/%s", at.UnixNano(), id)
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
	what := fmt.Sprintf("%s: %s: %v", r.Outcome, r.Reason, r.Left)
	swept := !slices.ContainsFunc(r.Events, func(e event.Event) bool { return e.Source != event.SourceDrover })
	if swept && what == c.Told && r.Ended.Sub(c.ToldAt) < remindAfter {
		r.Outbox, r.Due = nil, time.Time{}
		return
	}
	c.Told, c.ToldAt = what, r.Ended
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
// resources, so that the newer one replaces the older.
func sameMatter(a, b event.Event) bool {
	return a.Source == b.Source && a.DetailType == b.DetailType && fmt.Sprint(a.Resources) == fmt.Sprint(b.Resources)
}

// Load reads a run, or returns an error that wraps ledger.ErrNotFound.
func (x *Executor) Load(ctx context.Context, id string) (*Run, error) {
	rec, err := x.Ledger.Get(ctx, runKey(id))
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	var r Run
	if err := decode(rec.Value, &r); err != nil {
		return nil, failure.Stopf("read run %s: %w", id, err)
	}
	r.version = rec.Version
	return &r, nil
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

// runWrites stores a run and moves its entry among the due ones. before is
// when the run was due as it stands in the ledger.
func runWrites(r *Run, before time.Time) ([]ledger.Write, error) {
	value, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("store run %s: %w", r.ID, err)
	}
	var expires time.Time
	if !r.Live() && r.Due.IsZero() {
		expires = r.Ended.Add(keepRuns)
		if r.Outcome == NothingToDo {
			expires = r.Ended.Add(keepNothing)
		}
	}
	var writes []ledger.Write
	if r.version == 0 {
		writes = append(writes, ledger.Create(runKey(r.ID), value, expires))
	} else {
		writes = append(writes, ledger.Update(runKey(r.ID), r.version, value, expires))
	}
	if before.Equal(r.Due) {
		return writes, nil
	}
	if !before.IsZero() {
		writes = append(writes, ledger.Delete(dueKey(before, r.ID), 1))
	}
	if !r.Due.IsZero() {
		writes = append(writes, ledger.Create(dueKey(r.Due, r.ID), json.RawMessage(`{}`), time.Time{}))
	}
	return writes, nil
}

// packed is how a value is stored that would be too large as it is: plans
// over thousands of routes repeat themselves and shrink to a twentieth.
type packed struct {
	Gzip []byte `json:"gzip"`
}

// packAbove leaves small records readable to the naked eye.
const packAbove = 64 * 1000

func encode(v any) (json.RawMessage, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(plain) <= packAbove {
		return plain, nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	small, err := json.Marshal(packed{Gzip: b.Bytes()})
	if err != nil {
		return nil, err
	}
	if len(small) > ledger.MaxValue {
		return nil, failure.WithHint(failure.Stopf("%d bytes do not fit into a ledger record", len(plain)),
			"divide the automation into several, each for a part of the resources")
	}
	return small, nil
}

func decode(value json.RawMessage, v any) error {
	var p packed
	if err := json.Unmarshal(value, &p); err != nil {
		return err
	}
	if len(p.Gzip) == 0 {
		return json.Unmarshal(value, v)
	}
	z, err := gzip.NewReader(bytes.NewReader(p.Gzip))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

// rebuild makes the automation that a run was begun with, from what the run
// stores: a fleet file edited meanwhile does not change a run under way.
func (x *Executor) rebuild(r *Run) (*automation.Automation, error) {
	for _, d := range x.Kinds {
		if d.Name != r.Kind {
			continue
		}
		if d.Revision != r.Revision {
			return nil, failure.Stopf("run %s was begun under revision %d of %s, this program has %d", r.ID, r.Revision, r.Kind, d.Revision)
		}
		a, problems, err := d.Configure(r.Fleet, r.Automation, r.Region, r.Config)
		if err != nil {
			return nil, failure.As(failure.Stop, err)
		}
		if len(problems) > 0 {
			return nil, failure.Stopf("run %s was begun with a configuration that this program refuses: %s: got %s, wanted %s",
				r.ID, problems[0].Path, problems[0].Got, problems[0].Wanted)
		}
		return a, nil
	}
	return nil, failure.Stopf("run %s is of kind %s, which this program does not have", r.ID, r.Kind)
}
