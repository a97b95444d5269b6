package sfn_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/awssim/sfn"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

const function = "arn:aws:lambda:us-west-1:123456789012:function:f:1"

// aTask calls the function, has another try twice, after 1 s and 3 s, and goes
// by its answer: to the end, round after a pause, or elsewhere.
const aTask = `{"StartAt": "ask", "States": {
	"ask": {
		"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 60,
		"Parameters": {"FunctionName": "arn:aws:lambda:us-west-1:123456789012:function:f:1", "Payload": {"who.$": "$.who", "step": "ask"}},
		"ResultSelector": {"go.$": "$.Payload.go", "seconds.$": "$.Payload.seconds"}, "ResultPath": "$.turn",
		"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 3}],
		"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "gone"}],
		"Next": "where"
	},
	"where": {"Type": "Choice", "Choices": [
		{"Variable": "$.turn.go", "StringEquals": "wait", "Next": "wait"},
		{"Variable": "$.turn.go", "StringEquals": "end", "Next": "end"}
	], "Default": "lost"},
	"wait": {"Type": "Wait", "SecondsPath": "$.turn.seconds", "Next": "ask"},
	"end": {"Type": "Succeed"},
	"gone": {"Type": "Fail", "Error": "Gone", "Cause": "nobody answers"},
	"lost": {"Type": "Fail", "Error": "Lost", "Cause": "the answer means nothing"}
}}`

// answer is what the function says.
type answer struct {
	Go      string `json:"go"`
	Seconds any    `json:"seconds"`
}

// scene is a world with the state machine m.
type scene struct {
	*testing.T
	steps   *sfn.Service
	client  *sdk.Client
	machine string
	events  []event.Event
	// function is asked at each call, which is counted from 1.
	function func(ctx context.Context, call int) (answer, error)
	at       []time.Duration // since the beginning: the calls
	payloads []string
	began    time.Time
}

// bubble plays in virtual time.
func bubble(t *testing.T, definition string, f func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, steps: sfn.New(), began: time.Now()}
		s.function = func(context.Context, int) (answer, error) { return answer{Go: "end"}, nil }
		world := awssim.New(clock.Real{}, awssim.Options{}, s.steps)
		world.Subscribe(func(e event.Event) { s.events = append(s.events, e) })
		s.client = sdk.NewFromConfig(world.Config(), func(o *sdk.Options) { o.RetryMaxAttempts = 1 })
		made, err := s.make("m", definition)
		if err != nil {
			t.Fatal(err)
		}
		s.machine = *made.StateMachineArn
		f(s)
	})
}

func (s *scene) make(name, definition string) (*sdk.CreateStateMachineOutput, error) {
	return s.client.CreateStateMachine(s.Context(), &sdk.CreateStateMachineInput{
		Name: aws.String(name), Definition: aws.String(definition), RoleArn: aws.String("arn:aws:iam::123456789012:role/r"),
	})
}

func (s *scene) start(name, input string) (*sdk.StartExecutionOutput, error) {
	return s.client.StartExecution(s.Context(), &sdk.StartExecutionInput{
		StateMachineArn: aws.String(s.machine), Name: aws.String(name), Input: aws.String(input),
	})
}

// begin starts the execution x.
func (s *scene) begin() {
	s.Helper()
	if _, err := s.start("x", `{"who": "me"}`); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) stop() {
	s.Helper()
	_, err := s.client.StopExecution(s.Context(), &sdk.StopExecutionInput{
		ExecutionArn: aws.String(s.steps.Executions()[0].ARN), Error: aws.String("Enough"), Cause: aws.String("says a person"),
	})
	if err != nil {
		s.Error(err)
	}
}

func (s *scene) invoke(ctx context.Context, arn string, payload []byte) ([]byte, error) {
	if arn != function {
		s.Errorf("function %s was called", arn)
	}
	s.at = append(s.at, time.Since(s.began))
	s.payloads = append(s.payloads, string(payload))
	a, err := s.function(ctx, len(s.at))
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

func (s *scene) drive() {
	s.Helper()
	if err := s.steps.Drive(s.Context(), clock.Real{}, s.invoke); err != nil {
		s.Fatal(err)
	}
}

// ended wants the first execution to have ended so, and returns it.
func (s *scene) ended(status, name string) sfn.Execution {
	s.Helper()
	e := s.steps.Executions()[0]
	if e.Status != status || e.Error != name {
		s.Errorf("execution %s ended %s: %q %s; want %s: %q", e.Name, e.Status, e.Error, e.Cause, status, name)
	}
	return e
}

func (s *scene) visited(want ...string) {
	s.Helper()
	if got := strings.Join(s.steps.Executions()[0].Visited, ", "); got != strings.Join(want, ", ") {
		s.Errorf("visited %s, want %s", got, strings.Join(want, ", "))
	}
}
