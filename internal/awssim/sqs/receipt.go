package sqs

// What is done with a receipt handle. One that is not the last of its message is
// accepted, and does nothing (doc of DeleteMessage; for ChangeMessageVisibility
// unverified). So is that of a message that is gone.

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
)

// held finds the message of a receipt handle; -1 if it does nothing.
func (s *state) held(q *queue, receipt *string, now time.Time) (int, smithy.APIError) {
	if !strings.HasPrefix(deref(receipt), "AQEB") {
		return 0, badReceipt("")
	}
	i := q.holder(*receipt)
	if i >= 0 && s.options.Expired && !q.messages[i].visible.After(now) {
		return 0, badReceipt(" The receipt handle has expired.")
	}
	return i, nil
}

func (s *state) remove(q *queue, receipt *string, now time.Time) smithy.APIError {
	q.expire(now)
	i, refused := s.held(q, receipt, now)
	if refused == nil && i >= 0 {
		q.messages = slices.Delete(q.messages, i, i+1)
	}
	return refused
}

// hide makes a message visible some time from now. The timeouts of a message add up
// to 12 hours at most (doc of ChangeMessageVisibility), counted here from now on, not
// from when it was received.
func (s *state) hide(q *queue, receipt *string, seconds int32, now time.Time) smithy.APIError {
	if seconds < 0 || seconds > maxVisibility {
		return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.", seconds)
	}
	q.expire(now)
	i, refused := s.held(q, receipt, now)
	if refused != nil || i < 0 {
		return refused
	}
	if !q.messages[i].visible.After(now) {
		return notInFlight()
	}
	changed := *q.messages[i]
	changed.visible = now.UTC().Add(time.Duration(seconds) * time.Second)
	q.messages[i] = &changed
	return nil
}

func deleteMessage(m *awssim.Moment, s *state, in *sqs.DeleteMessageInput) (*sqs.DeleteMessageOutput, error) {
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if refused := s.remove(q, in.ReceiptHandle, m.Now); refused != nil {
		return nil, bad(refused)
	}
	return &sqs.DeleteMessageOutput{}, nil
}

func deleteMessageBatch(m *awssim.Moment, s *state, in *sqs.DeleteMessageBatchInput) (*sqs.DeleteMessageBatchOutput, error) {
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := batch(ids(in.Entries, func(e types.DeleteMessageBatchRequestEntry) *string { return e.Id })); err != nil {
		return nil, err
	}
	out := &sqs.DeleteMessageBatchOutput{}
	for _, e := range in.Entries {
		if refused := s.remove(q, e.ReceiptHandle, m.Now); refused != nil {
			out.Failed = append(out.Failed, failed(e.Id, refused))
			continue
		}
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

func changeMessageVisibility(m *awssim.Moment, s *state, in *sqs.ChangeMessageVisibilityInput) (*sqs.ChangeMessageVisibilityOutput, error) {
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if refused := s.hide(q, in.ReceiptHandle, in.VisibilityTimeout, m.Now); refused != nil {
		return nil, bad(refused)
	}
	return &sqs.ChangeMessageVisibilityOutput{}, nil
}

func changeMessageVisibilityBatch(m *awssim.Moment, s *state, in *sqs.ChangeMessageVisibilityBatchInput) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := batch(ids(in.Entries, func(e types.ChangeMessageVisibilityBatchRequestEntry) *string { return e.Id })); err != nil {
		return nil, err
	}
	out := &sqs.ChangeMessageVisibilityBatchOutput{}
	for _, e := range in.Entries {
		if refused := s.hide(q, e.ReceiptHandle, e.VisibilityTimeout, m.Now); refused != nil {
			out.Failed = append(out.Failed, failed(e.Id, refused))
			continue
		}
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: e.Id})
	}
	return out, nil
}
