package scenario_test

import (
	"slices"
	"testing"

	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/scenario"
)

// without is the policy with one action taken away.
func without(action string) func(*scenario.Stage) {
	return func(s *scenario.Stage) {
		s.Policy = func(p iam.Policy) iam.Policy {
			var left []iam.Statement
			for _, st := range p.Statement {
				st.Action = slices.DeleteFunc(slices.Clone(st.Action), func(a string) bool { return a == action })
				if len(st.Action) > 0 {
					left = append(left, st)
				}
			}
			p.Statement = left
			return p
		}
	}
}

// TestEveryPermissionIsNeeded shows that no part of the rendered policy is
// spare: without any one action, some story fails. That the policy is enough
// is shown by TestStories, which all play under it.
func TestEveryPermissionIsNeeded(t *testing.T) {
	actions := map[string][]scenario.Scenario{} // and the stories whose policy has it
	for _, sc := range scenario.Stories() {
		collect := func(s *scenario.Stage) {
			s.Policy = func(p iam.Policy) iam.Policy {
				for _, st := range p.Statement {
					for _, a := range st.Action {
						if of := actions[a]; len(of) == 0 || of[len(of)-1].Name != sc.Name {
							actions[a] = append(of, sc)
						}
					}
				}
				return p
			}
		}
		if err := scenario.Play(t.Context(), simulated(), sc, collect); err != nil {
			t.Fatal(err)
		}
	}
	if len(actions) < 5 {
		t.Fatalf("the stories need only %v", actions)
	}
	for action, stories := range actions {
		failed := 0
		for _, sc := range stories {
			if err := scenario.Play(t.Context(), simulated(), sc, without(action)); err != nil {
				failed++
				break // one is enough
			}
		}
		if failed == 0 {
			t.Errorf("every story plays without %s: the policy need not allow it", action)
		}
	}
}

// TestPermissionsEndAtTheVPC shows that the policy for one VPC is of no use in
// another.
func TestPermissionsEndAtTheVPC(t *testing.T) {
	elsewhere := func(s *scenario.Stage) {
		s.Policy = func(p iam.Policy) iam.Policy {
			for _, st := range p.Statement {
				for _, keys := range st.Condition {
					if _, ok := keys["ec2:Vpc"]; ok {
						keys["ec2:Vpc"] = iam.Values{"arn:aws:ec2:us-west-1:*:vpc/vpc-0123456789abcdef0"}
					}
				}
			}
			return p
		}
	}
	for _, sc := range scenario.Stories() {
		if sc.Name != "seed" {
			continue
		}
		if err := scenario.Play(t.Context(), simulated(), sc, elsewhere); err == nil {
			t.Error("routes were moved with a policy for another VPC")
		}
	}
}
