package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
)

// Diagram draws the flow of a kind for Mermaid (https://mermaid.js.org): what
// happens one after another, what waits, and what is taken back when the run
// fails.
func Diagram(d automation.Definition) string {
	c := chart{definition: d}
	c.line("flowchart TD")
	c.line("  event([an event, or a sweep]) --> plan[plan: observe and decide]")
	c.line("  plan -->|nothing to do| nothing([nothing-to-do])")
	c.forward()
	c.backward()
	c.line("  succeeded([succeeded])")
	c.line("  rolledback([rolled-back])")
	c.line("  stuck([stuck: a person must look])")
	return c.String()
}

// chart is a flowchart that is being written. Steps are s0, s1 and so on;
// taking back step n is b0, b1 and so on.
type chart struct {
	strings.Builder
	definition automation.Definition
}

func (c *chart) line(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// forward draws the steps, and where each goes when it fails.
func (c *chart) forward() {
	steps := c.definition.Steps
	before := "plan"
	for i, s := range steps {
		label := s.Name + ": " + s.Title
		if s.Poll > 0 {
			label += fmt.Sprintf("<br/>looks every %s, for up to %s", s.Poll, s.Limit)
		}
		if s.Asks {
			label += "<br/>may wait for drover approve"
		}
		if s.Commit {
			label += "<br/>from then on nothing is undone"
		}
		c.line("  %s --> s%d[%q]", before, i, label)
		before = fmt.Sprintf("s%d", i)
	}
	c.line("  %s --> %s", before, c.taken(len(steps)-1, false, "succeeded"))
	committed := false
	for i, s := range steps {
		c.line("  s%d -.->|fails or is cancelled| %s", i, c.taken(i, !committed, "ending"))
		committed = committed || s.Commit
	}
}

// taken is what comes when the steps up to the i-th are taken back: the first
// box of that, or the ending if there is nothing to take back.
func (c *chart) taken(i int, undo bool, ending string) string {
	for ; i >= 0; i-- {
		s := c.definition.Steps[i]
		if s.Releases || undo && s.Undoes {
			return fmt.Sprintf("b%d", i)
		}
	}
	return ending
}

// backward draws what takes back each step, the last first.
func (c *chart) backward() {
	for i, s := range slices.Backward(c.definition.Steps) {
		var what []string
		if s.Undoes {
			what = append(what, "undo "+s.Name+", if the run failed")
		}
		if s.Releases {
			what = append(what, "release "+s.Name)
		}
		if len(what) == 0 {
			continue
		}
		c.line("  b%d[%q] --> %s", i, strings.Join(what, "<br/>then "), c.taken(i-1, true, "ending"))
	}
	c.line("  ending{how did it go?} --> succeeded & rolledback & stuck")
}
