package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/event"
)

// sampled is the invocation of the published sample, in a status.
func sampled(status string) event.CommandInvocationChange {
	return event.CommandInvocationChange{
		CommandID: "e8d3c0e4-71f7-4491-898f-c9b35bee5f3b", Document: "AWS-RunPowerShellScript", InstanceID: "i-9bb89e2b",
		Status: status, Requested: time.Date(2016, 7, 10, 21, 51, 30, 49e6, time.UTC),
	}
}

func TestCommandsOfPublishedSamples(t *testing.T) {
	all := samples(t)
	for name, want := range map[string]any{
		"ssm-command-invocation-status-change-inprogress.json": sampled("InProgress"),
		"ssm-command-invocation-status-change-success.json":    sampled(event.CommandSuccess),
		"ssm-command-invocation-status-change-failed.json":     sampled(event.CommandFailed),
		"ssm-command-invocation-status-change-timedout.json":   sampled(event.CommandTimedOut),
		"ssm-command-invocation-status-change-cancelled.json":  sampled(event.CommandCancelled),
		"ssm-command-status-change-success.json":               nil, // of the command as a whole
	} {
		e, err := event.Parse(all[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := as(e)
		if err != nil || got != want {
			t.Errorf("%s: %#v, %v; want %#v", name, got, err, want)
		}
		d, ok := want.(event.CommandInvocationChange)
		if !ok {
			continue
		}
		made := event.NewCommandInvocationChange(e.Account, e.Region, d, e.Time)
		made.ID = e.ID
		e.Resources = []string{"arn:aws:ec2:us-east-2:123456789012:instance/i-9bb89e2b"} // the sample has another instance
		made.Detail, e.Detail = compact(t, made.Detail), compact(t, e.Detail)
		if diff := cmp.Diff(e, made); diff != "" {
			t.Errorf("%s: made differs from published:\n%s", name, diff)
		}
	}
}

func compact(t *testing.T, text json.RawMessage) json.RawMessage {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	ordered, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return ordered
}

func TestBrokenCommandsAreRefused(t *testing.T) {
	const read = `read "EC2 Command Invocation Status-change Notification": `
	for detail, want := range map[string]string{
		`{"command-id": "c", "document-name": "d", "instance-id": "i-1", "status": "Success", "requested-date-time": "yesterday"}`: read +
			`detail.requested-date-time: got "yesterday", wanted a time such as 2016-07-10T21:51:30.049Z`,
		`{"command-id": "c", "document-name": "d", "requested-date-time": "2016-07-10T21:51:30.049Z"}`: read +
			"detail.instance-id: got no such member, wanted an instance id such as i-1234567890abcdef0\n" +
			"detail.status: got no such member, wanted a status such as Success",
		`[]`: read + "detail: got what is not an object, wanted an object",
	} {
		_, err := as(event.Event{DetailType: event.TypeCommandInvocationChange, Source: event.SourceSSM, Detail: json.RawMessage(detail)})
		refused(t, err, want, "")
	}
}
