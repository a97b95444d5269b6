package sqs

import (
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
)

// Options of the service. The zero value of each field is a sensible choice: a
// queue that delivers every message once, in order. AWS promises neither of a
// standard queue (facts/apis.md 10).
type Options struct {
	// Seed chooses which messages are repeated and which overtake others, from the
	// messages alone: what is sent in the same order is treated alike.
	Seed uint64
	// Repeat is the share of messages, from 0 to 1, of which there are two copies
	// with one id: each is received, hidden and deleted by itself. So a message can
	// come twice at once, and again after it was deleted (doc of DeleteMessage).
	Repeat float64
	// Disorder is by how much time a message may overtake those before it.
	Disorder time.Duration
	// Expired makes receipt handles fail once their time is over, which AWS may do
	// or not (facts/apis.md 10).
	Expired bool
}

// Service is SQS in one world.
type Service struct {
	options Options
	clock   clock.Clock
	world   *awssim.World
	store   *awssim.Store[*state]
	polls   atomic.Bool // somebody waits as calls that wait must, see LongPoll
	arrived arrivals
}

// New makes the service for [awssim.New], with the same clock.
func New(clk clock.Clock, o Options) *Service { return &Service{options: o, clock: clk} }

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "sqs", &state{options: s.options, polls: s.polls.Load}, (*state).clone)
	s.world, s.store = w, st
	st.OnCommit(func(*awssim.Moment, *state) { s.arrived.tell() })

	awssim.Write(st, createQueue, "QueueName", "Attributes")
	awssim.Read(st, getQueueURL, "QueueName")
	awssim.Read(st, getQueueAttributes, "QueueUrl", "AttributeNames")
	awssim.Write(st, sendMessage, "QueueUrl", "MessageBody", "DelaySeconds", "MessageAttributes")
	awssim.Write(st, sendMessageBatch, "QueueUrl", "Entries.Id", "Entries.MessageBody", "Entries.DelaySeconds", "Entries.MessageAttributes")
	awssim.Write(st, receiveMessage, "QueueUrl", "MaxNumberOfMessages", "VisibilityTimeout", "WaitTimeSeconds",
		"MessageAttributeNames", "MessageSystemAttributeNames")
	awssim.Write(st, changeMessageVisibility, "QueueUrl", "ReceiptHandle", "VisibilityTimeout")
	awssim.Write(st, changeMessageVisibilityBatch, "QueueUrl", "Entries")
	awssim.Write(st, deleteMessage, "QueueUrl", "ReceiptHandle")
	awssim.Write(st, deleteMessageBatch, "QueueUrl", "Entries")

	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.CreateQueueInput) []awssim.Request {
		return named(m, in.QueueName)
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.GetQueueUrlInput) []awssim.Request {
		return named(m, in.QueueName)
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.GetQueueAttributesInput) []awssim.Request {
		return at(m, in.QueueUrl, "")
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.SendMessageInput) []awssim.Request {
		return at(m, in.QueueUrl, "")
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.SendMessageBatchInput) []awssim.Request {
		return at(m, in.QueueUrl, "SendMessage")
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.ReceiveMessageInput) []awssim.Request {
		return at(m, in.QueueUrl, "")
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.ChangeMessageVisibilityInput) []awssim.Request {
		return at(m, in.QueueUrl, "")
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.ChangeMessageVisibilityBatchInput) []awssim.Request {
		return at(m, in.QueueUrl, "ChangeMessageVisibility")
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.DeleteMessageInput) []awssim.Request {
		return at(m, in.QueueUrl, "")
	})
	awssim.Requests(st, func(m *awssim.Moment, _ *state, in *sqs.DeleteMessageBatchInput) []awssim.Request {
		return at(m, in.QueueUrl, "DeleteMessage")
	})
}

// at asks for a queue by its URL (shared/facts/iam.json). A batch has no action of
// its own: there is none in the Service Authorization Reference.
func at(m *awssim.Moment, url *string, action string) []awssim.Request {
	all := named(m, nameIn(url))
	if action != "" {
		all[0].Action = "sqs:" + action
	}
	return all
}

func named(m *awssim.Moment, name *string) []awssim.Request {
	return []awssim.Request{{Resource: m.ARN("sqs", deref(name))}}
}
