package sqs

// Messages that are received. Not modelled: that a short poll looks at some servers
// only and so may find nothing, prefixes of attribute names, the older name of the list
// of system attributes, and the SDK's members for FIFO queues.

import (
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Limits in the docs of ReceiveMessageInput and ChangeMessageVisibility.
const (
	mostAtOnce    = 10
	maxWait       = 20    // seconds
	maxVisibility = 43200 // seconds; facts/apis.md 10
	mostInFlight  = 120_000
)

// receiveMessage hands out what is visible at once; who waits, waits before it calls
// (see [Service.LongPoll]). A message that was handed out often enough goes to the
// dead-letter queue instead (doc of CreateQueueInput.Attributes).
func receiveMessage(m *awssim.Moment, s *state, in *sqs.ReceiveMessageInput) (*sqs.ReceiveMessageOutput, error) {
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	most, hidden := int(in.MaxNumberOfMessages), q.visibility
	if most == 0 { // what the SDK sends for none
		most = 1
	}
	if in.VisibilityTimeout != 0 { // likewise: 0 cannot be asked for through this SDK
		hidden = time.Duration(in.VisibilityTimeout) * time.Second
	}
	switch {
	case most < 1 || most > mostAtOnce:
		return nil, bad(invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", most))
	case in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > maxWait:
		return nil, bad(invalid("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", in.WaitTimeSeconds))
	case in.VisibilityTimeout < 0 || in.VisibilityTimeout > maxVisibility:
		return nil, bad(invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.", in.VisibilityTimeout))
	case (in.WaitTimeSeconds > 0 || q.wait > 0) && !s.polls():
		return nil, m.NotModelled("waiting for messages, unless the client's configuration is that of Service.LongPoll")
	case q.count(m.Now).InFlight+most > mostInFlight:
		return nil, bad(&types.OverLimit{})
	}
	q.expire(m.Now)
	out := &sqs.ReceiveMessageOutput{}
	for _, old := range slices.Clone(q.messages) {
		if len(out.Messages) == most {
			break
		}
		if old.visible.After(m.Now) {
			continue
		}
		if q.attempts > 0 && old.received >= q.attempts {
			s.giveUp(q, old, m.Now)
			continue
		}
		got := *old
		got.received++
		if got.first.IsZero() {
			got.first = m.Now.UTC()
		}
		got.visible, got.receipt = m.Now.UTC().Add(hidden), "AQEB"+m.UUID("receipt")
		q.messages[slices.Index(q.messages, old)] = &got
		out.Messages = append(out.Messages, got.out(m, in))
	}
	return out, nil
}

// giveUp moves a message to the dead-letter queue. It keeps its id, when it was sent
// and how often it was received, so it may soon be too old there
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html).
func (s *state) giveUp(q *queue, old *message, now time.Time) {
	dead := *old
	dead.from, dead.receipt, dead.visible = q.arn, "", now.UTC()
	i := slices.Index(q.messages, old)
	q.messages = slices.Delete(q.messages, i, i+1)
	for _, to := range s.queues {
		if to.arn == q.deadLetters {
			to.put(&dead)
		}
	}
}

func (got message) out(m *awssim.Moment, in *sqs.ReceiveMessageInput) types.Message {
	out := types.Message{
		MessageId: aws.String(got.id), Body: aws.String(got.body), MD5OfBody: aws.String(digest(got.body)), ReceiptHandle: aws.String(got.receipt),
	}
	system := map[types.MessageSystemAttributeName]string{
		types.MessageSystemAttributeNameApproximateReceiveCount:          strconv.Itoa(got.received),
		types.MessageSystemAttributeNameSentTimestamp:                    millis(got.sent),
		types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp: millis(got.first),
		types.MessageSystemAttributeNameSenderId:                         m.Account(),
	}
	if got.from != "" {
		system[types.MessageSystemAttributeNameDeadLetterQueueSourceArn] = got.from
	}
	wanted := in.MessageSystemAttributeNames
	for name, value := range system {
		if slices.Contains(wanted, name) || slices.Contains(wanted, types.MessageSystemAttributeNameAll) {
			if out.Attributes == nil {
				out.Attributes = map[string]string{}
			}
			out.Attributes[string(name)] = value
		}
	}
	own := map[string]types.MessageAttributeValue{}
	for name, v := range got.attributes {
		if slices.ContainsFunc(in.MessageAttributeNames, func(want string) bool { return want == name || want == "All" || want == ".*" }) {
			own[name] = v
		}
	}
	if len(own) > 0 {
		out.MessageAttributes, out.MD5OfMessageAttributes = copied(own), digestOf(own)
	}
	return out
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
