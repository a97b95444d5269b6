//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// notifies subscribes a queue to the topic and reads there what a person who
// subscribed by e-mail would read.
func notifies(s *scene) {
	q, err := newQueue(s.Context(), s.world.tap.url)
	if err != nil {
		s.Fatal(err)
	}
	_, err = sns.NewFromConfig(s.world.AWS()).Subscribe(s.Context(), &sns.SubscribeInput{
		TopicArn: aws.String(s.stage.Topic), Protocol: aws.String("sqs"), Endpoint: aws.String(q.arn),
	})
	if err != nil {
		s.Fatal(err)
	}
	s.stop(0)
	s.expect(s.run(), 0)

	got, err := q.receive(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.Logf("what arrived:\n%s\n\n%s", got.Subject, got.Message)
	if got.TopicArn != s.stage.Topic || got.Subject == "" || len(got.Subject) > 100 {
		s.Errorf("the notice is of %q, subject %q", got.TopicArn, got.Subject)
	}
	words := []string{s.stage.Gateways[0].Instance, s.eni(0), s.eni(1), "is stopped"}
	for _, w := range slices.Concat(words, s.stage.Tables, destinations) {
		if !strings.Contains(got.Message, w) {
			s.Errorf("the notice lacks %q", w)
		}
	}
}

// losesTopic has the topic deleted behind Drover's back: the routes move all
// the same, and what is printed says that nobody was told.
func losesTopic(s *scene) {
	s.write("fleet.yaml", strings.ReplaceAll(s.stage.Failover(), s.stage.Topic, s.stage.Topic+"-gone"))
	s.stop(0)
	r := s.run()
	s.expect(r, 0, "succeeded", "notice not sent to "+s.stage.Topic+"-gone")
	s.expectRoutes(1)
	if refused := r.refused(); len(refused) != 1 || refused[0].Operation != "sns:Publish" {
		s.Errorf("refused was\n%s, want one sns:Publish", lines(refused))
	}
}

// queue is an SQS queue, spoken to by hand: Drover has no client for SQS.
type queue struct{ endpoint, url, arn string }

// notice is the envelope in which SNS delivers to a queue.
type notice struct{ TopicArn, Subject, Message string }

// answer is what the calls below return.
type answer struct {
	URL  string `xml:"CreateQueueResult>QueueUrl"`
	ARN  string `xml:"GetQueueAttributesResult>Attribute>Value"`
	Body string `xml:"ReceiveMessageResult>Message>Body"`
}

func newQueue(ctx context.Context, endpoint string) (*queue, error) {
	q := &queue{endpoint: endpoint}
	made, err := q.call(ctx, "CreateQueue", url.Values{"QueueName": {"inbox"}})
	if err != nil {
		return nil, err
	}
	q.url = made.URL
	described, err := q.call(ctx, "GetQueueAttributes", url.Values{"AttributeName.1": {"QueueArn"}})
	q.arn = described.ARN
	return q, err
}

const receiveLimit = 10 * time.Second

// receive waits for a message.
func (q *queue) receive(ctx context.Context) (n notice, err error) {
	ctx, cancel := context.WithTimeout(ctx, receiveLimit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		got, err := q.call(ctx, "ReceiveMessage", nil)
		if err != nil {
			return n, err
		}
		if got.Body != "" {
			return n, json.Unmarshal([]byte(got.Body), &n)
		}
		select {
		case <-ctx.Done():
			return n, fmt.Errorf("no message within %v: %w", receiveLimit, ctx.Err())
		case <-tick.C:
		}
	}
}

// call makes a call of SQS's query protocol. The signature is not one: moto
// only reads from it which service is meant.
func (q *queue) call(ctx context.Context, action string, form url.Values) (a answer, err error) {
	if form == nil {
		form = url.Values{}
	}
	form.Set("Action", action)
	form.Set("Version", "2012-11-05")
	if q.url != "" {
		form.Set("QueueUrl", q.url)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=conformance/20260101/"+region+"/sqs/aws4_request, SignedHeaders=host, Signature=none")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, fmt.Errorf("%s: %w", action, err)
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return a, fmt.Errorf("%s: %s: %s (%w)", action, res.Status, body, err)
	}
	return a, xml.Unmarshal(body, &a)
}
