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

// Position is where a live run stands.
type Position struct {
	Step   string         `json:"step"`
	Act    automation.Act `json:"act"`
	Title  string         `json:"title,omitempty"`
	Number int            `json:"number,omitempty"` // of the step among all, from 1; absent while planning
	Of     int            `json:"of,omitempty"`
	// Attempt is the one that is being made, or else how many were.
	Attempt int       `json:"attempt,omitempty"`
	Since   time.Time `json:"since"`                // when this act was begun
	Waiting string    `json:"waitingFor,omitempty"` // and with it:
	Asks    string    `json:"asks,omitempty"`       // what of that a person is to approve
	Looks   time.Time `json:"looksAgain,omitzero"`  // when the next attempt is due
	GivesUp time.Time `json:"givesUp,omitzero"`     // when the time for this act is up
	Owner   string    `json:"owner,omitempty"`      // who makes the attempt, and with it:
	Until   time.Time `json:"until,omitzero"`       // until when nobody else acts
	// Idle is since when somebody ought to be at the run and nobody is.
	Idle time.Time `json:"idle,omitzero"`
	// Ending is how the run is about to end, while it takes back what it has
	// done and gives back what it needed; Why is the reason.
	Ending flow.Outcome `json:"ending,omitempty"`
	Why    string       `json:"why,omitempty"`
	// Then is what follows, if nothing goes wrong.
	Then []string `json:"then,omitempty"`
}

// grace is how late a turn may be before a run counts as left alone: whoever
// waits for it looks several times a second.
const grace = 10 * time.Second

// OfPosition views where a live run stands at a moment.
func OfPosition(r *flow.Run, kinds []automation.Definition, now time.Time) Position {
	steps := declared(r, kinds)
	p := Position{
		Step: r.Step, Act: r.Act, Attempt: r.Attempt, Since: r.Since,
		Waiting: r.Waiting, Owner: r.Owner, Until: r.Until, Then: following(r, steps),
	}
	if r.Waiting != "" {
		p.Looks = r.Due
	}
	switch step, ok := info(steps, r.Step); {
	case r.Step == automation.StepPlan:
		p.Title, p.GivesUp = "observe and decide", r.Since.Add(automation.PlanLimit)
	case ok:
		p.Title, p.GivesUp = step.Title, r.Since.Add(step.Limit)
		p.Number = 1 + slices.IndexFunc(steps, func(s automation.StepInfo) bool { return s.Name == r.Step })
		p.Of = len(steps)
	}
	if r.Telling { // nobody makes an attempt
		p.Owner, p.Until = "", time.Time{}
	}
	if a := r.Asking; a != nil {
		p.Asks = a.What
		if p.GivesUp.IsZero() || a.Until.Before(p.GivesUp) {
			p.GivesUp = a.Until
		}
	}
	if r.Ending != nil {
		p.Ending, p.Why = r.Ending.Outcome, r.Ending.Reason
	}
	if expected := latest(r.Due, r.Until); now.After(expected.Add(grace)) {
		p.Idle, p.Looks = expected, time.Time{}
	}
	return p
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// following lists what comes after the present act.
func following(r *flow.Run, steps []automation.StepInfo) []string {
	var then []string
	if r.Ending == nil {
		for _, s := range steps {
			if m, begun := markOf(r, s.Name); s.Name != r.Step && (!begun || m.Done.IsZero()) {
				then = append(then, stepText(automation.Do, s.Name, s.Title))
			}
		}
		return then
	}
	for _, t := range takenBack(r, steps, r.Ending.Undo) {
		if t.act != r.Act || t.step.Name != r.Step {
			then = append(then, stepText(t.act, t.step.Name, t.step.Title))
		}
	}
	return then
}

type turn struct {
	act  automation.Act
	step automation.StepInfo
}

// takenBack lists the acts by which a run unwinds, in their order.
func takenBack(r *flow.Run, steps []automation.StepInfo, undo bool) []turn {
	var turns []turn
	for _, m := range slices.Backward(r.Marks) {
		step, _ := info(steps, m.Step)
		if undo && step.Undoes && m.Undone.IsZero() && m.UndoError == "" {
			turns = append(turns, turn{automation.Undo, step})
		}
		if step.Releases && m.Released.IsZero() && m.ReleaseError == "" {
			turns = append(turns, turn{automation.Release, step})
		}
	}
	return turns
}

func markOf(r *flow.Run, step string) (flow.Mark, bool) {
	for _, m := range r.Marks {
		if m.Step == step {
			return m, true
		}
	}
	return flow.Mark{}, false
}

func stepText(act automation.Act, name, title string) string {
	s := map[automation.Act]string{automation.Undo: "undo ", automation.Release: "release "}[act] + name
	if title != "" {
		s += ": " + title
	}
	return s
}

// Line is the position in a few words: what is done, what it waits for, for how
// long, and until when at the latest.
func (p Position) Line(now time.Time) string {
	s := p.Title
	if s == "" {
		s = p.Step
	}
	if p.Of > 1 && p.Act == automation.Do {
		s = fmt.Sprintf("step %d of %d, %s", p.Number, p.Of, s)
	}
	switch p.Act {
	case automation.Undo:
		s = "undoing: " + s
	case automation.Release:
		s = "releasing: " + s
	case automation.Do:
	}
	if p.Waiting != "" {
		s += ": waiting for " + oneLine(p.Waiting)
	}
	s += ", for " + elapsed(now.Sub(p.Since)).String()
	if p.Waiting != "" && !p.GivesUp.IsZero() {
		s += ", until " + p.GivesUp.UTC().Format("15:04:05Z") + " at the latest"
	}
	return s
}

func (p Position) text(w io.Writer, now time.Time) {
	line := func(format string, args ...any) { fmt.Fprintf(w, "  "+format+"\n", args...) }
	if p.Waiting != "" {
		line("waiting for %s", p.Waiting)
	}
	s := fmt.Sprintf("since %s, for %s", at(p.Since), elapsed(now.Sub(p.Since)))
	if !p.Looks.IsZero() {
		s += "; looks again at " + at(p.Looks)
	}
	if !p.GivesUp.IsZero() {
		s += "; gives up at " + at(p.GivesUp)
	}
	line("%s", s)
	switch {
	case p.Owner != "":
		line("attempt %d, made by %s, who has until %s", p.Attempt, p.Owner, at(p.Until))
	case p.Attempt > 0:
		line("%s so far", flow.Count(p.Attempt, "attempt"))
	}
	if !p.Idle.IsZero() {
		line("nobody has been at it since %s", at(p.Idle))
	}
	if p.Ending != "" {
		line("about to end %s: %s", p.Ending, p.Why)
	}
	for _, t := range p.Then {
		line("then %s", t)
	}
}

// heading names the present act.
func (p Position) heading() string {
	s := stepText(automation.Do, p.Step, p.Title)
	if p.Number > 0 {
		s = fmt.Sprintf("step %d of %d, %s", p.Number, p.Of, s)
	}
	switch p.Act {
	case automation.Undo:
		return "undoing " + s
	case automation.Release:
		return "releasing " + s
	case automation.Do:
	}
	return s
}

// at is a moment for people, to the second.
func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// elapsed is a time that goes on: whole seconds of it.
func elapsed(d time.Duration) time.Duration { return max(0, d).Truncate(time.Second) }

// oneLine makes one line of several.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
