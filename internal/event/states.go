package event

import "time"

// What Step Functions emits about executions.
const (
	SourceStates = "aws.states"

	TypeExecutionStatusChange = "Step Functions Execution Status Change"
)

// ExecutionStatusChange says that an execution has begun or ended.
//
// https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
type ExecutionStatusChange struct {
	Execution string `json:"executionArn"`
	Machine   string `json:"stateMachineArn"`
	Name      string `json:"name"`
	// Status is RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or
	// PENDING_REDRIVE.
	Status string `json:"status"`
	// Input is JSON as text; it is empty if it was too large for the event.
	Input string `json:"input"`
}

// AsExecutionStatusChange reads the detail of e. It reports false if e is
// another type of event, and an error if its detail is broken.
func AsExecutionStatusChange(e Event) (ExecutionStatusChange, bool, error) {
	if !e.is(SourceStates, TypeExecutionStatusChange) {
		return ExecutionStatusChange{}, false, nil
	}
	r := readDetail(e)
	d := ExecutionStatusChange{
		Execution: r.word("executionArn", "the ARN of an execution"),
		Machine:   r.word("stateMachineArn", "the ARN of a state machine"),
		Name:      r.word("name", "the name of an execution"),
		Status:    r.word("status", "a status such as SUCCEEDED"),
		Input:     r.optional("input"),
	}
	return d, true, r.err()
}

// NewExecutionStatusChange is the event that Step Functions emits when the
// status of an execution changes.
func NewExecutionStatusChange(account, region string, d ExecutionStatusChange, at time.Time) Event {
	return identify(Event{
		Version:    "0",
		DetailType: TypeExecutionStatusChange,
		Source:     SourceStates,
		Account:    account,
		Time:       at.UTC(),
		Region:     region,
		Resources:  []string{d.Execution},
		Detail:     mustJSON(d),
	})
}
