package kindtest

import (
	"fmt"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// CheckSays fails unless a kind finds what is wanted wrong with a configuration:
//
//	PATH: GOT, WANTED
func CheckSays[C, S any](t T, k automation.Kind[C, S], c C, want string) {
	t.Helper()
	var b strings.Builder
	for _, p := range k.Check(c) {
		fmt.Fprintf(&b, "%s: %s, %s\n", p.Path, p.Got, p.Wanted)
	}
	compare(t, want, b.String())
}

// ClaimsSay fails unless a kind claims what is wanted. Parts and tags are left out
// where there are none:
//
//	PATH: RESOURCE, PARTS with TAGS
func ClaimsSay[C, S any](t T, k automation.Kind[C, S], c C, want string) {
	t.Helper()
	var b strings.Builder
	for _, claim := range k.Claims(c) {
		fmt.Fprintf(&b, "%s: %s", claim.Path, claim.Resource)
		if len(claim.Parts) > 0 {
			fmt.Fprintf(&b, ", %s", strings.Join(claim.Parts, " "))
		}
		if len(claim.Where) > 0 {
			fmt.Fprintf(&b, " with %v", claim.Where)
		}
		b.WriteString("\n")
	}
	compare(t, want, b.String())
}

// Trigger names the trigger of a kind that an event matches, without the sweep. It
// is empty if there is none, and names several apart from each other by a blank.
func Trigger[C, S any](k automation.Kind[C, S], c C, e event.Event) string {
	var names []string
	for _, trigger := range k.Listen(c) {
		if trigger.Pattern.Match(e) {
			names = append(names, trigger.Name)
		}
	}
	return strings.Join(names, " ")
}

// Triggers fails unless an event matches the trigger that is wanted, and no other;
// or none, if that is empty.
func Triggers[C, S any](t T, k automation.Kind[C, S], c C, e event.Event, want string) {
	t.Helper()
	if got := Trigger(k, c, e); got != want {
		t.Errorf("trigger %q, want %q", got, want)
	}
}
