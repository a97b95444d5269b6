package script

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// names are what the scenario calls things, and their ids. Ids that the file leaves
// out are made up here, before there is a world, since the fleet file may need them.
type names struct {
	ids  map[string]string // by name
	kind map[string]string // what a name is the name of: "instance"
	main map[string]string // the name of an instance, to that of its first interface
}

// mainVPC is what the only VPC is called, if the file has none.
const mainVPC = "main"

// internet is what a route may target beside interfaces.
const internet = "internet"

func newNames(w World) *names {
	n := &names{ids: map[string]string{}, kind: map[string]string{}, main: map[string]string{}}
	vpcs := slices.Sorted(maps.Keys(w.VPCs))
	if len(vpcs) == 0 {
		vpcs = []string{mainVPC}
	}
	for _, name := range vpcs {
		n.add("VPC", name, w.VPCs[name].ID, "vpc")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Instances)) {
		i := w.Instances[name]
		n.add("instance", name, i.ID, "i")
		for at, own := range i.interfaces() {
			full := name + "." + own.Name
			n.add("interface", full, own.ID, "eni")
			if at == 0 {
				n.main[name] = full
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.RouteTables)) {
		n.add("route table", name, w.RouteTables[name].ID, "rtb")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Images)) {
		n.add("image", name, w.Images[name].ID, "ami")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Templates)) {
		n.add("launch template", name, w.Templates[name].ID, "lt")
	}
	for _, name := range slices.Sorted(maps.Keys(w.SecurityGroups)) {
		n.add("security group", name, w.SecurityGroups[name].ID, "sg")
	}
	for _, vpc := range vpcs {
		for _, zone := range w.zones(vpc, vpcs[0]) {
			n.add("subnet", vpc+"."+zone, w.VPCs[vpc].Subnets[zone].ID, "subnet")
		}
	}
	return n
}

// zones are those of a VPC that something is in, or that it names, in order. What says
// nothing is in the only VPC.
func (w World) zones(vpc, only string) []string {
	in := map[string]bool{}
	add := func(of string, zones ...string) {
		for _, zone := range zones {
			if cmp.Or(of, only) == vpc {
				in[zone] = true
			}
		}
	}
	add(vpc, slices.Collect(maps.Keys(w.VPCs[vpc].Subnets))...)
	for _, i := range w.Instances {
		add(i.VPC, cmp.Or(i.Zone, "a"))
	}
	for _, t := range w.RouteTables {
		add(t.VPC, t.Zones...)
	}
	for _, g := range w.Groups {
		if g.most() > 0 {
			add(g.VPC, g.zones()...)
		}
	}
	return slices.Sorted(maps.Keys(in))
}

// most is how many instances a group has at most.
func (g Group) most() int {
	if g.Max != nil {
		return *g.Max
	}
	return g.desired() + g.Standby
}

func (g Group) desired() int {
	if g.Desired != nil {
		return *g.Desired
	}
	return g.Min
}

func (g Group) zones() []string {
	if len(g.Zones) == 0 {
		return []string{"a"}
	}
	return g.Zones
}

// only ends the name of an instance's only interface.
const only = ".interface"

// interfaces are the instance's, at least one. The only one is called interface.
func (i Instance) interfaces() []Interface {
	if len(i.Interfaces) > 0 {
		return i.Interfaces
	}
	return []Interface{{Name: "interface", ID: i.Interface}}
}

// add gives a name an id. Made-up ids are far from those that the world counts.
func (n *names) add(kind, name, id, prefix string) {
	if n.kind[name] == "" {
		n.ids[name] = cmp.Or(id, fmt.Sprintf("%s-0a%015x", prefix, len(n.ids)+1))
		n.kind[name] = kind
	}
}

// id is the id of what has a name, or the text as it is.
func (n *names) id(name string) string { return cmp.Or(n.ids[name], name) }

// target is the interface that a name means: of an instance, its first.
func (n *names) target(name string) string { return n.id(cmp.Or(n.main[name], name)) }

var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9][A-Za-z0-9._/-]*)\}`)

// fill puts ids for the placeholders in a text. A name that is not known stays.
func (n *names) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		return cmp.Or(n.ids[p[2:len(p)-1]], p)
	})
}

// shown puts names for the ids in a text.
func (n *names) shown(text string) string {
	var pairs []string
	for name, id := range n.ids {
		name = strings.TrimSuffix(name, only)
		pairs = append(pairs, id+"\x00"+name)
	}
	// The longest id first: one may begin as another does.
	slices.SortFunc(pairs, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	var replace []string
	for _, p := range pairs {
		id, name, _ := strings.Cut(p, "\x00")
		replace = append(replace, id, name)
	}
	return strings.NewReplacer(replace...).Replace(text)
}

// of are the names of things of a kind. An only interface goes by its instance's.
func (n *names) of(kind string) []string {
	var all []string
	for name, k := range n.kind {
		if k == kind && (kind != "interface" || !strings.HasSuffix(name, only)) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// clone is a copy: what one play learns is no matter of another.
func (n *names) clone() *names {
	return &names{ids: maps.Clone(n.ids), kind: maps.Clone(n.kind), main: maps.Clone(n.main)}
}
