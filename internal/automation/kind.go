package automation

import (
	"context"
	"time"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/schedule"
)

// Kind declares an automation. C is its configuration: a struct with json
// tags whose values survive a JSON round trip. S is its state: what Observe
// learned and what steps must remember; it is stored with the run as JSON, so
// keep it small and only ever add to it.
type Kind[C, S any] struct {
	// Name is what a fleet file says under "kind". It is never changed.
	Name string
	// Title says in half a sentence what the automation does.
	Title string
	// Since is the release that brought the kind.
	Since string
	// Revision counts incompatible changes to the meaning of stored state. A
	// run that was begun under another revision is not continued.
	Revision int

	// Check reports everything that is wrong with a configuration beyond what
	// its schema says. It may be nil.
	Check func(C) []Problem
	// Defaults fills in what the user left out. It may be nil.
	Defaults func(*C)
	// Claims names what the configuration changes: two automations of one
	// fleet that claim the same thing would undo each other and are refused.
	Claims func(C) []Claim
	// Listen lists the AWS events that concern this configuration. Local routing,
	// rendered rules and documentation come from here alone.
	Listen func(C) []Trigger
	// Sweep is when to look, without an event, for what lost events left behind.
	// Every kind has a sweep: delivery of events is best effort.
	Sweep func(C) schedule.Schedule
	// About says which business key an event is about. It is only asked about
	// events that a trigger matched; false means: not ours after all.
	About func(C, event.Event) (Subject, bool)
	// Needs lists the permissions for Observe.
	Needs func(C) []iam.Need
	// Poll is the shortest time from one look at AWS to the next while Observe
	// waits; zero stands for a second, or for less on a machine of one's own.
	Poll time.Duration
	// Observe reads AWS into the turn's State. It must not change anything;
	// the write guard sees to that.
	Observe func(context.Context, *Turn[C, S]) error
	// Decide turns an observation into a plan. It is pure.
	Decide func(C, S, time.Time) Plan
	// Steps carry the plan out, in order.
	Steps []Step[C, S]
}

// Step is one unit of work. What it does is called again after a crash at any
// instruction, and must then adopt what it did before: it looks for it in AWS,
// by tag, name or token, and does not trust the run's state to know of it.
type Step[C, S any] struct {
	// Name is stored in runs and never renamed once released.
	Name string
	// Title says what the step does, for people.
	Title string
	// Attempt is the deadline of one attempt. An attempt owns the step for
	// that long and a slack; nobody else acts on it before.
	Attempt time.Duration
	// Limit bounds all attempts together: those at Do, and again those at Undo
	// and at Release.
	Limit time.Duration
	// Poll is the shortest time from one look at AWS to the next while the
	// step waits. It is what says that the step can wait at all for longer
	// than an attempt; zero stands for a second.
	Poll time.Duration
	// Needs lists the permissions for Do, Undo and Release.
	Needs func(C) []iam.Need
	// Do carries out the plan's changes for this step. It returns nil when
	// that is done, and otherwise an error whose class (internal/failure) says
	// what happens next.
	Do func(context.Context, *Turn[C, S]) error
	// Undo takes back what Do has done, or may have done, when the run fails or
	// is cancelled. It is called for every step that was begun, the last one
	// first. Having found nothing to take back, it returns Env.Absent. Nil: what
	// the step does cannot be, or need not be, taken back.
	Undo func(context.Context, *Turn[C, S]) error
	// Release gives back what the step only needed for the run, however the run
	// ends: a machine is terminated, a hold lifted. It is called for every step
	// that was begun, after its Undo if there is one. It may be nil.
	Release func(context.Context, *Turn[C, S]) error
	// Within names an earlier step whose Undo or Release takes back what this one does
	// too: what is done to a machine is gone with the machine. It stands in place of an
	// Undo.
	Within string
	// Commit says that once this step is done nothing is undone any more.
	Commit bool
	// Asks says that Do may ask a person to approve the run: see Env.Approved. The
	// step looks for that every Poll.
	Asks bool
}

// Subject is what a run is about.
type Subject struct {
	// Key is a business key built from AWS identities, never an event's id.
	Key string `json:"key"`
	// Mode says what a second event for the same key means.
	Mode Mode `json:"mode"`
	// Keep is for how long later runs about the same key still see this event,
	// because no read of AWS shows what it told. Zero keeps it for this run only.
	Keep time.Duration `json:"keep,omitempty"`
}

// Mode says what happens to an event whose key has been seen before.
type Mode string

const (
	// Once: a key is handled a single time. A key that ended reports that; one
	// that is live is left alone.
	Once Mode = "once"
	// Latest: one run per key at a time. Events meanwhile cause one more run.
	Latest Mode = "latest"
)

// Claim is something that at most one automation of a fleet may change.
// Resource names it, such as "routes of vpc-1". Parts narrows it, such as to
// certain tables; two claims on one resource collide when either has no parts
// or some name fits a part of each. A part may hold wildcards, see the package
// wildcard.
type Claim struct {
	Resource string
	Parts    []string
	// Where narrows it to what has these tags. Nothing has two values of one tag,
	// so claims that want different ones do not collide.
	Where map[string]string
	// Path is where in the configuration the claim is made.
	Path string
}

// Problem is something wrong with a configuration.
type Problem struct {
	Path   string // within the configuration, such as "members[1].interface"
	Got    string
	Wanted string
}

// Trigger is one reason to run.
type Trigger struct {
	// Name is constant and unique within the kind; rules are named after it.
	Name string
	// Title says for people when this happens.
	Title string
	// Pattern chooses the events.
	Pattern event.Pattern
	// Schedule, if not zero, raises the sweep event that the pattern matches.
	// Kinds leave it zero: their events come from AWS, and the sweep is added for
	// them.
	Schedule schedule.Schedule
}
