package ssm

// Commands that are sent and cancelled. Not modelled: output to S3 and CloudWatch,
// notifications, alarms, hashes of documents, rate control (MaxConcurrency and
// MaxErrors: a command goes to all instances at once, and one that fails is one too
// many), targets by resource group, and targets that match nothing.

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

// command is never changed, only replaced.
type command struct {
	id, document, version, comment, step string

	number      uint64 // in the order of sending
	parameters  map[string][]string
	instances   []string // as asked for
	targets     []types.Target
	requested   time.Time
	delivery    time.Duration // what TimeoutSeconds says
	execution   time.Duration // how long the document may run
	invocations []invocation  // in the order of instances
}

// deadline is when the command is given up wherever it has not ended (facts/apis.md 3).
func (c command) deadline() time.Time { return c.requested.Add(c.delivery + c.execution) }

const (
	maxInstances = 50  // facts/apis.md 3
	maxComment   = 100 // facts/apis.md 3
	minTimeout   = 30
	maxTimeout   = 2_592_000
)

// sendCommand has no token: what is sent twice runs twice (facts/apis.md 3).
func sendCommand(m *awssim.Moment, s *state, in *ssm.SendCommandInput) (*ssm.SendCommandOutput, error) {
	name, d, err := s.document(m, in.DocumentName, in.DocumentVersion)
	if err != nil {
		return nil, err
	}
	execution, err := d.check(in.Parameters)
	if err != nil {
		return nil, err
	}
	c := command{
		document: name, version: aws.ToString(in.DocumentVersion), comment: aws.ToString(in.Comment), step: d.step,
		parameters: copied(in.Parameters), instances: slices.Clone(in.InstanceIds), targets: slices.Clone(in.Targets),
		requested: milliseconds(m.Now), delivery: usualDelivery, execution: execution,
	}
	if c.version == "" {
		c.version = "$DEFAULT" // lib:65778496988
	}
	if in.TimeoutSeconds != nil {
		if *in.TimeoutSeconds < minTimeout || *in.TimeoutSeconds > maxTimeout {
			return nil, invalid("TimeoutSeconds is %d, not %d to %d", *in.TimeoutSeconds, minTimeout, maxTimeout)
		}
		c.delivery = time.Duration(*in.TimeoutSeconds) * time.Second
	}
	if utf8.RuneCountInString(c.comment) > maxComment {
		return nil, invalid("Comment has more than %d characters", maxComment)
	}
	on, err := s.aimed(m, in)
	if err != nil {
		return nil, err
	}
	c.id, c.number = m.UUID("command"), m.Count("command number")
	for _, id := range on {
		c.invocations = append(c.invocations, invocation{instance: id, status: types.CommandInvocationStatusPending, details: "Pending", code: notRun})
	}
	s.commands = append(s.commands, &c)
	for _, id := range on {
		m.After(s.options.Times.Delivery, func(m *awssim.Moment) { s.deliver(m, c.id, id) })
	}
	m.After(c.delivery+c.execution, func(m *awssim.Moment) { s.expire(m, c.id) })
	out := c.out()
	return &ssm.SendCommandOutput{Command: &out}, nil
}

// aimed are the instances that a command is for, all of which must have an agent.
func (s *state) aimed(m *awssim.Moment, in *ssm.SendCommandInput) ([]string, error) {
	switch {
	case len(in.InstanceIds) > 0 && len(in.Targets) > 0, len(in.InstanceIds) == 0 && len(in.Targets) == 0: // the code unverified
		return nil, invalid("A command needs either InstanceIds or Targets")
	case len(in.InstanceIds) > maxInstances:
		return nil, invalid("InstanceIds has more than %d items", maxInstances)
	}
	ids, named, err := s.chosen(m, in)
	if err != nil {
		return nil, err
	}
	for i, id := range named {
		if slices.Contains(named[:i], id) { // facts/apis.md 11
			return nil, awssim.FailAs(http.StatusBadRequest, &types.DuplicateInstanceId{Message: aws.String("Duplicate instance: " + id)})
		}
	}
	var unknown []string
	for _, id := range named {
		if !s.listens(id) {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, unfit(m, unknown)
	}
	if len(ids) == 0 {
		return nil, m.NotModelled("a command whose targets match no instance")
	}
	slices.Sort(ids)
	return ids, nil
}

// chosen are the instances that a command is for, and those of them that it names.
func (s *state) chosen(m *awssim.Moment, in *ssm.SendCommandInput) (ids, named []string, err error) {
	if len(in.Targets) == 0 {
		return slices.Clone(in.InstanceIds), in.InstanceIds, nil
	}
	if t := in.Targets[0]; len(in.Targets) == 1 && aws.ToString(t.Key) == "InstanceIds" {
		return slices.Clone(t.Values), t.Values, nil
	}
	for _, t := range in.Targets {
		if !strings.HasPrefix(aws.ToString(t.Key), "tag:") {
			return nil, nil, m.NotModelled("target %q, if it is not the only one or names no tag", aws.ToString(t.Key))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.agents)) {
		tags := s.tags(m, id)
		misses := func(t types.Target) bool {
			value, has := tags[strings.TrimPrefix(*t.Key, "tag:")]
			return !has || !slices.Contains(t.Values, value)
		}
		if s.listens(id) && !slices.ContainsFunc(in.Targets, misses) {
			ids = append(ids, id)
		}
	}
	return ids, nil, nil
}

func (s *state) tags(m *awssim.Moment, instance string) map[string]string {
	if s.options.Tags == nil {
		return nil
	}
	return s.options.Tags(m, instance)
}

// cancelCommand cancels what has not begun at once; what runs is asked to end, and does
// some time later. Nothing happens where the command has ended.
func cancelCommand(m *awssim.Moment, s *state, in *ssm.CancelCommandInput) (*ssm.CancelCommandOutput, error) {
	c, ok := s.command(aws.ToString(in.CommandId))
	if !ok {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.InvalidCommandId{})
	}
	for _, id := range in.InstanceIds {
		if _, on := c.on(id); !on {
			return nil, unfit(m, []string{id}) // the text unverified
		}
	}
	for _, i := range c.invocations {
		if len(in.InstanceIds) == 0 || slices.Contains(in.InstanceIds, i.instance) {
			s.cancel(m, c, i)
		}
	}
	return &ssm.CancelCommandOutput{}, nil
}

// copied is a copy of parameters, so that they are nobody else's.
func copied(parameters map[string][]string) map[string][]string {
	if parameters == nil {
		return nil
	}
	all := make(map[string][]string, len(parameters))
	for name, values := range parameters {
		all[name] = slices.Clone(values)
	}
	return all
}

func list(ids []string) string { return fmt.Sprintf("[[%s]]", strings.Join(ids, ", ")) }
