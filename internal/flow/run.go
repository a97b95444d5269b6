package flow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
)

// Outcome is how a run ended.
type Outcome string

const (
	// Succeeded: the plan was carried out and verified.
	Succeeded Outcome = "succeeded"
	// NothingToDo: AWS is already as it should be, or the event is not ours.
	NothingToDo Outcome = "nothing-to-do"
	// RolledBack: the run failed; AWS is as good as it was before.
	RolledBack Outcome = "rolled-back"
	// Stuck: the run failed, and a person must look. Left says at what.
	Stuck Outcome = "stuck"
)

// Failed says whether an outcome needs attention.
func (o Outcome) Failed() bool { return o == RolledBack || o == Stuck }

// Run is the record of one run. Times are in UTC.
type Run struct {
	automation.Identity
	Region   string             `json:"region"`
	Kind     string             `json:"kind"`
	Revision int                `json:"revision"`
	Config   json.RawMessage    `json:"config"`
	Topic    string             `json:"topic,omitempty"` // where notices go
	Subject  automation.Subject `json:"subject"`
	Events   []event.Event      `json:"events"`         // what caused the run
	Kept     []event.Event      `json:"kept,omitempty"` // what earlier runs asked to keep
	Created  time.Time          `json:"created"`
	// Tried is what earlier runs have tried, and Trying what this one does: see
	// automation.Env.
	Tried  map[string]automation.Trial `json:"tried,omitempty"`
	Trying []string                    `json:"trying,omitempty"`

	Plan   automation.Plan   `json:"plan"`
	State  json.RawMessage   `json:"state,omitempty"`
	Values map[string]string `json:"values,omitempty"` // what steps have provided, see automation.Env
	Marks  []Mark            `json:"marks,omitempty"`  // the steps begun so far, in their order
	Audit  []Entry           `json:"audit,omitempty"`
	// Former are the changes of plans that were replaced, for steps that had
	// acted by then: Undo takes them back as well.
	Former []automation.Change `json:"former,omitempty"`
	// Made are the changes of this plan, and of those it replaced, that AWS
	// has acknowledged and that were not taken back.
	Made []automation.Change `json:"made,omitempty"`

	// Step is where the run stands: automation.StepPlan, then each step; while
	// it unwinds, the step that is undone or released. Act says which.
	Step    string         `json:"step"`
	Act     automation.Act `json:"act"`
	Attempt int            `json:"attempt"`           // at this act, counted from 1
	Since   time.Time      `json:"since"`             // when this act was begun
	Idle    time.Duration  `json:"idle,omitempty"`    // for how long nobody was there to go on with it
	Owner   string         `json:"owner,omitempty"`   // who makes the present attempt
	Until   time.Time      `json:"until,omitzero"`    // and until when nobody else acts
	Due     time.Time      `json:"due,omitzero"`      // when the next turn is due; zero: never
	Telling bool           `json:"telling,omitempty"` // the owner makes no attempt: it sends notices
	Waiting string         `json:"waiting,omitempty"` // for what
	Replans int            `json:"replans,omitempty"`
	Retries int            `json:"retries,omitempty"` // how often a person had it tried again
	Ending  *Ending        `json:"ending,omitempty"`  // how the run is about to end; nil while it goes forward
	Quiet   time.Time      `json:"quiet,omitzero"`    // from when on AWS shows whatever was undone and released
	// Asking is what a person is to approve; nil while the run waits for nobody.
	// Approval is who has, once an attempt was told of it.
	Asking   *Asking              `json:"asking,omitempty"`
	Approval *automation.Approval `json:"approval,omitempty"`

	Outcome Outcome             `json:"outcome,omitempty"` // empty while the run is live
	Reason  string              `json:"reason,omitempty"`
	Hints   []string            `json:"hints,omitempty"`
	Left    []automation.Remark `json:"left,omitempty"` // what a person must look at
	Ended   time.Time           `json:"ended,omitzero"`
	Next    string              `json:"next,omitempty"` // the run that events meanwhile have caused
	Outbox  []Notice            `json:"outbox,omitempty"`

	version int64
}

// Entry is the audit of one mutating call, and what made it.
type Entry struct {
	Step string         `json:"step"`
	Act  automation.Act `json:"act,omitempty"`
	call.Entry
}

// change is what the call does, as a plan has it.
func (e Entry) change() automation.Change {
	return automation.Change{Operation: e.Operation, Resource: e.Resource, To: e.To}
}

// Notice is a message that leaves with the run that caused it.
type Notice struct {
	Subject  string    `json:"subject"`
	Text     string    `json:"text"`
	Asks     bool      `json:"asks,omitempty"` // for approval; it is not sent once that is over
	Attempts int       `json:"attempts,omitempty"`
	Due      time.Time `json:"due,omitzero"` // when it is to be tried again
	Sent     time.Time `json:"sent,omitzero"`
	Error    string    `json:"error,omitempty"` // of the last attempt
	GaveUp   bool      `json:"gaveUp,omitempty"`
}

// open says that a notice is still to be sent.
func (n Notice) open() bool { return n.Sent.IsZero() && !n.GaveUp }

// due says that it is to be sent now.
func (n Notice) due(now time.Time) bool { return n.open() && !now.Before(n.Due) }

// Live says whether the run has not ended.
func (r *Run) Live() bool { return r.Outcome == "" }

// Writes lists the calls that were acknowledged in carrying out the plan.
func (r *Run) Writes() []Entry {
	var writes []Entry
	for _, e := range r.Audit {
		if e.Act == automation.Do && e.Outcome == call.Done {
			writes = append(writes, e)
		}
	}
	return writes
}

// acknowledge adds to Made the plan's changes that the audit shows as done.
func (r *Run) acknowledge(entries []Entry) {
	for _, c := range r.Plan.Filled(r.Values).Changes {
		if m := r.mark(c.Step); m != nil && !m.Undone.IsZero() {
			continue // taken back by whoever overtook the attempt
		}
		done := slices.ContainsFunc(entries, func(e Entry) bool {
			return e.Step == c.Step && e.Act == automation.Do && e.Outcome == call.Done && c.Same(e.change())
		})
		if done && !slices.ContainsFunc(r.Made, c.Same) {
			r.Made = append(r.Made, c)
		}
	}
}

// undone lists the plan's changes that no acknowledged call has made.
func (r *Run) undone() []automation.Remark {
	var left []automation.Remark
	for _, c := range r.Plan.Filled(r.Values).Changes {
		if slices.ContainsFunc(r.Made, c.Same) {
			continue
		}
		why := fmt.Sprintf("is still %s, not %s", c.From, c.To)
		switch m := r.mark(c.Step); {
		case m != nil && m.Undone.IsZero() && (m.Lost || slices.ContainsFunc(r.Audit, func(e Entry) bool { return m.made(e) && c.Same(e.change()) })):
			why = "may have changed: nobody knows whether " + c.Operation + " is done"
		case c.From == "" || c.To == "" || strings.Contains(c.To, "${"):
			why = "is as it was: " + c.Operation + " is not done"
		}
		left = append(left, automation.Remark{Resource: c.Resource, Why: why})
	}
	return left
}

// replayed is how old an event is that cannot have come from EventBridge
// itself: it tries for 24 hours (shared/facts/events.md, section 1).
const replayed = 24 * time.Hour

// Latency is the time from the earliest event that caused the run to the last
// acknowledged call. It reports false if nothing was written, if no event has a
// time, or if the event was sent again by hand long afterwards.
func (r *Run) Latency() (time.Duration, bool) {
	writes := r.Writes()
	first := r.eventTime()
	if len(writes) == 0 || first.IsZero() || r.Created.Sub(first) > replayed {
		return 0, false
	}
	var last time.Time
	for _, w := range writes {
		if at := w.At.Add(w.Took); at.After(last) {
			last = at
		}
	}
	return max(0, last.Sub(first)), true
}

func (r *Run) eventTime() time.Time {
	var first time.Time
	for _, e := range r.Events {
		if !e.Time.IsZero() && (first.IsZero() || e.Time.Before(first)) {
			first = e.Time
		}
	}
	return first
}

// stepNotify is the step under which sent notices are audited. No kind can
// have a step of this name: the form of step names forbids the parentheses.
const stepNotify = "(notify)"
