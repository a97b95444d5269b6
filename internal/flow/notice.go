package flow

import (
	"fmt"
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
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s (%s) of fleet %s in %s: %s", r.Automation, r.Kind, r.Fleet, r.Region, r.Outcome)
	if r.Reason != "" {
		line("%s", r.Reason)
	}
	list := func(title string, items []string) {
		if len(items) == 0 {
			return
		}
		line("\n%s:", title)
		for i, item := range items {
			if i == maxListed {
				line("  and %d more", len(items)-maxListed)
				break
			}
			line("  %s", item)
		}
	}
	for _, g := range automation.GroupChanges(r.Made) {
		list("Changed "+g.What, g.Resources)
	}
	for _, g := range automation.GroupRemarks(r.Left) {
		list("Left for a person to look at: "+g.What, g.Resources)
	}
	list("Next", r.Hints)
	list("Worth knowing", r.Plan.Told(r.Values))
	line("")
	for _, e := range r.Events {
		line("Caused by %s", Cause(e))
	}
	line("Run %s took %s.", r.ID, r.Ended.Sub(r.Created).Round(time.Millisecond))
	if l, ok := r.Latency(); ok {
		line("The last change was acknowledged %s after the event.", l.Round(time.Millisecond))
	}
	return b.String()
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
