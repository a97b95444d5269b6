package stepfunctions_test

import (
	"context"
	"encoding/json"
	"flag"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/awssim/sfn"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/flowtest"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
)

// The executor, which is most of what the suite tries, is tried in full with the
// embedded engine. Here a tenth of that is, unless the command line says
// otherwise, which is read later.
func init() {
	scale("flowtest.stride", func(n int) int { return n * 10 })
	scale("flowtest.seeds", func(n int) int { return max(1, n/10) })
}

func scale(name string, by func(int) int) {
	n, err := strconv.Atoi(flag.Lookup(name).DefValue)
	if err == nil {
		err = flag.Set(name, strconv.Itoa(by(n)))
	}
	if err != nil {
		panic(err)
	}
}

// TestStepFunctions holds the engine against the suite for engines. A process is
// a sandbox of the Lambda function. Step Functions itself does not die: the
// execution of a dead sandbox goes on with the next one.
func TestStepFunctions(t *testing.T) {
	var machines sync.Map // of a history's clients, to what its processes share
	flowtest.Run(t, func(x *flow.Executor) flowtest.Engine {
		clients := x.Clients("us-west-1")
		shared, _ := machines.LoadOrStore(clients, sync.OnceValue(func() *stateMachine { return newStateMachine(x.Kinds[0]) }))
		m := shared.(func() *stateMachine)()
		own, with := *x, *clients
		with.SFN = m.clients.SFN
		own.Clients = func(string) *cloud.Clients { return &with }
		return &sandbox{machine: m, engine: stepfunctions.Engine{
			Executor: &own, Machine: func(string, string) string { return m.arn },
		}}
	})
}

// stateMachine is Step Functions for one history.
type stateMachine struct {
	steps   *sfn.Service
	clients *cloud.Clients
	arn     string
}

func newStateMachine(kind automation.Definition) *stateMachine {
	m := &stateMachine{steps: sfn.New()}
	w := awssim.New(clock.Real{}, awssim.Options{}, m.steps)
	m.clients = cloud.New(w.Config(), "us-west-1", cloud.Options{Version: "test", Seed: 1})
	document, err := stepfunctions.Document(kind, function)
	if err != nil {
		panic(err)
	}
	made, err := m.clients.SFN.CreateStateMachine(context.Background(), &sdk.CreateStateMachineInput{
		Name: aws.String("drover-fleet-auto"), Definition: aws.String(string(document)), RoleArn: aws.String("arn:aws:iam::123456789012:role/drover"),
	})
	if err != nil {
		panic(err)
	}
	m.arn = aws.ToString(made.StateMachineArn)
	return m
}

// sandbox is a process that takes turns.
type sandbox struct {
	machine *stateMachine
	engine  stepfunctions.Engine
}

// Handle implements [flowtest.Engine].
func (s *sandbox) Handle(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, e event.Event) (*flow.Run, error) {
	run, err := s.engine.Handle(ctx, a, topic, subject, e)
	if err != nil {
		return nil, err
	}
	return run, s.drive(ctx)
}

// Resume implements [flowtest.Engine].
func (s *sandbox) Resume(ctx context.Context) error {
	if err := s.drive(ctx); err != nil {
		return err
	}
	if err := s.engine.Recover(ctx); err != nil {
		return err
	}
	return s.drive(ctx)
}

// drive has the executions go on, with this sandbox to take their turns. Those
// that another one is at are left to it.
func (s *sandbox) drive(ctx context.Context) error {
	return s.machine.steps.Drive(ctx, clock.Real{}, func(ctx context.Context, _ string, payload []byte) ([]byte, error) {
		var task stepfunctions.Task
		if err := json.Unmarshal(payload, &task); err != nil {
			return nil, err
		}
		answer, err := s.engine.Turn(ctx, task)
		if err != nil {
			return nil, err
		}
		return json.Marshal(answer)
	})
}
