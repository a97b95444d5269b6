package script

import (
	"fmt"
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
	for _, g := range automation.GroupChanges(r.Made) {
		more = append(more, names(together(g, noun)+" went "+g.What))
	}
	for _, g := range automation.GroupRemarks(r.Left) {
		more = append(more, names(together(g, noun)+" "+g.What))
	}
	for _, notice := range r.Outbox {
		if !notice.Sent.IsZero() {
			more = append(more, "told "+r.Topic)
		}
	}
	return more
}

// together names several resources in a few words.
func together(g automation.Group, noun string) string {
	if len(g.Resources) > 1 {
		return fmt.Sprintf("each of %d %s", len(g.Resources), noun)
	}
	return g.Resources[0]
}
