package templatefollowsimage

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
)

func TestDecideNamesWhatTheAuditNames(t *testing.T) {
	for _, test := range []struct {
		input        any
		resource, to string
	}{
		{&ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")}}, "lt-1", "ami-1"},
		{&ec2.ModifyLaunchTemplateInput{LaunchTemplateId: aws.String("lt-1"), DefaultVersion: aws.String("7")}, "lt-1 default", version.Named(7)},
	} {
		if resource, to := call.Effect(test.input); resource != test.resource || to != test.to {
			t.Errorf("a plan names %T %q -> %q, the audit %q -> %q", test.input, test.resource, test.to, resource, to)
		}
	}
}

// TestDecideIsPure holds decide.go to the packages a decision may know.
func TestDecideIsPure(t *testing.T) {
	kindtest.Imports(t, "decide.go", "fmt", "slices", "strings", "time", "github.com/droverhq/drover/internal/automation/version")
}

const key = "arn:aws:kms:us-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

func withKey(c *Config) {
	c.Template = Template{Parameter: "/app/template", Key: key, Tags: map[string]string{"app": "web"}}
}

func TestNeedsAreMeaningful(t *testing.T) {
	for name, c := range map[string]Config{
		"by id":        config(),
		"by name":      config(func(c *Config) { c.Template = Template{Name: "app"} }),
		"by parameter": config(withKey),
	} {
		t.Run(name, func(t *testing.T) { kindtest.NeedsAreMeaningful(t, Kind, c) })
	}
}

func TestNeedsAreNarrow(t *testing.T) {
	for name, test := range map[string]struct {
		config     Config
		has, lacks []string // texts of the policy
	}{
		"by parameter": {config: config(withKey), has: []string{
			`"Action":"ssm:GetParameter","Resource":"arn:aws:ssm:us-west-1:*:parameter/app/template"`,
			`"Action":"kms:Decrypt","Resource":"` + key + `"`,
			`"kms:ViaService":"ssm.us-west-1.amazonaws.com"`,
			`"kms:EncryptionContext:PARAMETER_ARN":"arn:aws:ssm:us-west-1:*:parameter/app/template"`,
			`"Resource":"arn:aws:ec2:us-west-1:*:launch-template/*","Condition":{"StringEquals":{"aws:ResourceTag/app":"web"}}`,
		}},
		"by id": {config: config(), lacks: []string{"launch-template/*", "kms:", "ssm:"}},
	} {
		t.Run(name, func(t *testing.T) {
			kindtest.PolicySays(t, kindtest.Policy(t, Kind, test.config, iam.Vars{Region: "us-west-1"}), test.has, test.lacks)
		})
	}
}

func TestListen(t *testing.T) {
	state := func(s string) event.Event { return event.NewImageStateChange("1", "r", "ami-1", s, "", t0) }
	for _, test := range []struct {
		name  string
		event event.Event
		want  string // the trigger; empty: none
	}{
		{"created", kindtest.Sample(t, "cloudtrail-create-image-real"), "image-created"},
		{"refused: the name is taken", kindtest.Sample(t, "cloudtrail-create-image-failed-duplicate-name"), ""},
		{"refused: denied", kindtest.Sample(t, "cloudtrail-create-image-failed-unauthorized"), ""},
		{"available", state("available"), "image-state"},
		{"failed", state("failed"), "image-state"},
		{"deregistered", state("deregistered"), "image-state"},
		{"another type", event.NewInstanceStateChange("1", "r", "i-1", "stopped", t0), ""},
	} {
		t.Run(test.name, func(t *testing.T) { kindtest.Triggers(t, Kind, config(), test.event, test.want) })
	}
}

// created is the event of a CreateImage.
func created(t *testing.T, request string) event.Event {
	t.Helper()
	e := kindtest.Sample(t, "cloudtrail-create-image-minimal")
	var detail map[string]json.RawMessage
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		t.Fatal(err)
	}
	detail["requestParameters"] = json.RawMessage(request)
	data, err := json.Marshal(detail)
	if err != nil {
		t.Fatal(err)
	}
	e.Detail = data
	return e
}

func TestAbout(t *testing.T) {
	only := func(edit func(*Images)) Config {
		return config(func(c *Config) { c.Images = Images{}; edit(&c.Images) })
	}
	marked := config()
	for _, test := range []struct {
		name    string
		config  Config
		request string
		want    bool
	}{
		{"the marker is there", marked, `{"description": "Created by EC2_BACKUP at noon"}`, true},
		{"another description", marked, `{"description": "by hand"}`, false},
		{"in other letters", marked, `{"description": "ec2_backup"}`, false},
		{"no description", marked, `{"name": "EC2_BACKUP"}`, false},
		{"too large to be told", marked, `null`, true},
		{"the name fits", only(func(i *Images) { i.Name = "app-*" }), `{"name": "app-1"}`, true},
		{"the name does not", only(func(i *Images) { i.Name = "app-*" }), `{"name": "web-1"}`, false},
		{"the instance", only(func(i *Images) { i.Instance = "i-1" }), `{"instanceId": "i-1"}`, true},
		{"another instance", only(func(i *Images) { i.Instance = "i-1" }), `{"instanceId": "i-2"}`, false},
		{"tags can come later", only(func(i *Images) { i.Tags = map[string]string{"a": "b"} }), `{"name": "x"}`, true},
		{"only another account's count", config(func(c *Config) { c.Images.Owners = []string{"999999999999"} }), `{"description": "EC2_BACKUP"}`, false},
		{"this account is listed", config(func(c *Config) { c.Images.Owners = []string{"999999999999", "123456789012"} }), `{"description": "EC2_BACKUP"}`, true},
		{"as self", config(func(c *Config) { c.Images.Owners = []string{"999999999999", "self"} }), `{"description": "EC2_BACKUP"}`, true},
	} {
		subject, ok := about(test.config, created(t, test.request))
		if ok != test.want {
			t.Errorf("%s: wanted %t, want %t", test.name, ok, test.want)
		}
		if want := (automation.Subject{Key: "launch template lt-1", Mode: automation.Latest}); ok && subject != want {
			t.Errorf("%s: it is about %+v, want %+v", test.name, subject, want)
		}
	}
	if _, ok := about(marked, event.NewImageStateChange("1", "r", "ami-1", "available", "", t0)); !ok {
		t.Error("an image is available, and it is not wanted: its id alone does not say whose it is")
	}
	if _, ok := about(marked, event.Sweep("app", t0)); !ok {
		t.Error("the sweep is not wanted")
	}
}

func TestNamed(t *testing.T) {
	available := event.NewImageStateChange("1", "r", "ami-1", "available", "", t0.Add(time.Minute))
	failed := event.NewImageStateChange("1", "r", "ami-1", "failed", "why", t0)
	image := created(t, `{}`)
	got := named([]event.Event{available, failed, image, event.Sweep("app", t0)})
	want := []told{{"ami-1", "available", available.Time}, {"ami-0a3716ae54ca4bd2a", stateCreated, image.Time}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Config)
		want string // path: got, wanted; a line each
	}{
		{"fine", func(*Config) {}, ""},
		{"nothing tells images apart", func(c *Config) { c.Images = Images{Owners: []string{"123456789012"}} }, "images: nothing that tells images apart, description, name, tags or instance"},
		{"a marker of blanks", func(c *Config) { c.Images.Description = " " }, "images.description: only blanks, text that no other image's description contains"},
		{"a pattern that every name fits", func(c *Config) { c.Images = Images{Name: "*?"} }, "images.name: *?, which every name fits, a pattern such as app-*, or description, tags or instance beside it"},
		{"beside something else it may", func(c *Config) { c.Images.Name = "*" }, ""},
		{"no template", func(c *Config) { c.Template = Template{} }, "template: none of id, name and parameter, one of them"},
		{"two templates", func(c *Config) { c.Template.Name = "app" }, "template: several of id, name and parameter, one of them"},
		{"a key without a parameter", func(c *Config) { c.Template.Key = "arn:…" }, "template.key: a key, but no parameter, parameter beside it, or no key"},
		{"too often", func(c *Config) { c.Sweep = automation.Duration(time.Second) }, "sweep: 1s, 1m or more, the shortest schedule EventBridge has"},
		{"expected more often than looked for", func(c *Config) { c.Expect = automation.Duration(time.Minute) }, "expect: 1m, which is less than the sweep's 1h, as much or more: it is looked at when the sweep is"},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.CheckSays(t, Kind, config(test.edit), test.want)
		})
	}
}

func TestClaims(t *testing.T) {
	tags := map[string]string{"a": "b"}
	for _, test := range []struct {
		template Template
		want     string // path: resource
	}{
		{Template{ID: "lt-1"}, "template: launch template lt-1"},
		{Template{ID: "lt-1", Tags: tags}, "template: launch template lt-1"},
		{Template{ID: "lt-2"}, "template: launch template lt-2"},
		{Template{Name: "app"}, "template: launch template app"},
		{Template{Name: "app", Tags: tags}, "template: launch template app"},
		{Template{Parameter: "/p"}, "template: the launch template in parameter /p"},
		{Template{Parameter: "/p", Key: "arn:k"}, "template: the launch template in parameter /p"},
	} {
		kindtest.ClaimsSay(t, Kind, Config{Template: test.template}, test.want)
	}
}

func TestConfigSurvivesTheLedger(t *testing.T) {
	kindtest.SurvivesTheLedger(t, config(func(c *Config) {
		c.Images = Images{Description: "a", Name: "b*", Tags: map[string]string{"c": "d"}, Instance: "i-1", Owners: []string{"self"}}
		c.Template = Template{Parameter: "/p", Key: "arn:k", Tags: map[string]string{"e": "f"}}
		c.From, c.Keep, c.Expect = FromDefault, 7, automation.Duration(time.Hour)
	}))
}
