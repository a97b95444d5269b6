package routefailover

import (
	"cmp"
	"slices"
	"time"
)

// State is what an observation found: plain values, small enough to be stored
// with the run.
type State struct {
	// Observed is when the reads began.
	Observed time.Time `json:"observed"`
	// Members in order of preference.
	Members []MemberState `json:"members"`
	// Routes that target a member, and orphans.
	Routes []Route `json:"routes,omitempty"`
}

// MemberState is one gateway as it was read.
type MemberState struct {
	Instance string `json:"instance"`
	// State is EC2's instance state, or "gone" for an instance that EC2 no
	// longer knows.
	State    string    `json:"state"`
	Zone     string    `json:"zone,omitempty"`
	VPC      string    `json:"vpc,omitempty"`
	Launched time.Time `json:"launched,omitzero"` // the last start
	// Checks says what is wrong with the status checks; empty if nothing is,
	// or if they were not asked for.
	Checks string `json:"checks,omitempty"`
	// Draining says why the member is about to go; empty if it is not.
	Draining   string      `json:"draining,omitempty"`
	Interfaces []Interface `json:"interfaces,omitempty"`
}

// Interface is one of a member's interfaces.
type Interface struct {
	Pair            string `json:"pair"` // its name, the same in all members
	ID              string `json:"id"`
	Attached        bool   `json:"attached"`
	SourceDestCheck bool   `json:"sourceDestCheck"`
}

// Route is a route in scope.
type Route struct {
	Table       string `json:"table"`
	Destination string `json:"destination"`
	Interface   string `json:"interface,omitempty"`
	Instance    string `json:"instance,omitempty"`
	Blackhole   bool   `json:"blackhole,omitempty"`
	// Orphan: the route is a blackhole to an interface that no longer exists,
	// and the configuration says to take such routes.
	Orphan bool     `json:"orphan,omitempty"`
	Zones  []string `json:"zones,omitempty"` // of the table's subnets
}

// gone is the state of an instance that EC2 does not return.
const gone = "gone"

// running is the only state that carries traffic.
const running = "running"

func (m MemberState) find(pair string) (Interface, bool) {
	i := slices.IndexFunc(m.Interfaces, func(n Interface) bool { return n.Pair == pair })
	if i < 0 {
		return Interface{}, false
	}
	return m.Interfaces[i], true
}

// strays says whether a route is a blackhole to an interface of no member.
func (s State) strays(r Route) bool {
	if !r.Blackhole || r.Interface == "" {
		return false
	}
	for _, m := range s.Members {
		for _, n := range m.Interfaces {
			if n.ID == r.Interface {
				return false
			}
		}
	}
	return true
}

// isDefault says whether the route is the one everything else falls back to.
func (r Route) isDefault() bool {
	return r.Destination == "0.0.0.0/0" || r.Destination == "::/0"
}

// sortRoutes puts default routes first, then follows table and destination.
func sortRoutes(routes []Route) {
	slices.SortFunc(routes, func(a, b Route) int {
		return cmp.Or(
			-cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.Table, b.Table),
			cmp.Compare(a.Destination, b.Destination),
		)
	})
}

func rank(r Route) int {
	if r.isDefault() {
		return 1
	}
	return 0
}
