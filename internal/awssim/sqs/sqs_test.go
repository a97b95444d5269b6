package sqs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	sqssim "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/clock"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type scene struct {
	t         *testing.T
	clock     *clock.Virtual
	world     *awssim.World
	sim       *sqssim.Service
	client    *sqs.Client
	url, dead string
}

// newScene has a queue "work", with dead letters after two attempts.
func newScene(t *testing.T, o sqssim.Options) *scene {
	s := &scene{t: t, clock: clock.NewVirtual(dawn)}
	s.sim = sqssim.New(s.clock, o)
	s.world = awssim.New(s.clock, awssim.Options{}, s.sim)
	s.client = newClient(s.sim.LongPoll(s.world.Config()))
	var err error
	if s.url, s.dead, err = s.sim.MakeWithDeadLetters("work", 2); err != nil {
		t.Fatal(err)
	}
	return s
}

func newClient(cfg aws.Config) *sqs.Client {
	return sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.RetryMaxAttempts = 1 })
}

func (s *scene) send(bodies ...string) {
	s.t.Helper()
	for _, body := range bodies {
		if _, err := s.sim.Send("work", body); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *scene) receive(in sqs.ReceiveMessageInput) []types.Message {
	s.t.Helper()
	if in.QueueUrl == nil {
		in.QueueUrl = &s.url
	}
	if in.MaxNumberOfMessages == 0 {
		in.MaxNumberOfMessages = 10
	}
	out, err := s.client.ReceiveMessage(s.t.Context(), &in)
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Messages
}

func (s *scene) remove(m types.Message) error {
	_, err := s.client.DeleteMessage(s.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &s.url, ReceiptHandle: m.ReceiptHandle})
	return err
}

func (s *scene) hide(m types.Message, seconds int32) error {
	_, err := s.client.ChangeMessageVisibility(s.t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &s.url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
	return err
}

func (s *scene) counts(want string) {
	s.t.Helper()
	c := s.sim.Counts("work")
	if got := fmt.Sprint(c.Visible, c.InFlight, c.Delayed); got != want {
		s.t.Errorf("visible, in flight, delayed are %s, want %s", got, want)
	}
}

func bodies(messages []types.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, *m.Body)
	}
	return strings.Join(all, " ")
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestQueues(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	ctx := t.Context()
	if s.url != "https://sqs.us-west-1.amazonaws.com/123456789012/work" {
		t.Errorf("URL %s", s.url)
	}
	got, err := s.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("work")})
	if err != nil || *got.QueueUrl != s.url {
		t.Errorf("%v, %v", got, err)
	}
	for _, tt := range []struct {
		name       string
		attributes map[string]string
		want       string
	}{
		{"new", map[string]string{"VisibilityTimeout": "60", "MessageRetentionPeriod": "60", "DelaySeconds": "900", "ReceiveMessageWaitTimeSeconds": "20", "MaximumMessageSize": "1024"}, ""},
		{"new", map[string]string{"VisibilityTimeout": "60", "MessageRetentionPeriod": "60", "DelaySeconds": "900", "ReceiveMessageWaitTimeSeconds": "20", "MaximumMessageSize": "1024"}, ""},
		{"new", map[string]string{"VisibilityTimeout": "61"}, "QueueAlreadyExists"},
		{"a.fifo", nil, "InvalidParameterValue"},
		{"b", map[string]string{"VisibilityTimeout": "43201"}, "InvalidAttributeValue"},
		{"b", map[string]string{"VisibilityTimeout": "x"}, "InvalidAttributeValue"},
		{"b", map[string]string{"RedrivePolicy": "{}"}, "InvalidParameterValue"},
		{"b", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-west-1:123456789012:none","maxReceiveCount":1}`}, "InvalidParameterValue"},
		{"b", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-west-1:123456789012:new","maxReceiveCount":"3"}`}, ""},
		{"c", map[string]string{"KmsMasterKeyId": "alias/aws/sqs"}, "not modelled"},
	} {
		_, err := s.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &tt.name, Attributes: tt.attributes})
		var not *awssim.NotModelled
		got := code(err)
		if errors.As(err, &not) {
			got = "not modelled"
		}
		if got != tt.want {
			t.Errorf("%s %s: got %v", tt.name, tt.attributes, err)
		}
	}
	missing := aws.String(s.url + "x")
	_, err = s.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: missing, WaitTimeSeconds: 20})
	var gone *types.QueueDoesNotExist
	if !errors.As(err, &gone) || code(err) != "AWS.SimpleQueueService.NonExistentQueue" || !s.clock.Now().Equal(dawn) {
		t.Errorf("no queue: %v at %s", err, s.clock.Now())
	}
}

func TestAttributes(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	s.send("a", "b", "c")
	s.receive(sqs.ReceiveMessageInput{MaxNumberOfMessages: 1})
	attributes := func(names ...types.QueueAttributeName) (map[string]string, error) {
		out, err := s.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &s.url, AttributeNames: names})
		if err != nil {
			return nil, err
		}
		return out.Attributes, nil
	}
	got, err := attributes("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "QueueArn", "Policy")
	want := map[string]string{"ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "1", "QueueArn": "arn:aws:sqs:us-west-1:123456789012:work"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	if all, err := attributes("All"); err != nil || len(all) != 12 || all["VisibilityTimeout"] != "30" || !strings.Contains(all["RedrivePolicy"], "work-dead") {
		t.Errorf("%v, %s", err, all)
	}
	for _, name := range []types.QueueAttributeName{"ApproximateAgeOfOldestMessage", "Color"} {
		if _, err := attributes(name); code(err) != "InvalidAttributeName" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReceiveAndDelete(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	out, err := s.client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: &s.url, MessageBody: aws.String("a"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"RULE_ARN": {DataType: aws.String("String"), StringValue: aws.String("arn")}, "n": {DataType: aws.String("Binary"), BinaryValue: []byte{1}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := s.receive(sqs.ReceiveMessageInput{MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	if len(got) != 1 || *got[0].MessageId != *out.MessageId || *got[0].MD5OfMessageAttributes != *out.MD5OfMessageAttributes {
		t.Fatalf("%+v", got)
	}
	want := map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1767323045000", "ApproximateFirstReceiveTimestamp": "1767323045000", "SenderId": "123456789012"}
	if diff := cmp.Diff(want, got[0].Attributes); diff != "" || *got[0].MessageAttributes["RULE_ARN"].StringValue != "arn" {
		t.Errorf("%s, %+v", diff, got[0].MessageAttributes)
	}
	if again := s.receive(sqs.ReceiveMessageInput{}); len(again) != 0 {
		t.Errorf("what is in flight was received: %s", bodies(again))
	}
	s.counts("0 1 0")
	if err := s.remove(got[0]); err != nil {
		t.Error(err)
	}
	s.counts("0 0 0")
	if err := s.remove(got[0]); err != nil {
		t.Errorf("deleted twice: %v", err)
	}
	if err := s.remove(types.Message{ReceiptHandle: aws.String("nonsense")}); code(err) != "ReceiptHandleIsInvalid" {
		t.Errorf("nonsense: %v", err)
	}
	for _, in := range []sqs.ReceiveMessageInput{{MaxNumberOfMessages: 11}, {WaitTimeSeconds: 21}, {VisibilityTimeout: 43201}} {
		in.QueueUrl = &s.url
		if _, err := s.client.ReceiveMessage(t.Context(), &in); code(err) != "InvalidParameterValue" {
			t.Errorf("%+v: %v", in, err)
		}
	}
	for _, in := range []sqs.SendMessageInput{{MessageBody: aws.String("")}, {MessageBody: aws.String("x"), DelaySeconds: 901}, {MessageBody: aws.String(strings.Repeat("x", 1<<20+1))}} {
		in.QueueUrl = &s.url
		if _, err := s.client.SendMessage(t.Context(), &in); code(err) != "InvalidParameterValue" {
			t.Errorf("%.50v: %v", *in.MessageBody, err)
		}
	}
}

// A message comes back when its time is over; its old receipt does nothing then.
func TestVisibility(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	s.send("a")
	first := s.receive(sqs.ReceiveMessageInput{})[0]
	s.clock.Advance(29 * time.Second)
	if got := s.receive(sqs.ReceiveMessageInput{}); len(got) != 0 {
		t.Errorf("a second early: %s", bodies(got))
	}
	if err := s.hide(first, 60); err != nil {
		t.Error(err)
	}
	s.clock.Advance(59 * time.Second)
	s.counts("0 1 0")
	s.clock.Advance(time.Second)
	s.counts("1 0 0")
	if err := s.hide(first, 60); code(err) != "AWS.SimpleQueueService.MessageNotInflight" {
		t.Errorf("hidden when it was over: %v", err)
	}
	second := s.receive(sqs.ReceiveMessageInput{VisibilityTimeout: 5})[0]
	if err := s.remove(first); err != nil {
		t.Errorf("with the old receipt: %v", err)
	}
	s.counts("0 1 0")
	if err := s.hide(second, 0); err != nil {
		t.Error(err)
	}
	s.counts("1 0 0")
	if err := s.remove(second); err != nil {
		t.Errorf("late, but not received by anybody else: %v", err)
	}
	s.counts("0 0 0")
	if err := s.hide(second, 43201); code(err) != "InvalidParameterValue" {
		t.Errorf("too long: %v", err)
	}
}

func TestExpiredReceipts(t *testing.T) {
	s := newScene(t, sqssim.Options{Expired: true})
	s.send("a")
	got := s.receive(sqs.ReceiveMessageInput{})[0]
	s.clock.Advance(30 * time.Second)
	if err := s.remove(got); code(err) != "ReceiptHandleIsInvalid" {
		t.Errorf("got %v", err)
	}
	s.counts("1 0 0")
}

// What was received twice and not deleted is given up at the third attempt.
func TestDeadLetters(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	s.send("bad")
	for range 2 {
		if got := s.receive(sqs.ReceiveMessageInput{}); bodies(got) != "bad" {
			t.Fatalf("got %s", bodies(got))
		}
		s.clock.Advance(30 * time.Second)
	}
	s.send("good")
	if got := s.receive(sqs.ReceiveMessageInput{MaxNumberOfMessages: 1}); bodies(got) != "good" {
		t.Errorf("got %s", bodies(got))
	}
	got := s.receive(sqs.ReceiveMessageInput{QueueUrl: &s.dead, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	if bodies(got) != "bad" || got[0].Attributes["ApproximateReceiveCount"] != "3" || got[0].Attributes["SentTimestamp"] != "1767323045000" ||
		got[0].Attributes["DeadLetterQueueSourceArn"] != "arn:aws:sqs:us-west-1:123456789012:work" {
		t.Errorf("%+v", got)
	}
	for _, m := range s.sim.Messages("work-dead") {
		if m.Body != "bad" || m.Received != 3 || !strings.HasSuffix(m.From, ":work") {
			t.Errorf("%+v", m)
		}
	}
}

func TestDelayAndRetention(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	if _, err := s.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.url, MessageBody: aws.String("a"), DelaySeconds: 10}); err != nil {
		t.Fatal(err)
	}
	s.counts("0 0 1")
	if got := s.receive(sqs.ReceiveMessageInput{WaitTimeSeconds: 20}); bodies(got) != "a" || !s.clock.Now().Equal(dawn.Add(10*time.Second)) {
		t.Errorf("%s at %s", bodies(got), s.clock.Now())
	}
	s.clock.Advance(4 * 24 * time.Hour)
	s.counts("0 0 0")
	if len(s.sim.Messages("work")) != 0 || len(s.receive(sqs.ReceiveMessageInput{})) != 0 {
		t.Error("what is too old is still there")
	}
}

func TestBatches(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	ctx := t.Context()
	sent, err := s.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &s.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("1"), MessageBody: aws.String("a")}, {Id: aws.String("2"), MessageBody: aws.String("b"), DelaySeconds: 901}, {Id: aws.String("3"), MessageBody: aws.String("c")},
	}})
	if err != nil || len(sent.Successful) != 2 || len(sent.Failed) != 1 || *sent.Failed[0].Id != "2" || *sent.Failed[0].Code != "InvalidParameterValue" {
		t.Fatalf("%+v, %v", sent, err)
	}
	got := s.receive(sqs.ReceiveMessageInput{})
	if bodies(got) != "a c" {
		t.Fatal(bodies(got))
	}
	changed, err := s.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &s.url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: got[0].ReceiptHandle, VisibilityTimeout: 0}, {Id: aws.String("2"), ReceiptHandle: aws.String("x"), VisibilityTimeout: 1},
	}})
	if err != nil || len(changed.Successful) != 1 || *changed.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("%+v, %v", changed, err)
	}
	s.counts("1 1 0")
	gone, err := s.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &s.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: got[1].ReceiptHandle}, {Id: aws.String("2"), ReceiptHandle: aws.String("x")},
	}})
	if err != nil || len(gone.Successful) != 1 || len(gone.Failed) != 1 {
		t.Errorf("%+v, %v", gone, err)
	}
	s.counts("1 0 0")
	for want, entries := range map[string][]types.DeleteMessageBatchRequestEntry{
		"EmptyBatchRequest": {}, "BatchEntryIdsNotDistinct": slices.Repeat([]types.DeleteMessageBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: aws.String("x")}}, 2),
		"TooManyEntriesInBatchRequest": slices.Repeat([]types.DeleteMessageBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: aws.String("x")}}, 11),
	} {
		if _, err := s.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &s.url, Entries: entries}); code(err) != "AWS.SimpleQueueService."+want {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestPermissions(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	s.send("a")
	asked := map[string]bool{}
	s.world.Authorize(func(action, resource string, _ map[string][]string) bool {
		asked[action+" "+resource[strings.LastIndex(resource, ":")+1:]] = true
		return action != "sqs:DeleteMessage"
	})
	got := s.receive(sqs.ReceiveMessageInput{})[0]
	_, err := s.client.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &s.url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: got.ReceiptHandle, VisibilityTimeout: 60},
	}})
	_, err2 := s.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &s.url, Entries: []types.SendMessageBatchRequestEntry{{Id: aws.String("1"), MessageBody: aws.String("b")}}})
	if err := errors.Join(err, err2); err != nil {
		t.Error(err)
	}
	_, err = s.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &s.url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: got.ReceiptHandle}}})
	if !strings.HasPrefix(code(err), "AccessDenied") {
		t.Errorf("got %v", err)
	}
	want := map[string]bool{"sqs:ReceiveMessage work": true, "sqs:ChangeMessageVisibility work": true, "sqs:SendMessage work": true, "sqs:DeleteMessage work": true}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

func TestStaleReads(t *testing.T) {
	s := newScene(t, sqssim.Options{})
	s.send("a")
	s.world.StaleReads(func(awssim.Call) time.Duration { return 10 * time.Second })
	s.clock.Advance(time.Minute)
	s.send("b")
	s.receive(sqs.ReceiveMessageInput{MaxNumberOfMessages: 1})
	out, err := s.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &s.url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil || out.Attributes["ApproximateNumberOfMessages"] != "1" || out.Attributes["ApproximateNumberOfMessagesNotVisible"] != "0" {
		t.Errorf("%v, %v", out, err)
	}
	s.counts("1 1 0")
}
