package pipelinefollowsparameter

import (
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/automation"
	simimagebuilder "github.com/droverhq/drover/internal/awssim/imagebuilder"
)

// members are those of a struct by name, as far as they are exported.
func members(v any) map[string]any {
	all := map[string]any{}
	r := reflect.ValueOf(v)
	for i := range r.NumField() {
		if f := r.Type().Field(i); f.IsExported() {
			all[f.Name] = r.Field(i).Interface()
		}
	}
	return all
}

// carries holds a request against what it is made from: every member of the one is in
// the other under its name, or is listed here with the reason.
func carries(t *testing.T, from, request any, set map[string]any, read ...string) {
	t.Helper()
	has, sends := members(from), members(request)
	for name, value := range has {
		sent, sendable := sends[name]
		switch {
		case slices.Contains(read, name):
			if sendable && set[name] == nil {
				t.Errorf("%s of %T can be sent: why is it listed as what cannot?", name, from)
			}
		case reflect.ValueOf(value).IsZero():
			t.Errorf("%s of %T is not set: the test sees nothing", name, from)
		case !sendable:
			t.Errorf("%s of %T is not in %T: does the SDK have a new member? say what becomes of it", name, from, request)
		case set[name] == nil && !reflect.DeepEqual(sent, value):
			t.Errorf("%s was %+v and is sent as %+v", name, value, sent)
		}
	}
	for name, sent := range sends {
		if _, there := has[name]; !there && set[name] == nil {
			t.Errorf("%T has %s, which comes from nowhere: does the SDK have a new member?", request, name)
		}
		if want := set[name]; want != nil && want != any(true) && !reflect.DeepEqual(sent, want) {
			t.Errorf("%s is sent as %+v, want %+v", name, sent, want)
		}
	}
}

// everyRecipe is a recipe with every member that the SDK has.
func everyRecipe() types.ImageRecipe {
	in := simimagebuilder.EveryRecipeField("windows", oldImage)
	return types.ImageRecipe{
		Arn: aws.String(recipeARN("1.0.0")), Name: in.Name, Version: in.SemanticVersion, ParentImage: in.ParentImage, Description: in.Description,
		Components: in.Components, BlockDeviceMappings: in.BlockDeviceMappings, AdditionalInstanceConfiguration: in.AdditionalInstanceConfiguration,
		WorkingDirectory: in.WorkingDirectory, AmiTags: in.AmiTags, Tags: in.Tags,
		DateCreated: aws.String("2025-01-01T00:00:00.000Z"), Owner: aws.String("123456789012"), Platform: types.PlatformWindows, Type: types.ImageTypeAmi,
	}
}

func TestEveryMemberOfARecipeIsSent(t *testing.T) {
	r := everyRecipe()
	r.Tags["aws:cloudformation:stack-name"], r.Tags[tagRun] = "golden", "an earlier run"
	run := automation.Identity{ID: "run-1", Fleet: "stage", Automation: "golden", Ledger: "l"}
	in := withParent(r, newOne, "1.0.1", run)
	carries(t, r, *in, map[string]any{
		"ParentImage": aws.String(newOne), "SemanticVersion": aws.String("1.0.1"), "ClientToken": true,
		"Tags": map[string]string{"recipe": "yes", tagFleet: "stage", tagAutomation: "golden", tagRun: "run-1", tagLedger: "l"},
	}, "Arn", "DateCreated", "Owner", "Platform", "Type", "Version")
	if r.Tags[tagRun] != "an earlier run" {
		t.Error("the tags of what was read are changed")
	}
}

func TestEveryMemberOfAPipelineIsSent(t *testing.T) {
	p := simimagebuilder.EveryPipelineField("golden", recipeARN("1.0.0"))
	p.ContainerRecipeArn = aws.String("excludes the other")
	in := withRecipe(p, recipeARN("1.0.1"))
	carries(t, p, *in, map[string]any{
		"ImagePipelineArn": p.Arn, "ImageRecipeArn": aws.String(recipeARN("1.0.1")), "ClientToken": true, "ContainerRecipeArn": true,
	}, "Arn", "Name", "ConsecutiveFailures", "ContainerRecipeArn", "DateCreated", "DateLastRun", "DateNextRun", "DateUpdated", "LastRunStatus", "Platform", "Tags")
	if in.ContainerRecipeArn != nil {
		t.Error("two recipes are sent")
	}
}

// TestContent: what a build shows makes versions differ, and nothing else.
func TestContent(t *testing.T) {
	content := func(r types.ImageRecipe) string {
		c, err := contentOf(r)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	want := content(everyRecipe())
	alike := []string{"Arn", "DateCreated", "Name", "Owner", "ParentImage", "Platform", "Tags", "Type", "Version"}
	for name := range members(types.ImageRecipe{}) {
		r := everyRecipe()
		field := reflect.ValueOf(&r).Elem().FieldByName(name)
		field.Set(reflect.Zero(field.Type()))
		if same := content(r) == want; same != slices.Contains(alike, name) {
			t.Errorf("without %s the content is the same: %t", name, same)
		}
	}
	a, b := types.ImageRecipe{}, types.ImageRecipe{AmiTags: map[string]string{}, Components: []types.ComponentConfiguration{}, Description: aws.String("")}
	if content(a) != content(b) {
		t.Error("what is empty differs from what is not there")
	}
	a.Components = []types.ComponentConfiguration{{ComponentArn: aws.String("a")}, {ComponentArn: aws.String("b")}}
	b.Components = []types.ComponentConfiguration{{ComponentArn: aws.String("b")}, {ComponentArn: aws.String("a")}}
	if content(a) == content(b) {
		t.Error("the order of components does not matter")
	}
}
