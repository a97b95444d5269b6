package sqs

// Messages that are sent. Not modelled: which characters a body may have, types of
// attributes and limits of their names, system attributes, that a batch as a whole may
// be too large.

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
)

const maxDelay = 900 // seconds; doc of SendMessageInput

func sendMessage(m *awssim.Moment, s *state, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	id, refused := s.send(m, q, deref(in.MessageBody), in.DelaySeconds, in.MessageAttributes)
	if refused != nil {
		return nil, bad(refused)
	}
	return &sqs.SendMessageOutput{
		MessageId: aws.String(id), MD5OfMessageBody: aws.String(digest(deref(in.MessageBody))), MD5OfMessageAttributes: digestOf(in.MessageAttributes),
	}, nil
}

func sendMessageBatch(m *awssim.Moment, s *state, in *sqs.SendMessageBatchInput) (*sqs.SendMessageBatchOutput, error) {
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := batch(ids(in.Entries, func(e types.SendMessageBatchRequestEntry) *string { return e.Id })); err != nil {
		return nil, err
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		id, refused := s.send(m, q, deref(e.MessageBody), e.DelaySeconds, e.MessageAttributes)
		if refused != nil {
			out.Failed = append(out.Failed, failed(e.Id, refused))
			continue
		}
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{
			Id: e.Id, MessageId: aws.String(id), MD5OfMessageBody: aws.String(digest(deref(e.MessageBody))), MD5OfMessageAttributes: digestOf(e.MessageAttributes),
		})
	}
	return out, nil
}

func ids[E any](entries []E, id func(E) *string) []*string {
	all := make([]*string, len(entries))
	for i, e := range entries {
		all[i] = id(e)
	}
	return all
}

// send puts a message into a queue, or two copies of it.
func (s *state) send(m *awssim.Moment, q *queue, body string, delay int32, attributes map[string]types.MessageAttributeValue) (id string, refused smithy.APIError) {
	switch {
	case body == "":
		return "", invalid("Message must not be empty") // unverified
	case len(body) > q.size:
		return "", invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.size)
	case delay < 0 || delay > maxDelay:
		return "", invalid("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= %d.", delay, maxDelay)
	}
	hidden := q.delay
	if delay > 0 { // 0 is the same as none: the SDK does not send it
		hidden = time.Duration(delay) * time.Second
	}
	now := m.Now.UTC()
	msg := message{
		id: m.UUID("message"), body: body, attributes: copied(attributes), sent: now, visible: now.Add(hidden), serial: m.Count("sqs:message"),
	}
	msg.order = now.Add(time.Duration(s.options.chance(msg.id, "order") * float64(s.options.Disorder)))
	q.expire(m.Now)
	q.put(&msg)
	if s.options.chance(msg.id, "repeat") < s.options.Repeat {
		again := msg
		again.serial = m.Count("sqs:message")
		q.put(&again)
	}
	return msg.id, nil
}

func copied(attributes map[string]types.MessageAttributeValue) map[string]types.MessageAttributeValue {
	all := make(map[string]types.MessageAttributeValue, len(attributes))
	for name, v := range attributes {
		v.BinaryValue = bytes.Clone(v.BinaryValue)
		v.BinaryListValues, v.StringListValues = nil, nil // "not implemented", says the doc
		if v.StringValue != nil {
			v.StringValue = aws.String(*v.StringValue)
		}
		all[name] = v
	}
	return all
}

// digest is what the SDK holds a body against.
func digest(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// digestOf follows
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html.
func digestOf(attributes map[string]types.MessageAttributeValue) *string {
	if len(attributes) == 0 {
		return nil
	}
	var all []byte
	part := func(data []byte) {
		all = binary.BigEndian.AppendUint32(all, uint32(len(data)))
		all = append(all, data...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		v := attributes[name]
		part([]byte(name))
		part([]byte(deref(v.DataType)))
		if strings.HasPrefix(deref(v.DataType), "Binary") {
			all = append(all, 2)
			part(v.BinaryValue)
		} else {
			all = append(all, 1)
			part([]byte(deref(v.StringValue)))
		}
	}
	return aws.String(fmt.Sprintf("%x", md5.Sum(all)))
}
