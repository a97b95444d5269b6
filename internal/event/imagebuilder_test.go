package event_test

import (
	"encoding/json"
	"testing"

	"github.com/droverhq/drover/internal/event"
)

const build = "arn:aws:imagebuilder:us-west-2:111122223333:image/cmkencryptedworkflowtest-a1b2c3d4-5678-90ab-cdef-EXAMPLE22222/1.0.0/1"

func TestParametersAndBuildsOfPublishedSamples(t *testing.T) {
	all := samples(t)
	golden := event.ParameterChange{Name: "golden-ami", Operation: "Update", Type: "String", DataType: "aws:ec2:image"}
	refused := golden
	refused.Operation, refused.Exception = "Create", "Unable to Describe Resource"
	example := event.ParameterChange{Name: "MyExampleParameter", Type: "String", Description: "Sample Parameter"}
	with := func(operation string) event.ParameterChange {
		d := example
		d.Operation = operation
		return d
	}
	for name, want := range map[string]any{
		"ssm-parameter-store-change-create.json":               with("Create"),
		"ssm-parameter-store-change-update.json":               with("Update"),
		"ssm-parameter-store-change-delete.json":               with("Delete"),
		"ssm-parameter-store-change-hierarchical-name.json":    event.ParameterChange{Name: "/scheduler/config", Operation: "Create", Type: "String"},
		"ssm-parameter-store-change-ami-update-validated.json": golden, "ssm-parameter-store-change-ami-validation-failed.json": refused,
		"imagebuilder-image-state-change-testing.json":      event.BuildStateChange{Image: build, Status: "TESTING", From: "BUILDING"},
		"imagebuilder-image-state-change-distributing.json": event.BuildStateChange{Image: build, Status: "DISTRIBUTING", From: "TESTING"},
		"imagebuilder-image-state-change-available.json":    event.BuildStateChange{Image: build, Status: "AVAILABLE", From: "TESTING"},
		"imagebuilder-image-state-change-cancelled.json":    event.BuildStateChange{Image: build, Status: "CANCELLED", From: "BUILDING"},
		"imagebuilder-image-state-change-failed.json":       event.BuildStateChange{Image: build, Status: "FAILED", From: "BUILDING", Reason: "SSM execution failed with status = Failed"},
		"imagebuilder-pipeline-automatically-disabled.json": nil,
	} {
		e, err := event.Parse(all[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := as(e); err != nil || got != want {
			t.Errorf("%s: %#v, %v; want %#v", name, got, err, want)
		}
	}
}

func TestParametersAndBuildsAreReadBack(t *testing.T) {
	for _, want := range []any{
		event.ParameterChange{Name: "/a/b", Operation: event.ParameterUpdated, Type: "String", DataType: "aws:ec2:image", Description: "d", Exception: "e"},
		event.ParameterChange{Name: "c", Operation: event.ParameterCreated},
		event.BuildStateChange{Image: build, Status: event.BuildFailed, From: "TESTING", Reason: "no"},
		event.BuildStateChange{Image: build, Status: event.BuildAvailable},
	} {
		var e event.Event
		switch d := want.(type) {
		case event.ParameterChange:
			e = event.NewParameterChange("012345678901", "us-west-1", d, at)
		case event.BuildStateChange:
			e = event.NewBuildStateChange("012345678901", "us-west-1", d, at)
		}
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		read, err := event.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := as(read); err != nil || got != want {
			t.Errorf("got %#v, %v; want %#v", got, err, want)
		}
	}
	for name, want := range map[string]string{
		"/a/b": "arn:aws:ssm:us-west-1:012345678901:parameter/a/b", "c": "arn:aws:ssm:us-west-1:012345678901:parameter/c",
	} {
		if got := event.NewParameterChange("012345678901", "us-west-1", event.ParameterChange{Name: name}, at).Resources[0]; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestBrokenParametersAndBuildsAreRefused(t *testing.T) {
	parameter := func(detail string) event.Event {
		return event.Event{DetailType: event.TypeParameterChange, Source: event.SourceSSM, Detail: json.RawMessage(detail)}
	}
	image := func(detail string, resources ...string) event.Event {
		return event.Event{DetailType: event.TypeBuildStateChange, Source: event.SourceImageBuilder, Resources: resources, Detail: json.RawMessage(detail)}
	}
	const readBuild = `read "EC2 Image Builder Image State Change": `
	for _, test := range []struct {
		event event.Event
		want  string
	}{
		{parameter(`{"name": "a", "exception": 1}`), `read "Parameter Store Change": detail.operation: got no such member, wanted an operation such as Update` + "\ndetail.exception: got 1, wanted a string"},
		{image(`{"state": {"status": "FAILED"}}`), readBuild + "resources: got none, wanted the ARN of an image"},
		{image(`{}`, build), readBuild + "detail.state: got no such member, wanted a state"},
		{image(`{"state": "FAILED"}`, build), readBuild + `detail.state: got "FAILED", wanted a state`},
		{image(`{"state": {"reason": 1}}`, build), readBuild + "detail.state.status: got no such member, wanted a status such as AVAILABLE\ndetail.state.reason: got 1, wanted a string"},
		{image(`{"state": {"status": "X"}, "previous-state": {"status": 1}}`, build), readBuild + "detail.previous-state.status: got 1, wanted a string"},
		{image(`[]`, build), readBuild + "detail: got what is not an object, wanted an object"},
	} {
		_, err := as(test.event)
		refused(t, err, test.want, "")
	}
}
