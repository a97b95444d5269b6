package groupfollowstemplate

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/iam"
)

// TestDecideIsPure holds what decides to the packages a decision may know.
func TestDecideIsPure(t *testing.T) {
	kindtest.Imports(t, "decide.go", "fmt", "slices", "strconv", "time", "github.com/droverhq/drover/internal/wildcard")
	kindtest.Imports(t, "state.go", "cmp", "slices", "strings", "time", "github.com/droverhq/drover/internal/automation/version")
}

// TestDecideNamesWhatTheAuditNames: a change is named as the audit names the call that
// makes it, also where overrides launch from other templates.
func TestDecideNamesWhatTheAuditNames(t *testing.T) {
	spec := func(id, name, version string) *types.LaunchTemplateSpecification {
		s := &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String(name)}
		if id != "" {
			s.LaunchTemplateId = aws.String(id)
		}
		if version != "" {
			s.Version = aws.String(version)
		}
		return s
	}
	policy := func(own *types.LaunchTemplateSpecification, overrides ...*types.LaunchTemplateSpecification) types.AutoScalingGroup {
		p := &types.LaunchTemplate{LaunchTemplateSpecification: own}
		for _, o := range overrides {
			p.Overrides = append(p.Overrides, types.LaunchTemplateOverrides{LaunchTemplateSpecification: o})
		}
		return types.AutoScalingGroup{MixedInstancesPolicy: &types.MixedInstancesPolicy{LaunchTemplate: p}}
	}
	for name, test := range map[string]struct {
		group types.AutoScalingGroup
		want  string
	}{
		"a template":                       {types.AutoScalingGroup{LaunchTemplate: spec("lt-1", "one", "1")}, "version 7 of lt-1"},
		"a policy":                         {policy(spec("lt-1", "one", "1"), nil), "version 7 of lt-1"},
		"overrides with others":            {policy(spec("lt-1", "one", "1"), spec("lt-2", "two", "3"), nil, spec("", "three", "$Latest")), "version 7 of lt-1, version 3 of lt-2, version $Latest of three"},
		"overrides with one another's":     {policy(spec("lt-1", "one", "1"), spec("lt-2", "two", "3"), spec("lt-2", "two", "3")), "version 7 of lt-1, version 3 of lt-2"},
		"overrides with its own":           {policy(spec("lt-1", "one", "1"), spec("lt-1", "one", "1"), spec("lt-1", "one", "7")), "version 7 of lt-1, version 1 of lt-1"},
		"an override that says no version": {policy(spec("lt-1", "one", "1"), spec("lt-2", "two", "")), "version 7 of lt-1, version $Default of lt-2"},
	} {
		test.group.AutoScalingGroupName = aws.String("web-1")
		plan := decide(config(newest), State{Groups: []Group{groupOf(test.group)}, Templates: one}, time.Time{})
		if len(plan.Changes) != 1 {
			t.Fatalf("%s: %+v", name, plan)
		}
		resource, to := call.Effect(launchtemplate.Update(test.group, "7"))
		if c := plan.Changes[0]; c.Resource != resource || c.To != to || c.To != test.want {
			t.Errorf("%s: %s -> %q, and the audit says %s -> %q, want %q", name, c.Resource, c.To, resource, to, test.want)
		}
	}
}

func every(c *Config) {
	c.Tags, c.Templates = map[string]string{"team": "shop"}, []string{"lt-02c96752a8d5a34d9"}
	c.Uses = Uses{Roles: []string{"web", "path/web"}, Parameters: []string{"/golden/web", "plain"}}
	c.Version = NewestNumber
}

func TestNeedsAreMeaningful(t *testing.T) {
	for name, c := range map[string]Config{
		"by name":         config(),
		"by tag":          config(func(c *Config) { c.Groups, c.Tags = nil, map[string]string{"a": "b"} }),
		"with everything": config(every),
	} {
		t.Run(name, func(t *testing.T) { kindtest.NeedsAreMeaningful(t, Kind, c) })
	}
}

// TestThePolicyEnds shows what the policy does not allow.
func TestThePolicyEnds(t *testing.T) {
	const account, lt = "123456789012", "lt-02c96752a8d5a34d9"
	policy := kindtest.Policy(t, Kind, config(every), iam.Vars{Region: "us-west-1", Account: account})
	group := func(name string) string {
		return "arn:aws:autoscaling:us-west-1:" + account + ":autoScalingGroup:00000000-0000-4000-8000-000000000001:autoScalingGroupName/" + name
	}
	ec2 := func(resource string) string { return "arn:aws:ec2:us-west-1:" + account + ":" + resource }
	shop := map[string][]string{"aws:ResourceTag/team": {"shop"}}
	from := func(id string, more ...string) map[string][]string {
		keys := map[string][]string{"ec2:LaunchTemplate": {ec2("launch-template/" + id)}}
		for i := 0; i < len(more); i += 2 {
			keys[more[i]] = []string{more[i+1]}
		}
		return keys
	}
	passed := func(to string) map[string][]string { return map[string][]string{"iam:PassedToService": {to}} }
	for _, test := range []struct {
		name    string
		request iam.Request
		allowed bool
	}{
		{"a chosen group", iam.Request{Action: "autoscaling:UpdateAutoScalingGroup", Resource: group("web-1"), Context: shop}, true},
		{"a group of another name", iam.Request{Action: "autoscaling:UpdateAutoScalingGroup", Resource: group("api"), Context: shop}, false},
		{"a group without the tag", iam.Request{Action: "autoscaling:UpdateAutoScalingGroup", Resource: group("web-1")}, false},
		{"deleting a group", iam.Request{Action: "autoscaling:DeleteAutoScalingGroup", Resource: group("web-1"), Context: shop}, false},
		{"the template's image", iam.Request{Action: "ec2:RunInstances", Resource: "arn:aws:ec2:us-west-1::image/ami-1", Context: from(lt, "ec2:IsLaunchTemplateResource", "true")}, true},
		{"another image", iam.Request{Action: "ec2:RunInstances", Resource: "arn:aws:ec2:us-west-1::image/ami-1", Context: from(lt, "ec2:IsLaunchTemplateResource", "false")}, false},
		{"the group's subnet", iam.Request{Action: "ec2:RunInstances", Resource: ec2("subnet/subnet-1"), Context: from(lt, "ec2:IsLaunchTemplateResource", "false")}, true},
		{"an instance", iam.Request{Action: "ec2:RunInstances", Resource: ec2("instance/*"), Context: from(lt)}, true},
		{"an instance from another template", iam.Request{Action: "ec2:RunInstances", Resource: ec2("instance/*"), Context: from("lt-1")}, false},
		{"an instance from no template", iam.Request{Action: "ec2:RunInstances", Resource: ec2("instance/*")}, false},
		{"tags of what is launched", iam.Request{Action: "ec2:CreateTags", Resource: ec2("instance/*"), Context: map[string][]string{"ec2:CreateAction": {"RunInstances"}}}, true},
		{"tags of what is there", iam.Request{Action: "ec2:CreateTags", Resource: ec2("instance/i-1")}, false},
		{"the role", iam.Request{Action: "iam:PassRole", Resource: "arn:aws:iam::" + account + ":role/path/web", Context: passed("ec2.amazonaws.com")}, true},
		{"the role, to another service", iam.Request{Action: "iam:PassRole", Resource: "arn:aws:iam::" + account + ":role/web", Context: passed("lambda.amazonaws.com")}, false},
		{"another role", iam.Request{Action: "iam:PassRole", Resource: "arn:aws:iam::" + account + ":role/admin", Context: passed("ec2.amazonaws.com")}, false},
		{"the parameter", iam.Request{Action: "ssm:GetParameters", Resource: "arn:aws:ssm:us-west-1:" + account + ":parameter/golden/web"}, true},
		{"another parameter", iam.Request{Action: "ssm:GetParameters", Resource: "arn:aws:ssm:us-west-1:" + account + ":parameter/golden/api"}, false},
	} {
		if got, why := policy.Allows(test.request); got != test.allowed {
			t.Errorf("%s: allowed %t, want %t: %s", test.name, got, test.allowed, why)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Config)
		want string // path: got, wanted; a line each
	}{
		{"fine", func(*Config) {}, ""},
		{"tags alone", func(c *Config) { c.Groups, c.Tags = nil, map[string]string{"a": "b"} }, ""},
		{"no choice", func(c *Config) { c.Groups = nil }, `groups: neither groups nor tags, one of them; groups: ["*"] is every group of the region`},
		{"twice", func(c *Config) { c.Groups = []string{"web", "api", "web"} }, "groups[2]: web a second time, each only once; it is at groups[0] already"},
		{"an empty tag", func(c *Config) { c.Tags = map[string]string{"team": ""} }, `tags: "team" with the value "", a key and a value`},
		{"too often", func(c *Config) { c.Sweep = automation.Duration(1e9) }, "sweep: 1s, 1m or more, the shortest schedule EventBridge has"},
	} {
		t.Run(test.name, func(t *testing.T) { kindtest.CheckSays(t, Kind, config(test.edit), test.want) })
	}
}

func TestClaims(t *testing.T) {
	const versions = "the template version of Auto Scaling groups"
	tags := map[string]string{"team": "shop"}
	for name, test := range map[string]struct {
		config Config
		want   string // path: resource, parts and tags; a line each
	}{
		"by name": {
			config(func(c *Config) { c.Groups = []string{"web", "api-*"} }),
			"groups[0]: " + versions + ", web\ngroups[1]: " + versions + ", api-*",
		},
		"by tag":  {config(func(c *Config) { c.Groups, c.Tags = nil, tags }), "tags: " + versions + ", * with map[team:shop]"},
		"by both": {config(func(c *Config) { c.Tags = tags }), "groups[0]: " + versions + ", web-* with map[team:shop]"},
	} {
		t.Run(name, func(t *testing.T) { kindtest.ClaimsSay(t, Kind, test.config, test.want) })
	}
}

func TestConfigSurvivesTheLedger(t *testing.T) {
	kindtest.SurvivesTheLedger(t, config(every))
}
