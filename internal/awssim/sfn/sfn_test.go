package sfn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/awssim/sfn"
	"github.com/droverhq/drover/internal/clock"
)

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

// TestStartIsIdempotent is facts/apis.md 10.
func TestStartIsIdempotent(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		first, err := s.start("x", `{"who":"me"}`)
		if err != nil {
			s.Fatal(err)
		}
		again, err := s.start("x", `{"who":"me"}`)
		if err != nil || *again.ExecutionArn != *first.ExecutionArn || !again.StartDate.Equal(*first.StartDate) {
			s.Errorf("the same again while it runs: %v, %v", again, err)
		}
		if _, err := s.start("x", `{"who":"you"}`); code(err) != "ExecutionAlreadyExists" {
			s.Errorf("another input: %v", err)
		}
		if _, err := s.start("y", `{"who":"me"}`); err != nil {
			s.Errorf("another name: %v", err)
		}
		s.drive()
		if _, err := s.start("x", `{"who":"me"}`); code(err) != "ExecutionAlreadyExists" {
			s.Errorf("the same again when it has ended: %v", err)
		}
		if len(s.at) != 2 {
			s.Errorf("%d calls, want one for each execution", len(s.at))
		}
		if len(s.events) != 4 {
			s.Errorf("%d events, want two for each execution", len(s.events))
		}
	})
}

func TestStartRefuses(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		for _, name := range []string{
			"", "a b", "a\tb", "a\u0001b", "a/b", "a:b", "a*b", "a,b", `a"b`, `a\b`, "a\uFFFEb", strings.Repeat("a", 81),
		} {
			if _, err := s.start(name, "{}"); code(err) != "InvalidName" {
				s.Errorf("name %q: %v", name, err)
			}
		}
		for _, name := range []string{"20260102-150405-0a1b2c3d", "A_b-9.(x)", strings.Repeat("a", 80)} {
			if _, err := s.start(name, "{}"); err != nil {
				s.Errorf("name %q: %v", name, err)
			}
		}
		if _, err := s.start("x", "{"); code(err) != "InvalidExecutionInput" {
			s.Errorf("broken input: %v", err)
		}
		_, err := s.client.StartExecution(s.Context(), &sdk.StartExecutionInput{StateMachineArn: aws.String(s.machine + "-gone"), Name: aws.String("x")})
		if code(err) != "StateMachineDoesNotExist" {
			s.Errorf("an unknown machine: %v", err)
		}
		_, err = s.client.StartExecution(s.Context(), &sdk.StartExecutionInput{StateMachineArn: aws.String(s.machine)})
		if unknown := (*awssim.NotModelled)(nil); !errors.As(err, &unknown) {
			s.Errorf("a name that AWS would make: %v", err)
		}
	})
}

func TestStartWithoutInput(t *testing.T) {
	bubble(t, strings.Replace(aTask, `"who.$": "$.who"`, `"who": "you"`, 1), func(s *scene) {
		if _, err := s.client.StartExecution(s.Context(), &sdk.StartExecutionInput{StateMachineArn: aws.String(s.machine), Name: aws.String("x")}); err != nil {
			s.Fatal(err)
		}
		s.drive()
		if e := s.ended("SUCCEEDED", ""); e.Input != "{}" {
			s.Errorf("its input is %s", e.Input)
		}
	})
}

func TestDescribe(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		s.begin()
		describe := func(arn string) (*sdk.DescribeExecutionOutput, error) {
			return s.client.DescribeExecution(s.Context(), &sdk.DescribeExecutionInput{ExecutionArn: aws.String(arn)})
		}
		arn := s.steps.Executions()[0].ARN
		out, err := describe(arn)
		if err != nil || out.Status != types.ExecutionStatusRunning || out.StopDate != nil || *out.Input != `{"who": "me"}` || *out.StateMachineArn != s.machine {
			s.Errorf("while it runs: %+v, %v", out, err)
		}
		s.stop()
		out, err = describe(arn)
		if err != nil || out.Status != types.ExecutionStatusAborted || out.StopDate == nil || *out.Error != "Enough" {
			s.Errorf("when it was stopped: %+v, %v", out, err)
		}
		if _, err := describe(arn + "-gone"); code(err) != "ExecutionDoesNotExist" {
			s.Errorf("an unknown one: %v", err)
		}
		if _, err := s.client.StopExecution(s.Context(), &sdk.StopExecutionInput{ExecutionArn: aws.String(arn + "-gone")}); code(err) != "ExecutionDoesNotExist" {
			s.Errorf("stop an unknown one: %v", err)
		}
	})
}

// TestMakingAMachineAgain: an equal one is the old one, another is refused.
func TestMakingAMachineAgain(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		again, err := s.make("m", aTask)
		if err != nil || *again.StateMachineArn != s.machine {
			s.Errorf("an equal one: %v, %v", again, err)
		}
		if _, err := s.make("m", strings.Replace(aTask, "60", "61", 1)); code(err) != "StateMachineAlreadyExists" {
			s.Errorf("another: %v", err)
		}
	})
}

func newPermissionWorld(t *testing.T, allow awssim.Authorizer) *sdk.Client {
	t.Helper()
	world := awssim.New(clock.Real{}, awssim.Options{}, sfn.New())
	client := sdk.NewFromConfig(world.Config(), func(o *sdk.Options) { o.RetryMaxAttempts = 1 })
	_, err := client.CreateStateMachine(t.Context(), &sdk.CreateStateMachineInput{
		Name: aws.String("m"), Definition: aws.String(aTask), RoleArn: aws.String("arn:aws:iam::123456789012:role/r"),
	})
	if err != nil {
		t.Fatal(err)
	}
	world.Authorize(allow)
	return client
}

func TestPermissions(t *testing.T) {
	var asked []string
	s := newPermissionWorld(t, func(action, resource string, _ map[string][]string) bool {
		asked = append(asked, action+" "+resource)
		return true
	})
	started, err := s.StartExecution(t.Context(), &sdk.StartExecutionInput{
		StateMachineArn: aws.String("arn:aws:states:us-west-1:123456789012:stateMachine:m"), Name: aws.String("x"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.StopExecution(t.Context(), &sdk.StopExecutionInput{ExecutionArn: started.ExecutionArn}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"states:StartExecution arn:aws:states:us-west-1:123456789012:stateMachine:m",
		"states:StopExecution arn:aws:states:us-west-1:123456789012:execution:m:x",
	}
	if got := asked[len(asked)-2:]; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked for %q, want %q", got, want)
	}
}
