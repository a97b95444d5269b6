package groupfollowstemplate

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/wildcard"
)

// The call that a plan consists of. It is spelled out here because a decision
// knows no AWS; a test holds it against what the audit derives from the call.
const (
	stepSet  = "set-version"
	opUpdate = "autoscaling:UpdateAutoScalingGroup"
)

// decide says which groups get which version.
func decide(c Config, s State, _ time.Time) automation.Plan {
	d := decision{config: c, state: s}
	groups := slices.Clone(s.Groups)
	sortGroups(groups)
	for _, g := range groups {
		d.group(g)
	}
	d.missing()
	automation.SortRemarks(d.plan.Rejected)
	if len(d.plan.Changes) == 0 && len(d.plan.Stuck) == 0 {
		d.plan.Nothing = d.nothing()
	}
	return d.plan
}

// decision is a decision in the making.
type decision struct {
	config  Config
	state   State
	plan    automation.Plan
	follows int // groups that are as they should be
}

func (d *decision) group(g Group) {
	if why := d.unfit(g); why != "" {
		d.plan.Rejected = append(d.plan.Rejected, automation.Remark{Resource: g.Name, Why: why})
		return
	}
	to, why, ok := target(d.config, d.state, g)
	switch {
	case !ok:
		d.plan.Stuck = append(d.plan.Stuck, automation.Remark{Resource: g.Name, Why: why})
		return
	case g.version() == to:
		d.follows++
		return
	}
	d.plan.Changes = append(d.plan.Changes, automation.Change{
		Step: stepSet, Operation: opUpdate, Resource: g.Name,
		From: g.at(g.version()), To: g.at(to), Why: why,
	})
	if g.Own > 0 {
		d.plan.Notes = append(d.plan.Notes, fmt.Sprintf("%s: %s of its policy %s a launch template of %s own, whose version stays as it is",
			g.Name, count(g.Own, "override"), verb(g.Own, "names", "name"), verb(g.Own, "its", "their")))
	}
}

// unfit says why a group is left alone; "" if it is not.
func (d *decision) unfit(g Group) string {
	switch {
	case g.Status != "":
		return "is being deleted: " + g.Status
	case g.launches() == "" && g.Configuration != "":
		return fmt.Sprintf("launches from the launch configuration %s, which has no versions; give it a launch template", g.Configuration)
	case g.launches() == "":
		return "launches from no launch template"
	case !d.config.allows(g.Template):
		return fmt.Sprintf("launches from %s, which is none of templates", g.launches())
	case slices.Contains(d.state.Refreshing, g.Name):
		return "is in an instance refresh with a desired configuration, during which AWS keeps what it launches from; the sweep comes back to it"
	}
	return ""
}

// target is the version that a group ought to launch from, and why; or why that
// cannot be.
func target(c Config, s State, g Group) (to, why string, ok bool) {
	if c.Version != NewestNumber {
		return string(c.Version), fmt.Sprintf("the fleet file says %s", c.Version), true
	}
	t, ok := s.template(g)
	if !ok {
		return "", fmt.Sprintf("cannot launch: its launch template %s does not exist", g.launches()), false
	}
	to = strconv.FormatInt(t.Newest, 10)
	return to, fmt.Sprintf("%s is the newest version of its template, and the fleet file says %s", to, NewestNumber), true
}

// missing tells of groups that are listed by name and are not there, since the
// name may be misspelt. One with other tags than asked for is no mistake.
func (d *decision) missing() {
	for _, name := range d.config.Groups {
		if _, ok := d.state.group(name); !ok && wildcard.Literal(name) && len(d.config.Tags) == 0 {
			d.plan.Rejected = append(d.plan.Rejected, automation.Remark{Resource: name, Why: "does not exist"})
		}
	}
}

func (d *decision) nothing() string {
	left := len(d.state.Groups) - d.follows
	switch {
	case len(d.state.Groups) == 0:
		return "there is no group " + d.config.scope()
	case left == 0:
		return fmt.Sprintf("%s %s already", all(d.follows), d.manner(d.follows))
	case d.follows == 0:
		return fmt.Sprintf("%s be changed", verb(left, "the only group cannot", fmt.Sprintf("none of %d groups can", left)))
	}
	return fmt.Sprintf("%s %s already, %d cannot be changed", count(d.follows, "group"), d.manner(d.follows), left)
}

// manner says in words that groups are as the fleet file says.
func (d *decision) manner(n int) string {
	if d.config.Version == NewestNumber {
		return verb(n, "launches", "launch") + " from the newest version"
	}
	return verb(n, "follows", "follow") + " " + string(d.config.Version)
}

func all(n int) string {
	if n == 1 {
		return "the only group"
	}
	return fmt.Sprintf("all %d groups", n)
}

func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, verb(n, noun, noun+"s")) }

func verb(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// value is what a change of the plan would set, as it was read. It is empty for a
// group that is not there any more.
func (s State) value(c automation.Change) string {
	g, ok := s.group(c.Resource)
	if !ok {
		return ""
	}
	return g.at(g.version())
}
