package ssm

// What is told of commands. Lists begin with what was sent last (unverified). Not
// modelled: that commands are forgotten after 30 days, steps other than the only one,
// and trace output.

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// How many characters are shown: facts/apis.md 3, and of a list, where the sum of both
// counts, the model's CommandPluginOutput (from memory, unverified).
const (
	maxOutput = 24_000
	maxError  = 8_000
	maxListed = 2_500
)

// summary is the status of a command as a whole, and how many of its invocations have
// ended how.
type summary struct {
	status                         types.CommandStatus
	details                        string
	over, failed, undelivered, all int32
}

// sum adds up the statuses of a command's invocations (SSM23 monitor-commands.md,
// "Detailed status for a command"); the first that applies counts. That a command of
// which some were not delivered has the status Failed is unverified.
func (c command) sum() summary {
	has := map[string]int32{} // by details, which say more than the status
	sum := summary{all: int32(len(c.invocations))}
	for _, i := range c.invocations {
		has[i.details]++
		if i.over() {
			sum.over++
		}
	}
	sum.failed, sum.undelivered = has["Failed"]+has[executionTimedOut], has[deliveryTimedOut]
	is := func(status types.CommandStatus, details string) summary {
		sum.status, sum.details = status, details
		return sum
	}
	waiting := has["Pending"] + has["Delayed"]
	switch {
	case has["Cancelling"] > 0:
		return is(types.CommandStatusCancelling, "Cancelling")
	case waiting == sum.all && has["Delayed"] > 0:
		return is(types.CommandStatusPending, "Delayed")
	case waiting == sum.all:
		return is(types.CommandStatusPending, "Pending")
	case sum.over < sum.all:
		return is(types.CommandStatusInProgress, "InProgress")
	case has["Cancelled"] > 0:
		return is(types.CommandStatusCancelled, "Cancelled")
	case has["Failed"] > 0:
		return is(types.CommandStatusFailed, "Failed")
	case has[executionTimedOut] > 0:
		return is(types.CommandStatusTimedOut, executionTimedOut)
	case sum.undelivered == sum.all:
		return is(types.CommandStatusTimedOut, deliveryTimedOut)
	case has[undeliverable] == sum.all:
		return is(types.CommandStatusFailed, "Failed")
	case sum.undelivered > 0:
		return is(types.CommandStatusFailed, incomplete)
	}
	return is(types.CommandStatusSuccess, "Success")
}

// key orders commands from the newest to the oldest.
func (c command) key() string { return fmt.Sprintf("%016x", math.MaxUint64-c.number) }

func (c command) out() types.Command {
	sum := c.sum()
	return types.Command{
		CommandId: &c.id, DocumentName: &c.document, DocumentVersion: &c.version, Comment: &c.comment,
		Parameters: copied(c.parameters), InstanceIds: slices.Clone(c.instances), Targets: slices.Clone(c.targets),
		RequestedDateTime: &c.requested, ExpiresAfter: aws.Time(c.deadline()), TimeoutSeconds: aws.Int32(int32(c.delivery / time.Second)),
		Status: sum.status, StatusDetails: &sum.details, TargetCount: sum.all, CompletedCount: sum.over,
		ErrorCount: sum.failed, DeliveryTimedOutCount: sum.undelivered,
		MaxConcurrency: aws.String("50"), MaxErrors: aws.String("0"), // doc of SendCommandInput
	}
}

// first cuts text to so many characters.
func first(n int, text string) string {
	if len(text) <= n {
		return text
	}
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}

// getCommandInvocation knows nothing of a command until a read sees it (facts/apis.md 3:
// that is usual right after it was sent).
func getCommandInvocation(_ *awssim.Moment, s *state, in *ssm.GetCommandInvocationInput) (*ssm.GetCommandInvocationOutput, error) {
	c, _ := s.command(aws.ToString(in.CommandId))
	i, ok := c.on(aws.ToString(in.InstanceId))
	if !ok {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.InvocationDoesNotExist{})
	}
	if in.PluginName != nil && *in.PluginName != c.step {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.InvalidPluginName{})
	}
	out := &ssm.GetCommandInvocationOutput{
		CommandId: &c.id, InstanceId: &i.instance, DocumentName: &c.document, DocumentVersion: &c.version, Comment: &c.comment,
		PluginName: &c.step, Status: i.status, StatusDetails: &i.details, ResponseCode: i.code,
		StandardOutputContent: aws.String(first(maxOutput, i.output)), StandardErrorContent: aws.String(first(maxError, i.stderr)),
		ExecutionStartDateTime: aws.String(""), ExecutionEndDateTime: aws.String(""), ExecutionElapsedTime: aws.String(""),
	}
	if !i.started.IsZero() {
		out.ExecutionStartDateTime = aws.String(i.started.UTC().Format(event.Milliseconds))
	}
	if !i.ended.IsZero() {
		out.ExecutionEndDateTime = aws.String(i.ended.UTC().Format(event.Milliseconds))
		out.ExecutionElapsedTime = aws.String(iso(i.ended.Sub(i.started)))
	}
	return out, nil
}

// iso writes a duration as "PT1H0.271S" (lib:65778496988).
func iso(d time.Duration) string {
	text := "PT"
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "H"}, {time.Minute, "M"}} {
		if n := d / unit.of; n > 0 {
			text, d = fmt.Sprintf("%s%d%s", text, n, unit.name), d%unit.of
		}
	}
	if d > 0 || text == "PT" {
		text += strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", d.Seconds()), "0"), ".") + "S"
	}
	return text
}

// out is an invocation in a list.
func (i invocation) out(c command, details bool) types.CommandInvocation {
	out := types.CommandInvocation{
		CommandId: &c.id, InstanceId: &i.instance, DocumentName: &c.document, DocumentVersion: &c.version, Comment: &c.comment,
		RequestedDateTime: &c.requested, Status: i.status, StatusDetails: &i.details,
	}
	if !details {
		return out
	}
	step := types.CommandPlugin{
		Name: &c.step, Status: types.CommandPluginStatus(i.status), StatusDetails: &i.details, ResponseCode: i.code,
		Output: aws.String(first(maxListed, i.output+i.stderr)),
	}
	switch i.status {
	case types.CommandInvocationStatusDelayed: // which steps are not
		step.Status = types.CommandPluginStatusPending
	case types.CommandInvocationStatusCancelling:
		step.Status = types.CommandPluginStatusInProgress
	default:
	}
	if !i.started.IsZero() {
		step.ResponseStartDateTime = aws.Time(milliseconds(i.started))
	}
	if !i.ended.IsZero() {
		step.ResponseFinishDateTime = aws.Time(milliseconds(i.ended))
	}
	out.CommandPlugins = []types.CommandPlugin{step}
	return out
}

// subject is what filters look at: a command or an invocation.
type subject struct {
	command
	status, details string
	over            bool
}

// filtered reads filters (doc of CommandFilter). A status is also one of the details:
// TimedOut is both timeouts, DeliveryTimedOut one of them.
func filtered(m *awssim.Moment, filters []types.CommandFilter, invocations bool) (func(subject) bool, error) {
	var keep []func(subject) bool
	for _, f := range filters {
		value := aws.ToString(f.Value)
		switch f.Key {
		case types.CommandFilterKeyInvokedAfter, types.CommandFilterKeyInvokedBefore:
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return nil, invalid("Filter %s is not a timestamp: %s", f.Key, value) // the code unverified
			}
			before := f.Key == types.CommandFilterKeyInvokedBefore
			keep = append(keep, func(c subject) bool { return c.requested.Before(at) == before })
		case types.CommandFilterKeyStatus:
			keep = append(keep, func(c subject) bool { return c.status == value || c.details == value })
		case types.CommandFilterKeyDocumentName:
			keep = append(keep, func(c subject) bool { return c.document == value })
		case types.CommandFilterKeyExecutionStage:
			if invocations {
				return nil, awssim.FailAs(http.StatusBadRequest, &types.InvalidFilterKey{})
			}
			if value != "Executing" && value != "Complete" {
				return nil, m.NotModelled("execution stage %q", value)
			}
			keep = append(keep, func(c subject) bool { return c.over == (value == "Complete") })
		default:
			return nil, m.NotModelled("filter %q", f.Key)
		}
	}
	return func(c subject) bool {
		return !slices.ContainsFunc(keep, func(keeps func(subject) bool) bool { return !keeps(c) })
	}, nil
}

const mostListed = 50 // the model's MaxResults of both lists (from memory, unverified)

func checkMost(most *int32) error {
	if most != nil && (*most < 1 || *most > mostListed) {
		return invalid("MaxResults is %d, not 1 to %d", *most, mostListed)
	}
	return nil
}

// newest are the commands that a list may show, the newest first.
func (s *state) newest(id, instance *string) []command {
	var all []command
	for _, c := range slices.Backward(s.commands) {
		_, on := c.on(aws.ToString(instance))
		if (id == nil || *id == c.id) && (instance == nil || on) {
			all = append(all, *c)
		}
	}
	return all
}

// listCommands is how one finds a command that one has sent and whose id one does not
// know: by its instance, document and comment. It is empty for a command that it does not
// know (unverified; InvalidCommandId is in the model).
func listCommands(m *awssim.Moment, s *state, in *ssm.ListCommandsInput) (*ssm.ListCommandsOutput, error) {
	keeps, err := filtered(m, in.Filters, false)
	if err != nil {
		return nil, err
	}
	asksPending := func(f types.CommandFilter) bool {
		return f.Key == types.CommandFilterKeyStatus && aws.ToString(f.Value) == string(types.CommandStatusPending)
	}
	if in.InstanceId != nil && slices.ContainsFunc(in.Filters, asksPending) { // doc of ListCommandsInput.InstanceId; the code unverified
		return nil, invalid("InstanceId cannot be specified with the status Pending")
	}
	if err := checkMost(in.MaxResults); err != nil {
		return nil, err
	}
	commands := slices.DeleteFunc(s.newest(in.CommandId, in.InstanceId), func(c command) bool {
		sum := c.sum()
		return !keeps(subject{c, string(sum.status), sum.details, sum.over == sum.all})
	})
	page, next, err := awssim.Page(m, commands, command.key, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ssm.ListCommandsOutput{NextToken: next}
	for _, c := range page {
		out.Commands = append(out.Commands, c.out())
	}
	return out, nil
}

func listCommandInvocations(m *awssim.Moment, s *state, in *ssm.ListCommandInvocationsInput) (*ssm.ListCommandInvocationsOutput, error) {
	keeps, err := filtered(m, in.Filters, true)
	if err != nil {
		return nil, err
	}
	if err := checkMost(in.MaxResults); err != nil {
		return nil, err
	}
	type row struct {
		of command
		invocation
	}
	var rows []row
	for _, c := range s.newest(in.CommandId, in.InstanceId) {
		for _, i := range c.invocations {
			if (in.InstanceId == nil || *in.InstanceId == i.instance) && keeps(subject{c, string(i.status), i.details, i.over()}) {
				rows = append(rows, row{c, i})
			}
		}
	}
	page, next, err := awssim.Page(m, rows, func(r row) string { return r.of.key() + r.instance }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ssm.ListCommandInvocationsOutput{NextToken: next}
	for _, r := range page {
		out.CommandInvocations = append(out.CommandInvocations, r.out(r.of, in.Details))
	}
	return out, nil
}
