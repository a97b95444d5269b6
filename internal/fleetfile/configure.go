package fleetfile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
)

// configure makes the fleet, and reports what the kinds have against it. An
// automation that breaks the rules already is left out; the others are checked.
func (r *rules) configure(root *node, report *report) *Fleet {
	fleet := &Fleet{Name: root.string("fleet"), Region: root.string("region")}
	if notify := root.children["notify"]; notify != nil {
		fleet.Notify.Topic = notify.string("topic")
	}
	all := root.children["automations"]
	if all == nil {
		return fleet
	}
	members, _ := all.value.(map[string]any)
	var claims []claim
	for _, name := range slices.Sorted(maps.Keys(members)) {
		n := all.children[name]
		if report.within(n.path) {
			continue
		}
		if a := r.automation(fleet, name, n, report); a != nil {
			fleet.Automations = append(fleet.Automations, a)
			claims = append(claims, claimsOf(a, n)...)
		}
	}
	collide(claims, report)
	return fleet
}

// automation configures an automation that is valid by the schema. If its kind
// finds problems, or its pattern has some, these are reported and the result is
// nil.
func (r *rules) automation(fleet *Fleet, name string, n *node, report *report) *automation.Automation {
	config := maps.Clone(n.value.(map[string]any))
	for _, key := range []string{"kind", "region", "description", "when"} { // those of entry
		delete(config, key)
	}
	data, _ := json.Marshal(config) // what read makes can be written
	kind := n.string("kind")
	a, problems, err := r.definitions[kind].Configure(fleet.Name, name, cmp.Or(n.string("region"), fleet.Region), data)
	if err != nil { // a number or duration that is too big for its type
		report.add(n.at, n.path, fmt.Sprintf("a value out of range (%v)", err), "a configuration for "+kind)
		return nil
	}
	for _, p := range problems {
		at, path := n.locate(p.Path)
		report.add(at, path, p.Got, p.Wanted)
	}
	if when := n.children["when"]; a != nil && when != nil {
		return narrow(a, when, report)
	}
	return a
}

// locate is where the kind means: a path within the configuration at n. A value
// that is not in the file, such as a default, is where it would belong.
func (n *node) locate(path string) (position, string) {
	tokens := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
	if path != "" {
		path = "." + path
	}
	return n.find(tokens).at, n.path + path
}
