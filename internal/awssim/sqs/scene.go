package sqs

// What tests and scenarios can see and do beside the API.

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Make makes a queue as somebody else does, with the attributes that CreateQueue
// knows, and returns its URL.
func (s *Service) Make(name string, attributes map[string]string) (url string, err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		out, problem := createQueue(m, st, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if problem != nil {
			err = fmt.Errorf("make queue %s: %w", name, problem)
			return
		}
		url = *out.QueueUrl
	})
	return url, err
}

// MakeWithDeadLetters makes a queue and the one, of its name with "-dead", for what
// was received that many times and not deleted. It returns both URLs.
func (s *Service) MakeWithDeadLetters(name string, attempts int) (url, dead string, err error) {
	if dead, err = s.Make(name+"-dead", nil); err != nil {
		return "", "", err
	}
	arn := ""
	s.store.View(func(st *state) {
		i, _ := st.find(name + "-dead")
		arn = st.queues[i].arn
	})
	url, err = s.Make(name, map[string]string{
		string(types.QueueAttributeNameRedrivePolicy): fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, arn, attempts),
	})
	return url, dead, err
}

// Send puts a message into a queue, by its name, as somebody else does, and returns
// its id.
func (s *Service) Send(name, body string) (id string, err error) {
	err = s.with(name, func(m *awssim.Moment, st *state, q *queue) error {
		var refused error
		if sent, problem := st.send(m, q, body, 0, nil); problem != nil {
			refused = problem
		} else {
			id = sent
		}
		return refused
	})
	return id, err
}

// Repeat delivers a message, by its id, that is in a queue once more, whether it is in
// flight or not.
func (s *Service) Repeat(name, id string) error {
	return s.with(name, func(m *awssim.Moment, _ *state, q *queue) error {
		i := slices.IndexFunc(q.messages, func(m *message) bool { return m.id == id })
		if i < 0 {
			return errors.New("no such message: " + id)
		}
		again := *q.messages[i]
		again.visible, again.receipt, again.serial = m.Now.UTC(), "", m.Count("sqs:message")
		q.put(&again)
		return nil
	})
}

// Message is a message, or a copy of it, as it is at present.
type Message struct {
	ID, Body string
	Sent     time.Time
	Visible  time.Time // when it is, or is again
	Received int       // how often
	From     string    // the ARN of the queue that gave up on it, or ""
	// Attributes are those that are texts.
	Attributes map[string]string
}

// Messages are all messages of a queue, by its name, in the order in which they are
// handed out. A queue that does not exist has none.
func (s *Service) Messages(name string) []Message {
	var all []Message
	s.view(name, func(q *queue) {
		for _, have := range q.messages {
			if q.tooOld(have, s.clock.Now()) {
				continue
			}
			shown := Message{have.id, have.body, have.sent, have.visible, have.received, have.from, map[string]string{}}
			for key, v := range have.attributes {
				shown.Attributes[key] = deref(v.StringValue)
			}
			all = append(all, shown)
		}
	})
	return all
}

// Counts are those of a queue, by its name.
func (s *Service) Counts(name string) (c Counts) {
	s.view(name, func(q *queue) { c = q.count(s.clock.Now()) })
	return c
}

// view looks at one queue, if there is such.
func (s *Service) view(name string, f func(*queue)) {
	s.store.View(func(st *state) {
		if i, found := st.find(name); found {
			f(st.queues[i])
		}
	})
}

// with does something about one queue.
func (s *Service) with(name string, f func(*awssim.Moment, *state, *queue) error) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		i, found := st.find(name)
		if !found {
			err = fmt.Errorf("no queue %q", name)
			return
		}
		if err = f(m, st, st.queues[i]); err != nil {
			err = fmt.Errorf("queue %s: %w", name, err)
		}
	})
	return err
}
