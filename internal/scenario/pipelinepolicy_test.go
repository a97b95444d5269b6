package scenario_test

import (
	"fmt"
	"testing"

	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/scenario"
)

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
		edited := false
		elsewhere := func(s *scenario.Stage) {
			s.Policy = func(p iam.Policy) iam.Policy {
				before := fmt.Sprint(p)
				for _, st := range p.Statement {
					replace(st.Resource, names[0], names[1])
				}
				edited = edited || fmt.Sprint(p) != before
				return p
			}
		}
		for _, sc := range scenario.Pipelines() {
			if sc.Name != "pipeline-named" {
				continue
			}
			if err := scenario.Play(t.Context(), simulated(), sc, elsewhere); err == nil || !edited {
				t.Errorf("it played with a policy for another %s: edited %t, error %v", what, edited, err)
			}
		}
	}
}
