package sqs

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/droverhq/drover/internal/awssim"
)

// state is all there is: the queues in the order of their names.
type state struct {
	options Options
	polls   func() bool
	queues  []*queue
}

// queue is a queue and its messages, in the order in which they are handed out. A
// message is never changed, only replaced.
type queue struct {
	name, url, arn string
	settings
	created  time.Time
	messages []*message
}

type message struct {
	id, body   string
	attributes map[string]types.MessageAttributeValue // never changed
	sent       time.Time
	order      time.Time // when it was sent, or a little later, see Options.Disorder
	serial     uint64    // of messages with one order
	visible    time.Time // when it is, or is again
	received   int       // how often, in all queues
	first      time.Time // when it was received first
	receipt    string    // of the last time it was received, unless that was in another queue
	from       string    // the ARN of the queue that gave up on it
}

func (s *state) clone() *state {
	c := &state{options: s.options, polls: s.polls, queues: slices.Clone(s.queues)}
	for i, q := range c.queues {
		own := *q
		own.messages = slices.Clone(q.messages)
		c.queues[i] = &own
	}
	return c
}

func (s *state) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.queues, name, func(q *queue, name string) int { return strings.Compare(q.name, name) })
}

// at is the queue of a URL.
func (s *state) at(url *string) (*queue, error) {
	i, found := s.find(deref(nameIn(url)))
	if !found || s.queues[i].url != deref(url) {
		return nil, noQueue()
	}
	return s.queues[i], nil
}

// expire drops the messages that a queue has kept for as long as it does.
func (q *queue) expire(now time.Time) {
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return q.tooOld(m, now) })
}

func (q *queue) tooOld(m *message, now time.Time) bool { return now.Sub(m.sent) >= q.retention }

// put adds a message, or a copy of it, in its place.
func (q *queue) put(m *message) {
	i, _ := slices.BinarySearchFunc(q.messages, m, func(have, want *message) int {
		return cmp.Or(have.order.Compare(want.order), cmp.Compare(have.serial, want.serial))
	})
	q.messages = slices.Insert(q.messages, i, m)
}

// holder is the message that was received with a receipt, unless it was received
// again since; -1 if there is none.
func (q *queue) holder(receipt string) int {
	return slices.IndexFunc(q.messages, func(m *message) bool { return m.receipt == receipt })
}

// nameIn is the last part of a URL.
func nameIn(url *string) *string {
	name := deref(url)
	name = name[strings.LastIndex(name, "/")+1:]
	return &name
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// urlOf has the form of the doc of GetQueueUrl.
func urlOf(m *awssim.Moment, name string) string {
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", m.Region(), m.Account(), name)
}

// chance is a number from 0 up to 1 that belongs to a message and a question about
// it.
func (o Options) chance(id, question string) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", o.Seed, id, question))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}
