package script

import (
	"fmt"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
)

// Moment is a line of a timeline.
type Moment struct {
	At time.Time `json:"at"` // virtual
	// Who is "operator", "aws" or "drover", or "scenario" where the file speaks.
	Who  string   `json:"who"`
	What string   `json:"what"`
	More []string `json:"more,omitempty"` // details, a line each
	// What there is after this moment; only what has changed. Routes are those
	// through interfaces, "TABLE DESTINATION" to the instance's name; Versions those
	// of launch templates, to the image of each; Groups the Auto Scaling groups, to
	// what they launch from; Parameters have their values; Pipelines say which recipe
	// they build, and how far the last build is.
	Routes     map[string]string `json:"routes,omitempty"`
	Versions   map[string]string `json:"versions,omitempty"`
	Groups     map[string]string `json:"groups,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Pipelines  map[string]string `json:"pipelines,omitempty"`
}

// told is what a timeline tells of a run that has ended, beside its outcome: the
// noun is what its changes are about, and names puts names for ids.
func told(r *flow.Run, noun string, names func(string) string) (more []string) {
	if r.Reason != "" {
		more = append(more, names(r.Reason))
	}
	reasons := map[string]bool{}
	for _, g := range automation.GroupChanges(r.Made) {
		who := together(g, noun)
		if len(g.Resources) == 2 {
			who = g.Resources[0] + " and " + g.Resources[1]
		}
		more = append(more, names(who+went(g.What, reasons)))
	}
	if n := unmade(r); n > 1 {
		more = append(more, fmt.Sprintf("all is as it was: none of the %d changes of its plan stands", n))
	} else {
		for _, g := range automation.GroupRemarks(r.Left) {
			more = append(more, names(together(g, noun)+" "+g.What))
		}
	}
	return append(more, sent(r, false)...)
}

// sent says to whom notices of a run went: those that ask for its approval, or the
// others.
func sent(r *flow.Run, asks bool) (told []string) {
	for _, notice := range r.Outbox {
		if !notice.Sent.IsZero() && notice.Asks == asks {
			told = append(told, "told "+r.Topic)
		}
	}
	return told
}

// went says what became of something, in the words of [automation.GroupChanges]. What
// comes from nothing is only said to be what it becomes; and a reason that several
// changes have is said once.
func went(what string, reasons map[string]bool) string {
	what, why, reasoned := strings.Cut(what, ", because ")
	if to, only := strings.CutPrefix(what, "to "); only {
		what = ": " + to
	} else {
		what = " went " + what
	}
	if !reasoned {
		return what
	}
	reason, more, further := strings.Cut(why, "; ")
	switch {
	case !reasons[reason]:
		reasons[reason] = true
		return what + ", because " + why
	case further:
		return what + "; " + more
	}
	return what
}

// unmade counts the changes of a run that was rolled back if nothing else is to be
// told of it: none stands.
func unmade(r *flow.Run) int {
	if r.Outcome != flow.RolledBack || len(r.Made) > 0 || len(r.Left) != len(r.Plan.Changes) {
		return 0
	}
	return len(r.Left)
}

// together names several resources in a few words.
func together(g automation.Group, noun string) string {
	if len(g.Resources) > 1 {
		return fmt.Sprintf("each of %d %s", len(g.Resources), noun)
	}
	return g.Resources[0]
}
