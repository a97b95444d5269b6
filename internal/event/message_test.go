package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "samples", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Whichever way an event reaches a queue, it is the same event.
func TestMessages(t *testing.T) {
	plain := sample(t, "asg-terminate-lifecycle-action")
	want, err := event.Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := json.Marshal(map[string]string{"Type": "Notification", "Message": string(plain), "Signature": "EXAMPLE"})
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"EventBridge": plain, "SNS": wrapped} {
		got, err := event.ParseMessage(body)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	var batch struct {
		Records []struct{ Body string }
	}
	if err := json.Unmarshal(sample(t, "wrapped-lambda-sqs-sns-asg-terminate"), &batch); err != nil {
		t.Fatal(err)
	}
	if got, err := event.ParseMessage([]byte(batch.Records[0].Body)); err != nil || got.DetailType != "EC2 Instance-terminate Lifecycle Action" {
		t.Errorf("SNS behind SQS: %q, %v", got.DetailType, err)
	}
}

func TestMessagesOfAutoScaling(t *testing.T) {
	for _, c := range []struct{ sample, kind, region, resources, detail string }{
		{
			"direct-asg-hook-sqs-body", "EC2 Instance-terminate Lifecycle Action", "", "[]",
			`{"AutoScalingGroupName":"my-asg","EC2InstanceId":"i-123486890234","LifecycleActionToken":"cc34960c-1e41-4703-a665-bdb3e5b81ad3","LifecycleHookName":"my-hook","LifecycleTransition":"autoscaling:EC2_INSTANCE_TERMINATING","RequestId":"63f5b5c2-58b3-0574-b7d5-b3162d0268f0"}`,
		},
		{
			"direct-asg-sns-notification-launch", "EC2 Instance Launch Successful", "us-west-2",
			"[arn:aws:autoscaling:us-west-2:123456789012:autoScalingGroup:042cba90-ad2f-431c-9b4d-6d9055bcc9fb:autoScalingGroupName/my-asg arn:aws:ec2:us-west-2:123456789012:instance/i-0598c7d356eba48d7]",
			"",
		},
	} {
		e, err := event.ParseMessage(sample(t, c.sample))
		if err != nil || e.Source != event.SourceAutoScaling || e.DetailType != c.kind || e.Region != c.region || fmt.Sprint(e.Resources) != c.resources || e.Time.IsZero() {
			t.Errorf("%s: %+v, %v", c.sample, e, err)
		}
		if c.detail != "" && string(e.Detail) != c.detail {
			t.Errorf("%s: detail %s, want %s", c.sample, e.Detail, c.detail)
		}
		data, err := json.Marshal(e)
		if again, err2 := event.Parse(data); err != nil || err2 != nil || !cmp.Equal(e, again) {
			t.Errorf("%s: written and read again it is %+v, %v, %v", c.sample, again, err, err2)
		}
	}
	for _, name := range []string{"direct-asg-hook-sqs-test-notification", "direct-asg-hook-sqs-test-notification-docs"} {
		if _, err := event.ParseMessage(sample(t, name)); !errors.Is(err, event.ErrTest) || failure.ClassOf(err) != failure.Skip {
			t.Errorf("%s: %v, want it skipped as a test", name, err)
		}
	}
}

func TestMessagesThatAreNone(t *testing.T) {
	for _, body := range []string{
		"", "{}", "[]", "hello", `"text"`, `{"Type":"SubscriptionConfirmation","Message":"You have chosen"}`, `{"Type":"Notification","Message":"hello"}`,
		`{"AutoScalingGroupName":"web","RequestId":"1","Time":"yesterday","LifecycleTransition":"autoscaling:EC2_INSTANCE_LAUNCHING"}`,
		`{"AutoScalingGroupName":"web","RequestId":"1","Time":"2026-11-21T00:00:00Z","LifecycleTransition":"autoscaling:SOMETHING_NEW"}`,
	} {
		if _, err := event.ParseMessage([]byte(body)); err == nil || failure.ClassOf(err) != failure.Stop {
			t.Errorf("%q: %v, want it refused for good", body, err)
		}
	}
}
