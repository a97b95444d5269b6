package scenario_test

import (
	"fmt"
	"testing"

	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/scenario"
)

// TestPermissionsEndAtTheParameter shows that the policy for one parameter, platform
// version or branch is of no use for another.
func TestPermissionsEndAtTheParameter(t *testing.T) {
	for story, elsewhere := range map[string][2]string{
		"base-parameter": {":parameter/golden/", ":parameter/other/"},
		"base-public":    {":*:parameter/aws/service/", ":123456789012:parameter/aws/service/"},
		"base-pinned":    {"/2.9.0", "/2.9.1"},
		"base-branch":    {"Server 2019/", "Server 2022/"},
	} {
		edited := false
		edit := func(s *scenario.Stage) {
			s.Policy = func(p iam.Policy) iam.Policy {
				before := fmt.Sprint(p)
				for i := range p.Statement {
					replace(p.Statement[i].Resource, elsewhere[0], elsewhere[1])
				}
				edited = edited || fmt.Sprint(p) != before
				return p
			}
		}
		for _, sc := range scenario.Platforms() {
			if sc.Name != story {
				continue
			}
			if err := scenario.Play(t.Context(), simulated(), sc, edit); err == nil || !edited {
				t.Errorf("%s: played with a policy for another resource: edited %t, error %v", story, edited, err)
			}
		}
	}
}
