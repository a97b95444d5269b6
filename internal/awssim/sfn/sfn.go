package sfn

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// Execution is what is known of one. It is a copy.
type Execution struct {
	ARN, Name, Machine, Input string
	Status                    string // RUNNING, SUCCEEDED, FAILED or ABORTED
	Error, Cause              string
	Started, Stopped          time.Time
	Visited                   []string // states, in order
	Events                    int      // in its history
}

type execution struct {
	Execution
	At      string    // the state it is in, or that comes next
	entered time.Time // that state; zero: not yet
	data    any
}

func (e *execution) end(m *awssim.Moment, status, name, cause string) {
	e.Status, e.Error, e.Cause, e.Stopped = status, name, cause, m.Now
	m.Emit(e.event(m))
}

// event is what EventBridge delivers of a change of status
// (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
func (e *execution) event(m *awssim.Moment) event.Event {
	return event.NewExecutionStatusChange(m.Account(), m.Region(), event.ExecutionStatusChange{
		Execution: e.ARN, Machine: e.Machine, Name: e.Name, Status: e.Status, Input: e.Input,
	}, m.Now)
}

type stateMachine struct {
	name, text string
	definition machine
}

// world is all there is. Its elements are never changed, only replaced.
type world struct {
	machines   map[string]stateMachine
	executions map[string]execution
	order      []string // executions as they were started
}

func (s *world) clone() *world {
	return &world{maps.Clone(s.machines), maps.Clone(s.executions), slices.Clone(s.order)}
}

// Service is Step Functions in one world.
type Service struct {
	store *awssim.Store[*world]

	mu     sync.Mutex      // guards driven; not held while anything is called
	driven map[string]bool // executions that a Drive is at
}

// New makes the service for [awssim.New].
func New() *Service { return &Service{driven: map[string]bool{}} }

// Attach implements [awssim.Service].
func (s *Service) Attach(w *awssim.World) {
	s.store = awssim.NewStore(w, "states", &world{machines: map[string]stateMachine{}, executions: map[string]execution{}}, (*world).clone)
	awssim.Write(s.store, createStateMachine, "Name", "Definition", "RoleArn")
	awssim.Write(s.store, startExecution, "StateMachineArn", "Name", "Input")
	awssim.Write(s.store, stopExecution, "ExecutionArn", "Error", "Cause")
	awssim.Read(s.store, describeExecution, "ExecutionArn")
	awssim.Requests(s.store, startPermissions)
	awssim.Requests(s.store, func(_ *awssim.Moment, _ *world, in *sfn.StopExecutionInput) []awssim.Request {
		return []awssim.Request{{Resource: aws.ToString(in.ExecutionArn)}}
	})
	awssim.Requests(s.store, func(_ *awssim.Moment, _ *world, in *sfn.DescribeExecutionInput) []awssim.Request {
		return []awssim.Request{{Resource: aws.ToString(in.ExecutionArn)}}
	})
}

// Executions are all executions, in the order in which they were started.
func (s *Service) Executions() []Execution {
	var all []Execution
	s.store.View(func(w *world) {
		for _, arn := range w.order {
			e := w.executions[arn].Execution
			e.Visited = slices.Clone(e.Visited)
			all = append(all, e)
		}
	})
	return all
}

func createStateMachine(m *awssim.Moment, s *world, in *sfn.CreateStateMachineInput) (*sfn.CreateStateMachineOutput, error) {
	definition, err := parse(aws.ToString(in.Definition))
	var unknown unmodelled
	switch {
	case errors.As(err, &unknown):
		return nil, &awssim.NotModelled{Operation: m.Operation, What: strings.TrimSuffix(err.Error(), " is not modelled")}
	case err != nil:
		return nil, awssim.FailAs(http.StatusBadRequest, &types.InvalidDefinition{Message: aws.String(err.Error())})
	}
	arn := m.ARN("states", "stateMachine:"+aws.ToString(in.Name))
	if old, ok := s.machines[arn]; ok && old.text != aws.ToString(in.Definition) {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.StateMachineAlreadyExists{Message: aws.String("State Machine Already Exists: '" + arn + "'")})
	}
	s.machines[arn] = stateMachine{name: aws.ToString(in.Name), text: aws.ToString(in.Definition), definition: definition}
	return &sfn.CreateStateMachineOutput{StateMachineArn: aws.String(arn), CreationDate: aws.Time(m.Now)}, nil
}

// startExecution starts one under a name once (facts/apis.md 10).
func startExecution(m *awssim.Moment, s *world, in *sfn.StartExecutionInput) (*sfn.StartExecutionOutput, error) {
	machineARN := aws.ToString(in.StateMachineArn)
	machine, ok := s.machines[machineARN]
	if !ok {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.StateMachineDoesNotExist{Message: aws.String("State Machine Does Not Exist: '" + machineARN + "'")})
	}
	if in.Name == nil {
		return nil, m.NotModelled("an execution without a name")
	}
	name := *in.Name
	if name == "" || len(name) > 80 || strings.ContainsFunc(name, barred) {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.InvalidName{Message: aws.String("Invalid Name: '" + name + "'")})
	}
	input := "{}" // doc of StartExecutionInput
	if in.Input != nil {
		input = *in.Input
	}
	arn := m.ARN("states", "execution:"+machine.name+":"+name)
	if old, ok := s.executions[arn]; ok {
		if old.Status == "RUNNING" && old.Input == input {
			return &sfn.StartExecutionOutput{ExecutionArn: aws.String(arn), StartDate: aws.Time(old.Started)}, nil
		}
		return nil, awssim.FailAs(http.StatusBadRequest, &types.ExecutionAlreadyExists{Message: aws.String("Execution Already Exists: '" + arn + "'")})
	}
	var data any
	if err := json.Unmarshal([]byte(input), &data); err != nil {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.InvalidExecutionInput{Message: aws.String(fmt.Sprintf("Invalid State Machine Execution Input: '%v'", err))})
	}
	e := execution{
		Execution: Execution{ARN: arn, Name: name, Machine: machineARN, Input: input, Status: "RUNNING", Started: m.Now, Events: 1},
		At:        machine.definition.StartAt, data: data,
	}
	s.executions[arn] = e
	s.order = append(s.order, arn)
	m.Emit(e.event(m))
	return &sfn.StartExecutionOutput{ExecutionArn: aws.String(arn), StartDate: aws.Time(m.Now)}, nil
}

// barred says of a character that no name may have it (doc of StartExecutionInput).
func barred(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r >= 0xFFFE || strings.ContainsRune("<>{}[]?*\"#%\\^|~`$&,;:/", r)
}

func stopExecution(m *awssim.Moment, s *world, in *sfn.StopExecutionInput) (*sfn.StopExecutionOutput, error) {
	e, err := s.execution(in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	if e.Status == "RUNNING" {
		e.end(m, "ABORTED", aws.ToString(in.Error), aws.ToString(in.Cause))
		s.executions[e.ARN] = e
	}
	return &sfn.StopExecutionOutput{StopDate: aws.Time(e.Stopped)}, nil
}

func describeExecution(_ *awssim.Moment, s *world, in *sfn.DescribeExecutionInput) (*sfn.DescribeExecutionOutput, error) {
	e, err := s.execution(in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	out := &sfn.DescribeExecutionOutput{
		ExecutionArn: aws.String(e.ARN), StateMachineArn: aws.String(e.Machine), Name: aws.String(e.Name),
		Status: types.ExecutionStatus(e.Status), StartDate: aws.Time(e.Started), Input: aws.String(e.Input),
	}
	if !e.Stopped.IsZero() {
		out.StopDate = aws.Time(e.Stopped)
	}
	if e.Status == "FAILED" || e.Status == "ABORTED" {
		out.Error, out.Cause = aws.String(e.Error), aws.String(e.Cause)
	}
	return out, nil
}

func (s *world) execution(arn *string) (execution, error) {
	e, ok := s.executions[aws.ToString(arn)]
	if !ok {
		return execution{}, awssim.FailAs(http.StatusBadRequest, &types.ExecutionDoesNotExist{Message: aws.String("Execution Does Not Exist: '" + aws.ToString(arn) + "'")})
	}
	return e, nil
}

func startPermissions(_ *awssim.Moment, _ *world, in *sfn.StartExecutionInput) []awssim.Request {
	return []awssim.Request{{Resource: aws.ToString(in.StateMachineArn)}}
}
