package version

import (
	"fmt"

	"github.com/droverhq/drover/internal/automation"
)

// A version of a launch template has no tags: its description says who made it.

// Signature begins the description of every version that an automation makes.
func Signature(run automation.Identity) string {
	return fmt.Sprintf("drover %s/%s run ", run.Fleet, run.Automation)
}

// Signed begins the description of every version that a run makes.
func Signed(run automation.Identity) string { return Signature(run) + run.ID + ":" }

// Describe is the description of a version with an image, made from another version.
func Describe(run automation.Identity, image string, source int64) string {
	return fmt.Sprintf("%s %s, made from version %d", Signed(run), image, source)
}
