package filter_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud/filter"
)

func TestFilters(t *testing.T) {
	for want, filters := range map[string][]types.Filter{
		`image-id=["ami-1" "ami-2"]`:    {filter.By("image-id", "ami-1", "ami-2")},
		`name=["app-*"]`:                {filter.By("name", "app-*")},
		`tag:a=["1"] tag:b=["2"]`:       filter.Tags(map[string]string{"b": "2", "a": "1"}),
		`tag:a=["\\*\\?\\\\ of \"x\""]`: filter.Tags(map[string]string{"a": `*?\ of "x"`}),
		"":                              filter.Tags(nil),
	} {
		var got []string
		for _, f := range filters {
			got = append(got, fmt.Sprintf("%s=%q", *f.Name, f.Values))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
