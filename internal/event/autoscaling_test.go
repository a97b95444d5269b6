package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/event"
)

const groupARN = "arn:aws:autoscaling:us-west-2:123456789012:autoScalingGroup:042cba90-ad2f-431c-9b4d-6d9055bcc9fb:autoScalingGroupName/my-asg"

func TestRefreshesOfPublishedSamples(t *testing.T) {
	all := samples(t)
	const id = "c613620e-07e2-4ed2-a9e2-ef8258911ade"
	for name, want := range map[string]any{
		"started": event.RefreshChange{Type: event.TypeRefreshStarted, ID: id},
		"checkpoint-reached": event.RefreshChange{
			Type: event.TypeRefreshCheckpoint, ID: "ab00cf8f-9126-4f3c-8010-dbb8cad6fb86", Percentage: 50, Delay: 5 * time.Minute,
		},
		"started-baking":     event.RefreshChange{Type: event.TypeRefreshBaking, ID: id},
		"succeeded":          event.RefreshChange{Type: event.TypeRefreshSucceeded, ID: id},
		"failed":             event.RefreshChange{Type: event.TypeRefreshFailed, ID: id},
		"cancelled":          event.RefreshChange{Type: event.TypeRefreshCancelled, ID: id},
		"rollback-started":   event.RefreshChange{Type: event.TypeRefreshRollbackStarted, ID: id},
		"rollback-succeeded": event.RefreshChange{Type: event.TypeRefreshRollbackSucceeded, ID: id},
		"rollback-failed":    event.RefreshChange{Type: event.TypeRefreshRollbackFailed, ID: id},
	} {
		e, err := event.Parse(all["asg-instance-refresh-"+name+".json"])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		change := want.(event.RefreshChange)
		change.Group, change.ARN = "my-asg", groupARN
		if got, err := as(e); err != nil || got != change {
			t.Errorf("%s: %#v, %v; want %#v", name, got, err, change)
		}
		// What the constructor makes of it is the sample again, but for its id.
		made := event.NewRefreshChange("123456789012", "us-west-2", change, e.Time)
		made.ID = e.ID
		got, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := json.Marshal(e); err != nil || !sameJSON(t, want, got) {
			t.Errorf("%s: made %s, want %s (%v)", name, got, want, err)
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	one, err := json.Marshal(values(t, a))
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(values(t, b))
	if err != nil {
		t.Fatal(err)
	}
	return string(one) == string(two)
}

func TestBrokenRefreshesAreRefused(t *testing.T) {
	refresh := func(detailType, detail string, resources ...string) event.Event {
		return event.Event{DetailType: detailType, Source: event.SourceAutoScaling, Resources: resources, Detail: json.RawMessage(detail)}
	}
	for _, test := range []struct {
		event event.Event
		want  string
	}{
		{
			refresh(event.TypeRefreshFailed, `{}`), `read "EC2 Auto Scaling Instance Refresh Failed": detail.InstanceRefreshId: got no such member, wanted the id of an instance refresh` +
				"\ndetail.AutoScalingGroupName: got no such member, wanted the name of a group\nresources: got no ARN, wanted the ARN of a group",
		},
		{
			refresh(event.TypeRefreshCheckpoint, `{"InstanceRefreshId": "a", "AutoScalingGroupName": "b", "CheckpointPercentage": "half", "CheckpointDelay": 300}`, groupARN),
			`read "EC2 Auto Scaling Instance Refresh Checkpoint Reached": detail.CheckpointPercentage: got "half", wanted a percentage such as "50"` +
				"\n" + `detail.CheckpointDelay: got 300, wanted seconds such as "300"`,
		},
	} {
		_, err := as(test.event)
		refused(t, err, test.want, "")
	}
	if got, err := as(refresh("EC2 Auto Scaling Instance Refresh Painted", `{}`)); got != nil || err != nil {
		t.Errorf("an unknown type is %v, %v", got, err)
	}
}
