package fleetfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
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
			if later.excludes(earlier) {
				report.add(later.at, later.path,
					fmt.Sprintf("a claim on %s, which %s makes too (%s:%d:%d)",
						later.Resource, earlier.path, report.file, earlier.at.line, earlier.at.column),
					"one automation to change it")
			}
		}
	}
}

// excludes says whether two automations make claims that cannot both hold. What
// a claim names is within the region of its automation.
func (c claim) excludes(d claim) bool {
	return c.by != d.by && c.by.Region == d.by.Region && c.Resource == d.Resource &&
		(len(c.Parts) == 0 || len(d.Parts) == 0 || slices.ContainsFunc(c.Parts, func(part string) bool {
			return slices.Contains(d.Parts, part)
		}))
}
