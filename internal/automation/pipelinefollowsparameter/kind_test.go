package pipelinefollowsparameter

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/iam/iamtest"
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
	allowed := map[string]bool{"fmt": true, "strings": true, "time": true, "github.com/droverhq/drover/internal/automation": true}
	file, err := parser.ParseFile(token.NewFileSet(), "decide.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Imports) == 0 {
		t.Fatal("decide.go imports nothing: is it the right file?")
	}
	for _, i := range file.Imports {
		if path, _ := strconv.Unquote(i.Path.Value); !allowed[path] {
			t.Errorf("decide.go imports %s", path)
		}
	}
}

func needsOf(c Config) []iam.Need {
	needs := observeNeeds(c)
	for _, s := range Kind.Steps {
		needs = append(needs, s.Needs(c)...)
	}
	return needs
}

func named(c *Config) { c.Recipe, c.Role = "windows", "service/builder" }

func TestNeedsAreMeaningful(t *testing.T) {
	for _, c := range []Config{config(), config(named)} {
		needs := needsOf(c)
		if err := iamtest.Reference().Check(needs); err != nil {
			t.Error(err)
		}
		for _, n := range needs {
			if n.Why == "" {
				t.Errorf("%v is needed for no reason", n.Actions)
			}
		}
	}
}

func TestNeedsAreNarrow(t *testing.T) {
	policy := func(c Config) string {
		p, err := iam.NewPolicy(needsOf(c), iam.Vars{Region: "us-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, want := range []string{
		`"Action":"ssm:GetParameter","Resource":"arn:aws:ssm:us-west-1:*:parameter/golden/base"`,
		`"Resource":"` + pipeline + `"`,
		`"Resource":"` + arns + `image-recipe/windows/*"`,
		`"Action":["imagebuilder:GetImage","imagebuilder:TagResource"],"Resource":"` + arns + `image/windows/*"`,
		`"Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/service/builder","Condition":{"StringEquals":{"iam:PassedToService":"imagebuilder.amazonaws.com"}}`,
	} {
		if got := policy(config(named)); !strings.Contains(got, want) {
			t.Errorf("the policy lacks %s:\n%s", want, got)
		}
	}
	if got := policy(config(named)); strings.Contains(got, "image-recipe/*/") || strings.Contains(got, ":image/*/") || strings.Contains(got, ":role/*") {
		t.Errorf("recipe and role are named, and the policy is wider:\n%s", got)
	}
}

// recorded is an event of shared/facts/events.
func recorded(t *testing.T, name string) event.Event {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "event", "testdata", "samples", name))
	if err != nil {
		t.Fatal(err)
	}
	e, err := event.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return e
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
		{"the published sample of an image", config(sample), recorded(t, "ssm-parameter-store-change-ami-update-validated.json"), "parameter-changed"},
		{"and of what is none", config(sample), recorded(t, "ssm-parameter-store-change-ami-validation-failed.json"), ""},
		{"available", config(), recorded(t, "imagebuilder-image-state-change-available.json"), "build-ended"},
		{"failed", config(), recorded(t, "imagebuilder-image-state-change-failed.json"), "build-ended"},
		{"cancelled", config(), recorded(t, "imagebuilder-image-state-change-cancelled.json"), "build-ended"},
		{"testing", config(), recorded(t, "imagebuilder-image-state-change-testing.json"), ""},
		{"of the recipe", config(windows), ending(arns+"image/windows/1.0.0/1", "FAILED"), "build-ended"},
		{"of another recipe", config(windows), ending(arns+"image/windows-2/1.0.0/1", "FAILED"), ""},
		{"another type", config(), event.NewInstanceStateChange("1", "r", "i-1", "stopped", t0), ""},
	} {
		got := ""
		for _, trigger := range listen(test.config) {
			if trigger.Pattern.Match(test.event) {
				got = trigger.Name
			}
		}
		if got != test.want {
			t.Errorf("%s: trigger %q, want %q", test.name, got, test.want)
		}
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
			var got []string
			for _, p := range check(config(test.edit)) {
				got = append(got, p.Path+": "+p.Got+", "+p.Wanted)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	a, b := claims(config())[0], claims(config(named, func(c *Config) { c.Parameter = "/other" }))[0]
	if a.Resource != b.Resource || len(a.Parts)+len(b.Parts) > 0 {
		t.Errorf("one pipeline is claimed as %q and %q", a.Resource, b.Resource)
	}
	if c := claims(config(func(c *Config) { c.Pipeline += "-2" }))[0]; c.Resource == a.Resource {
		t.Errorf("another pipeline is claimed as %q too", c.Resource)
	}
}

func TestConfigSurvivesTheLedger(t *testing.T) {
	c := config(named)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Error(diff)
	}
}

// TestItsHistoryHasRoom: the longest run fits into an execution of Step Functions,
// or Define would panic, and a limit may still grow a little.
func TestItsHistoryHasRoom(t *testing.T) {
	if n := automation.Define(Kind).LongestHistory(); n > 19_500 {
		t.Errorf("its longest run writes %d events", n)
	}
}
