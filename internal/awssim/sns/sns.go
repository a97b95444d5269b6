// Package sns simulates the topics that Drover notifies through. Not modelled:
// delivery (see [Service.Messages] for what was published), attributes, FIFO
// topics, filters, tags, confirmation by token, publishing to a phone number.
package sns

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/droverhq/drover/internal/awssim"
)

// What stands for the ARN of a subscription that its endpoint has yet to
// confirm: in the answer to Subscribe and in lists (doc of sns SubscribeOutput;
// the form in lists unverified).
const (
	unconfirmed       = "pending confirmation"
	unconfirmedListed = "PendingConfirmation"
)

// Message is one that was published.
type Message struct {
	At                       time.Time
	ID, Topic, Subject, Text string
}

// state is all there is. Its elements are never changed, only replaced.
type state struct {
	topics        []string // ARNs
	subscriptions []subscription
	messages      []Message
}

type subscription struct {
	arn, topic, protocol, endpoint string
	confirmed                      bool
}

func (s *state) clone() *state {
	return &state{slices.Clone(s.topics), slices.Clone(s.subscriptions), slices.Clone(s.messages)}
}

// Service is SNS in one world.
type Service struct{ store *awssim.Store[*state] }

// New makes the service for [awssim.New].
func New() *Service { return &Service{} }

// Attach implements [awssim.Service].
func (s *Service) Attach(w *awssim.World) {
	s.store = awssim.NewStore(w, "sns", &state{}, (*state).clone)
	awssim.Write(s.store, createTopic, "Name")
	awssim.Write(s.store, publish, "TopicArn", "Subject", "Message")
	awssim.Write(s.store, subscribe, "TopicArn", "Protocol", "Endpoint", "ReturnSubscriptionArn")
	awssim.Read(s.store, listSubscriptionsByTopic, "TopicArn", "NextToken")
	awssim.Requests(s.store, publishPermissions)
}

// Messages are all messages that were published, in order.
func (s *Service) Messages() []Message {
	var messages []Message
	s.store.View(func(st *state) { messages = slices.Clone(st.messages) })
	return messages
}

// Confirm does what the owner of an endpoint does with the mail from AWS. It
// says whether there was such a subscription.
func (s *Service) Confirm(topic, endpoint string) (found bool) {
	s.store.Do(func(_ *awssim.Moment, st *state) {
		for i, sub := range st.subscriptions {
			if sub.topic == topic && sub.endpoint == endpoint {
				sub.confirmed, found = true, true
				st.subscriptions[i] = sub
			}
		}
	})
	return found
}

// topic checks that a topic exists (facts/apis.md 11, Publish: NotFound).
func (s *state) topic(arn *string) error {
	if slices.Contains(s.topics, aws.ToString(arn)) {
		return nil
	}
	return awssim.FailAs(http.StatusNotFound, &types.NotFoundException{Message: aws.String("Topic does not exist")})
}

// createTopic is idempotent by name (doc of sns CreateTopic).
func createTopic(m *awssim.Moment, s *state, in *sns.CreateTopicInput) (*sns.CreateTopicOutput, error) {
	arn := m.ARN("sns", aws.ToString(in.Name))
	if !slices.Contains(s.topics, arn) {
		s.topics = append(s.topics, arn)
	}
	return &sns.CreateTopicOutput{TopicArn: aws.String(arn)}, nil
}

func publish(m *awssim.Moment, s *state, in *sns.PublishInput) (*sns.PublishOutput, error) {
	if err := s.topic(in.TopicArn); err != nil {
		return nil, err
	}
	id := m.UUID("message")
	s.messages = append(s.messages, Message{At: m.Now, ID: id, Topic: *in.TopicArn, Subject: aws.ToString(in.Subject), Text: aws.ToString(in.Message)})
	return &sns.PublishOutput{MessageId: aws.String(id)}, nil
}

// publishPermissions asks for the topic (shared/facts/iam.json, sns:Publish).
func publishPermissions(_ *awssim.Moment, _ *state, in *sns.PublishInput) []awssim.Request {
	return []awssim.Request{{Resource: aws.ToString(in.TopicArn)}}
}

// subscribe leaves a mail address to be confirmed; a queue of the same account
// is confirmed at once.
func subscribe(m *awssim.Moment, s *state, in *sns.SubscribeInput) (*sns.SubscribeOutput, error) {
	if err := s.topic(in.TopicArn); err != nil {
		return nil, err
	}
	sub := subscription{topic: *in.TopicArn, protocol: aws.ToString(in.Protocol), endpoint: aws.ToString(in.Endpoint)}
	switch sub.protocol {
	case "email":
	case "sqs":
		sub.confirmed = true
	default:
		return nil, m.NotModelled("protocol %q", sub.protocol)
	}
	i := slices.IndexFunc(s.subscriptions, func(old subscription) bool {
		return old.topic == sub.topic && old.protocol == sub.protocol && old.endpoint == sub.endpoint
	})
	if i >= 0 { // doc of sns Subscribe: subscribing again returns the subscription
		sub = s.subscriptions[i]
	} else {
		sub.arn = sub.topic + ":" + m.UUID("subscription")
		s.subscriptions = append(s.subscriptions, sub)
	}
	shown := sub.arn
	if !sub.confirmed && !in.ReturnSubscriptionArn {
		shown = unconfirmed
	}
	return &sns.SubscribeOutput{SubscriptionArn: aws.String(shown)}, nil
}

func listSubscriptionsByTopic(m *awssim.Moment, s *state, in *sns.ListSubscriptionsByTopicInput) (*sns.ListSubscriptionsByTopicOutput, error) {
	if err := s.topic(in.TopicArn); err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slices.Clone(s.subscriptions), func(sub subscription) bool { return sub.topic != *in.TopicArn })
	slices.SortFunc(all, func(a, b subscription) int { return strings.Compare(a.arn, b.arn) })
	page, next, err := awssim.Page(m, all, func(sub subscription) string { return sub.arn }, nil, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &sns.ListSubscriptionsByTopicOutput{NextToken: next}
	for _, sub := range page {
		arn := sub.arn
		if !sub.confirmed {
			arn = unconfirmedListed
		}
		out.Subscriptions = append(out.Subscriptions, types.Subscription{
			SubscriptionArn: aws.String(arn),
			TopicArn:        aws.String(sub.topic),
			Protocol:        aws.String(sub.protocol),
			Endpoint:        aws.String(sub.endpoint),
			Owner:           aws.String(m.Account()),
		})
	}
	return out, nil
}
