package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/label"
	"github.com/droverhq/drover/internal/ledger"
)

// How messages are taken. A batch is as large as it can be; a call waits for as long
// as it can (doc of ReceiveMessage).
const (
	batch     = 10
	wait      = 20 * time.Second
	hidden    = time.Minute
	extend    = 20 * time.Second // how often messages in hand are hidden anew
	receivers = 2
	// brief bounds what is done with messages that are in hand.
	brief = 20 * time.Second
	// longestHidden is when SQS gives a message to somebody else in any case
	// (facts/apis.md 10).
	longestHidden = 12 * time.Hour
)

// queue takes messages from one queue.
type queue struct {
	Queue
	w      *Worker
	lanes  lanes
	opened bool

	mu   sync.Mutex
	hand map[*message]bool // that were received, and neither deleted nor given back
	gone []*message        // to be deleted
	tell chan struct{}     // there is something to delete
}

// message is one in hand.
type message struct {
	id, receipt, body string
	sent, received    time.Time
	left              atomic.Int64          // matches that are not recorded yet
	failed            atomic.Bool           // one of them is not, because the worker stops
	refused           atomic.Pointer[error] // one of them never can be, and why
}

// eventOf is an event and the message it came in.
type eventOf struct {
	event.Event
	message *message
}

// open looks the queue up, once. It returns an error only where trying again is no
// use, or where the worker is told to stop.
func (q *queue) open(ctx context.Context) error {
	err := q.look(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // told to stop before it began
	}
	q.w.health.report(q.part(), err)
	q.opened = err == nil
	if err != nil && failure.ClassOf(err) == failure.Stop {
		return err
	}
	return nil
}

// reopen looks the queue up until that is possible, or ctx ends.
func (q *queue) reopen(ctx context.Context) {
	for failures := 1; !q.opened && q.w.Clock.Sleep(ctx, q.w.backoff.Delay(failures, leastPause, mostPause)) == nil; failures++ {
		err := q.look(ctx)
		if ctx.Err() == nil {
			q.w.health.report(q.part(), err)
		}
		q.opened = err == nil
	}
}

// part names the queue in health checks.
func (q *queue) part() string { return "queue " + q.name() }

// name is the end of the URL.
func (q *queue) name() string { return q.URL[strings.LastIndex(q.URL, "/")+1:] }

// look finds the dead-letter queue.
func (q *queue) look(ctx context.Context) error {
	out, err := q.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       &q.URL,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn, types.QueueAttributeNameRedrivePolicy},
	})
	if err != nil {
		return fmt.Errorf("look at queue %s: %w", q.URL, classify(err))
	}
	if q.DeadLetters != "" {
		return nil
	}
	var redrive struct {
		Target string `json:"deadLetterTargetArn"`
	}
	if text := out.Attributes[string(types.QueueAttributeNameRedrivePolicy)]; text != "" {
		if err := json.Unmarshal([]byte(text), &redrive); err != nil {
			return failure.Stopf("queue %s: redrive policy %q: %w", q.URL, text, err)
		}
	}
	own, target := strings.Split(out.Attributes[string(types.QueueAttributeNameQueueArn)], ":"), strings.Split(redrive.Target, ":")
	const parts = 6 // arn:aws:sqs:REGION:ACCOUNT:NAME
	if len(own) != parts || len(target) != parts {
		return failure.WithHint(failure.Stopf("queue %s has no dead-letter queue, and messages that cannot be read must go somewhere", q.URL),
			"aws sqs set-queue-attributes --queue-url %s --attributes …, with a RedrivePolicy; or --dead-letters URL", q.URL)
	}
	in := &sqs.GetQueueUrlInput{QueueName: &target[5]}
	if target[4] != own[4] {
		in.QueueOwnerAWSAccountId = &target[4]
	}
	dead, err := q.Client.GetQueueUrl(ctx, in)
	if err != nil {
		return fmt.Errorf("look up the dead-letter queue %s: %w", redrive.Target, classify(err))
	}
	q.DeadLetters = aws.ToString(dead.QueueUrl)
	return nil
}

// classify is [cloud.Classify] at the start, when a queue that is not there is not
// waited for.
func classify(err error) error {
	err = cloud.Classify(err)
	var gone *types.QueueDoesNotExist
	if errors.As(err, &gone) {
		return failure.WithHint(failure.As(failure.Stop, err), "aws sqs list-queues, in the queue's account and region")
	}
	return err
}

// run takes messages until ctx ends, and returns when none is in hand.
func (q *queue) run(ctx, work context.Context) {
	if q.reopen(ctx); !q.opened {
		return
	}
	var receiving, keeping sync.WaitGroup
	for range receivers {
		receiving.Go(func() { q.receive(ctx, work) })
	}
	kept, done := context.WithCancel(context.WithoutCancel(work))
	keeping.Go(func() { q.keep(kept) })
	keeping.Go(func() { q.delete(kept) })
	keeping.Go(func() { q.measure(ctx) })
	receiving.Wait()
	q.lanes.wait()
	done()
	keeping.Wait()
	q.giveBack(context.WithoutCancel(work))
}

// receive takes batches of messages and hands each on.
func (q *queue) receive(ctx, work context.Context) {
	failures := 0
	for {
		if q.w.slots.Acquire(ctx, batch) != nil {
			return
		}
		got, err := q.take(ctx)
		q.w.slots.Release(int64(batch - len(got)))
		if ctx.Err() == nil && (err != nil || failures > 0) { // what another receiver met it does not know
			q.w.health.report(q.part(), err)
		}
		for _, m := range got {
			q.accept(ctx, work, m)
		}
		failures++
		if err == nil {
			failures = 0
		} else if q.w.Clock.Sleep(ctx, q.w.backoff.Delay(failures, leastPause, mostPause)) != nil {
			return
		}
	}
}

func (q *queue) take(ctx context.Context) ([]*message, error) {
	out, err := q.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: batch, WaitTimeSeconds: int32(wait.Seconds()), VisibilityTimeout: int32(hidden.Seconds()),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, fmt.Errorf("receive messages from %s: %w", q.URL, cloud.Classify(err))
	}
	now := q.w.Clock.Now()
	var got []*message
	oldest := time.Duration(0)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range out.Messages {
		in := &message{id: aws.ToString(m.MessageId), receipt: aws.ToString(m.ReceiptHandle), body: aws.ToString(m.Body), received: now}
		if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
			in.sent = time.UnixMilli(ms)
			oldest = max(oldest, now.Sub(in.sent))
		}
		got = append(got, in)
		q.hand[in] = true
	}
	q.w.Metrics.age.WithLabelValues(q.name()).Set(oldest.Seconds())
	return got, nil
}

// accept finds out what a message is, and has each of its matches recorded in the
// lane of its subject.
func (q *queue) accept(ctx, work context.Context, m *message) {
	ctx = label.With(ctx, slog.String("message", m.id))
	work = label.With(work, slog.String("message", m.id))
	count := func(result string) { q.w.Metrics.events.WithLabelValues(q.name(), result).Inc() }
	e, err := event.ParseMessage([]byte(m.body))
	if errors.Is(err, event.ErrTest) {
		count("test")
		q.finished(m)
		return
	}
	if err != nil {
		q.lanes.do("", func() { q.bury(ctx, work, m, err) })
		return
	}
	matches, err := q.w.App.Route(e)
	var unwanted *app.Unwanted
	switch {
	case errors.As(err, &unwanted):
		count("unwanted")
		q.w.Log.DebugContext(work, "event not wanted", "type", e.DetailType, "id", e.ID)
		q.finished(m)
		return
	case err != nil:
		q.lanes.do("", func() { q.bury(ctx, work, m, err) })
		return
	}
	m.left.Store(int64(len(matches)))
	for _, match := range matches {
		q.lanes.do(match.Automation.Name+"\n"+match.Subject.Key, func() {
			err := q.w.start(ctx, work, match, eventOf{e, m})
			switch {
			case permanent(err):
				q.w.Log.ErrorContext(work, "event cannot be recorded", "automation", match.Automation.Name, "error", err)
				m.refused.Store(&err)
			case err != nil:
				m.failed.Store(true)
			}
			if m.left.Add(-1) > 0 {
				return
			}
			switch why := m.refused.Load(); {
			case m.failed.Load():
				// It stays in hand. Only a worker that stops leaves anything, and then
				// gives it back.
			case why != nil:
				q.bury(ctx, work, m, *why)
			default:
				count("recorded")
				if !m.sent.IsZero() {
					q.w.Metrics.latency.Observe(q.w.Clock.Now().Sub(m.sent).Seconds())
				}
				q.finished(m)
			}
		})
	}
}

// permanent says that an event can never be recorded. A ledger that cannot be used
// now is another matter, whatever class its error has: a table may be made, a
// permission be given.
func permanent(err error) bool {
	var invalid *ledger.InvalidError
	return errors.As(err, &invalid)
}

// bury sends a message to the dead-letter queue, with the reason, however long that
// takes.
func (q *queue) bury(ctx, work context.Context, m *message, why error) {
	const mostReason = 1000
	reason := why.Error()
	if len(reason) > mostReason {
		reason = strings.ToValidUTF8(reason[:mostReason], "") + "…"
	}
	attribute := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
	}
	for failures := 1; ; failures++ {
		err := q.briefly(work, func(work context.Context) error {
			_, err := q.Client.SendMessage(work, &sqs.SendMessageInput{
				QueueUrl: &q.DeadLetters, MessageBody: &m.body,
				MessageAttributes: map[string]types.MessageAttributeValue{
					"ErrorMessage": attribute(reason), "Fleet": attribute(q.w.App.Fleet()), "MessageId": attribute(m.id),
				},
			})
			return err
		})
		q.w.health.report("dead letters of "+q.name(), err)
		if err == nil {
			break
		}
		if q.w.Clock.Sleep(ctx, q.w.backoff.Delay(failures, leastPause, mostPause)) != nil {
			return // it stays in hand, and is given back at the end
		}
	}
	q.w.Log.ErrorContext(work, "message sent to the dead-letter queue", "queue", q.DeadLetters, "why", reason)
	q.w.Metrics.events.WithLabelValues(q.name(), "dead-letter").Inc()
	q.finished(m)
}

func (q *queue) briefly(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	return cloud.Classify(f(ctx))
}

// finished has a message deleted.
func (q *queue) finished(m *message) {
	q.mu.Lock()
	q.gone = append(q.gone, m)
	q.mu.Unlock()
	select {
	case q.tell <- struct{}{}:
	default: // it knows
	}
}

// delete deletes what is finished, together what is finished meanwhile, until ctx
// ends and all is deleted. A message that cannot be deleted comes again, which does
// no harm.
func (q *queue) delete(ctx context.Context) {
	for {
		some := q.finishedOnes()
		if len(some) == 0 {
			select {
			case <-q.tell:
				continue
			case <-ctx.Done():
				if some = q.finishedOnes(); len(some) == 0 {
					return
				}
			}
		}
		left := len(some)
		err := q.briefly(context.WithoutCancel(ctx), func(ctx context.Context) error {
			in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.URL}
			for i, m := range some {
				in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.receipt})
			}
			out, err := q.Client.DeleteMessageBatch(ctx, in)
			if err != nil {
				return err
			}
			if left = len(out.Failed); left > 0 {
				return fmt.Errorf("%d of %d: %s", left, len(some), aws.ToString(out.Failed[0].Message))
			}
			return nil
		})
		if err != nil {
			q.w.Log.WarnContext(ctx, "messages not deleted, they come again", "queue", q.URL, "error", err)
			q.w.Metrics.undeleted.Add(float64(left))
		}
		q.mu.Lock()
		for _, m := range some {
			delete(q.hand, m)
		}
		q.mu.Unlock()
		q.w.slots.Release(int64(len(some)))
	}
}

// finishedOnes takes up to a batch of what is to be deleted.
func (q *queue) finishedOnes() []*message {
	q.mu.Lock()
	defer q.mu.Unlock()
	some := q.gone[:min(batch, len(q.gone))]
	q.gone = q.gone[len(some):]
	return some
}

// keep hides the messages in hand anew, until ctx ends.
func (q *queue) keep(ctx context.Context) {
	for q.w.Clock.Sleep(ctx, extend) == nil {
		now := q.w.Clock.Now()
		var some []*message
		q.mu.Lock()
		for m := range q.hand {
			if age := now.Sub(m.received); age >= extend && age < longestHidden-2*hidden {
				some = append(some, m)
			}
		}
		q.mu.Unlock()
		if err := q.hide(ctx, some, hidden); err != nil && ctx.Err() == nil {
			q.w.Log.WarnContext(ctx, "messages in hand not hidden from others, who may get them too", "queue", q.URL, "error", err)
		}
	}
}

// giveBack has what is still in hand come again at once.
func (q *queue) giveBack(ctx context.Context) {
	q.mu.Lock()
	var some []*message
	for m := range q.hand {
		some = append(some, m)
	}
	q.hand = map[*message]bool{}
	q.mu.Unlock()
	if err := q.hide(ctx, some, 0); err != nil {
		q.w.Log.WarnContext(ctx, "messages not given back, they come again by themselves", "queue", q.URL, "error", err)
	}
	q.w.slots.Release(int64(len(some)))
	if len(some) > 0 {
		q.w.Log.InfoContext(ctx, "messages given back", "queue", q.URL, "messages", len(some))
	}
}

func (q *queue) hide(ctx context.Context, some []*message, span time.Duration) error {
	var failed []error
	for len(some) > 0 {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.URL}
		for i, m := range some[:min(batch, len(some))] {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.receipt, VisibilityTimeout: int32(span.Seconds()),
			})
		}
		some = some[len(in.Entries):]
		failed = append(failed, q.briefly(ctx, func(ctx context.Context) error {
			// One that fails is no longer ours to hide.
			_, err := q.Client.ChangeMessageVisibilityBatch(ctx, in)
			return err
		}))
	}
	return errors.Join(failed...)
}

// measuring is how often the queue is asked how much there is in it.
const measuring = 30 * time.Second

// measure tells how many messages the queue has, as SQS estimates it.
func (q *queue) measure(ctx context.Context) {
	gauges := map[types.QueueAttributeName]string{
		types.QueueAttributeNameApproximateNumberOfMessages:           "visible",
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: "in-flight",
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    "delayed",
	}
	for ctx.Err() == nil {
		in := &sqs.GetQueueAttributesInput{QueueUrl: &q.URL}
		for name := range gauges {
			in.AttributeNames = append(in.AttributeNames, name)
		}
		err := q.briefly(ctx, func(ctx context.Context) error {
			out, err := q.Client.GetQueueAttributes(ctx, in)
			if err != nil {
				return err
			}
			for name, state := range gauges {
				if n, err := strconv.ParseFloat(out.Attributes[string(name)], 64); err == nil {
					q.w.Metrics.messages.WithLabelValues(q.name(), state).Set(n)
				}
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			q.w.Log.WarnContext(ctx, "queue not measured", "queue", q.URL, "error", err)
		}
		_ = q.w.Clock.Sleep(ctx, measuring) // cut short by the end
	}
}
