package event_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/event"
)

var at = time.Date(2026, 11, 21, 3, 0, 0, 0, time.FixedZone("", 3600))

// as reads e as every type there is and tells the one that it is.
func as(e event.Event) (detail any, err error) {
	if d, ok, err := event.AsInstanceStateChange(e); ok {
		return d, err
	}
	if d, ok, err := event.AsSpotInterruption(e); ok {
		return d, err
	}
	if d, ok, err := event.AsRebalanceRecommendation(e); ok {
		return d, err
	}
	if d, ok, err := event.AsImageStateChange(e); ok {
		return d, err
	}
	if d, ok, err := event.AsAPICall(e); ok {
		d.Request, d.Response = nil, nil // raw JSON is compared by itself
		return fmt.Sprint(d), err
	}
	if d, ok, err := event.AsSweep(e); ok {
		return d, err
	}
	if d, ok, err := event.AsRolloutRequest(e); ok {
		return d, err
	}
	if d, ok, err := event.AsParameterChange(e); ok {
		return d, err
	}
	if d, ok, err := event.AsBuildStateChange(e); ok {
		return d, err
	}
	if d, ok, err := event.AsBackupJobStateChange(e); ok {
		return d, err
	}
	if d, ok, err := event.AsRefreshChange(e); ok {
		return d, err
	}
	if d, ok, err := event.AsCommandInvocationChange(e); ok {
		return d, err
	}
	return nil, nil
}

func TestDetailsOfPublishedSamples(t *testing.T) {
	all := samples(t)
	for name, want := range map[string]any{
		"ec2-instance-state-change-pending.json":             event.InstanceStateChange{InstanceID: "i-abcd1111", State: "pending"},
		"ec2-instance-state-change-shutting-down.json":       event.InstanceStateChange{InstanceID: "i-abcd1111", State: "shutting-down"},
		"ec2-spot-interruption-warning-stop.json":            event.SpotInterruption{InstanceID: "i-1234567890abcdef0", Action: "stop"},
		"ec2-instance-rebalance-recommendation.json":         event.RebalanceRecommendation{InstanceID: "i-1234567890abcdef0"},
		"ec2-ami-state-change-available.json":                event.ImageStateChange{ImageID: "ami-0123456789example", State: "available"},
		"ec2-ami-state-change-failed.json":                   event.ImageStateChange{ImageID: "ami-0123456789example", State: "failed", ErrorMessage: "Description of failure"},
		"cloudtrail-create-image-real.json":                  "{ec2.amazonaws.com CreateImage   [] []}",
		"cloudtrail-create-image-failed-duplicate-name.json": "{ec2.amazonaws.com CreateImage Client.InvalidAMIName.Duplicate AMI name test-tagg is already in use by AMI ami-0a3716ae54ca4bd2a [] []}",
		"asg-instance-launch-successful.json":                nil,
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

func TestConstructorsMakeWhatIsReadBack(t *testing.T) {
	for name, test := range map[string]struct {
		event event.Event
		want  any
	}{
		"state change": {event.NewInstanceStateChange("012345678901", "us-west-1", "i-1", "stopping", at), event.InstanceStateChange{InstanceID: "i-1", State: "stopping"}},
		"spot":         {event.NewSpotInterruption("012345678901", "us-west-1", "i-1", "terminate", at), event.SpotInterruption{InstanceID: "i-1", Action: "terminate"}},
		"rebalance":    {event.NewRebalanceRecommendation("012345678901", "us-west-1", "i-1", at), event.RebalanceRecommendation{InstanceID: "i-1"}},
		"image":        {event.NewImageStateChange("012345678901", "us-west-1", "ami-1", "failed", "no space", at), event.ImageStateChange{ImageID: "ami-1", State: "failed", ErrorMessage: "no space"}},
		"sweep":        {event.Sweep("sdwan", at), "sdwan"},
		"schedule":     {event.Sweep("sdwan", time.Time{}), "sdwan"},
		"rollout":      {event.NewRolloutRequest(event.RolloutRequest{Group: "web", Image: "ami-1"}, at), event.RolloutRequest{Group: "web", Image: "ami-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := json.Marshal(test.event)
			if err != nil {
				t.Fatal(err)
			}
			read, err := event.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.event, read); diff != "" {
				t.Errorf("read differs from made:\n%s", diff)
			}
			if got, err := as(read); err != nil || got != test.want {
				t.Errorf("detail %#v, %v; want %#v", got, err, test.want)
			}
		})
	}
}

func TestIDsAreEqualForEqualEventsOnly(t *testing.T) {
	one := event.NewInstanceStateChange("012345678901", "us-west-1", "i-1", "stopping", at)
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(one.ID) {
		t.Errorf("id %q is no UUID of version 8", one.ID)
	}
	if again := event.NewInstanceStateChange("012345678901", "us-west-1", "i-1", "stopping", at.UTC()); again.ID != one.ID {
		t.Errorf("ids %s and %s of one event", one.ID, again.ID)
	}
	if other := event.NewInstanceStateChange("012345678901", "us-west-1", "i-1", "stopped", at); other.ID == one.ID {
		t.Errorf("id %s of two events", one.ID)
	}
}

func TestASchedulesInputIsConstant(t *testing.T) {
	data, err := json.Marshal(event.Sweep("sdwan", time.Time{}))
	const want = `{"version":"0","detail-type":"Drover Sweep","source":"drover","detail":{"automation":"sdwan"}}`
	if err != nil || string(data) != want {
		t.Errorf("%s, %v; want %s", data, err, want)
	}
}

func TestDetailsAreReadLeniently(t *testing.T) {
	got, err := as(withDetail(`{"instance-id": " i-1 ", "state": "RUNNING", "more": 1}`))
	if want := (event.InstanceStateChange{InstanceID: "i-1", State: "running"}); err != nil || got != want {
		t.Errorf("%#v, %v; want %#v", got, err, want)
	}
}

func TestBrokenDetailsAreRefused(t *testing.T) {
	const states = "one of pending, running, stopping, stopped, shutting-down, terminated"
	const read = `read "EC2 Instance State-change Notification": `
	for detail, want := range map[string]string{
		`{"instance-id": "i-1", "state": "rebooting"}`: read + `detail.state: got "rebooting", wanted ` + states,
		`{"instance-id": "i-1"}`:                       read + "detail.state: got no such member, wanted " + states,
		`{"instance-id": " ", "state": ["running"]}`: read + `detail.instance-id: got " ", wanted an instance id such as i-1234567890abcdef0` + "\n" +
			"detail.state: got an array, wanted " + states,
		`null`: read + "detail: got what is not an object, wanted an object",
		`[]`:   read + "detail: got what is not an object, wanted an object",
	} {
		_, err := as(withDetail(detail))
		refused(t, err, want, "")
	}
}

func TestCallsAreReadFromCloudTrail(t *testing.T) {
	all := samples(t)
	read := func(name string) (event.Event, event.APICall) {
		t.Helper()
		e, err := event.Parse(all[name])
		if err != nil {
			t.Fatal(err)
		}
		call, ok, err := event.AsAPICall(e)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		return e, call
	}
	made := event.Calls("ec2", "CreateImage", "CopyImage")

	e, image := read("cloudtrail-create-image-real.json")
	if got := image.Element("imageId") + " of " + image.Parameter("instanceId"); got != "ami-0a3716ae54ca4bd2a of i-0eb658a9365c53ad1" {
		t.Errorf("read %s", got)
	}
	if !made.Match(e) {
		t.Error("a call that succeeded is not chosen")
	}
	e, refused := read("cloudtrail-create-image-failed-duplicate-name.json")
	if refused.Response != nil || refused.Element("imageId") != "" {
		t.Errorf("a refused call has a response: %s", refused.Response)
	}
	if made.Match(e) {
		t.Error("a refused call is chosen")
	}
	e, group := read("cloudtrail-create-auto-scaling-group-real.json")
	if got := group.Parameter("launchTemplate", "launchTemplateId"); got != "lt-0c2d2c87b6de105f8" || group.Response != nil {
		t.Errorf("read template %s, response %s", got, group.Response)
	}
	if got := group.Parameter("launchTemplate") + group.Parameter("maxSize") + group.Parameter("nothing", "there"); got != "" {
		t.Errorf("what is no string reads %q", got)
	}
	if !made.Lists("detail-type", event.TypeAPICall) || made.Lists("detail-type", event.TypeSweep) || made.Lists("detail", "errorCode") {
		t.Errorf("%s lists other types than it does", made)
	}
	if made.Match(e) || !event.Calls("autoscaling", "CreateAutoScalingGroup").Match(e) {
		t.Error("services or operations are mixed up")
	}
}
