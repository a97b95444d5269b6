package event

import (
	"fmt"
	"time"
)

// TypeCommandInvocationChange is what Systems Manager emits about a command on one
// instance. It emits another event about the command as a whole, which has the
// command's parameters in it and whatever secrets are in those.
const TypeCommandInvocationChange = "EC2 Command Invocation Status-change Notification"

// CommandInvocationChange says that a command has reached a status on an instance. It
// does not say what came of it, nor how exactly it failed.
//
// https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
type CommandInvocationChange struct {
	CommandID string
	Document  string
	// InstanceID is that of the detail: the resources of AWS's own example name
	// another one.
	InstanceID string
	// Status is one such as InProgress or Success.
	Status string
	// Requested is when the command was sent, to the millisecond.
	Requested time.Time
}

// How a command ends on an instance.
const (
	CommandSuccess   = "Success"
	CommandFailed    = "Failed"
	CommandTimedOut  = "TimedOut"
	CommandCancelled = "Cancelled"
)

// commandInvocation is the detail. Times are in UTC and have all their milliseconds.
type commandInvocation struct {
	CommandID  string `json:"command-id"`
	Document   string `json:"document-name"`
	InstanceID string `json:"instance-id"`
	Requested  string `json:"requested-date-time"`
	Status     string `json:"status"`
}

// Milliseconds is how Systems Manager writes a time into the detail of an event.
const Milliseconds = "2006-01-02T15:04:05.000Z"

// AsCommandInvocationChange reads the detail of e. It reports false if e is another
// type of event, and an error if its detail is broken.
func AsCommandInvocationChange(e Event) (CommandInvocationChange, bool, error) {
	if !e.is(SourceSSM, TypeCommandInvocationChange) {
		return CommandInvocationChange{}, false, nil
	}
	r := readDetail(e)
	d := CommandInvocationChange{
		CommandID:  r.word("command-id", "the id of a command"),
		Document:   r.word("document-name", "the name of a document"),
		InstanceID: r.instance(),
		Status:     r.word("status", "a status such as Success"),
		Requested:  r.time("requested-date-time"),
	}
	return d, true, r.err()
}

// time reads a time as RFC 3339 has it.
func (r *detailReader) time(name string) time.Time {
	const wanted = "a time such as 2016-07-10T21:51:30.049Z"
	text := r.word(name, wanted)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil && text != "" {
		r.refuse("detail."+r.at+name, fmt.Sprintf("%q", short(text)), wanted)
	}
	return at.UTC()
}

// NewCommandInvocationChange is the event that Systems Manager emits when a command
// reaches a status on an instance, in the partition aws.
func NewCommandInvocationChange(account, region string, d CommandInvocationChange, at time.Time) Event {
	return identify(Event{
		Version:    "0",
		DetailType: TypeCommandInvocationChange,
		Source:     SourceSSM,
		Account:    account,
		Time:       at.UTC(),
		Region:     region,
		Resources:  []string{fmt.Sprintf("arn:aws:ec2:%s:%s:instance/%s", region, account, d.InstanceID)},
		Detail:     mustJSON(commandInvocation{d.CommandID, d.Document, d.InstanceID, d.Requested.UTC().Format(Milliseconds), d.Status}),
	})
}
