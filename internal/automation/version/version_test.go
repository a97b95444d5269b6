package version_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/call"
)

// TestPure holds the package to what a decision may know.
func TestPure(t *testing.T) {
	kindtest.Imports(t, "version.go", "fmt", "slices", "strconv", "strings")
	kindtest.Imports(t, "surplus.go", "fmt", "maps", "slices", "strings")
	kindtest.Imports(t, "signature.go", "fmt")
}

func TestNamesAreThoseOfTheAudit(t *testing.T) {
	if _, to := call.Effect(&ec2.ModifyLaunchTemplateInput{LaunchTemplateId: aws.String("lt-1"), DefaultVersion: aws.String("7")}); to != version.Named(7) {
		t.Errorf("%q, but the audit says %q", version.Named(7), to)
	}
	if got, want := version.Of("lt-1", "$Latest"), call.TemplateVersion("lt-1", "$Latest"); got != want {
		t.Errorf("%q, but the audit says %q", got, want)
	}
	for _, numbers := range [][]int64{{7}, {1, 2, 9}} {
		in := &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: aws.String("lt-1")}
		for _, n := range numbers {
			in.Versions = append(in.Versions, strconv.FormatInt(n, 10))
		}
		resource, to := call.Effect(in)
		if c := version.Deletions("prune", "lt-1", numbers, 3)[0]; c.Resource != resource || c.To != to {
			t.Errorf("%q -> %q, but the audit says %q -> %q", c.Resource, c.To, resource, to)
		}
	}
}

// TestAllIsNamedAsTheAuditDoes: each once, the group's own first.
func TestAllIsNamedAsTheAuditDoes(t *testing.T) {
	spec := func(template, version string) *scaling.LaunchTemplateSpecification {
		return &scaling.LaunchTemplateSpecification{LaunchTemplateId: aws.String(template), Version: aws.String(version)}
	}
	for _, test := range []struct {
		overrides []string // templates and versions in turn
		want      string
	}{
		{nil, "version 1 of lt-1"},
		{[]string{"lt-2", "7"}, "version 1 of lt-1, version 7 of lt-2"},
		{[]string{"lt-3", "$Latest", "lt-2", "7", "lt-3", "$Latest"}, "version 1 of lt-1, version $Latest of lt-3, version 7 of lt-2"},
		{[]string{"lt-1", "1", "lt-1", "2"}, "version 1 of lt-1, version 2 of lt-1"},
	} {
		policy := &scaling.LaunchTemplate{LaunchTemplateSpecification: spec("lt-1", "1")}
		var overrides []string
		for pair := range slices.Chunk(test.overrides, 2) {
			policy.Overrides = append(policy.Overrides, scaling.LaunchTemplateOverrides{LaunchTemplateSpecification: spec(pair[0], pair[1])})
			overrides = append(overrides, version.Of(pair[0], pair[1]))
		}
		got := version.All(version.Of("lt-1", "1"), overrides...)
		_, audit := call.Effect(&autoscaling.UpdateAutoScalingGroupInput{MixedInstancesPolicy: &scaling.MixedInstancesPolicy{LaunchTemplate: policy}})
		if got != test.want || audit != test.want {
			t.Errorf("%q, and the audit says %q, want %q", got, audit, test.want)
		}
	}
}

func TestNumber(t *testing.T) {
	if got, err := version.Number(version.Named(7)); got != 7 || err != nil {
		t.Errorf("version 7 was read as %d, %v", got, err)
	}
	for _, text := range []string{"", "7", "version ", "version x", "versions 7"} {
		if got, err := version.Number(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestNumbersSurviveTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.Int64Range(1, 40), 1, 20, rapid.ID[int64]).Draw(t, "numbers")
		slices.Sort(numbers)
		back, err := version.Numbers(version.List(numbers))
		if err != nil || !slices.Equal(numbers, back) {
			t.Fatalf("%v became %q and then %v (%v)", numbers, version.List(numbers), back, err)
		}
	})
	for _, text := range []string{"", "versions", "versions 3-1", "version x", "versions 1, "} {
		if got, err := version.Numbers(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestSurplus(t *testing.T) {
	uses := []version.Use{{Version: 1, By: "a"}, {Version: 3, By: "b"}, {Version: 9, By: "c"}}
	for _, test := range []struct {
		name      string
		numbers   []int64
		keep      int
		stay      []int64
		old, used []int64
	}{
		{"none beyond the newest", []int64{5, 4}, 2, nil, nil, nil},
		{"fewer than are kept", []int64{5}, 2, nil, nil, nil},
		{"the oldest go first", []int64{8, 5, 4, 2}, 2, nil, []int64{2, 4}, nil},
		{"what is used is told", []int64{5, 4, 3, 2, 1}, 1, nil, []int64{2, 4}, []int64{1, 3}},
		{"what is used takes no other's place", []int64{9, 8, 7}, 1, nil, []int64{7, 8}, nil},
		{"what stays is not told, used or not", []int64{5, 4, 3, 2}, 1, []int64{2, 3}, []int64{4}, nil},
		{"none is kept", []int64{5, 4}, 0, []int64{0}, []int64{4, 5}, nil},
	} {
		old, used := version.Surplus(test.numbers, test.keep, uses, test.stay...)
		var told []int64
		for _, u := range used {
			told = append(told, u.Version)
		}
		if !slices.Equal(old, test.old) || !slices.Equal(told, test.used) {
			t.Errorf("%s: %v go and %v are used, want %v and %v", test.name, old, told, test.old, test.used)
		}
	}
}

func TestUses(t *testing.T) {
	got := version.Uses(map[int64]string{7: "a", 1: "b", 3: "c"})
	if diff := cmp.Diff([]version.Use{{Version: 1, By: "b"}, {Version: 3, By: "c"}, {Version: 7, By: "a"}}, got); diff != "" {
		t.Error(diff)
	}
	if got := version.Uses(map[int64]string{}); got != nil {
		t.Errorf("nobody: %v", got)
	}
}

// TestDeletionsAreReadBack: of as many versions as one call takes.
func TestDeletionsAreReadBack(t *testing.T) {
	var numbers, back []int64
	for n := int64(1); n <= 450; n++ {
		numbers = append(numbers, n)
	}
	changes := version.Deletions("prune", "lt-1", numbers, 3)
	for _, c := range changes {
		template, deleted, err := version.Deleted(c)
		if err != nil || template != "lt-1" || len(deleted) > 200 {
			t.Errorf("%d versions of %q with one call, %v", len(deleted), template, err)
		}
		back = append(back, deleted...)
	}
	if len(changes) != 3 || !slices.Equal(back, numbers) {
		t.Errorf("%d changes delete %s", len(changes), version.List(back))
	}
}

func TestDescriptionsFit(t *testing.T) {
	long := strings.Repeat("x", 30)
	run := automation.Identity{ID: "20261121-030000-0123abcd", Fleet: long, Automation: long}
	if text := version.Describe(run, "ami-0123456789abcdef0", 10_000); len(text) > 255 {
		t.Errorf("EC2 takes 255 characters, not %d: %s", len(text), text)
	}
	if text := version.Describe(run, "ami-1", 7); !strings.HasPrefix(text, version.Signed(run)) || strings.HasPrefix(text, version.Signed(automation.Identity{ID: "2", Fleet: long, Automation: long})) {
		t.Errorf("%q does not say whose it is", text)
	}
	if got, want := version.Describe(automation.Identity{ID: "r", Fleet: "f", Automation: "a"}, "ami-1", 7), "drover f/a run r: ami-1, made from version 7"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
