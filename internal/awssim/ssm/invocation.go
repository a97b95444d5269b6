package ssm

// What becomes of a command on one instance, as doc of GetCommandInvocationOutput and
// SSM23 monitor-commands.md have it. Details are spelled without blanks, as recordings
// have them (lib:65778496988, lib:56822718368) and the documentation does not. Not
// modelled: invocations that are refused by platform or permission.

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

type invocation struct {
	instance       string
	status         types.CommandInvocationStatus
	details        string
	boot           uint64 // of the agent that runs it
	started, ended time.Time
	code           int32
	output, stderr string
}

// Exit codes that are none of a document's own: notRun until there is one (doc of
// ResponseCode), and killed for one that its execution timeout ends (lib:65778496988).
const (
	notRun = -1
	killed = 137
)

// Details that are no status of their own.
const (
	deliveryTimedOut  = "DeliveryTimedOut"
	executionTimedOut = "ExecutionTimedOut"
	undeliverable     = "Undeliverable"
	incomplete        = "Incomplete"
)

// over says whether nothing more happens to an invocation.
func (i invocation) over() bool {
	switch i.status {
	case types.CommandInvocationStatusSuccess, types.CommandInvocationStatusFailed, types.CommandInvocationStatusTimedOut, types.CommandInvocationStatusCancelled:
		return true
	default:
		return false
	}
}

func (c command) on(instance string) (invocation, bool) {
	i := slices.IndexFunc(c.invocations, func(i invocation) bool { return i.instance == instance })
	if i < 0 {
		return invocation{}, false
	}
	return c.invocations[i], true
}

func (s *state) command(id string) (command, bool) {
	i := slices.IndexFunc(s.commands, func(c *command) bool { return c.id == id })
	if i < 0 {
		return command{}, false
	}
	return *s.commands[i], true
}

// become puts an invocation in its place, and tells of its status and of that of the
// command if they are others than before.
func (s *state) become(m *awssim.Moment, id string, i invocation) {
	at := slices.IndexFunc(s.commands, func(c *command) bool { return c.id == id })
	c := *s.commands[at]
	place := slices.IndexFunc(c.invocations, func(other invocation) bool { return other.instance == i.instance })
	before, was := c.invocations[place], c.sum()
	c.invocations = slices.Clone(c.invocations)
	c.invocations[place] = i
	s.commands[at] = &c
	if before.status != i.status {
		invocationChanged(m, c, i)
	}
	if is := c.sum(); was.status != is.status {
		commandChanged(m, c, is.status)
	}
}

// end is become for what an invocation does not leave again.
func (s *state) end(m *awssim.Moment, id string, i invocation, status types.CommandInvocationStatus, details string, code int32) {
	i.status, i.details, i.code = status, details, code
	if !i.started.IsZero() {
		i.ended = m.Now
	}
	s.become(m, id, i)
}

// deliver brings a command to an agent. Where the agent is missing it waits for it to
// come back, and where AWS knows it is missing it cannot be delivered
// (lib:56822718368; that it is so at once is unverified).
func (s *state) deliver(m *awssim.Moment, id, instance string) {
	c, _ := s.command(id)
	i, _ := c.on(instance)
	waits := i.status == types.CommandInvocationStatusPending || i.status == types.CommandInvocationStatusDelayed
	if !waits || m.Now.After(c.requested.Add(c.delivery)) { // too late: doc of SendCommandInput.TimeoutSeconds
		return
	}
	switch a := s.agents[instance]; {
	case a.online:
		s.run(m, c, i, a)
	case i.status == types.CommandInvocationStatusDelayed:
	case s.ping(m, a) == types.PingStatusConnectionLost:
		s.end(m, id, i, types.CommandInvocationStatusFailed, undeliverable, notRun)
	default:
		i.status, i.details = types.CommandInvocationStatusDelayed, "Delayed"
		s.become(m, id, i)
	}
}

// run starts the document of a command on a machine.
func (s *state) run(m *awssim.Moment, c command, i invocation, a agent) {
	b := s.documents[c.document].behave(Run{Command: c.id, Document: c.document, Instance: i.instance, Comment: c.comment, Parameters: c.parameters})
	if b.End == NeverDelivered {
		return
	}
	i.status, i.details, i.started, i.boot = types.CommandInvocationStatusInProgress, "InProgress", m.Now, a.boot
	s.become(m, c.id, i)
	// at has something happen to the document, if it still runs then.
	at := func(d time.Duration, f func(*awssim.Moment, invocation)) {
		m.After(d, func(m *awssim.Moment) {
			c, _ := s.command(c.id)
			if then, _ := c.on(i.instance); then.status == types.CommandInvocationStatusInProgress && s.agents[i.instance].boot == i.boot {
				f(m, then)
			}
		})
	}
	if b.End == Hangs || b.Takes >= c.execution {
		at(c.execution, func(m *awssim.Moment, then invocation) {
			s.end(m, c.id, then, types.CommandInvocationStatusTimedOut, executionTimedOut, killed)
		})
		return
	}
	at(b.Takes, func(m *awssim.Moment, then invocation) {
		if b.End == ShutsDown {
			s.shutDown(m, i.instance)
			return
		}
		s.report(m, c.id, then, b)
		if b.End == ReportsThenShutsDown {
			s.shutDownLater(m, then, b.Lingers)
		}
	})
}

// report is the agent telling of a document that has ended.
func (s *state) report(m *awssim.Moment, id string, i invocation, b Behaviour) {
	i.output, i.stderr = b.Output, b.Error
	status := types.CommandInvocationStatusSuccess
	if b.ExitCode != 0 {
		status = types.CommandInvocationStatusFailed
	}
	s.end(m, id, i, status, string(status), b.ExitCode)
}

// shutDownLater takes a machine down unless it went down before.
func (s *state) shutDownLater(m *awssim.Moment, i invocation, after time.Duration) {
	m.After(after, func(m *awssim.Moment) {
		if s.agents[i.instance].boot == i.boot {
			s.shutDown(m, i.instance)
		}
	})
}

// shutDown has EC2 take the machine down, of which [Service.InstanceIs] is told at once:
// agents are not what they were before the call.
func (s *state) shutDown(m *awssim.Moment, instance string) {
	if s.options.ShutDown != nil {
		s.options.ShutDown(m, instance)
	}
}

// resume is an agent that has come online: what waits for it is delivered, and what ran
// when it was lost ends. That this has failed then is unverified.
func (s *state) resume(m *awssim.Moment, a agent) {
	for _, c := range slices.Clone(s.commands) {
		switch i, on := c.on(a.instance); {
		case !on || i.over():
		case i.started.IsZero():
			s.deliver(m, c.id, a.instance)
		case i.boot != a.boot:
			s.end(m, c.id, i, types.CommandInvocationStatusFailed, string(types.CommandInvocationStatusFailed), 1)
		}
	}
}

// expire gives up what has not ended: as no agent has told of an end, it was not
// delivered, even if it was (SSM23 monitor-commands.md, "How Systems Manager reports
// timeouts").
func (s *state) expire(m *awssim.Moment, id string) {
	c, _ := s.command(id)
	for _, i := range c.invocations {
		if !i.over() {
			s.end(m, id, i, types.CommandInvocationStatusTimedOut, deliveryTimedOut, notRun)
		}
	}
}

// cancel ends an invocation by request.
func (s *state) cancel(m *awssim.Moment, c command, i invocation) {
	cancelled := types.CommandInvocationStatusCancelled
	switch i.status {
	case types.CommandInvocationStatusPending, types.CommandInvocationStatusDelayed:
		s.end(m, c.id, i, cancelled, string(cancelled), notRun)
	case types.CommandInvocationStatusInProgress:
		i.status, i.details = types.CommandInvocationStatusCancelling, string(types.CommandInvocationStatusCancelling)
		s.become(m, c.id, i)
		m.After(s.options.Times.Delivery, func(m *awssim.Moment) {
			c, _ := s.command(c.id)
			then, _ := c.on(i.instance)
			if then.status == types.CommandInvocationStatusCancelling && s.agents[i.instance].boot == i.boot {
				s.end(m, c.id, then, cancelled, string(cancelled), notRun)
			}
		})
	default:
	}
}
