package scenario_test

import (
	"fmt"
	"slices"
	"strings"
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

// endsThere fails if a story plays with a policy that was edited to be for something
// else.
func endsThere(t *testing.T, what, story string, edit func(*iam.Statement)) {
	t.Helper()
	stories := scenario.Stories()
	i := slices.IndexFunc(stories, func(sc scenario.Scenario) bool { return sc.Name == story })
	if i < 0 {
		t.Fatalf("there is no story %q", story)
	}
	edited := false
	elsewhere := func(s *scenario.Stage) {
		s.Policy = func(p iam.Policy) iam.Policy {
			before := fmt.Sprint(p)
			for i := range p.Statement {
				edit(&p.Statement[i])
			}
			edited = edited || fmt.Sprint(p) != before
			return p
		}
	}
	if err := scenario.Play(t.Context(), simulated(), stories[i], elsewhere); err == nil || !edited {
		t.Errorf("%s played with a policy for another %s: edited %t, error %v", story, what, edited, err)
	}
}

// resources replaces a part of the resources of a statement.
func resources(from, to string) func(*iam.Statement) {
	return func(st *iam.Statement) { replace(st.Resource, from, to) }
}

func replace(values iam.Values, from, to string) {
	for i, v := range values {
		values[i] = strings.ReplaceAll(v, from, to)
	}
}

// TestPermissionsEndAtTheVPC shows that the policy for one VPC is of no use in
// another.
func TestPermissionsEndAtTheVPC(t *testing.T) {
	endsThere(t, "VPC", "seed", func(st *iam.Statement) {
		for _, keys := range st.Condition {
			if _, ok := keys["ec2:Vpc"]; ok {
				keys["ec2:Vpc"] = iam.Values{"arn:aws:ec2:us-west-1:*:vpc/vpc-0123456789abcdef0"}
			}
		}
	})
}

// TestPermissionsEndAtTheTemplate shows that the policy for one template, or for
// those with a tag, is of no use for another, and that for a parameter none for
// another.
func TestPermissionsEndAtTheTemplate(t *testing.T) {
	endsThere(t, "template", "image", resources(":launch-template/lt-", ":launch-template/lt-0000"))
	endsThere(t, "parameter", "image-parameter", resources(":parameter/app/", ":parameter/web/"))
	endsThere(t, "tag", "image-name", func(st *iam.Statement) {
		for _, keys := range st.Condition {
			replace(keys["aws:ResourceTag/app"], "web", "other")
		}
	})
}

// TestPermissionsEndAtTheParameter shows that the policy for one parameter, platform
// version or branch is of no use for another.
func TestPermissionsEndAtTheParameter(t *testing.T) {
	endsThere(t, "parameter", "base-parameter", resources(":parameter/golden/", ":parameter/other/"))
	endsThere(t, "public parameter", "base-public", resources(":*:parameter/aws/service/", ":123456789012:parameter/aws/service/"))
	endsThere(t, "version", "base-pinned", resources("/2.9.0", "/2.9.1"))
	endsThere(t, "branch", "base-branch", resources("Server 2019/", "Server 2022/"))
}

// TestPermissionsEndAtThePipeline shows that the policy for one pipeline, recipe,
// role or parameter is of no use for another.
func TestPermissionsEndAtThePipeline(t *testing.T) {
	for what, names := range map[string][2]string{
		"pipeline":  {":image-pipeline/golden-", ":image-pipeline/other-"},
		"recipe":    {":image-recipe/windows/", ":image-recipe/linux/"},
		"image":     {":image/windows/", ":image/linux/"},
		"role":      {":role/builder", ":role/other"},
		"parameter": {":parameter/golden/", ":parameter/other/"},
	} {
		endsThere(t, what, "pipeline-named", resources(names[0], names[1]))
	}
}
