package groupfollowstemplate

import (
	"fmt"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/event"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

// called is the event of a call of Auto Scaling or EC2 that succeeded.
func called(service, operation, request, response string) event.Event {
	return event.Event{
		DetailType: event.TypeAPICall, Source: "aws." + service, Time: t0,
		Detail: fmt.Appendf(nil, `{"eventSource": "%s.amazonaws.com", "eventName": %q, "requestParameters": %s, "responseElements": %s}`, service, operation, request, response),
	}
}

func created(group string) event.Event {
	return called("autoscaling", "CreateAutoScalingGroup", fmt.Sprintf(`{"autoScalingGroupName": %q}`, group), "null")
}

func versioned(template string, number int) event.Event {
	return called("ec2", "CreateLaunchTemplateVersion", `{"CreateLaunchTemplateVersionRequest": {"LaunchTemplateName": "one"}}`,
		fmt.Sprintf(`{"CreateLaunchTemplateVersionResponse": {"launchTemplateVersion": {"launchTemplateId": %q, "versionNumber": %d}}}`, template, number))
}

// TestWants asks as the program does: a trigger and then about.
func TestWants(t *testing.T) {
	catalog := func(c *Config) { c.Groups = []string{"catalogService"} }
	tagged := func(tags map[string]string) func(*Config) {
		return func(c *Config) { c.Groups, c.Tags = nil, tags }
	}
	listed := func(c *Config) { newest(c); c.Templates = []string{"lt-1"} }
	for _, test := range []struct {
		name   string
		config Config
		event  event.Event
		want   bool
	}{
		{"by name", config(catalog), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-2025"), true},
		{"of another name", config(), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-2025"), false},
		{"by wildcard", config(func(c *Config) { c.Groups = []string{"api", "eks-*"} }), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-real"), true},
		{"by a wildcard that a rule cannot express", config(func(c *Config) { c.Groups = []string{"*Serv*"} }), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-2025"), true},
		{"not by a wildcard that a rule cannot express", config(func(c *Config) { c.Groups = []string{"*serv*"} }), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-2025"), false},
		{"by tag", config(tagged(map[string]string{"team": "shop"})), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-tags-propagate"), true},
		{"with another value", config(tagged(map[string]string{"team": "core"})), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-tags-propagate"), false},
		{"without the tag", config(tagged(map[string]string{"team": "shop"})), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-2025"), false},
		{"denied", config(catalog), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-failed-access-denied"), false},
		{"existed", config(catalog), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-failed-already-exists"), false},
		{"invalid", config(catalog), kindtest.Sample(t, "cloudtrail-create-auto-scaling-group-failed-validation"), false},
		{"the echo of an update", config(catalog), called("autoscaling", "UpdateAutoScalingGroup", `{"autoScalingGroupName": "catalogService"}`, "null"), false},
		{"a version, with $Latest", config(), versioned("lt-1", 2), false},
		{"a version", config(newest), versioned("lt-1", 2), true},
		{"a version of a listed template", config(listed), versioned("lt-1", 2), true},
		{"a version of another template", config(listed), versioned("lt-2", 2), false},
		{"a version whose answer was too large to tell", config(listed), called("ec2", "CreateLaunchTemplateVersion", "null", "null"), true},
		{"a default that is set", config(newest), called("ec2", "ModifyLaunchTemplate", "{}", "{}"), false},
		{"an image", config(newest), kindtest.Sample(t, "cloudtrail-create-image-real"), false},
	} {
		subject, ours := about(test.config, test.event)
		got := ours && kindtest.Trigger(Kind, test.config, test.event) != ""
		if want := (automation.Subject{Key: "groups", Mode: automation.Latest}); got && subject != want {
			t.Errorf("%s: subject %+v", test.name, subject)
		}
		if got != test.want {
			t.Errorf("%s: wanted %t, want %t", test.name, got, test.want)
		}
	}
}

func TestRulesAreNarrow(t *testing.T) {
	rule := func(name string) string {
		return `{"detail":{"errorCode":[{"exists":false}],"eventName":["CreateAutoScalingGroup"],"eventSource":["autoscaling.amazonaws.com"]` + name +
			`},"detail-type":["AWS API Call via CloudTrail"],"source":["aws.autoscaling"]}`
	}
	for _, test := range []struct {
		groups []string
		want   string
	}{
		{[]string{"web", "api"}, rule(`,"requestParameters":{"autoScalingGroupName":["web","api"]}`)},
		{[]string{"web", "api-*"}, rule(`,"requestParameters":{"autoScalingGroupName":["web",{"prefix":"api-"}]}`)},
		{nil, rule("")},
	} {
		if got := listen(config(func(c *Config) { c.Groups = test.groups }))[0].Pattern.String(); got != test.want {
			t.Errorf("%q: %s, want %s", test.groups, got, test.want)
		}
	}
}

func TestDoubtful(t *testing.T) {
	there := State{Groups: []Group{group("web-1")}, Templates: one}
	for _, test := range []struct {
		name  string
		state State
		event event.Event
		age   time.Duration
		want  string
	}{
		{name: "the read has the group", state: there, event: created("web-1")},
		{name: "the read lacks the group", state: there, event: created("web-2"), age: lag, want: "the group web-2"},
		{name: "the event is old", state: there, event: created("web-2"), age: lag + 1},
		{name: "the group is none of ours", state: there, event: created("api")},
		{name: "the read has the version", state: there, event: versioned("lt-1", 7)},
		{name: "the read lacks the version", state: there, event: versioned("lt-1", 8), want: "version 8 of lt-1"},
		{name: "no group launches from it", state: there, event: versioned("lt-2", 8)},
		{name: "another call", state: there, event: called("ec2", "CreateImage", "{}", "{}")},
		{name: "a sweep", state: there, event: event.Sweep("groups", t0)},
	} {
		if got := doubtful(config(newest), test.state, []event.Event{test.event}, t0.Add(test.age)); got != test.want {
			t.Errorf("%s: doubtful %q, want %q", test.name, got, test.want)
		}
	}
}
