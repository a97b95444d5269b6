package view

import (
	"fmt"
	"io"
)

// Approval is what `drover approve` prints: the run, and who approved it.
type Approval struct {
	Brief
	Earlier bool     `json:"earlier,omitempty"` // it was approved before, and that counts
	Hints   []string `json:"hints,omitempty"`
}

// Text writes the approval for people.
func (a Approval) Text(w io.Writer) {
	fmt.Fprintf(w, "%s/%s (%s, %s): ", a.Fleet, a.Automation, a.Kind, a.Region)
	verb := "approved"
	if a.Earlier {
		verb = "already approved"
	}
	fmt.Fprintln(w, a.Approved.line(verb))
	if p := a.Now; p != nil {
		fmt.Fprintf(w, "  at %s\n", p.heading())
		switch {
		case p.Asks == "":
			fmt.Fprintf(w, "  it does not wait for that now\n")
		case !p.Looks.IsZero():
			fmt.Fprintf(w, "  it goes on with %s at %s at the latest\n", p.Asks, at(p.Looks))
		default:
			fmt.Fprintf(w, "  nobody has been at it since %s\n", at(p.Idle))
		}
		for _, t := range p.Then {
			fmt.Fprintf(w, "  then %s\n", t)
		}
	}
	fmt.Fprintf(w, "  run %s, begun %s\n", a.ID, at(a.Started))
	hints(w, a.Hints)
}
