package sns_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	snssim "github.com/droverhq/drover/internal/awssim/sns"
	"github.com/droverhq/drover/internal/clock"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newTopic(t *testing.T) (w *awssim.World, s *snssim.Service, client *sns.Client, topic *string) {
	t.Helper()
	s = snssim.New()
	w = awssim.New(clock.NewVirtual(dawn), awssim.Options{}, s)
	client = sns.NewFromConfig(w.Config())
	out, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("ops")})
	if err != nil {
		t.Fatal(err)
	}
	return w, s, client, out.TopicArn
}

func TestPublish(t *testing.T) {
	w, s, client, topic := newTopic(t)
	if *topic != "arn:aws:sns:us-west-1:123456789012:ops" {
		t.Errorf("topic %s", *topic)
	}
	if again, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("ops")}); err != nil || *again.TopicArn != *topic {
		t.Errorf("created again: %v, %v", again, err)
	}
	out, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: topic, Subject: aws.String("s"), Message: aws.String("m")})
	if err != nil {
		t.Fatal(err)
	}
	want := []snssim.Message{{At: dawn, ID: *out.MessageId, Topic: *topic, Subject: "s", Text: "m"}}
	if diff := cmp.Diff(want, s.Messages()); diff != "" {
		t.Error(diff)
	}
	_, err = client.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(*topic + "x"), Message: aws.String("m")})
	var missing *types.NotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("got %v, want the modelled error of a missing topic", err)
	}
	calls := w.Calls()
	if err := calls[len(calls)-1].Err; !errors.As(err, &missing) {
		t.Errorf("logged %v, want the same", err)
	}
}

func TestPublishIsAuthorizedForItsTopic(t *testing.T) {
	w, s, client, topic := newTopic(t)
	w.Authorize(func(action, resource string, _ map[string][]string) bool {
		return action != "sns:Publish" || resource != *topic
	})
	_, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: topic, Message: aws.String("m")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AuthorizationError" {
		t.Errorf("got %v", err)
	}
	if len(s.Messages()) != 0 {
		t.Error("a denied message was published")
	}
}

func TestSubscriptions(t *testing.T) {
	_, s, client, topic := newTopic(t)
	subscribe := func(protocol, endpoint string) string {
		out, err := client.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic, Protocol: &protocol, Endpoint: &endpoint})
		if err != nil {
			t.Fatal(err)
		}
		return *out.SubscriptionArn
	}
	list := func() []string {
		var got []string
		for p := sns.NewListSubscriptionsByTopicPaginator(client, &sns.ListSubscriptionsByTopicInput{TopicArn: topic}); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, sub := range out.Subscriptions {
				got = append(got, *sub.Endpoint+" "+*sub.SubscriptionArn)
			}
		}
		return got
	}
	if arn := subscribe("email", "ops@example.com"); arn != "pending confirmation" {
		t.Errorf("mail: %s", arn)
	}
	queue := subscribe("sqs", "arn:aws:sqs:us-west-1:123456789012:q")
	if again := subscribe("sqs", "arn:aws:sqs:us-west-1:123456789012:q"); again != queue {
		t.Errorf("subscribed twice: %s and %s", queue, again)
	}
	subscribe("email", "night@example.com")
	want := []string{"ops@example.com PendingConfirmation", "arn:aws:sqs:us-west-1:123456789012:q " + queue, "night@example.com PendingConfirmation"}
	if diff := cmp.Diff(want, list()); diff != "" {
		t.Error(diff)
	}
	if !s.Confirm(*topic, "ops@example.com") || s.Confirm(*topic, "nobody@example.com") {
		t.Error("confirmed the wrong one")
	}
	if slices.Contains(list(), want[0]) {
		t.Error("still to be confirmed")
	}
	_, err := client.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic, Protocol: aws.String("sms"), Endpoint: aws.String("1")})
	var not *awssim.NotModelled
	if !errors.As(err, &not) || not.Error() != `sns:Subscribe: protocol "sms" is not modelled` {
		t.Errorf("got %v", err)
	}
}
