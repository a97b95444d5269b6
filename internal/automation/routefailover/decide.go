package routefailover

import (
	"fmt"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

// The calls that a plan consists of, and how it names what they set. They are
// spelled out here because a decision knows no AWS; a test holds them against
// what the audit derives from the calls themselves.
const (
	stepMove      = "move"
	opReplace     = "ec2:ReplaceRoute"
	opModify      = "ec2:ModifyNetworkInterfaceAttribute"
	checkOn       = "source/destination check on"
	checkOff      = "source/destination check off"
	noTarget      = "an interface that is gone"
	nothingToMove = "every route through a member is on a healthy one"
	noRoutes      = "no route in scope targets a member"
)

// decide says which routes move where. A route moves if the member it targets
// is not healthy and another one is.
func decide(c Config, s State, _ time.Time) automation.Plan {
	d := decision{config: c, state: s, repaired: map[string]bool{}}
	routes := slices.Clone(s.Routes)
	sortRoutes(routes)
	for _, r := range routes {
		d.route(r)
	}
	d.tellStandbys()
	automation.SortRemarks(d.plan.Rejected)
	d.plan.Changes = append(d.repairs, d.plan.Changes...)
	if len(d.plan.Changes) == 0 && len(d.plan.Stuck) == 0 {
		d.plan.Nothing = nothingToMove
		if d.owned == 0 {
			d.plan.Nothing = noRoutes
		}
	}
	return d.plan
}

// decision is a decision in the making.
type decision struct {
	config   Config
	state    State
	plan     automation.Plan
	repairs  []automation.Change
	repaired map[string]bool
	owned    int // routes that target a member
}

func (d *decision) route(r Route) {
	holder, pair, ok := d.holder(r)
	name := r.name()
	switch {
	case r.Destination == "":
		d.reject(r.Table, fmt.Sprintf("holds a route to %s with a destination of a kind that Drover does not know", r.target()))
		return
	case ok:
		d.owned++
	case !r.Blackhole:
		return // somebody else's
	case r.Orphan:
		d.owned++
		pair = mainPair
	default:
		d.reject(name, fmt.Sprintf("is a blackhole to %s, and nothing tells whether that was a member's; routes.orphaned: take would move it if the interface no longer exists", r.target()))
		return
	}

	from, why := r.target(), fmt.Sprintf("%s no longer exists", r.target())
	if ok {
		if why = d.unhealthy(holder, pair); why == "" {
			return
		}
		why = fmt.Sprintf("%s %s", d.state.Members[holder].Instance, why)
	} else {
		holder = -1
	}
	next, ok := d.next(r, holder, pair)
	if !ok {
		d.plan.Stuck = append(d.plan.Stuck, automation.Remark{
			Resource: name,
			Why:      fmt.Sprintf("stays on %s: %s, and no other member is healthy%s", from, why, d.reasons(holder, pair)),
		})
		return
	}
	m := d.state.Members[next]
	target, _ := m.find(pair)
	d.check(m, target)
	d.plan.Changes = append(d.plan.Changes, automation.Change{
		Step: stepMove, Operation: opReplace, Resource: name, From: from, To: target.ID,
		Why: fmt.Sprintf("%s; %s is %s", why, m.Instance, d.praise(r, m)),
	})
}

// holder finds the member that a route targets, and by which interface.
func (d *decision) holder(r Route) (member int, pair string, ok bool) {
	for i, m := range d.state.Members {
		for _, n := range m.Interfaces {
			if r.Interface != "" && n.ID == r.Interface {
				return i, n.Pair, true
			}
		}
	}
	for i, m := range d.state.Members {
		if r.Interface == "" && r.Instance != "" && r.Instance == m.Instance {
			return i, m.onlyPair(), true
		}
	}
	return 0, "", false
}

// onlyPair is the interface that a route by instance means: EC2 accepts an
// instance as a target only while it has one interface.
func (m MemberState) onlyPair() string {
	if len(m.Interfaces) == 1 {
		return m.Interfaces[0].Pair
	}
	return mainPair
}

// unhealthy says why a member cannot carry traffic for a pair; "" if it can.
func (d *decision) unhealthy(member int, pair string) string {
	m := d.state.Members[member]
	n, has := m.find(pair)
	switch {
	case m.State != running:
		return "is " + m.State
	case m.Draining != "":
		return "is draining: " + m.Draining
	case m.VPC != "" && m.VPC != d.config.VPC:
		return fmt.Sprintf("is in %s, not in %s", m.VPC, d.config.VPC)
	case !has:
		return fmt.Sprintf("has no interface %q", pair)
	case !n.Attached:
		return fmt.Sprintf("does not have %s attached", n.ID)
	case m.Checks != "":
		return "fails its status checks: " + m.Checks
	}
	return ""
}

// next chooses the best healthy member other than the holder, and records why
// those before it were passed over.
func (d *decision) next(r Route, holder int, pair string) (int, bool) {
	best := -1
	for i, m := range d.state.Members {
		if i == holder {
			continue
		}
		if why := d.unhealthy(i, pair); why != "" {
			d.reject(m.Instance, why)
			continue
		}
		if best < 0 || d.sameZone(r, m) && !d.sameZone(r, d.state.Members[best]) {
			best = i
		}
	}
	return best, best >= 0
}

func (d *decision) sameZone(r Route, m MemberState) bool {
	return d.config.Prefer == PreferZone && slices.Contains(r.Zones, m.Zone)
}

func (d *decision) praise(r Route, m MemberState) string {
	if d.sameZone(r, m) {
		return "the first healthy member in " + m.Zone
	}
	return "the first healthy member"
}

func (d *decision) reject(resource, why string) {
	remark := automation.Remark{Resource: resource, Why: why}
	if !slices.Contains(d.plan.Rejected, remark) {
		d.plan.Rejected = append(d.plan.Rejected, remark)
	}
}

// reasons lists why each other member was no choice.
func (d *decision) reasons(holder int, pair string) string {
	text := ""
	for i, m := range d.state.Members {
		if i != holder {
			text += fmt.Sprintf("; %s %s", m.Instance, d.unhealthy(i, pair))
		}
	}
	return text
}

// check plans the repair of the next member's source/destination check, or
// tells that it is on.
func (d *decision) check(m MemberState, n Interface) {
	if !n.SourceDestCheck || d.repaired[n.ID] {
		return
	}
	d.repaired[n.ID] = true
	if d.config.SourceDestCheck == CheckRepair {
		d.repairs = append(d.repairs, automation.Change{
			Step: stepMove, Operation: opModify, Resource: n.ID, From: checkOn, To: checkOff,
			Why: fmt.Sprintf("%s is to forward traffic that is not addressed to it", m.Instance),
		})
		return
	}
	d.plan.Notes = append(d.plan.Notes, checkNote(m, n))
}

// tellStandbys reports, before it matters, healthy members that would drop
// what they are to forward.
func (d *decision) tellStandbys() {
	if d.config.SourceDestCheck != CheckReport {
		return
	}
	for i, m := range d.state.Members {
		for _, n := range m.Interfaces {
			if n.SourceDestCheck && !d.repaired[n.ID] && d.unhealthy(i, n.Pair) == "" {
				d.plan.Notes = append(d.plan.Notes, checkNote(m, n))
			}
		}
	}
	slices.Sort(d.plan.Notes)
}

func checkNote(m MemberState, n Interface) string {
	return fmt.Sprintf("the source/destination check of %s (%s) is on: it drops traffic that is not addressed to it; source-dest-check: repair would turn it off", n.ID, m.Instance)
}

// name is how plans and the audit name a route.
func (r Route) name() string { return r.Table + " " + r.Destination }

// value is what a change of the plan would set, as it was read: the target of a
// route, or an interface's check. It is empty for what is not there any more.
func (s State) value(c automation.Change) string {
	for _, r := range s.Routes {
		if c.Operation == opReplace && r.name() == c.Resource {
			return r.target()
		}
	}
	for _, m := range s.Members {
		for _, n := range m.Interfaces {
			switch {
			case c.Operation != opModify || n.ID != c.Resource:
			case n.SourceDestCheck:
				return checkOn
			default:
				return checkOff
			}
		}
	}
	return ""
}

// target names what a route points at.
func (r Route) target() string {
	switch {
	case r.Interface != "":
		return r.Interface
	case r.Instance != "":
		return r.Instance
	}
	return noTarget
}
