package view_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSummary(t *testing.T) {
	for want, e := range map[string]event.Event{
		"i-1 is shutting-down":                       event.NewInstanceStateChange("123456789012", "us-west-1", "i-1", "shutting-down", noon),
		"i-1 is about to be interrupted (terminate)": event.NewSpotInterruption("123456789012", "us-west-1", "i-1", "terminate", noon),
		"backup job j is CREATED":                    event.NewBackupJobStateChange("123456789012", "us-west-1", event.BackupJobStateChange{Job: "j", State: "CREATED"}, noon),
		"backup job j of arn is FAILED: no vault":    event.NewBackupJobStateChange("123456789012", "us-west-1", event.BackupJobStateChange{Job: "j", State: event.BackupFailed, Resource: "arn", Message: "no vault"}, noon),
		"i-1 is likely to be interrupted":            event.NewRebalanceRecommendation("123456789012", "us-west-1", "i-1", noon),
		"ami-1 is available":                         event.NewImageStateChange("123456789012", "us-west-1", "ami-1", "available", "", noon),
		"ami-1 has failed: no space":                 event.NewImageStateChange("123456789012", "us-west-1", "ami-1", "failed", "no space", noon),
		"call of CreateImage: ami-1":                 apiCall(`{"eventSource": "ec2.amazonaws.com", "eventName": "CreateImage", "requestParameters": {"name": "web", "instanceId": "i-1"}, "responseElements": {"imageId": "ami-1"}}`),
		"call of CreateAutoScalingGroup: web":        apiCall(`{"eventSource": "autoscaling.amazonaws.com", "eventName": "CreateAutoScalingGroup", "requestParameters": {"autoScalingGroupName": "web"}, "responseElements": null}`),
		"call of CreateImage: web, refused: Denied":  apiCall(`{"eventSource": "ec2.amazonaws.com", "eventName": "CreateImage", "errorCode": "Denied", "requestParameters": {"name": "web", "instanceId": "i-1"}, "responseElements": null}`),
		"call of DeleteTags":                         apiCall(`{"eventSource": "ec2.amazonaws.com", "eventName": "DeleteTags"}`),
		"Deploy on i-1 is Success": event.NewCommandInvocationChange("123456789012", "us-west-1", event.CommandInvocationChange{
			CommandID: "c", Document: "Deploy", InstanceID: "i-1", Status: event.CommandSuccess, Requested: noon,
		}, noon),
		"instance refresh of web: Rollback Started": event.NewRefreshChange("123456789012", "us-west-1", event.RefreshChange{
			Type: event.TypeRefreshRollbackStarted, ID: "r", Group: "web", ARN: "arn:aws:autoscaling:us-west-1:123456789012:autoScalingGroup:u:autoScalingGroupName/web",
		}, noon),
		"sweep of sdwan":  event.Sweep("sdwan", noon),
		"Scheduled Event": {DetailType: "Scheduled Event"},
		"Tag Change on Resource of arn:aws:x, arn:y":  {DetailType: "Tag Change on Resource", Resources: []string{"arn:aws:x", "arn:y"}},
		"EC2 Instance State-change Notification of r": {Source: "aws.ec2", DetailType: event.TypeInstanceStateChange, Resources: []string{"r"}, Detail: []byte(`{"state": 7}`)},
	} {
		if got := view.Summary(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func apiCall(detail string) event.Event {
	return event.Event{Source: "aws.ec2", DetailType: event.TypeAPICall, Detail: []byte(detail)}
}

// A run with everything in it that a run can have.
func TestRunText(t *testing.T) {
	latency := view.Span(1234 * time.Millisecond)
	run := view.Run{
		ID: "20260301-120000-01234567", Automation: "sdwan", Kind: "route-failover", Region: "us-west-1",
		Outcome: flow.Stuck, Reason: "replace route: denied",
		Made:     []automation.Change{{Resource: "rtb-1 10.0.0.0/8", From: "eni-1", To: "eni-2", Why: "i-1 is stopped"}},
		Left:     []automation.Remark{{Resource: "rtb-1 0.0.0.0/0", Why: "is still eni-1"}, {Resource: "rtb-2 0.0.0.0/0", Why: "is still eni-1"}},
		Rejected: []automation.Remark{{Resource: "i-3", Why: "is stopped"}},
		Notes:    []string{"a note"},
		Hints:    []string{"allow the call"},
		Took:     view.Span(75 * time.Second), Latency: &latency,
		Calls: []view.Call{
			{Operation: "ec2:ReplaceRoute", Resource: "rtb-1 0.0.0.0/0", Outcome: "refused", Error: "denied"}, // the reason says so
			{Operation: "ec2:ReplaceRoute", Resource: "rtb-2 0.0.0.0/0", Outcome: "unknown", Error: "connection reset"},
		},
		Notices: []view.Notice{{Topic: "arn:ops", Sent: noon}, {Topic: "arn:nobody", Error: "no such topic"}},
	}
	want := `event: i-1 is stopped, 2026-03-01T12:00:00Z (1)
sdwan (route-failover, us-west-1): stuck
  replace route: denied
  rtb-1 10.0.0.0/8 went from eni-1 to eni-2, because i-1 is stopped
  left: each of these 2 is still eni-1:
    rtb-1 0.0.0.0/0
    rtb-2 0.0.0.0/0
  not chosen: i-3 is stopped
  note: a note
  call ec2:ReplaceRoute rtb-2 0.0.0.0/0: unknown: connection reset
  notice sent to arn:ops
  notice not sent to arn:nobody: no such topic
  next: allow the call
  run 20260301-120000-01234567 took 1m15s; last change acknowledged 1.23s after the event
`
	report := view.Report{Results: []view.Result{{Event: view.Event{ID: "1", Summary: "i-1 is stopped", Time: noon}, Runs: []view.Run{run}}}}
	var got strings.Builder
	report.Text(&got)
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 1500 * time.Millisecond: "1.5", 20 * time.Microsecond: "0.00002", 2 * time.Minute: "120", 10 * time.Second: "10",
	} {
		got, err := view.Span(d).MarshalJSON()
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", d, got, err, want)
		}
	}
}
