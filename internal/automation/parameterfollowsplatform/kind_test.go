package parameterfollowsplatform

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
)

func TestDecideNamesWhatTheAuditNames(t *testing.T) {
	plan := decide(config(), with(kept("", version("2", day(9))), func(s *State) { s.Parameter = Parameter{} }), t0)
	tags, err := tagsIn(plan.For(stepTag)[0].To)
	if err != nil {
		t.Fatal(err)
	}
	for step, input := range map[string]any{
		stepPublish: &ssm.PutParameterInput{Name: aws.String("/golden/base"), Value: aws.String("ami-9"), Type: types.ParameterTypeString},
		stepTag:     &ssm.AddTagsToResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/golden/base"), Tags: tags},
	} {
		c := plan.For(step)[0]
		if resource, to := call.Effect(input); resource != c.Resource || to != c.To {
			t.Errorf("a plan names %T %q -> %q, the audit %q -> %q", input, c.Resource, c.To, resource, to)
		}
	}
}

// TestDecideIsPure holds decide.go to the packages a decision may know.
func TestDecideIsPure(t *testing.T) {
	kindtest.Imports(t, "decide.go", "fmt", "maps", "slices", "strings", "time")
}

func sources() map[string]Source {
	return map[string]Source{
		"platform":  {Platform: "arn:aws:elasticbeanstalk:us-west-1::platform/" + iis + "/2.6.5"},
		"branch":    {Branch: iis},
		"public":    {Parameter: "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"},
		"parameter": {Parameter: "approved"},
		"images":    {Images: &Images{Owners: []string{"amazon"}, Name: "al2023-ami-2023.*", Tags: map[string]string{"a": "b"}}},
	}
}

func from(source Source) Config { return config(func(c *Config) { c.Source = source }) }

func TestNeedsAreMeaningful(t *testing.T) {
	for name, source := range sources() {
		t.Run(name, func(t *testing.T) { kindtest.NeedsAreMeaningful(t, Kind, from(source)) })
	}
}

func TestNeedsAreNarrow(t *testing.T) {
	const written = `"Action":["ssm:AddTagsToResource","ssm:GetParameter","ssm:ListTagsForResource","ssm:PutParameter"],"Resource":"arn:aws:ssm:us-west-1:123456789012:parameter/golden/base"`
	for name, test := range map[string]struct {
		has   []string
		lacks string
	}{
		"platform":  {[]string{`"Resource":"arn:aws:elasticbeanstalk:us-west-1::platform/` + iis + `/2.6.5"`, written}, "parameter/aws"},
		"branch":    {[]string{`"Resource":"arn:aws:elasticbeanstalk:us-west-1::platform/` + iis + `/*"`, written}, "parameter/aws"},
		"public":    {[]string{`"arn:aws:ssm:us-west-1:*:parameter/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"`}, "elasticbeanstalk"},
		"parameter": {[]string{`"arn:aws:ssm:us-west-1:123456789012:parameter/approved"`}, "elasticbeanstalk"},
		"images":    {[]string{`"ec2:Region":"us-west-1"`, written}, "elasticbeanstalk"},
	} {
		t.Run(name, func(t *testing.T) {
			policy := kindtest.Policy(t, Kind, from(sources()[name]), iam.Vars{Region: "us-west-1", Account: "123456789012"})
			kindtest.PolicySays(t, policy, test.has, []string{test.lacks})
		})
	}
}

func TestItOnlySweeps(t *testing.T) {
	if got := listen(config()); len(got) > 0 {
		t.Errorf("it listens to %+v", got)
	}
	subject, ok := about(config(), event.Sweep("base", t0))
	if want := (automation.Subject{Key: "parameter /golden/base", Mode: automation.Latest}); !ok || subject != want {
		t.Errorf("a sweep is about %+v, want %+v", subject, want)
	}
	data, err := json.Marshal(config())
	if err != nil {
		t.Fatal(err)
	}
	a, problems, err := automation.Define(Kind).Configure("fleet", "base", "us-west-1", data)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	_, problems = a.Narrow(event.PatternFor("aws.ec2", "EC2 AMI State Change"))
	if len(problems) != 1 || !strings.Contains(problems[0].Wanted, "only sweeps") {
		t.Errorf("a pattern for its events has the problems %+v", problems)
	}
	if got := a.Triggers()[0].Schedule.String(); got != "rate(1 day)" {
		t.Errorf("it sweeps at %s", got)
	}
	c := config(func(c *Config) { c.Schedule, c.TimeZone = "cron(0 6 * * ? *)", "Europe/Berlin" })
	if got := sweep(c).Next(t0); !got.Equal(time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)) {
		t.Errorf("the next sweep after %s is at %s", t0, got)
	}
}

func TestCheck(t *testing.T) {
	images := func(i Images) func(*Config) {
		return func(c *Config) { c.Source = Source{Images: &i} }
	}
	for _, test := range []struct {
		name string
		edit func(*Config)
		want string // path: got, wanted; a line each
	}{
		{"fine", func(*Config) {}, ""},
		{"a reserved name", func(c *Config) { c.Parameter = "/AWS/mine" }, "parameter: /AWS/mine, a name that AWS keeps for itself, one that begins neither with aws nor with ssm"},
		{"no source", func(c *Config) { c.Source = Source{} }, "source: none of platform, branch, parameter and images, one of them"},
		{"two sources", func(c *Config) { c.Source.Parameter = "/a" }, "source: several of platform, branch, parameter and images, one of them"},
		{"its own source", func(c *Config) { c.Source = Source{Parameter: "/golden/base"} }, "source.parameter: /golden/base, which is written to, another parameter"},
		{"its own source by another spelling", func(c *Config) { c.Parameter, c.Source = "base", Source{Parameter: "/base"} }, "source.parameter: /base, which is written to, another parameter"},
		{"any image", images(Images{Owners: []string{"self"}}), "source.images: nothing that tells images apart, name or tags"},
		{"any name", images(Images{Owners: []string{"self"}, Name: "*"}), "source.images.name: *, which every name fits, a pattern such as al2023-ami-2023.*, or tags beside it"},
		{"any name with tags", images(Images{Owners: []string{"self"}, Name: "*", Tags: map[string]string{"a": "b"}}), ""},
		{"a schedule in words", func(c *Config) { c.Schedule = "daily" }, "schedule: daily, rate(VALUE UNIT) or cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR)"},
		{"a cron of five fields", func(c *Config) { c.Schedule = "cron(0 6 * * *)" }, "schedule: cron(0 6 * * *), six fields in cron(…): minutes, hours, day of month, month, day of week, year"},
		{"a zone that there is not", func(c *Config) { c.Schedule, c.TimeZone = "cron(0 6 * * ? *)", "Bielefeld" }, "time-zone: Bielefeld, the name of a time zone, such as Europe/Berlin"},
		{"a zone beside a rate", func(c *Config) { c.TimeZone = "Europe/Berlin" }, "time-zone: Europe/Berlin beside a rate, a schedule cron(…), or no time zone: a rate has none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.CheckSays(t, Kind, config(test.edit), test.want)
		})
	}
}

func TestClaims(t *testing.T) {
	for name, want := range map[string]string{ // path: resource
		"base":  "parameter: parameter /base",
		"/base": "parameter: parameter /base",
		"/a/b":  "parameter: parameter /a/b",
		"/a/c":  "parameter: parameter /a/c",
	} {
		kindtest.ClaimsSay(t, Kind, Config{Parameter: name}, want)
	}
}

func TestConfigSurvivesTheLedger(t *testing.T) {
	for name, source := range sources() {
		c := config(aged, arm, func(c *Config) {
			c.Source, c.Virtualization, c.Schedule, c.TimeZone = source, Paravirtual, "cron(0 6 * * ? *)", "Europe/Berlin"
		})
		kindtest.SurvivesTheLedger(t, c)
		if n := len([]rune(describe(c))); n > maxDescription || !strings.Contains(describe(c), source.String()) {
			t.Errorf("%s: the description is %q", name, describe(c))
		}
	}
}
