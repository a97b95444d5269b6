package view

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
)

// Rollout is what `drover rollout verify` prints: how a group stands.
type Rollout struct {
	Fleet      string `json:"fleet"`
	Automation string `json:"automation"`
	Kind       string `json:"kind"`
	Region     string `json:"region"`
	OK         bool   `json:"ok"`
	app.Verification
	Hints []string `json:"hints,omitempty"`
}

// OfRollout views how the group of an automation stands.
func OfRollout(a *automation.Automation, v app.Verification) Rollout {
	return Rollout{Fleet: a.Fleet, Automation: a.Name, Kind: a.Kind.Name, Region: a.Region, OK: v.OK(), Verification: v}
}

// Text writes it for people.
func (r Rollout) Text(w io.Writer) {
	state := "as it should be"
	if !r.OK {
		state = "not as it should be"
	}
	fmt.Fprintf(w, "%s/%s (%s, %s): %s\n", r.Fleet, r.Automation, r.Kind, r.Region, state)
	for _, d := range r.Differs {
		fmt.Fprintf(w, "  differs: %s %s\n", d.Resource, d.Why)
	}
	for _, l := range r.Left {
		fmt.Fprintf(w, "  left: %s %s\n", l.Resource, l.Why)
	}
	r.launches(w)
	r.runs(w)
	for _, n := range r.Newer {
		fmt.Fprintf(w, "  newer: %s of %s %s\n", n.Image, at(n.Created), n.Why)
	}
	if r.Nothing != "" {
		fmt.Fprintf(w, "  a sweep would do nothing: %s\n", r.Nothing)
	}
	if r.Refreshing != "" {
		fmt.Fprintf(w, "  instance refresh %s of group %s is under way\n", r.Refreshing, r.Group)
	}
	if len(r.Suspended) > 0 {
		fmt.Fprintf(w, "  suspended in group %s: %s\n", r.Group, strings.Join(r.Suspended, ", "))
	}
	hints(w, r.Hints)
}

// launches tells what the group launches from.
func (r Rollout) launches(w io.Writer) {
	for _, l := range r.Launches {
		version := fmt.Sprintf("version %d", l.Number)
		if l.Version != strconv.FormatInt(l.Number, 10) {
			version = fmt.Sprintf("%s, which is version %d,", l.Version, l.Number)
		}
		fmt.Fprintf(w, "  group %s launches from %s of %s", r.Group, version, l.Template)
		if l.Name != "" {
			fmt.Fprintf(w, " (%s)", l.Name)
		}
		fmt.Fprintln(w)
		if l.Image == "" {
			fmt.Fprintf(w, "  that has no image\n")
			continue
		}
		fmt.Fprintf(w, "  that has image %s%s\n", l.Image, named(l.ImageName, l.Created))
		if l.Source != "" {
			fmt.Fprintf(w, "  a rollout has made that from %s%s\n", l.Source, named("", l.SourceCreated))
		}
	}
}

func named(name string, created time.Time) (s string) {
	if name != "" {
		s = " (" + name + ")"
	}
	if !created.IsZero() {
		s += " of " + at(created)
	}
	return s
}

// runs tells what the instances run.
func (r Rollout) runs(w io.Writer) {
	if len(r.Launches) > 0 {
		fmt.Fprintf(w, "  instances that run it: %d of %d\n", r.Current, r.Instances)
	}
	for _, m := range r.Others {
		if m.Image == "" {
			fmt.Fprintf(w, "    %s is not shown by EC2\n", m.ID)
			continue
		}
		fmt.Fprintf(w, "    %s runs %s\n", m.ID, m.Image)
	}
}
