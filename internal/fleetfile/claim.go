package fleetfile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/wildcard"
)

// claim is a claim and where in the file it is made.
type claim struct {
	automation.Claim
	by   *automation.Automation
	at   position
	path string
}

func claimsOf(a *automation.Automation, n *node) []claim {
	var claims []claim
	for _, c := range a.Claims() {
		at, path := n.locate(c.Path)
		claims = append(claims, claim{Claim: c, by: a, at: at, path: path})
	}
	return claims
}

// collide reports every two automations that would undo each other, with the
// one that comes later in the file.
func collide(claims []claim, report *report) {
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.column, b.at.column), strings.Compare(a.path, b.path))
	})
	for i, later := range claims {
		for _, earlier := range claims[:i] {
			instance, ok := later.meets(earlier)
			if !ok {
				continue
			}
			wanted := "one automation to change it"
			if instance != "" {
				instance = ", such as of " + instance
				wanted += ", or a tag whose value tells apart what each of them changes"
			}
			report.add(later.at, later.path,
				fmt.Sprintf("a claim on %s, which %s makes too%s (%s:%d:%d)",
					later.Resource, earlier.path, instance, report.file, earlier.at.line, earlier.at.column), wanted)
		}
	}
}

// meets says whether two automations make claims that cannot both hold. What a
// claim names is within the region of its automation. Where that is not plain to
// see, it gives an instance of what both would change.
func (c claim) meets(d claim) (instance string, ok bool) {
	if c.by == d.by || c.by.Region != d.by.Region || c.Resource != d.Resource {
		return "", false
	}
	tags := maps.Clone(c.Where)
	for key, value := range d.Where {
		if other, both := tags[key]; both && other != value {
			return "", false
		}
		if tags == nil {
			tags = map[string]string{}
		}
		tags[key] = value
	}
	if len(c.Parts) == 0 || len(d.Parts) == 0 {
		return "", true
	}
	for _, part := range c.Parts {
		for _, other := range d.Parts {
			name, meet := wildcard.Meet(part, other)
			switch {
			case !meet:
			case wildcard.Literal(part) && wildcard.Literal(other) && len(tags) == 0:
				return "", true
			default:
				return describeInstance(name, tags), true
			}
		}
	}
	return "", false
}

// describeInstance names a thing of which nothing is known but this.
func describeInstance(name string, tags map[string]string) string {
	if name == "" {
		name = "anything"
	}
	var with []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		with = append(with, key+"="+tags[key])
	}
	if len(with) > 0 {
		name += " with " + strings.Join(with, ", ")
	}
	return name
}
