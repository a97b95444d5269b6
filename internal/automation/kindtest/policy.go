package kindtest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/iam/iamtest"
)

// needs are the permissions of all parts of a kind.
func needs[C, S any](k automation.Kind[C, S], c C) []iam.Need {
	all := slices.Clone(k.Needs(c))
	for _, s := range k.Steps {
		all = append(all, s.Needs(c)...)
	}
	return all
}

// NeedsAreMeaningful fails unless all that a kind needs under a configuration can
// be granted as it asks for it, see [iamtest.Catalog.Check], and has a reason.
func NeedsAreMeaningful[C, S any](t T, k automation.Kind[C, S], c C) {
	t.Helper()
	all := needs(k, c)
	if len(all) == 0 {
		t.Fatalf("it needs nothing")
	}
	if err := iamtest.Reference().Check(all); err != nil {
		t.Errorf("%v", err)
	}
	for _, n := range all {
		if n.Why == "" {
			t.Errorf("%v is needed for no reason", n.Actions)
		}
	}
}

// Policy is the policy under which a kind works.
func Policy[C, S any](t T, k automation.Kind[C, S], c C, vars iam.Vars) iam.Policy {
	t.Helper()
	p, err := iam.NewPolicy(needs(k, c), vars)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return p
}

// PolicySays fails unless a policy, as JSON without blanks, has some texts and lacks
// others.
func PolicySays(t T, p iam.Policy, has, lacks []string) {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatalf("%v", err)
	}
	text := string(data)
	for _, want := range has {
		if !strings.Contains(text, want) {
			t.Errorf("the policy lacks %s:\n%s", want, text)
		}
	}
	for _, unwanted := range lacks {
		if strings.Contains(text, unwanted) {
			t.Errorf("the policy has %s:\n%s", unwanted, text)
		}
	}
}
