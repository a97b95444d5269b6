package elasticbeanstalk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	eb "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	ebsim "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
	"github.com/droverhq/drover/internal/clock"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const (
	iis   = "IIS 10.0 running on 64bit Windows Server 2019"
	linux = "Python 3.11 running on 64bit Amazon Linux 2023"
	arns  = "arn:aws:elasticbeanstalk:us-west-1::platform/"
)

type scene struct {
	t      *testing.T
	clock  *clock.Virtual
	world  *awssim.World
	sim    *ebsim.Service
	client *eb.Client
}

// newScene has two branches, of which one has versions that sort differently as
// numbers and as texts.
func newScene(t *testing.T) *scene {
	s := &scene{t: t, clock: clock.NewVirtual(dawn), sim: ebsim.New(ebsim.Times{})}
	s.world = awssim.New(s.clock, awssim.Options{}, s.sim)
	s.client = eb.NewFromConfig(s.world.Config(), func(o *eb.Options) { o.RetryMaxAttempts = 1 })
	s.sim.AddBranch(ebsim.Branch{Name: iis, Platform: "IIS", Tiers: []string{"WebServer/Standard"}})
	s.sim.AddBranch(ebsim.Branch{Name: linux, Platform: "Python", State: "Beta", Tiers: []string{"WebServer/Standard", "Worker/SQS/HTTP"}})
	for _, number := range []string{"2.9.0", "2.10.0"} {
		s.add(ebsim.Version{Branch: iis, Number: number, System: "Windows Server 2019", Ready: true, Images: []ebsim.Image{
			{Virtualization: "pv"}, {ID: "ami-" + strings.ReplaceAll(number, ".", ""), Virtualization: "hvm"},
		}})
	}
	s.add(ebsim.Version{Branch: linux, Number: "4.0.1", System: "Amazon Linux", Ready: true})
	return s
}

func (s *scene) add(v ebsim.Version) (arn string) {
	s.t.Helper()
	arn, err := s.sim.AddVersion(v)
	if err != nil {
		s.t.Fatal(err)
	}
	return arn
}

func filter(kind, operator string, values ...string) types.PlatformFilter {
	return types.PlatformFilter{Type: &kind, Operator: &operator, Values: values}
}

// list is "branch's first word, number, status, lifecycle" of all pages.
func (s *scene) list(filters ...types.PlatformFilter) (string, error) {
	var all []string
	for p := eb.NewListPlatformVersionsPaginator(s.client, &eb.ListPlatformVersionsInput{Filters: filters}); p.HasMorePages(); {
		page, err := p.NextPage(s.t.Context())
		if err != nil {
			return "", err
		}
		for _, v := range page.PlatformSummaryList {
			first, _, _ := strings.Cut(*v.PlatformBranchName, " ")
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", first, *v.PlatformVersion, v.PlatformStatus, aws.ToString(v.PlatformLifecycleState))))
		}
	}
	return strings.Join(all, ", "), nil
}

func (s *scene) listed(want string, filters ...types.PlatformFilter) {
	s.t.Helper()
	if got, err := s.list(filters...); err != nil || got != want {
		s.t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func (s *scene) images(arn string) string {
	s.t.Helper()
	out, err := s.client.DescribePlatformVersion(s.t.Context(), &eb.DescribePlatformVersionInput{PlatformArn: &arn})
	if err != nil {
		s.t.Fatal(err)
	}
	if d := out.PlatformDescription; d.CustomAmiList != nil {
		var all []string
		for _, i := range d.CustomAmiList {
			all = append(all, *i.VirtualizationType+"="+*i.ImageId)
		}
		return fmt.Sprintf("%s %s", d.PlatformStatus, strings.Join(all, " "))
	}
	return string(out.PlatformDescription.PlatformStatus)
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestFilters(t *testing.T) {
	const two = "IIS 2.10.0 Ready Recommended, IIS 2.9.0 Ready"
	tests := map[string]struct {
		filters []types.PlatformFilter
		want    string // or the error's code, or what is not modelled
	}{
		"none":                    {nil, two + ", Python 4.0.1 Ready Recommended"},
		"branch":                  {[]types.PlatformFilter{filter("PlatformBranchName", "=", iis)}, two},
		"other branches":          {[]types.PlatformFilter{filter("PlatformName", "!=", linux)}, two},
		"part of the name":        {[]types.PlatformFilter{filter("PlatformName", "contains", "Windows")}, two},
		"system":                  {[]types.PlatformFilter{filter("OperatingSystemName", "begins_with", "Win")}, two},
		"owner":                   {[]types.PlatformFilter{filter("PlatformOwner", "=", "self")}, ""},
		"tier":                    {[]types.PlatformFilter{filter("SupportedTier", "=", "Worker/SQS/HTTP")}, "Python 4.0.1 Ready Recommended"},
		"no such tier":            {[]types.PlatformFilter{filter("SupportedTier", "!=", "Worker/SQS/HTTP")}, two},
		"recommended of branch":   {[]types.PlatformFilter{filter("PlatformLifecycleState", "=", "recommended"), filter("PlatformBranchName", "=", iis)}, "IIS 2.10.0 Ready Recommended"},
		"latest":                  {[]types.PlatformFilter{filter("PlatformVersion", "=", "latest")}, "IIS 2.10.0 Ready Recommended, Python 4.0.1 Ready Recommended"},
		"number":                  {[]types.PlatformFilter{filter("PlatformVersion", "=", "2.9.0")}, "IIS 2.9.0 Ready"},
		"numbers above":           {[]types.PlatformFilter{filter("PlatformVersion", ">", "2.9")}, two + ", Python 4.0.1 Ready Recommended"},
		"numbers up to":           {[]types.PlatformFilter{filter("PlatformVersion", "<=", "2.10.0")}, two},
		"status":                  {[]types.PlatformFilter{filter("PlatformStatus", "=", "Creating")}, ""},
		"two values":              {[]types.PlatformFilter{filter("PlatformVersion", "=", "1", "2")}, "InvalidParameterValue"},
		"a filter AWS lacks":      {[]types.PlatformFilter{filter("PlatformArn", "=", "x")}, `filter "PlatformArn" is not modelled`},
		"order of texts":          {[]types.PlatformFilter{filter("PlatformName", "<", "x")}, `operator "<" of filter "PlatformName" is not modelled`},
		"an operator AWS lacks":   {[]types.PlatformFilter{filter("PlatformVersion", "~", "x")}, `operator "~" of filter "PlatformVersion" is not modelled`},
		"anything but the latest": {[]types.PlatformFilter{filter("PlatformVersion", "!=", "latest")}, `operator "!=" with the version "latest" is not modelled`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := newScene(t).list(tt.filters...)
			var not *awssim.NotModelled
			if errors.As(err, &not) {
				got = not.What + " is not modelled"
			} else if err != nil {
				got = code(err)
			}
			if got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestBranches(t *testing.T) {
	s := newScene(t)
	if err := s.sim.SetBranchState(iis, "Retired"); err != nil {
		t.Fatal(err)
	}
	by := func(attribute, operator string, values ...string) []types.SearchFilter {
		return []types.SearchFilter{{Attribute: &attribute, Operator: &operator, Values: values}}
	}
	for _, tt := range []struct {
		filters []types.SearchFilter
		want    string
	}{
		{nil, "IIS 1 Retired, Python 2 Beta"},
		{by("BranchName", "=", linux), "Python 2 Beta"},
		{by("LifecycleState", "!=", "retired"), "Python 2 Beta"},
		{by("LifecycleState", "in", "beta", "supported"), "Python 2 Beta"},
		{by("LifecycleState", "not_in", "beta", "supported"), "IIS 1 Retired"},
		{by("PlatformName", "ends_with", "S"), "IIS 1 Retired"},
		{by("TierType", "=", "Worker/SQS/HTTP"), "Python 2 Beta"},
		{by("TierType", "!=", "Worker/SQS/HTTP"), "IIS 1 Retired"},
		{by("TierType", "=", "a", "b"), "InvalidParameterValue"},
		{by("Color", "=", "a"), "not modelled"},
		{by("TierType", "like", "a"), "not modelled"},
	} {
		var got []string
		in := &eb.ListPlatformBranchesInput{Filters: tt.filters, MaxRecords: aws.Int32(1)}
		for {
			out, err := s.client.ListPlatformBranches(t.Context(), in)
			var not *awssim.NotModelled
			if errors.As(err, &not) {
				got = []string{"not modelled"}
				break
			}
			if err != nil {
				got = []string{code(err)}
				break
			}
			for _, b := range out.PlatformBranchSummaryList {
				got = append(got, fmt.Sprintf("%s %d %s", *b.PlatformName, b.BranchOrder, *b.LifecycleState))
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		if joined := strings.Join(got, ", "); joined != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.filters, joined, tt.want)
		}
	}
}

// A new version takes its time, and says nothing of its images before that.
func TestNewVersion(t *testing.T) {
	s := newScene(t)
	branch := filter("PlatformBranchName", "=", iis)
	arn := s.add(ebsim.Version{Branch: iis, Number: "2.11.0", Images: []ebsim.Image{{ID: "ami-new", Virtualization: "hvm"}}})
	if arn != arns+iis+"/2.11.0" {
		t.Errorf("ARN %q", arn)
	}
	s.listed("IIS 2.10.0 Ready Recommended, IIS 2.11.0 Creating, IIS 2.9.0 Ready", branch)
	s.listed("IIS 2.11.0 Creating", branch, filter("PlatformVersion", "=", "latest"))
	s.listed("", branch, filter("PlatformVersion", "=", "latest"), filter("PlatformStatus", "=", "Ready"))
	if got := s.images(arn); got != "Creating" {
		t.Errorf("got %s", got)
	}
	s.clock.Advance(20 * time.Minute)
	s.listed("IIS 2.10.0 Ready, IIS 2.11.0 Ready Recommended, IIS 2.9.0 Ready", branch)
	if got := s.images(arn); got != "Ready hvm=ami-new" {
		t.Errorf("got %s", got)
	}
	if got := s.images(arns + iis + "/2.9.0"); got != "Ready pv= hvm=ami-290" {
		t.Errorf("a pinned version has %s", got)
	}
	if err := s.sim.Recommend(arns + iis + "/2.9.0"); err != nil {
		t.Fatal(err)
	}
	s.listed("IIS 2.9.0 Ready Recommended", branch, filter("PlatformLifecycleState", "=", "Recommended"))
}

func TestFailedAndDeleted(t *testing.T) {
	s := newScene(t)
	branch := filter("PlatformBranchName", "=", iis)
	arn := s.add(ebsim.Version{Branch: iis, Number: "2.11.0"})
	old := arns + iis + "/2.9.0"
	if err := errors.Join(s.sim.FailVersion(arn), s.sim.DeleteVersion(old), s.sim.SetImages(arns+iis+"/2.10.0", ebsim.Image{ID: "ami-2", Virtualization: "hvm"})); err != nil {
		t.Fatal(err)
	}
	s.listed("IIS 2.10.0 Ready Recommended, IIS 2.11.0 Failed, IIS 2.9.0 Deleting", branch)
	s.clock.Advance(time.Hour)
	s.listed("IIS 2.10.0 Ready Recommended, IIS 2.11.0 Failed", branch)
	if got := s.images(arns + iis + "/2.10.0"); got != "Ready hvm=ami-2" {
		t.Errorf("published again: %s", got)
	}
	_, err := s.client.DescribePlatformVersion(t.Context(), &eb.DescribePlatformVersionInput{PlatformArn: &old})
	if code(err) != "InvalidParameterValue" || !strings.Contains(err.Error(), "No Platform named '"+old+"' found.") {
		t.Errorf("gone: %v", err)
	}
	_, twice := s.sim.AddVersion(ebsim.Version{Branch: iis, Number: "2.10.0"})
	_, nowhere := s.sim.AddVersion(ebsim.Version{Branch: "x", Number: "1"})
	for what, err := range map[string]error{
		"fails twice": s.sim.FailVersion(arn), "there already": twice, "no branch": nowhere, "state of no branch": s.sim.SetBranchState("x", "Beta"),
		"images of none": s.sim.SetImages("x"), "deleted, gone": s.sim.DeleteVersion(old), "recommend none": s.sim.Recommend("x"),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	want := []string{"2.10.0 Ready true", "2.11.0 Failed false", "4.0.1 Ready true"}
	var got []string
	for _, v := range s.sim.Versions() {
		got = append(got, fmt.Sprintf("%s %s %t", v.Number, v.Status, v.Recommended))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	s := newScene(t)
	_, err := s.client.ListPlatformVersions(t.Context(), &eb.ListPlatformVersionsInput{MaxRecords: aws.Int32(0)})
	if code(err) != "InvalidParameterValue" {
		t.Errorf("no records wanted: %v", err)
	}
	s.world.Intercept(func(awssim.Call) awssim.Fault { return awssim.FailBefore(ebsim.InsufficientPrivileges()) })
	_, err = s.list()
	var denied *types.InsufficientPrivilegesException
	if !errors.As(err, &denied) {
		t.Errorf("got %v", err)
	}
}

func TestPermissions(t *testing.T) {
	s := newScene(t)
	var got []string
	s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
		got = append(got, fmt.Sprintf("%s %s %d", action, resource, len(keys)))
		return action != "elasticbeanstalk:ListPlatformBranches"
	})
	s.images(arns + iis + "/2.9.0")
	s.listed("", filter("PlatformName", "=", "x"))
	if _, err := s.client.ListPlatformBranches(t.Context(), &eb.ListPlatformBranchesInput{}); !strings.HasPrefix(code(err), "AccessDenied") {
		t.Errorf("got %v", err)
	}
	want := []string{
		"elasticbeanstalk:DescribePlatformVersion " + arns + iis + "/2.9.0 0",
		"elasticbeanstalk:ListPlatformVersions * 0", "elasticbeanstalk:ListPlatformBranches * 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStaleReads(t *testing.T) {
	s := newScene(t)
	s.world.StaleReads(func(awssim.Call) time.Duration { return 10 * time.Second })
	s.clock.Advance(time.Minute)
	s.add(ebsim.Version{Branch: linux, Number: "4.0.2", Ready: true})
	branch := filter("PlatformBranchName", "=", linux)
	s.listed("Python 4.0.1 Ready Recommended", branch)
	s.clock.Advance(20 * time.Second)
	s.listed("Python 4.0.1 Ready, Python 4.0.2 Ready Recommended", branch)
}
