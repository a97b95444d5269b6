package view

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
)

// Text writes a report for people. Every line can be read aloud, and nothing
// depends on colour.
func (r Report) Text(w io.Writer) {
	for i, result := range r.Results {
		if i > 0 {
			fmt.Fprintln(w)
		}
		result.text(w)
	}
}

func (r Result) text(w io.Writer) {
	fmt.Fprintf(w, "event: %s\n", r.Event.line())
	if r.Image != nil {
		fmt.Fprintf(w, "  %s\n", r.Image.line())
	}
	for _, reason := range r.NotWanted {
		fmt.Fprintf(w, "  %s does not want it: %s\n", reason.Automation, reason.Why)
	}
	if r.Unavailable != "" {
		fmt.Fprintf(w, "  error: %s\n", r.Unavailable)
	}
	hints(w, r.Hints)
	for _, run := range r.Runs {
		run.Text(w)
	}
	for _, plan := range r.Plans {
		plan.text(w)
	}
}

func (c Captured) line() string {
	how := "made of " + c.Instance + ", without a reboot"
	if c.Rebooted {
		how = "made of " + c.Instance + ", which was rebooted for it"
	}
	if c.Adopted {
		how += ", by an earlier attempt"
	}
	return fmt.Sprintf("image %s (%s): %s; it stays, whatever becomes of the rollout", c.ID, c.Name, how)
}

// Text writes a run for people.
func (r Run) Text(w io.Writer) {
	fmt.Fprintf(w, "%s (%s, %s): %s\n", r.Automation, r.Kind, r.Region, r.Outcome)
	if r.Reason != "" {
		fmt.Fprintf(w, "  %s\n", r.Reason)
	}
	changes(w, "went", r.Made)
	remarks(w, "left", r.Left)
	remarks(w, "not chosen", r.Rejected)
	notes(w, r.Notes)
	for _, c := range r.Calls {
		if c.Error != "" && !r.tells(c.Error) {
			fmt.Fprintf(w, "  call %s %s: %s: %s\n", c.Operation, c.Resource, c.Outcome, c.Error)
		}
	}
	r.unwound(w)
	for _, n := range r.Notices {
		n.text(w, "")
	}
	if r.Next != "" {
		fmt.Fprintf(w, "  events meanwhile have caused run %s\n", r.Next)
	}
	hints(w, r.Hints)
	if r.Earlier {
		fmt.Fprintf(w, "  handled before: ended %s\n", at(r.Ended))
	}
	fmt.Fprintf(w, "  run %s took %s", r.ID, round(time.Duration(r.Took)))
	if r.Latency != nil {
		fmt.Fprintf(w, "; last change acknowledged %s after the event", round(time.Duration(*r.Latency)))
	}
	fmt.Fprintln(w)
}

// unwound tells which steps were taken back, and which could not be.
func (r Run) unwound(w io.Writer) {
	for _, s := range r.Steps {
		if !s.Undone.IsZero() || s.UndoError != "" || s.ReleaseError != "" {
			fmt.Fprintf(w, "  step %s\n", s.line(false))
		}
	}
}

// tells says whether an error of a call is a part of what is said anyway.
func (r Run) tells(err string) bool {
	return strings.Contains(r.Reason, err) || slices.ContainsFunc(r.Notices, func(n Notice) bool { return strings.Contains(n.Error, err) })
}

func (p Plan) text(w io.Writer) {
	fmt.Fprintf(w, "%s (%s, %s): ", p.Automation, p.Kind, p.Region)
	switch n := len(p.Plan.Changes); {
	case n > 0:
		fmt.Fprintf(w, "%s to make\n", flow.Count(n, "change"))
	case len(p.Plan.Stuck) > 0:
		fmt.Fprintln(w, flow.Stuck)
	default:
		fmt.Fprintf(w, "%s\n  %s\n", flow.NothingToDo, p.Plan.Nothing)
	}
	changes(w, "goes", p.Plan.Changes)
	remarks(w, "cannot be done", p.Plan.Stuck)
	remarks(w, "not chosen", p.Plan.Rejected)
	notes(w, p.Plan.Notes)
	if p.Trail != "" {
		notes(w, []string{p.Trail})
	}
	hints(w, p.Hints)
}

// changes says of each what it goes, or went, from and to.
func changes(w io.Writer, verb string, list []automation.Change) {
	groups(w, "", verb+" ", automation.GroupChanges(list))
}

func remarks(w io.Writer, title string, list []automation.Remark) {
	groups(w, title+": ", "", automation.GroupRemarks(list))
}

// groups writes what is said of several resources once, and the resources
// below; what is said of a single one is written in a line.
func groups(w io.Writer, title, verb string, list []automation.Group) {
	for _, g := range list {
		if len(g.Resources) == 1 {
			fmt.Fprintf(w, "  %s%s %s%s\n", title, g.Resources[0], verb, g.What)
			continue
		}
		fmt.Fprintf(w, "  %s%s %d %s%s:\n", title, "each of these", len(g.Resources), verb, g.What)
		for _, r := range g.Resources {
			fmt.Fprintf(w, "    %s\n", r)
		}
	}
}

// text says what became of a notice, and more of it where it was sent.
func (n Notice) text(w io.Writer, more string) {
	switch {
	case !n.Sent.IsZero():
		fmt.Fprintf(w, "  notice sent to %s%s\n", n.Topic, more)
	case n.Error != "":
		fmt.Fprintf(w, "  notice not sent to %s: %s\n", n.Topic, n.Error)
	default:
		fmt.Fprintf(w, "  notice to be sent to %s%s\n", n.Topic, more)
	}
}

func notes(w io.Writer, list []string) {
	for _, n := range list {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
}

func hints(w io.Writer, list []string) {
	for _, h := range list {
		fmt.Fprintf(w, "  next: %s\n", h)
	}
}

// round keeps what matters of a duration: three figures or so.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}

func seconds(d time.Duration) string {
	s := strconv.FormatFloat(d.Seconds(), 'f', 6, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
