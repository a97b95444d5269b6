package pipelinefollowsparameter

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
)

func TestDecideNamesWhatTheAuditNames(t *testing.T) {
	for _, test := range []struct {
		operation    string
		input        any
		resource, to string
	}{
		{opCreate, &imagebuilder.CreateImageRecipeInput{Name: aws.String("windows"), ParentImage: aws.String(newOne), SemanticVersion: aws.String("1.0.1")}, "windows", newOne},
		{opUpdate, &imagebuilder.UpdateImagePipelineInput{ImagePipelineArn: aws.String(pipeline), ImageRecipeArn: aws.String(recipeARN("1.0.1"))}, pipeline, recipeARN("1.0.1")},
		{opStart, &imagebuilder.StartImagePipelineExecutionInput{ImagePipelineArn: aws.String(pipeline)}, pipeline, started},
	} {
		if resource, to := call.Effect(test.input); resource != test.resource || to != test.to {
			t.Errorf("a plan names %T %q -> %q, the audit %q -> %q", test.input, test.resource, test.to, resource, to)
		}
		if !call.Mutates(test.operation) {
			t.Errorf("%s changes nothing", test.operation)
		}
	}
}

// TestDecideIsPure holds decide.go to the packages a decision may know.
func TestDecideIsPure(t *testing.T) {
	kindtest.Imports(t, "decide.go", "fmt", "strings", "time")
}

func named(c *Config) { c.Recipe, c.Role = "windows", "service/builder" }

func TestNeedsAreMeaningful(t *testing.T) {
	for name, c := range map[string]Config{"by pipeline": config(), "with names": config(named)} {
		t.Run(name, func(t *testing.T) { kindtest.NeedsAreMeaningful(t, Kind, c) })
	}
}

func TestNeedsAreNarrow(t *testing.T) {
	kindtest.PolicySays(t, kindtest.Policy(t, Kind, config(named), iam.Vars{Region: "us-west-1"}), []string{
		`"Action":"ssm:GetParameter","Resource":"arn:aws:ssm:us-west-1:*:parameter/golden/base"`,
		`"Resource":"` + pipeline + `"`,
		`"Resource":"` + arns + `image-recipe/windows/*"`,
		`"Action":["imagebuilder:GetImage","imagebuilder:TagResource"],"Resource":"` + arns + `image/windows/*"`,
		`"Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/service/builder","Condition":{"StringEquals":{"iam:PassedToService":"imagebuilder.amazonaws.com"}}`,
	}, []string{"image-recipe/*/", ":image/*/", ":role/*"})
}

func change(operation string, edit ...func(*event.ParameterChange)) event.Event {
	d := event.ParameterChange{Name: "/golden/base", Operation: operation, Type: "String"}
	for _, e := range edit {
		e(&d)
	}
	return event.NewParameterChange("123456789012", "us-west-1", d, t0)
}

func ending(image, status string) event.Event {
	return event.NewBuildStateChange("123456789012", "us-west-1", event.BuildStateChange{Image: image, Status: status, From: "TESTING"}, t0)
}

func TestListen(t *testing.T) {
	sample := func(c *Config) { c.Parameter = "golden-ami" }
	windows := func(c *Config) { c.Recipe = "windows" }
	for _, test := range []struct {
		name   string
		config Config
		event  event.Event
		want   string // the trigger; empty: none
	}{
		{"created", config(), change("Create"), "parameter-changed"},
		{"updated", config(), change("Update"), "parameter-changed"},
		{"deleted", config(), change("Delete"), ""},
		{"a label is moved", config(), change("LabelParameterVersion"), ""},
		{"another parameter", config(), change("Update", func(d *event.ParameterChange) { d.Name = "/golden/base/2" }), ""},
		{"refused", config(), change("Update", func(d *event.ParameterChange) { d.Exception = "Unable to Describe Resource" }), ""},
		{"the published sample of an image", config(sample), kindtest.Sample(t, "ssm-parameter-store-change-ami-update-validated"), "parameter-changed"},
		{"and of what is none", config(sample), kindtest.Sample(t, "ssm-parameter-store-change-ami-validation-failed"), ""},
		{"available", config(), kindtest.Sample(t, "imagebuilder-image-state-change-available"), "build-ended"},
		{"failed", config(), kindtest.Sample(t, "imagebuilder-image-state-change-failed"), "build-ended"},
		{"cancelled", config(), kindtest.Sample(t, "imagebuilder-image-state-change-cancelled"), "build-ended"},
		{"testing", config(), kindtest.Sample(t, "imagebuilder-image-state-change-testing"), ""},
		{"of the recipe", config(windows), ending(arns+"image/windows/1.0.0/1", "FAILED"), "build-ended"},
		{"of another recipe", config(windows), ending(arns+"image/windows-2/1.0.0/1", "FAILED"), ""},
		{"another type", config(), event.NewInstanceStateChange("1", "r", "i-1", "stopped", t0), ""},
	} {
		t.Run(test.name, func(t *testing.T) { kindtest.Triggers(t, Kind, test.config, test.event, test.want) })
	}
	subject, ok := about(config(), change("Update"))
	if want := (automation.Subject{Key: "image pipeline " + pipeline, Mode: automation.Latest}); !ok || subject != want {
		t.Errorf("it is about %+v, want %+v", subject, want)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Config)
		want string // path: got, wanted; a line each
	}{
		{"fine", named, ""},
		{"a parameter of AWS", func(c *Config) { c.Parameter = "/aws/service/ami" }, "parameter: /aws/service/ami, which is AWS's, a parameter of this account, or a recipe whose parent image is ssm:/aws/service/ami"},
		{"too often", func(c *Config) { c.Sweep = automation.Duration(time.Second) }, "sweep: 1s, 1m or more, the shortest schedule EventBridge has"},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.CheckSays(t, Kind, config(test.edit), test.want)
		})
	}
}

func TestClaims(t *testing.T) {
	one := "pipeline: image pipeline " + pipeline
	for name, test := range map[string]struct {
		config Config
		want   string // path: resource
	}{
		"one":                    {config(), one},
		"from another parameter": {config(named, func(c *Config) { c.Parameter = "/other" }), one},
		"another":                {config(func(c *Config) { c.Pipeline += "-2" }), one + "-2"},
	} {
		t.Run(name, func(t *testing.T) { kindtest.ClaimsSay(t, Kind, test.config, test.want) })
	}
}

func TestConfigSurvivesTheLedger(t *testing.T) {
	kindtest.SurvivesTheLedger(t, config(named))
}

// TestItsHistoryHasRoom: the longest run fits into an execution of Step Functions,
// or Define would panic, and a limit may still grow a little.
func TestItsHistoryHasRoom(t *testing.T) {
	if n := automation.Define(Kind).LongestHistory(); n > 19_500 {
		t.Errorf("its longest run writes %d events", n)
	}
}
