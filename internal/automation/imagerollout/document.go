package imagerollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// A document is sent once: SendCommand has no token. So before each attempt it is
// written down which one may send it without a look. If that one has not come to tell,
// the next first looks for a command that says whose it is.

// arm makes the first documents of a machine's list ready to be sent by an attempt,
// those that are not yet.
func arm(t *turn, instance string, documents, attempt int) {
	for i := range documents {
		if commandOf(t, instance, i) == nil {
			t.State.Commands = append(t.State.Commands, Command{Instance: instance, Index: i, Armed: attempt})
		}
	}
}

func commandOf(t *turn, instance string, index int) *Command {
	i := slices.IndexFunc(t.State.Commands, func(c Command) bool { return c.Instance == instance && c.Index == index })
	if i < 0 {
		return nil
	}
	return &t.State.Commands[i]
}

// carryOut sees a document through.
func carryOut(ctx context.Context, t *turn, instance string, index int, d Document) error {
	now := t.Clock.Now()
	c := commandOf(t, instance, index)
	switch {
	case c == nil:
		arm(t, instance, index+1, t.Attempt)
		return failure.Waitf(now, "%s to be sent to %s", d.Name, instance) // which is stored first
	case c.Done:
		return nil
	case c.ID == "":
		if err := send(ctx, t, c, d); err != nil {
			return err
		}
	}
	done, err := follow(ctx, t, c, d)
	c.Done = done
	return err
}

// send sends a document, or finds the command by which an attempt before has.
func send(ctx context.Context, t *turn, c *Command, d Document) error {
	now := t.Clock.Now()
	mark := fmt.Sprintf("drover %s %d", t.Run.ID, c.Index+1)
	if t.Attempt != c.Armed {
		found, err := findCommand(ctx, t, c.Instance, mark)
		switch {
		case err != nil:
			return err
		case found != "":
			c.ID, c.Sent = found, now
			return nil
		case c.Doubt.IsZero():
			c.Doubt = now
		}
		if certain := c.Doubt.Add(settling); now.Before(certain) { // a call that is late shows by then
			return failure.Waitf(certain, "certainty that %s was not sent to %s", d.Name, c.Instance)
		}
		c.Armed, c.Doubt = t.Attempt, time.Time{}
		return failure.Waitf(now, "%s to be sent to %s", d.Name, c.Instance) // which is stored first
	}
	if err := online(ctx, t, c); err != nil {
		if failure.ClassOf(err) == failure.Retry {
			c.Armed = t.Attempt + 1
		}
		return err
	}
	out, err := t.AWS.SSM.SendCommand(ctx, &ssm.SendCommandInput{
		DocumentName: aws.String(d.Name), DocumentVersion: optional(d.Version), Parameters: d.Parameters,
		InstanceIds: []string{c.Instance}, Comment: aws.String(mark),
		TimeoutSeconds: aws.Int32(deliveryTimeout),
	}, func(o *ssm.Options) {
		o.RetryMaxAttempts = 1 // another attempt begins with a look
	})
	if err != nil {
		if slices.Contains(refusals, cloud.Code(err)) {
			c.Armed = t.Attempt + 1
			err = failure.As(failure.Retry, err)
		}
		return fmt.Errorf("run %s on %s: %w", d.Name, c.Instance, err)
	}
	c.ID, c.Sent = aws.ToString(out.Command.CommandId), now
	return nil
}

// refusals are answers of SendCommand that say that nothing was sent, and that may be
// otherwise soon: the agent is away (facts/apis.md 3), or there are too many calls.
var refusals = []string{"InvalidInstanceId", "ThrottlingException"}

// online waits until the machine's agent has reported to Systems Manager.
func online(ctx context.Context, t *turn, c *Command) error {
	reached, err := agentOnline(ctx, t, c.Instance)
	if err != nil {
		return fmt.Errorf("look whether Systems Manager reaches %s: %w", c.Instance, err)
	}
	if reached {
		return nil
	}
	now := t.Clock.Now()
	if c.Wanted.IsZero() {
		c.Wanted = now
	}
	lasted := now.Sub(c.Wanted)
	if lasted >= agentLimit {
		return failure.WithHint(failure.Stopf("the agent of Systems Manager on %s has not come online within %s", c.Instance, automation.Duration(agentLimit)),
			"see that the image has the agent, that the instance profile %s allows AmazonSSMManagedInstanceCore, and that the subnet and the security groups let it out", t.Config.Builder.Profile)
	}
	return failure.Waitf(now.Add(patience(lasted)), "the agent of Systems Manager on %s to come online", c.Instance)
}

func findCommand(ctx context.Context, t *turn, instance, mark string) (string, error) {
	pages := ssm.NewListCommandsPaginator(t.AWS.SSM, &ssm.ListCommandsInput{InstanceId: aws.String(instance)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("list the commands of %s: %w", instance, err)
		}
		for _, c := range page.Commands {
			if aws.ToString(c.Comment) == mark {
				return aws.ToString(c.CommandId), nil
			}
		}
	}
	return "", nil
}

// follow says whether a command has come to its end, well. Where that is a machine
// that has stopped, the command itself may never tell (facts/apis.md 3).
func follow(ctx context.Context, t *turn, c *Command, d Document) (done bool, err error) {
	now := t.Clock.Now()
	lasted := now.Sub(c.Sent)
	s, shown, err := statusOf(ctx, t, c.Instance)
	switch {
	case err != nil:
		return false, fmt.Errorf("look how %s is: %w", c.Instance, err)
	case !shown || s.gone():
		return false, failure.Stopf("%s is gone, while %s ran on it: somebody else has terminated it", c.Instance, d.Name)
	case s.State == types.InstanceStateNameStopped && d.Ends == EndsStopped:
		return true, nil
	}
	out, err := t.AWS.SSM.GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{CommandId: aws.String(c.ID), InstanceId: aws.String(c.Instance)})
	switch {
	case cloud.Code(err) == "InvocationDoesNotExist" && lasted < settling: // facts/apis.md 3
		return false, failure.Waitf(now.Add(lookAgain), "%s to be shown on %s", d.Name, c.Instance)
	case err != nil:
		return false, fmt.Errorf("follow %s on %s: %w", d.Name, c.Instance, err)
	}
	state := cmp.Or(aws.ToString(out.StatusDetails), string(out.Status))
	switch out.Status {
	case ssmtypes.CommandInvocationStatusSuccess:
		if d.Ends == EndsSuccess {
			return true, nil
		}
	case ssmtypes.CommandInvocationStatusFailed, ssmtypes.CommandInvocationStatusTimedOut, ssmtypes.CommandInvocationStatusCancelled:
		return false, failure.WithHint(
			failure.Stopf("%s on %s is %s: %s", d.Name, c.Instance, state, saidBy(out)),
			"read all that it says: aws ssm get-command-invocation --command-id %s --instance-id %s", c.ID, c.Instance)
	default:
	}
	switch {
	case s.State == types.InstanceStateNameStopped:
		return false, failure.Stopf("%s is stopped, while %s ran on it: it is %s", c.Instance, d.Name, state)
	case lasted >= time.Duration(d.Limit):
		return false, failure.Stopf("%s on %s has not ended within %s: it is %s", d.Name, c.Instance, d.Limit, state)
	}
	what := d.Name + " to succeed"
	if d.Ends == EndsStopped {
		what = d.Name + " to stop it"
	}
	return false, failure.Waitf(now.Add(patience(lasted)), "%s, on %s", what, c.Instance)
}

// maxSaid bounds what is told of a command's output.
const maxSaid = 400

// saidBy is the end of what a command has said, of its errors if there are any.
func saidBy(out *ssm.GetCommandInvocationOutput) string {
	text := strings.TrimSpace(cmp.Or(aws.ToString(out.StandardErrorContent), aws.ToString(out.StandardOutputContent)))
	if text == "" {
		return "it has said nothing"
	}
	if r := []rune(text); len(r) > maxSaid {
		text = "…" + string(r[len(r)-maxSaid:])
	}
	return text
}
