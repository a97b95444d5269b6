package lambda

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/label"
)

// record is one of a batch: a message of SQS or a notification of SNS. SNS
// writes EventSource with a capital, which encoding/json does not mind.
//
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
type record struct {
	Source    string `json:"eventSource"`
	MessageID string `json:"messageId"` // of SQS
	Body      string `json:"body"`      // of SQS
	SNS       struct {
		MessageID string `json:"MessageId"`
		Message   string `json:"Message"`
	} `json:"Sns"`
}

const (
	fromSQS = "aws:sqs"
	fromSNS = "aws:sns"
)

func parseRecords(data []byte) ([]record, error) {
	var records []record
	if err := json.Unmarshal(data, &records); err != nil || len(records) == 0 {
		return nil, failure.Stopf("got Records that are none, wanted messages of SQS or notifications of SNS")
	}
	for i, r := range records {
		if r.Source != records[0].Source || r.Source != fromSQS && r.Source != fromSNS {
			return nil, failure.Stopf("Records[%d].eventSource: got %q, wanted %q or %q", i, r.Source, fromSQS, fromSNS)
		}
	}
	return records, nil
}

// batch is what SQS must be told: the messages to deliver again. A mapping
// without ReportBatchItemFailures does not read it, and loses them.
type batch struct {
	Failures []failedItem `json:"batchItemFailures"`
}

type failedItem struct {
	ID string `json:"itemIdentifier"`
}

// records handles a batch one after another. SNS delivers again all or
// nothing; so does SQS where nothing could be handled, in whichever way its
// mapping is set up.
func (h *Host) records(ctx context.Context, records []record) (any, error) {
	var all []handled
	var troubles []error
	answer := batch{Failures: []failedItem{}}
	for _, r := range records {
		id := cmp.Or(r.MessageID, r.SNS.MessageID)
		ctx := label.With(ctx, slog.String("messageId", id))
		done, err := h.record(ctx, r)
		all = append(all, done)
		if err != nil {
			h.logFailure(ctx, typed(err))
			troubles = append(troubles, fmt.Errorf("message %s: %w", id, err))
			answer.Failures = append(answer.Failures, failedItem{id})
		}
	}
	switch {
	case len(troubles) == len(records), len(troubles) > 0 && records[0].Source == fromSNS:
		return nil, errors.Join(troubles...)
	case records[0].Source == fromSQS:
		return answer, nil
	}
	return all, nil
}

func (h *Host) record(ctx context.Context, r record) (handled, error) {
	e, err := event.ParseMessage([]byte(cmp.Or(r.Body, r.SNS.Message)))
	if errors.Is(err, event.ErrTest) {
		h.Log.InfoContext(ctx, "message passed over", "why", err)
		return handled{}, nil
	}
	if err != nil {
		return handled{}, unreadable(err)
	}
	return h.event(ctx, e)
}
