package sqs

// What puts messages into queues: rules of EventBridge, and topics of SNS. Not
// modelled: the policies that must allow them, input transformers, retries and
// dead-letter queues of rules, raw delivery and filters of SNS.

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// Rule sends the events of the world that match a pattern to a queue. The body is
// the event itself (facts/events.md 9).
type Rule struct {
	Queue   string // its name
	Pattern event.Pattern
	// Topic, if there is one, is the ARN of a topic of SNS between the rule and the
	// queue, so that the event comes as a text within a notification.
	Topic string
	// Arrives says how long after the event its copies reach the queue, and so that
	// it is lost, doubled or late: EventBridge promises no more than to try
	// (facts/events.md 1). Without it, there is one copy at once.
	Arrives func(event.Event) []time.Duration
}

// AddRule has a rule watch the world from now on.
func (s *Service) AddRule(r Rule) error {
	if err := s.with(r.Queue, func(*awssim.Moment, *state, *queue) error { return nil }); err != nil {
		return err
	}
	s.world.Subscribe(func(e event.Event) {
		if !r.Pattern.Match(e) {
			return
		}
		delays := []time.Duration{0}
		if r.Arrives != nil {
			delays = r.Arrives(e)
		}
		for _, delay := range delays {
			s.store.Do(func(m *awssim.Moment, st *state) { st.after(m, delay, func(m *awssim.Moment) { st.carry(m, r, e) }) })
		}
	})
	return nil
}

// after does something now, if there is nothing to wait for.
func (s *state) after(m *awssim.Moment, delay time.Duration, do func(*awssim.Moment)) {
	if delay <= 0 {
		do(m)
		return
	}
	m.After(delay, do)
}

func (s *state) carry(m *awssim.Moment, r Rule, e event.Event) {
	body, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("awssim: event %s as JSON: %v", e.ID, err))
	}
	if r.Topic != "" {
		s.notify(m, r.Queue, r.Topic, "", string(body))
		return
	}
	s.deliver(m, r.Queue, string(body))
}

// AddTopic sends what is published to a topic of SNS, by its ARN, to a queue.
func (s *Service) AddTopic(topic, queueName string) error {
	if err := s.with(queueName, func(*awssim.Moment, *state, *queue) error { return nil }); err != nil {
		return err
	}
	s.world.OnCall(func(c awssim.Call) {
		in, ok := c.Input.(*sns.PublishInput)
		if !ok || !c.Applied || deref(in.TopicArn) != topic {
			return
		}
		s.store.Do(func(m *awssim.Moment, st *state) {
			st.notify(m, queueName, topic, deref(in.Subject), deref(in.Message))
		})
	})
	return nil
}

// notify delivers a text as SNS does, in the form of
// facts/events/wrapped-lambda-sqs-sns-asg-terminate.json.
func (s *state) notify(m *awssim.Moment, queueName, topic, subject, text string) {
	host := "https://sns." + m.Region() + ".amazonaws.com/"
	body, err := json.Marshal(struct {
		Type, MessageId, TopicArn string
		Subject                   string `json:",omitempty"`
		Message, Timestamp        string
		SignatureVersion          string
		Signature                 string
		SigningCertURL            string
		UnsubscribeURL            string
	}{
		Type: "Notification", MessageId: m.UUID("notification"), TopicArn: topic, Subject: subject, Message: text,
		Timestamp: m.Now.UTC().Format("2006-01-02T15:04:05.000Z"), SignatureVersion: "1", Signature: "EXAMPLE",
		SigningCertURL: host + "SimpleNotificationService-0000000000000000000000.pem",
		UnsubscribeURL: host + "?Action=Unsubscribe&SubscriptionArn=EXAMPLE",
	})
	if err != nil {
		panic(err) // strings can always be written
	}
	s.deliver(m, queueName, string(body))
}

// deliver puts a body into a queue, if it fits.
func (s *state) deliver(m *awssim.Moment, queueName, body string) {
	if i, found := s.find(queueName); found {
		if _, refused := s.send(m, s.queues[i], body, 0, nil); refused != nil {
			panic(fmt.Sprintf("awssim: deliver to queue %s: %v", queueName, refused))
		}
	}
}
