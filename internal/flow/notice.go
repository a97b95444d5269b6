package flow

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// maxSubject is the length of an SNS subject
// (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
const maxSubject = 100

// maxListed bounds the resources that a notice lists for one reason; a message of more than
// 256 KB would not be delivered at all.
const maxListed = 100

// notice tells how a run ended: what changed from what to what and why, how
// long it took, what is left.
func notice(r *Run) Notice {
	return Notice{Subject: subjectLine(r), Text: text(r)}
}

func subjectLine(r *Run) string {
	s := fmt.Sprintf("drover %s/%s: %s", r.Fleet, r.Automation, r.Outcome)
	if n := len(r.Made); n > 0 {
		s += fmt.Sprintf(", %s", Count(n, "change"))
	}
	// AWS wants ASCII without line breaks; names are restricted to that.
	return s[:min(len(s), maxSubject)]
}

func text(r *Run) string {
	var l letter
	l.line("%s: %s", about(r), r.Outcome)
	if r.Reason != "" {
		l.line("%s", r.Reason)
	}
	l.changes("Changed", r.Made)
	if n := len(r.Plan.Changes); r.Outcome == RolledBack && len(r.Made) == 0 && n > few {
		l.line("None of the %d changes of its plan stands: all is as it was.", n)
	} else {
		for _, g := range automation.GroupRemarks(r.Left) {
			l.list("Left for a person to look at: "+g.What, g.Resources)
		}
	}
	l.list("Next", r.Hints)
	l.list("Worth knowing", r.Plan.Told(r.Values))
	l.causes(r)
	if a := r.Approval; a != nil {
		l.line("It was %s, at %s.", a, a.At.UTC().Format(time.RFC3339))
	}
	l.line("Run %s took %s%s.", r.ID, r.Ended.Sub(r.Created).Round(time.Millisecond), r.spent())
	if span, ok := r.Latency(); ok {
		l.line("The last change was acknowledged %s after the event.", span.Round(time.Millisecond))
	}
	return l.String()
}

// spent says which steps have taken how long of a run that took longer than a minute.
func (r *Run) spent() string {
	if r.Ended.Sub(r.Created) < time.Minute {
		return ""
	}
	var steps []string
	for _, m := range r.Marks {
		if took := m.Done.Sub(m.Begun); !m.Done.IsZero() && took >= time.Second {
			steps = append(steps, fmt.Sprintf("%s %s", m.Step, took.Round(time.Second)))
		}
	}
	if len(steps) == 0 {
		return ""
	}
	return ": " + strings.Join(steps, ", ")
}

// request tells that a run waits for a person to approve it: of what, what has
// changed so far and what is yet to change, what to type, and how long it waits.
func request(r *Run) Notice {
	var l letter
	l.line("%s: a person is to approve %s", about(r), r.Asking.What)
	l.changes("Changed", r.Made)
	l.changes("To change", slices.DeleteFunc(slices.Clone(r.Plan.Filled(r.Values).Changes), func(c automation.Change) bool {
		return slices.ContainsFunc(r.Made, c.Same)
	}))
	for _, g := range automation.GroupRemarks(r.Plan.Stuck) {
		l.list("Cannot be done: "+g.What, g.Resources)
	}
	l.list("Next", []string{
		"drover approve " + r.ID + ", to have it go on",
		"drover cancel " + r.ID + ", to have it stop and take back what it has done",
	})
	l.list("Worth knowing", r.Plan.Told(r.Values))
	l.causes(r)
	l.line("Run %s waits until %s, and then gives up.", r.ID, r.Asking.Until.UTC().Format(time.RFC3339))
	subject := fmt.Sprintf("drover %s/%s: to be approved", r.Fleet, r.Automation)
	return Notice{Subject: subject[:min(len(subject), maxSubject)], Text: l.String(), Asks: true}
}

// few changes are each named when they do not stand.
const few = 3

// about names a run by what it is of.
func about(r *Run) string {
	return fmt.Sprintf("%s (%s) of fleet %s in %s", r.Automation, r.Kind, r.Fleet, r.Region)
}

// letter is the text of a notice that is being written.
type letter struct{ strings.Builder }

func (l *letter) line(format string, args ...any) { fmt.Fprintf(l, format+"\n", args...) }

func (l *letter) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	l.line("\n%s:", title)
	for i, item := range items {
		if i == maxListed {
			l.line("  and %d more", len(items)-maxListed)
			break
		}
		l.line("  %s", item)
	}
}

func (l *letter) changes(verb string, changes []automation.Change) {
	for _, g := range automation.GroupChanges(changes) {
		l.list(verb+" "+g.What, g.Resources)
	}
}

func (l *letter) causes(r *Run) {
	l.line("")
	for _, e := range r.Events {
		l.line("Caused by %s", Cause(e))
	}
}

// Cause names an event in a line.
func Cause(e event.Event) string {
	s := e.DetailType
	if len(e.Resources) > 0 {
		s += " of " + strings.Join(e.Resources, ", ")
	}
	if !e.Time.IsZero() {
		s += " at " + e.Time.UTC().Format(time.RFC3339)
	}
	if e.ID != "" {
		s += " (" + e.ID + ")"
	}
	return s
}

// Count is a number of things, in words.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
