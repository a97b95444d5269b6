package ssm

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// invocationChanged tells of the status of a command on one instance
// (facts/events/ssm-command-invocation-status-change-*.json). That a command that is
// only Pending has no event is unverified.
func invocationChanged(m *awssim.Moment, c command, i invocation) {
	m.Emit(event.NewCommandInvocationChange(m.Account(), m.Region(), event.CommandInvocationChange{
		CommandID: c.id, Document: c.document, InstanceID: i.instance, Status: string(i.status), Requested: c.requested,
	}, m.Now.UTC().Truncate(time.Second)))
}

// commandChanged tells of the status of a command as a whole
// (facts/events/ssm-command-status-change-*.json), with its parameters (facts/events.md
// 6). That it has all its instances as resources is unverified.
func commandChanged(m *awssim.Moment, c command, status types.CommandStatus) {
	detail, err := json.Marshal(struct {
		ID         string              `json:"command-id"`
		Document   string              `json:"document-name"`
		Expires    string              `json:"expire-after"`
		Parameters map[string][]string `json:"parameters"`
		Requested  string              `json:"requested-date-time"`
		Status     types.CommandStatus `json:"status"`
	}{c.id, c.document, c.deadline().Format(event.Milliseconds), c.parameters, c.requested.Format(event.Milliseconds), status})
	if err != nil {
		panic(fmt.Sprintf("awssim: event of command %s as JSON: %v", c.id, err))
	}
	e := event.Event{
		Version: "0", ID: m.UUID("event"), DetailType: "EC2 Command Status-change Notification", Source: event.SourceSSM,
		Account: m.Account(), Region: m.Region(), Time: m.Now.UTC().Truncate(time.Second), Detail: detail,
	}
	for _, i := range c.invocations {
		e.Resources = append(e.Resources, m.ARN("ec2", "instance/"+i.instance))
	}
	m.Emit(e)
}
