package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/scenario"
)

// TestPermissionsEndAtTheTemplate shows that the policy for one template, or for
// those with a tag, is of no use for another, and that for a parameter none for
// another.
func TestPermissionsEndAtTheTemplate(t *testing.T) {
	for story, edit := range map[string]func(*iam.Statement){
		"image":           func(st *iam.Statement) { replace(st.Resource, ":launch-template/lt-", ":launch-template/lt-0000") },
		"image-parameter": func(st *iam.Statement) { replace(st.Resource, ":parameter/app/", ":parameter/web/") },
		"image-name": func(st *iam.Statement) {
			for _, keys := range st.Condition {
				replace(keys["aws:ResourceTag/app"], "web", "other")
			}
		},
	} {
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
		for _, sc := range scenario.Templates() {
			if sc.Name != story {
				continue
			}
			if err := scenario.Play(t.Context(), simulated(), sc, elsewhere); err == nil || !edited {
				t.Errorf("%s: played with a policy for another resource: edited %t, error %v", story, edited, err)
			}
		}
	}
}

func replace(values iam.Values, from, to string) {
	for i, v := range values {
		values[i] = strings.ReplaceAll(v, from, to)
	}
}
