package lambda

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// wrapped puts texts into a batch.
func wrapped(source string, texts ...string) map[string]any {
	var records []map[string]any
	for i, text := range texts {
		id := fmt.Sprintf("m%d", i+1)
		if source == fromSNS {
			records = append(records, map[string]any{"EventSource": source, "Sns": map[string]any{"MessageId": id, "Message": text}})
		} else {
			records = append(records, map[string]any{"eventSource": source, "messageId": id, "body": text})
		}
	}
	return map[string]any{"Records": records}
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestBatches(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		stopped := text(s.T, s.stop(0))
		foreign := text(s.T, event.NewInstanceStateChange("123456789012", "us-west-1", "i-0123456789abcdef0", "stopped", time.Now()))
		notification := text(s.T, map[string]string{"Type": "Notification", "Message": stopped})
		for _, test := range []struct {
			name    string
			payload map[string]any
			failed  []string // messages to deliver again
			kind    string   // of the error, if all fails
		}{
			{"SQS", wrapped(fromSQS, foreign, stopped), nil, ""},
			{"SQS behind SNS", wrapped(fromSQS, notification), nil, ""},
			{"SQS, a test of Auto Scaling", wrapped(fromSQS, stopped, `{"Event":"autoscaling:TEST_NOTIFICATION","AutoScalingGroupName":"web","RequestId":"1"}`), nil, ""},
			{"SNS", wrapped(fromSNS, stopped), nil, ""},
			{"SQS, one unreadable", wrapped(fromSQS, stopped, "{}", foreign), []string{"m2"}, ""},
			{"SQS, all unreadable", wrapped(fromSQS, "", "{}"), nil, TypePayload},
			{"SNS, unreadable", wrapped(fromSNS, "[]"), nil, TypePayload},
		} {
			got, err := s.invoke("b", time.Minute, test.payload)
			if test.kind != "" {
				s.expectError(err, test.kind, "message m1")
				continue
			}
			if err != nil {
				s.Fatal(test.name, err)
			}
			var failed []string
			for _, f := range got.BatchItemFailures {
				failed = append(failed, f.ItemIdentifier)
			}
			if fmt.Sprint(failed) != fmt.Sprint(test.failed) {
				s.Errorf("%s: to be delivered again: %v, want %v", test.name, failed, test.failed)
			}
		}
		s.expectTarget(1)
		if got, _ := s.invoke("b", time.Minute, wrapped(fromSQS, stopped)); got.text != `{"batchItemFailures":[]}` {
			s.Errorf("SQS must be told exactly what is to come again, not %s", got.text)
		}
	})
}
