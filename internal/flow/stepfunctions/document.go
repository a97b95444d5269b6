package stepfunctions

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
)

// invoke calls a Lambda function and waits for its answer.
const invoke = "arn:aws:states:::lambda:invoke"

// states are written by encoding/json, which sorts them by name.
type states map[string]any

// Document writes the state machine of a kind in the Amazon States Language,
// with JSONPath. function is the ARN of the Lambda function that takes turns;
// it should name a version, so that a run ends under the program it began with.
//
// An execution is started with {"run": ID}, or by EventBridge with
// {"event": EVENT}, which it hands over to the function.
//
// https://states-language.net/spec.html
func Document(d automation.Definition, function string) ([]byte, error) {
	all := states{
		string(flow.Succeeded):   end("Succeed"),
		string(flow.NothingToDo): end("Succeed"),
		string(flow.RolledBack):  failed("RolledBack", "the run failed; AWS is as good as it was: drover show RUN"),
		string(flow.Stuck):       failed("Stuck", "the run failed and a person must look: drover show RUN"),
	}
	names := []string{automation.StepPlan}
	attempts := []time.Duration{automation.PlanAttempt}
	longest := automation.PlanAttempt
	for _, s := range d.Steps {
		names = append(names, s.Name)
		attempts = append(attempts, s.Attempt)
		longest = max(longest, s.Attempt)
	}
	for i, name := range names {
		ways := []way{{GoWait, waitState(name)}, {GoUnwind, StepUnwind}}
		if i+1 < len(names) {
			ways = append(ways, way{GoNext, names[i+1]})
		}
		if i > 0 {
			ways = append(ways, way{GoPlan, automation.StepPlan})
		}
		all.step(name, function, attempts[i], StepGiveUp, ways)
	}
	all.step(StepUnwind, function, longest, string(flow.Stuck), []way{{GoWait, waitState(StepUnwind)}, {GoPlan, automation.StepPlan}})
	all[StepGiveUp] = task(StepGiveUp, function, automation.PlanAttempt, string(flow.Stuck), StepUnwind)
	all.begin(function, automation.StepPlan)
	document, err := json.MarshalIndent(map[string]any{
		"Comment": fmt.Sprintf("%s: %s. An execution carries a run's id and step, and the run is in Drover's ledger; or it hands over an event.", d.Name, d.Title),
		"StartAt": stateBegin,
		"States":  all,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the state machine of %s: %w", d.Name, err)
	}
	return append(document, '\n'), nil
}

// way is where an answer leads.
type way struct{ word, state string }

func choiceState(step string) string { return step + ": where to" }
func waitState(step string) string   { return step + ": wait" }

// step adds the three states of a step. If its function cannot be had, the
// execution goes to trouble.
func (s states) step(name, function string, attempt time.Duration, trouble string, ways []way) {
	s[name] = task(name, function, attempt, trouble, choiceState(name))
	for _, o := range []flow.Outcome{flow.Succeeded, flow.NothingToDo, flow.RolledBack, flow.Stuck} {
		ways = append(ways, way{string(o), string(o)})
	}
	var choices []any
	for _, w := range ways {
		choices = append(choices, map[string]any{"Variable": "$.turn.go", "StringEquals": w.word, "Next": w.state})
	}
	s[choiceState(name)] = map[string]any{"Type": "Choice", "Choices": choices, "Default": trouble}
	s[waitState(name)] = map[string]any{"Type": "Wait", "SecondsPath": "$.turn.seconds", "Next": name}
}

// task is a call of the function for a step.
func task(name, function string, attempt time.Duration, trouble, next string) any {
	return map[string]any{
		"Type":     "Task",
		"Resource": invoke,
		"Parameters": map[string]any{
			"FunctionName": function,
			"Payload":      map[string]any{"run.$": "$.run", "step": name},
		},
		"ResultSelector": map[string]any{"go.$": "$.Payload.go", "seconds.$": "$.Payload.seconds"},
		"ResultPath":     "$.turn",
		"TimeoutSeconds": int((attempt + flow.Slack) / time.Second),
		"Retry":          retry(),
		"Catch":          []any{map[string]any{"ErrorEquals": []string{"States.ALL"}, "ResultPath": "$.error", "Next": trouble}},
		"Next":           next,
	}
}

// retry is for all errors. What goes wrong in a turn or with an event is in the
// answer, and pauses are ours. An error is trouble of the function itself: it
// cannot be reached, has died, or cannot reach its ledger. All that it does is
// safe to do again.
func retry() any {
	return []any{map[string]any{
		"ErrorEquals": []string{"States.ALL"}, "IntervalSeconds": 1, "MaxAttempts": 8, "BackoffRate": 2,
	}}
}

func end(kind string) any { return map[string]any{"Type": kind} }

func failed(name, cause string) any {
	return map[string]any{"Type": "Fail", "Error": name, "Cause": cause}
}
