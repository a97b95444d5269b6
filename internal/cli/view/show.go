package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
)

// Detail is what `drover show` prints: all there is to say of a run.
type Detail struct {
	Run
	Now       *Position       `json:"now,omitempty"`    // where it stands, if it has not ended
	Subject   string          `json:"subject"`          // what it is about
	Events    []Event         `json:"events"`           // what caused the run
	Heeded    []Event         `json:"heeded,omitempty"` // what earlier runs asked to keep
	Plan      automation.Plan `json:"plan"`
	Replans   int             `json:"replans,omitempty"` // how often it was planned anew
	Retries   int             `json:"retries,omitempty"` // how often a person had it tried again
	Approved  *Asked          `json:"approved,omitempty"`
	Cancelled *Asked          `json:"cancelled,omitempty"`

	at time.Time
}

// Asked says who asked something of a run: to stop, or to go on.
type Asked struct {
	By  string    `json:"by"`
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

// OfApproval views who approved a run; nil if nobody has.
func OfApproval(a *automation.Approval) *Asked {
	if a == nil {
		return nil
	}
	return &Asked{By: a.By, Why: a.Why, At: a.At}
}

func (a Asked) line(what string) string {
	s := fmt.Sprintf("%s by %s at %s", what, a.By, at(a.At))
	if a.Why != "" {
		s += ": " + oneLine(a.Why)
	}
	return s
}

// OfDetail views a run at a moment. approved and asked are nil if nobody approved
// it, or asked it to stop.
func OfDetail(r *flow.Run, approved *automation.Approval, asked *flow.Cancellation, kinds []automation.Definition, now time.Time) Detail {
	d := Detail{
		Run: OfRun(r, kinds, now), Subject: r.Subject.Key, Plan: r.Plan.Filled(r.Values),
		Replans: r.Replans, Retries: r.Retries, at: now,
	}
	d.Plan.Notes = d.Notes
	if r.Live() {
		p := OfPosition(r, kinds, now)
		d.Now = &p
	}
	for _, e := range r.Events {
		d.Events = append(d.Events, OfEvent(e))
	}
	for _, e := range r.Kept {
		d.Heeded = append(d.Heeded, OfEvent(e))
	}
	d.Approved = OfApproval(approved)
	if asked != nil {
		d.Cancelled = &Asked{By: asked.By, Why: asked.Why, At: asked.At}
	}
	return d
}

// Text writes the run for people.
func (d Detail) Text(w io.Writer) {
	state := string(d.Outcome)
	if d.Now != nil {
		state = d.Now.heading()
	}
	fmt.Fprintf(w, "%s/%s (%s, %s): %s\n", d.Fleet, d.Automation, d.Kind, d.Region, state)
	if d.Reason != "" {
		fmt.Fprintf(w, "  %s\n", d.Reason)
	}
	if d.Now != nil {
		d.Now.text(w, d.at)
	}
	d.origin(w)
	d.planned(w)
	remarks(w, "left", d.Left)
	remarks(w, "not chosen", d.Plan.Rejected)
	notes(w, d.Plan.Notes)
	d.progress(w)
	for _, c := range d.Calls {
		c.text(w)
	}
	for _, n := range d.Notices {
		n.text(w, " ("+n.Subject+")")
	}
	if d.Next != "" {
		fmt.Fprintf(w, "  events meanwhile have caused run %s\n", d.Next)
	}
	hints(w, d.Hints)
}

// origin tells what the run is and where it comes from.
func (d Detail) origin(w io.Writer) {
	fmt.Fprintf(w, "  run %s about %s, begun %s", d.ID, d.Subject, at(d.Started))
	if d.Now == nil {
		fmt.Fprintf(w, ", ended %s, took %s", at(d.Ended), round(time.Duration(d.Took)))
	}
	if d.Latency != nil {
		fmt.Fprintf(w, "; last change acknowledged %s after the event", round(time.Duration(*d.Latency)))
	}
	fmt.Fprintln(w)
	for _, e := range d.Events {
		fmt.Fprintf(w, "  caused by: %s\n", e.line())
	}
	for _, e := range d.Heeded {
		fmt.Fprintf(w, "  heeds, from earlier: %s\n", e.line())
	}
	if d.Approved != nil {
		fmt.Fprintf(w, "  %s\n", d.Approved.line("approved"))
	}
	if d.Cancelled != nil {
		fmt.Fprintf(w, "  %s\n", d.Cancelled.line("asked to stop"))
	}
	if d.Replans > 0 {
		fmt.Fprintf(w, "  planned anew: %s\n", flow.Count(d.Replans, "time"))
	}
	if d.Retries > 0 {
		fmt.Fprintf(w, "  tried again by a person: %s\n", flow.Count(d.Retries, "time"))
	}
}

// planned tells of the plan, and what of it was done.
func (d Detail) planned(w io.Writer) {
	if d.Plan.Nothing != "" && d.Plan.Nothing != d.Reason {
		fmt.Fprintf(w, "  nothing to do: %s\n", d.Plan.Nothing)
	}
	open := slices.DeleteFunc(slices.Clone(d.Plan.Changes), func(c automation.Change) bool { return slices.ContainsFunc(d.Made, c.Same) })
	groups(w, "planned: ", "goes ", automation.GroupChanges(open))
	groups(w, "made: ", "went ", automation.GroupChanges(d.Made))
	if d.Outcome != flow.Stuck { // then they are among what is left
		remarks(w, "cannot be done", d.Plan.Stuck)
	}
}

// progress tells how far each step has come.
func (d Detail) progress(w io.Writer) {
	for _, s := range d.Steps {
		fmt.Fprintf(w, "  step %s\n", s.line(d.Now != nil && d.Now.Step == s.Name))
	}
}

func (s Step) line(present bool) string {
	text := stepText(automation.Do, s.Name, s.Title)
	if s.Begun.IsZero() {
		if present {
			return text + ": about to begin"
		}
		return text + ": not begun"
	}
	facts := []string{"begun " + at(s.Begun)}
	switch {
	case !s.Done.IsZero():
		facts = append(facts, "done "+at(s.Done))
	case !present:
		facts = append(facts, "not done")
	}
	if !s.Undone.IsZero() {
		facts = append(facts, "undone "+at(s.Undone))
	}
	if s.UndoError != "" {
		facts = append(facts, "not undone: "+oneLine(s.UndoError))
	}
	if !s.Released.IsZero() {
		facts = append(facts, "released "+at(s.Released))
	}
	if s.ReleaseError != "" {
		facts = append(facts, "not released: "+oneLine(s.ReleaseError))
	}
	facts = append(facts, flow.Count(s.Attempts, "attempt"))
	if s.Lost {
		facts = append(facts, "of one it is not known how it went")
	}
	return text + ": " + strings.Join(facts, ", ")
}

func (c Call) text(w io.Writer) {
	step := c.Step
	if c.Act != "" {
		step = c.Act + " " + step
	}
	what := c.Operation + " " + c.Resource
	if c.To != "" {
		what += " to " + c.To
	}
	fmt.Fprintf(w, "  call at %s by %s: %s, %s, took %s", at(c.At), step, what, c.Outcome, round(time.Duration(c.Took)))
	if c.Error != "" {
		fmt.Fprintf(w, ": %s", oneLine(c.Error))
	}
	fmt.Fprintln(w)
}
