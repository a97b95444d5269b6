package sqs

// Queues. Not modelled: that attributes take a while to change, as they cannot be
// changed here, and attributes other than these.

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/droverhq/drover/internal/awssim"
)

// settings are the attributes with which a queue is made.
type settings struct {
	visibility, retention, delay, wait time.Duration
	size                               int
	deadLetters                        string // the ARN of a queue, or ""
	attempts                           int    // before a message is a dead letter
	redrive                            string // both, as they were written
}

// usual are the defaults in the doc of CreateQueueInput.Attributes.
var usual = settings{visibility: 30 * time.Second, retention: 4 * 24 * time.Hour, size: 1 << 20}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// createQueue is idempotent if nothing is different (doc of CreateQueue).
func createQueue(m *awssim.Moment, s *state, in *sqs.CreateQueueInput) (*sqs.CreateQueueOutput, error) {
	name := deref(in.QueueName)
	if !queueName.MatchString(name) {
		return nil, bad(invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"))
	}
	asked := usual
	for _, key := range slices.Sorted(maps.Keys(in.Attributes)) {
		if err := asked.set(m, s, key, in.Attributes[key]); err != nil {
			return nil, err
		}
	}
	i, found := s.find(name)
	if !found {
		q := &queue{name: name, url: urlOf(m, name), arn: m.ARN("sqs", name), settings: asked, created: m.Now.UTC()}
		s.queues = slices.Insert(s.queues, i, q)
	} else if s.queues[i].settings != asked {
		return nil, bad(&types.QueueNameExists{
			Message: aws.String("A queue already exists with the same name and a different value for attribute"), ErrorCodeOverride: aws.String("QueueAlreadyExists"),
		})
	}
	return &sqs.CreateQueueOutput{QueueUrl: aws.String(s.queues[i].url)}, nil
}

// set reads one attribute, within the limits of the doc of CreateQueueInput.
func (o *settings) set(m *awssim.Moment, s *state, key, value string) error {
	if key == string(types.QueueAttributeNameRedrivePolicy) {
		return o.setRedrive(s, value)
	}
	whole := func(least, most int) (int, error) {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return 0, bad(&types.InvalidAttributeValue{Message: aws.String("Invalid value for the parameter " + key + ".")})
		}
		return n, nil
	}
	seconds := func(into *time.Duration, least, most int) error {
		n, err := whole(least, most)
		*into = time.Duration(n) * time.Second
		return err
	}
	switch types.QueueAttributeName(key) {
	case types.QueueAttributeNameVisibilityTimeout:
		return seconds(&o.visibility, 0, maxVisibility)
	case types.QueueAttributeNameMessageRetentionPeriod:
		return seconds(&o.retention, 60, 14*24*3600)
	case types.QueueAttributeNameDelaySeconds:
		return seconds(&o.delay, 0, maxDelay)
	case types.QueueAttributeNameReceiveMessageWaitTimeSeconds:
		return seconds(&o.wait, 0, maxWait)
	case types.QueueAttributeNameMaximumMessageSize:
		n, err := whole(1<<10, 1<<20)
		o.size = n
		return err
	default:
		return m.NotModelled("attribute %q of a queue", key)
	}
}

// setRedrive reads a redrive policy, whose numbers may be texts (unverified). The
// dead-letter queue must be there (moto 0af643a5).
func (o *settings) setRedrive(s *state, policy string) error {
	var p struct {
		Target string      `json:"deadLetterTargetArn"`
		Most   json.Number `json:"maxReceiveCount"`
	}
	const least, most = 1, 1000 // doc of the redrive policy in the SQS developer guide
	err := json.Unmarshal([]byte(policy), &p)
	n, notWhole := p.Most.Int64()
	exists := slices.ContainsFunc(s.queues, func(q *queue) bool { return q.arn == p.Target })
	if err != nil || notWhole != nil || n < least || n > most || !exists {
		return awssim.Fail(http.StatusBadRequest, "InvalidParameterValue", "Value %s for parameter RedrivePolicy is invalid.", policy)
	}
	o.deadLetters, o.attempts, o.redrive = p.Target, int(n), policy
	return nil
}

func getQueueURL(_ *awssim.Moment, s *state, in *sqs.GetQueueUrlInput) (*sqs.GetQueueUrlOutput, error) {
	i, found := s.find(deref(in.QueueName))
	if !found {
		return nil, noQueue()
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String(s.queues[i].url)}, nil
}

// getQueueAttributes has no age of the oldest message: only CloudWatch has
// (types.QueueAttributeName). Counts are exact here, and approximate if a read is stale.
func getQueueAttributes(m *awssim.Moment, s *state, in *sqs.GetQueueAttributesInput) (*sqs.GetQueueAttributesOutput, error) {
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	all := q.shown(m.Now)
	out := &sqs.GetQueueAttributesOutput{Attributes: map[string]string{}}
	for _, name := range in.AttributeNames {
		value, ok := all[name]
		switch {
		case name == types.QueueAttributeNameAll:
			for name, value := range all {
				out.Attributes[string(name)] = value
			}
		case ok:
			out.Attributes[string(name)] = value
		case slices.Contains(name.Values(), name): // one that this queue does not have
		default:
			return nil, bad(&types.InvalidAttributeName{Message: aws.String("Unknown Attribute " + string(name) + ".")})
		}
	}
	return out, nil
}

func (q *queue) shown(now time.Time) map[types.QueueAttributeName]string {
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
	c := q.count(now)
	all := map[types.QueueAttributeName]string{
		types.QueueAttributeNameApproximateNumberOfMessages:           strconv.Itoa(c.Visible),
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: strconv.Itoa(c.InFlight),
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    strconv.Itoa(c.Delayed),
		types.QueueAttributeNameQueueArn:                              q.arn,
		types.QueueAttributeNameCreatedTimestamp:                      strconv.FormatInt(q.created.Unix(), 10),
		types.QueueAttributeNameLastModifiedTimestamp:                 strconv.FormatInt(q.created.Unix(), 10),
		types.QueueAttributeNameVisibilityTimeout:                     seconds(q.visibility),
		types.QueueAttributeNameMessageRetentionPeriod:                seconds(q.retention),
		types.QueueAttributeNameDelaySeconds:                          seconds(q.delay),
		types.QueueAttributeNameReceiveMessageWaitTimeSeconds:         seconds(q.wait),
		types.QueueAttributeNameMaximumMessageSize:                    strconv.Itoa(q.size),
	}
	if q.redrive != "" {
		all[types.QueueAttributeNameRedrivePolicy] = q.redrive
	}
	return all
}

// Counts are how many messages a queue has.
type Counts struct{ Visible, InFlight, Delayed int }

func (q *queue) count(now time.Time) (c Counts) {
	for _, m := range q.messages {
		switch {
		case q.tooOld(m, now):
		case !m.visible.After(now):
			c.Visible++
		case m.receipt == "":
			c.Delayed++
		default:
			c.InFlight++
		}
	}
	return c
}
