package event_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// notEvents are the samples that are none, with what they must be taken for
// and a part of the hint.
var notEvents = map[string]struct{ got, hint string }{
	"cloudtrail-record-run-instances-real.json":    {"a CloudTrail record", "AWS API Call via CloudTrail"},
	"config-input-transformer-backup-job.json":     {"the input transformer of a rule's target", "an event that the rule matches"},
	"direct-asg-hook-sqs-body.json":                {"a message that Auto Scaling itself sent to a queue or topic", "EventBridge rule for the source aws.autoscaling"},
	"direct-asg-hook-sqs-test-notification.json":   {"the test notification that Auto Scaling sends when a hook or notification is set up", "needs nothing done"},
	"direct-asg-sns-notification-launch.json":      {"a message that Auto Scaling itself sent to a queue or topic", "EventBridge rule for the source aws.autoscaling"},
	"dlq-eventbridge-rule-no-permissions.json":     {"a batch of SQS messages as a Lambda function receives them", ".Records[].body"},
	"dlq-eventbridge-rule-retries-exhausted.json":  {"a batch of SQS messages as a Lambda function receives them", ".Records[].body"},
	"dlq-lambda-async-on-failure-destination.json": {"the record that Lambda sends to a destination about an asynchronous call", ".requestPayload"},
	"dlq-lambda-async-sqs.json":                    {"a batch of SQS messages as a Lambda function receives them", ".Records[].body"},
	"pattern-asg-launch-terminate.json":            {"an event pattern, which has arrays where an event has strings", "an event that it matches"},
	"pattern-asg-real-termination-only.json":       {"an event pattern, which has arrays where an event has strings", "an event that it matches"},
	"pattern-ssm-parameter-change.json":            {"an event pattern, which has arrays where an event has strings", "an event that it matches"},
	"transformed-backup-job-input.json":            {"an object without detail-type, source and detail", "the event that the rule matched"},
	"wrapped-lambda-sns-asg-terminate.json":        {"a batch of SNS notifications as a Lambda function receives them", ".Records[].Sns.Message"},
	"wrapped-lambda-sqs-asg-terminate.json":        {"a batch of SQS messages as a Lambda function receives them", ".Records[].body"},
	"wrapped-lambda-sqs-sns-asg-terminate.json":    {"a batch of SQS messages with SNS notifications in them", "fromjson | .Message"},

	"direct-asg-hook-sqs-test-notification-docs.json": {"the test notification that Auto Scaling sends when a hook or notification is set up", "needs nothing done"},
}

// samples reads testdata/samples by file name.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/samples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = data
	}
	return all
}

func TestEverySampleIsListed(t *testing.T) {
	readme, err := os.ReadFile("testdata/samples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	all := samples(t)
	for name := range all {
		if !strings.Contains(string(readme), "| "+name+" |") {
			t.Errorf("%s: README.md does not say where it is from", name)
		}
	}
	for name := range notEvents {
		if _, ok := all[name]; !ok {
			t.Errorf("%s is gone", name)
		}
	}
}

func TestSampleEventsSurviveARoundTrip(t *testing.T) {
	for name, data := range samples(t) {
		if _, ok := notEvents[name]; ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e, err := event.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			written, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(values(t, data), values(t, written)); diff != "" {
				t.Errorf("written differs from read (-read +written):\n%s", diff)
			}
		})
	}
}

func TestSamplesThatAreNoEventsAreRefused(t *testing.T) {
	for name, data := range samples(t) {
		want, ok := notEvents[name]
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			_, err := event.Parse(data)
			var problem *event.ParseError
			if !errors.As(err, &problem) {
				t.Fatalf("Parse = %v", err)
			}
			if problem.Got != want.got || problem.Line != 1 || problem.Column != 1 {
				t.Errorf("Parse = %v, want %s", err, want.got)
			}
			if hints := failure.Hints(err); len(hints) != 1 || !strings.Contains(hints[0], want.hint) {
				t.Errorf("hints = %q, want one with %q", hints, want.hint)
			}
			if failure.ClassOf(err) != failure.Stop {
				t.Errorf("class %v, want stop", failure.ClassOf(err))
			}
		})
	}
}

func TestSamplePatternsAreRead(t *testing.T) {
	read := 0
	for name, data := range samples(t) {
		if !strings.HasPrefix(name, "pattern-") {
			continue
		}
		read++
		if _, err := event.ParsePattern(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if read == 0 {
		t.Error("no sample patterns")
	}
}

// values is JSON as Go values, with an absent list of resources like an empty one.
func values(t testing.TB, data []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if list, ok := v["resources"].([]any); ok && len(list) == 0 {
		delete(v, "resources")
	}
	return v
}
