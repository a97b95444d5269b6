package routefailover

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

// Config is the kind's part of the fleet file.
type Config struct {
	VPC     string   `json:"vpc" doc:"The VPC whose routes are looked after." pattern:"^vpc-[0-9a-f]{8,17}$" wanted:"a VPC id" example:"vpc-0bf5741eb0ef56a41"`
	Members []Member `json:"members" doc:"The gateways, in order of preference." minItems:"1"`
	Routes  Routes   `json:"routes,omitzero" doc:"Which routes may be moved. Left out: every route of the VPC that targets a member."`

	Health          Health              `json:"health,omitempty" doc:"What a member must show before it is given a route. status-checks costs one more round trip." enum:"running,status-checks" default:"running"`
	Prefer          Prefer              `json:"prefer,omitempty" doc:"How the next member is chosen: by the order of the list, or first those in the zone of the route table's subnets." enum:"order,zone" default:"order"`
	SourceDestCheck SourceDestCheck     `json:"source-dest-check,omitempty" doc:"What to do when the source/destination check of the next member's interface is on, so that it would drop what it should forward." enum:"report,repair" default:"report"`
	Sweep           automation.Duration `json:"sweep,omitempty" doc:"How often to look for what a lost event left behind." default:"5m" example:"1m"`
}

// Member is one gateway, or with tags all that carry them.
type Member struct {
	Instance   string            `json:"instance,omitempty" doc:"The instance." pattern:"^i-[0-9a-f]{8,17}$" wanted:"an instance id" example:"i-05a7780f2af7c126c"`
	Interface  string            `json:"interface,omitempty" doc:"The one interface of the instance that routes may target. Left out: any, paired by device index." pattern:"^eni-[0-9a-f]{8,17}$" wanted:"an interface id" example:"eni-00fea71a1c9255bef"`
	Interfaces map[string]string `json:"interfaces,omitempty" doc:"Several interfaces by name, such as inner and outer. A route moves to the interface of the same name." pattern:"^eni-[0-9a-f]{8,17}$" wanted:"an interface id" example:"eni-00fea71a1c9255bef"`
	Tags       map[string]string `json:"tags,omitempty" doc:"Instead of instance: every instance of the VPC with all these tags is a member."`
	Devices    map[string]int    `json:"devices,omitempty" doc:"Names for interfaces by device index, where interfaces are not listed by id."`
}

// Routes narrows what may be moved. Filters are combined with and.
type Routes struct {
	Tables       []string          `json:"tables,omitempty" doc:"Only routes in these tables." pattern:"^rtb-[0-9a-f]{8,17}$" wanted:"a route table id" example:"rtb-0a1b2c3d4e5f60718"`
	TableTags    map[string]string `json:"table-tags,omitempty" doc:"Only routes in tables with all these tags."`
	Destinations []string          `json:"destinations,omitempty" doc:"Only routes to exactly these destinations: IPv4 or IPv6 blocks or prefix lists." example:"0.0.0.0/0"`
	Orphaned     Orphaned          `json:"orphaned,omitempty" doc:"What to do with a blackhole route whose interface no longer exists, so that nothing tells whose it was. take moves it to a member and needs tables, table-tags or destinations." enum:"leave,take" default:"leave"`
}

// Health says what makes a member eligible.
type Health string

// Prefer says how the next member is chosen.
type Prefer string

// SourceDestCheck says what to do about a check that is on.
type SourceDestCheck string

// Orphaned says what to do with routes whose interface is gone.
type Orphaned string

// The values that a fleet file may hold.
const (
	HealthRunning      Health          = "running"
	HealthStatusChecks Health          = "status-checks"
	PreferOrder        Prefer          = "order"
	PreferZone         Prefer          = "zone"
	CheckReport        SourceDestCheck = "report"
	CheckRepair        SourceDestCheck = "repair"
	OrphanedLeave      Orphaned        = "leave"
	OrphanedTake       Orphaned        = "take"
)

const defaultSweep = 5 * time.Minute

// mainPair is the name of a member's only interface, and of the one at device
// index 0 when interfaces have no names.
const mainPair = "main"

func defaults(c *Config) {
	if c.Health == "" {
		c.Health = HealthRunning
	}
	if c.Prefer == "" {
		c.Prefer = PreferOrder
	}
	if c.SourceDestCheck == "" {
		c.SourceDestCheck = CheckReport
	}
	if c.Routes.Orphaned == "" {
		c.Routes.Orphaned = OrphanedLeave
	}
	if c.Sweep == 0 {
		c.Sweep = automation.Duration(defaultSweep)
	}
}

// check finds what a schema cannot say.
func check(c Config) []automation.Problem {
	var problems []automation.Problem
	report := func(path, got, wanted string) {
		problems = append(problems, automation.Problem{Path: path, Got: got, Wanted: wanted})
	}
	if len(c.Members) == 1 && len(c.Members[0].Tags) == 0 {
		report("members", "one instance", "two or more, or one entry with tags that several instances carry")
	}
	seen := map[string]string{}
	once := func(path, id string) {
		if id == "" {
			return
		}
		if first, ok := seen[id]; ok {
			report(path, id+" a second time", "each only once; it is at "+first+" already")
			return
		}
		seen[id] = path
	}
	for i, m := range c.Members {
		path := fmt.Sprintf("members[%d]", i)
		once(path+".instance", m.Instance)
		once(path+".interface", m.Interface)
		for _, name := range slices.Sorted(maps.Keys(m.Interfaces)) {
			once(path+".interfaces."+name, m.Interfaces[name])
		}
		m.check(path, report)
	}
	checkPairs(c, report)
	for i, d := range c.Routes.Destinations {
		if wanted := badDestination(d); wanted != "" {
			report(fmt.Sprintf("routes.destinations[%d]", i), d, wanted)
		}
	}
	if c.Routes.Orphaned == OrphanedTake && len(c.Routes.Tables)+len(c.Routes.TableTags)+len(c.Routes.Destinations) == 0 {
		report("routes.orphaned", "take without a filter", "tables, table-tags or destinations beside it, so that routes of others stay alone")
	}
	return append(problems, automation.CheckSweep(c.Sweep)...)
}

func (m Member) check(path string, report func(path, got, wanted string)) {
	switch {
	case m.Instance == "" && len(m.Tags) == 0:
		report(path, "neither instance nor tags", "one of them")
	case m.Instance != "" && len(m.Tags) > 0:
		report(path, "both instance and tags", "one of them")
	case len(m.Tags) > 0 && (m.Interface != "" || len(m.Interfaces) > 0):
		report(path, "tags with interface ids", "devices, which names interfaces by device index")
	}
	given := 0
	for _, is := range []bool{m.Interface != "", len(m.Interfaces) > 0, len(m.Devices) > 0} {
		if is {
			given++
		}
	}
	if given > 1 {
		report(path, "several of interface, interfaces and devices", "at most one of them")
	}
	indexes := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(m.Devices)) {
		index := m.Devices[name]
		if index < 0 {
			report(path+".devices."+name, fmt.Sprint(index), "a device index, 0 or more")
		}
		if first, ok := indexes[index]; ok {
			report(path+".devices."+name, fmt.Sprintf("%d a second time", index), "another index than "+first)
		}
		indexes[index] = name
	}
}

// names are the pairs a member names itself; none if AWS is asked for them.
func (m Member) names() []string {
	switch {
	case m.Interface != "":
		return []string{mainPair}
	case len(m.Interfaces) > 0:
		return slices.Sorted(maps.Keys(m.Interfaces))
	}
	return slices.Sorted(maps.Keys(m.Devices))
}

// checkPairs finds names that only one member has: routes through such an
// interface could never move.
func checkPairs(c Config, report func(path, got, wanted string)) {
	var all []string
	for _, m := range c.Members {
		names := m.names()
		if len(names) == 0 {
			return // this one's are known at run time only
		}
		all = append(all, names...)
	}
	if len(c.Members) < 2 {
		return
	}
	for i, m := range c.Members {
		for _, name := range m.names() {
			n := 0
			for _, other := range all {
				if other == name {
					n++
				}
			}
			if n == 1 {
				report(fmt.Sprintf("members[%d]", i), fmt.Sprintf("interface %q, which no other member has", name), "the same names in two members or more")
			}
		}
	}
}

// badDestination says what a destination should have been, or "".
func badDestination(d string) string {
	if strings.HasPrefix(d, "pl-") {
		return ""
	}
	prefix, err := netip.ParsePrefix(d)
	if err != nil {
		return "a block such as 10.0.0.0/8 or 2001:db8::/32, or a prefix list such as pl-0a1b2c3d"
	}
	if masked := prefix.Masked(); masked != prefix {
		return fmt.Sprintf("%s, which is how AWS stores it", masked)
	}
	return ""
}

// claims are the members: two automations that move routes through the same
// instance would undo each other, unless they do so in different tables.
func claims(c Config) []automation.Claim {
	var all []automation.Claim
	for i, m := range c.Members {
		who := m.Instance
		if who == "" {
			who = "instances with " + tagText(m.Tags)
		}
		all = append(all, automation.Claim{
			Resource: fmt.Sprintf("the routes through %s in %s", who, c.VPC),
			Parts:    c.Routes.Tables,
			Path:     fmt.Sprintf("members[%d]", i),
		})
	}
	return all
}

func tagText(tags map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		parts = append(parts, k+"="+tags[k])
	}
	return strings.Join(parts, ", ")
}
