package version

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
)

// Use says who uses a version.
type Use struct {
	Version int64  `json:"version"`
	By      string `json:"by"`
}

// Uses puts who uses which version in the order of the versions.
func Uses(by map[int64]string) []Use {
	var uses []Use
	for _, number := range slices.Sorted(maps.Keys(by)) {
		uses = append(uses, Use{Version: number, By: by[number]})
	}
	return uses
}

// Surplus are the versions before the newest that are kept, the oldest first: those
// that may go, and those that somebody uses. One that stays for another reason is
// neither. Who is about to make a version keeps one less.
func Surplus(numbers []int64, keep int, uses []Use, stay ...int64) (old []int64, used []Use) {
	numbers = slices.Sorted(slices.Values(numbers))
	for _, number := range numbers[:max(0, len(numbers)-keep)] {
		if slices.Contains(stay, number) {
			continue
		}
		i := slices.IndexFunc(uses, func(u Use) bool { return u.Version == number })
		if i < 0 {
			old = append(old, number)
			continue
		}
		used = append(used, uses[i])
	}
	return old, used
}

const (
	opDelete = "ec2:DeleteLaunchTemplateVersions"
	unused   = "unused"
	deleted  = "deleted"
	// atOnce is how many versions one call deletes (shared/facts/apis.md 1.3).
	atOnce = 200
)

// Deletions are the changes of a step that delete versions, given in ascending order,
// of which the newest are kept: one for each call that this takes.
func Deletions(step, template string, numbers []int64, keep int) []automation.Change {
	var changes []automation.Change
	for batch := range slices.Chunk(numbers, atOnce) {
		changes = append(changes, automation.Change{
			Step: step, Operation: opDelete, Resource: template + " " + List(batch), From: unused, To: deleted,
			Why: fmt.Sprintf("the newest %d are kept, and nobody uses it", keep),
		})
	}
	return changes
}

// Deleted reads what a change deletes that [Deletions] has made.
func Deleted(c automation.Change) (template string, numbers []int64, err error) {
	template, list, _ := strings.Cut(c.Resource, " ")
	numbers, err = Numbers(list)
	return template, numbers, err
}
