package kindtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
)

// Decide is the plan of a kind. It fails unless the plan follows from its arguments
// alone and is what a plan must be: changes, or nothing to do, or stuck; and each
// change is one of a step of the kind, has an effect and a reason.
func Decide[C, S any](t T, k automation.Kind[C, S], c C, s S, now time.Time) automation.Plan {
	t.Helper()
	plan := k.Decide(c, s, now)
	if diff := cmp.Diff(plan, k.Decide(c, s, now)); diff != "" {
		t.Fatalf("not a function:\n%s", diff)
	}
	states := 0
	for _, holds := range []bool{len(plan.Changes) > 0, plan.Nothing != "", len(plan.Stuck) > 0 && len(plan.Changes) == 0} {
		if holds {
			states++
		}
	}
	if states != 1 {
		t.Fatalf("a plan must be exactly one of changes, nothing, stuck: %+v", plan)
	}
	for _, change := range plan.Changes {
		of := func(s automation.Step[C, S]) bool { return s.Name == change.Step }
		if !slices.ContainsFunc(k.Steps, of) {
			t.Fatalf("a change of no step: %+v", change)
		}
		if change.Why == "" || change.From == change.To {
			t.Fatalf("a change without reason or effect: %+v", change)
		}
	}
	return plan
}

// PlanSays fails unless a plan says what is wanted, in this order:
//
//	STEP OPERATION RESOURCE: FROM -> TO because WHY
//	nothing: WHY
//	stuck: RESOURCE WHY
//	rejected: RESOURCE WHY
//	note: NOTE
func PlanSays(t T, p automation.Plan, want string) {
	t.Helper()
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%s %s %s: %s -> %s because %s\n", c.Step, c.Operation, c.Resource, c.From, c.To, c.Why)
	}
	if p.Nothing != "" {
		fmt.Fprintf(&b, "nothing: %s\n", p.Nothing)
	}
	for _, r := range p.Stuck {
		fmt.Fprintf(&b, "stuck: %s %s\n", r.Resource, r.Why)
	}
	for _, r := range p.Rejected {
		fmt.Fprintf(&b, "rejected: %s %s\n", r.Resource, r.Why)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	compare(t, want, b.String())
}
