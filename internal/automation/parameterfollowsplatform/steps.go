package parameterfollowsplatform

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/failure"
)

// fresh is how old an observation may be when something rests on it without
// another look.
const fresh = 2 * time.Second

// publish writes the image and waits until the parameter shows it. PutParameter has
// no client token, and what it has taken is not shown before it is validated: so a
// call that may have been made is waited for, and only then repeated.
func publish(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepPublish)
	if len(changes) == 0 {
		return nil
	}
	died := t.State.Ended < t.Attempt-1
	defer func() { t.State.Ended = t.Attempt }()
	c := changes[0]
	p, err := readParameter(ctx, t)
	if err != nil {
		return err
	}
	if p.holds(c.To) {
		return nil
	}
	now := t.Clock.Now()
	if died && t.State.Sent.IsZero() {
		t.State.Sent = now
	}
	if !t.State.Sent.IsZero() {
		if err := awaitValidation(t, p, c.To); err != nil {
			return err
		}
	}
	if err := agree(ctx, t, p); err != nil {
		return err
	}
	return put(ctx, t, c.To)
}

// holds says whether a parameter is what it is to be.
func (p Parameter) holds(image string) bool { return p.Value == image && p.DataType == dataImage }

// awaitValidation waits for a value that was written, or may have been. It returns
// nil when that can no longer come and the call may be made again.
func awaitValidation(t *turn, p Parameter, image string) error {
	now, name := t.Clock.Now(), t.Config.Parameter
	limit := doubt
	if t.State.Acknowledged {
		limit = validation
	}
	until := t.State.Sent.Add(limit)
	switch {
	case now.Before(until) && t.State.Acknowledged:
		return failure.Waitf(now.Add(publishPoll), "parameter %s to show %s: AWS validates it since %s, and it is given up at %s", name, image, moment(t.State.Sent), moment(until))
	case now.Before(until):
		return failure.Waitf(now.Add(publishPoll), "parameter %s to show %s, which may have been written; if it does not, it is written at %s", name, image, moment(until))
	case t.State.Acknowledged:
		return failure.WithHint(
			failure.Stopf("parameter %s does not show %s %s after AWS took it; it %s: AWS has refused the image, or somebody else writes the parameter", name, image, validation, p.text()),
			"see why: the events \"Parameter Store Change\" of the parameter have an exception, and `aws ssm get-parameter-history --name %s` says who writes it", name)
	}
	t.State.Sent = time.Time{}
	return nil
}

// text says what a parameter is, for people.
func (p Parameter) text() string {
	switch {
	case !p.Exists:
		return "does not exist"
	case p.Value == "":
		return "holds something else"
	}
	return "holds " + p.Value
}

// agree looks whether the plan still holds: right before the call whether somebody
// has written the parameter, and after a while whether all is as it was.
func agree(ctx context.Context, t *turn, p Parameter) error {
	then := t.State.Parameter
	if p.Exists != then.Exists || p.Value != then.Value || p.Type != then.Type || p.DataType != then.DataType {
		return &automation.Replan{Why: fmt.Sprintf("somebody has written parameter %s: it %s", t.Config.Parameter, p.text())}
	}
	if t.Clock.Now().Sub(t.State.Observed) <= fresh {
		return nil
	}
	s, err := read(ctx, t)
	if err != nil {
		return err
	}
	s.Ended = t.State.Ended
	t.State = s
	now := decide(t.Config, s, t.Clock.Now())
	for _, step := range []string{stepPublish, stepTag} {
		if !slices.EqualFunc(t.Plan.For(step), now.For(step), automation.Change.Same) {
			return &automation.Replan{Why: "the source or the parameter has changed since it was made"}
		}
	}
	return nil
}

// put makes the call, once: the SDK would repeat one whose answer is lost, and each
// is a version of its own. A parameter that is to be made is not written over if
// somebody else makes it first.
func put(ctx context.Context, t *turn, image string) error {
	name := t.Config.Parameter
	in := &ssm.PutParameterInput{
		Name: aws.String(name), Value: aws.String(image), Type: types.ParameterTypeString, DataType: aws.String(dataImage),
		Description: aws.String(describe(t.Config)), Overwrite: aws.Bool(t.State.Parameter.Exists),
	}
	_, err := t.AWS.SSM.PutParameter(ctx, in, func(o *ssm.Options) { o.RetryMaxAttempts = 1 })
	now := t.Clock.Now()
	switch {
	case err == nil:
		t.State.Sent, t.State.Acknowledged = now, true
		if p, err := readParameter(ctx, t); err == nil && p.holds(image) {
			return nil
		}
		return failure.Waitf(now.Add(publishPoll), "parameter %s to show %s: AWS validates it", name, image)
	case cloud.Code(err) == "ParameterAlreadyExists":
		return &automation.Replan{Why: fmt.Sprintf("somebody has made parameter %s", name)}
	case call.OutcomeOf(err) != call.Refused:
		t.State.Sent = now
	}
	return fmt.Errorf("write %s into parameter %s: %w", image, name, err)
}

// maxDescription is how long a description may be (doc of PutParameter).
const maxDescription = 1024

// describe is the parameter's description. It says what does not change from one
// image to the next: it can only be changed by writing the parameter.
func describe(c Config) string {
	text := []rune(fmt.Sprintf("Base image from %s (%s, %s). Written by Drover; the tags say more.", c.Source, c.Architecture, c.Virtualization))
	return string(text[:min(len(text), maxDescription)])
}

// unpublish takes nothing back. The value that was there before is there as long as
// AWS has not validated the new one, and after that the new one is right: to write
// the old one once more would be another event that starts things. It only finds out
// which of the two it is.
func unpublish(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepPublish)
	if len(changes) == 0 {
		return nil
	}
	c := changes[0]
	p, err := readParameter(ctx, t)
	if err != nil {
		return err
	}
	if p.holds(c.To) {
		return failure.WithHint(failure.Stopf("parameter %s has %s after all, and keeps it", t.Config.Parameter, c.To),
			"it is what the source has; to go on: drover run --fleet FILE --sweep")
	}
	return t.Absent(fmt.Sprintf("call under way that writes %s into parameter %s", c.To, t.Config.Parameter))
}
