package stepfunctions

import (
	"encoding/json"
	"time"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// The states of an execution that carries an event. In brackets, since a step
// of a kind could have any other name.
const (
	stateBegin      = "(begin)"
	stateHandOver   = "(hand over)"
	stateHandedOver = "(handed over)"
)

// invocation is the longest that Lambda lets an invocation last. The function
// sees runs that never wait through to their end when it is given an event, and
// knows itself when to stop.
const invocation = 15 * time.Minute

// begin adds where an execution begins: with a run it goes to its first step,
// with an event it hands that over and has ended.
//
// The Task catches nothing: the error of the function, which says what to do, is
// then that of the execution, and redriving the execution calls it again.
func (s states) begin(function, first string) {
	s[stateBegin] = map[string]any{
		"Type":    "Choice",
		"Choices": []any{map[string]any{"Variable": "$.run", "IsPresent": true, "Next": first}},
		"Default": stateHandOver,
	}
	s[stateHandOver] = map[string]any{
		"Type":       "Task",
		"Resource":   invoke,
		"Parameters": map[string]any{"FunctionName": function, "Payload.$": "$.event"},
		// The answer takes the event's place: what Step Functions tells of an
		// execution leaves out the input if both are large.
		"ResultSelector": map[string]any{"answer.$": "$.Payload"},
		"ResultPath":     "$",
		"TimeoutSeconds": int(invocation / time.Second),
		"Retry":          retry(),
		"Next":           stateHandedOver,
	}
	s[stateHandedOver] = end("Succeed")
}

// HandedOver is the event that an execution was started with. It reports false
// if that was a run.
func HandedOver(e event.ExecutionStatusChange) (event.Event, bool, error) {
	var carried struct {
		Event json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal([]byte(e.Input), &carried); err != nil {
		return event.Event{}, false, failure.Stopf("read the input of execution %s: %w", e.Name, err)
	}
	if carried.Event == nil {
		return event.Event{}, false, nil
	}
	handed, err := event.Parse(carried.Event)
	if err != nil {
		return event.Event{}, false, failure.Stopf("read the event in the input of execution %s: %w", e.Name, err)
	}
	return handed, true, nil
}
