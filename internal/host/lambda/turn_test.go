package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go/middleware"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/awssim/sfn"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
)

// waiting is a scene for template-follows-image: its runs wait for minutes
// until an image is available.
type waiting struct {
	*scene
	template, base string
}

func newWaiting(t *testing.T) *waiting {
	t.Helper()
	s := newScene(t, awssim.Options{PageSize: 100})
	w := &waiting{scene: s, base: s.stage.Ready("base", "made by hand")}
	w.template = s.stage.TemplateOf("app", w.base, map[string]string{"app": "web"})
	fleet, err := fleetfile.Parse("fleet.yaml", []byte(s.stage.Following("id: "+w.template, "description: EC2_BACKUP", "keep: 100")), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	s.host.Fleet = fleet
	return w
}

// image is a backup that has just been begun, and the event of that.
func (w *waiting) image() (id string, told event.Event) {
	w.Helper()
	id, told = w.stage.Image("backup", "EC2_BACKUP", nil)
	if err := w.stage.Err(); err != nil {
		w.Fatal(err)
	}
	return id, told
}

func (w *waiting) expectVersions(want ...string) {
	w.Helper()
	w.stage.ExpectVersions(w.template, want...)
	if err := w.stage.Err(); err != nil {
		w.Error(err)
	}
}

// Without state machines a run that waits is left, at once, and each sweep goes
// on with it.
func TestRunsThatWaitGoOnWithSweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		id, told := w.image()
		got, err := w.invoke("e", time.Minute, told)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Later) != 1 || !strings.Contains(got.Later[0], "this invocation ends before") {
			t.Fatalf("answered %s", got.text)
		}
		for sweep := 0; len(got.Later) > 0; sweep++ {
			if sweep > 10 {
				t.Fatalf("it never ends: %s", got.text)
			}
			time.Sleep(5 * time.Minute)
			if got, err = w.invoke(fmt.Sprintf("s%d", sweep), time.Minute, event.Sweep("gateways", time.Time{})); err != nil {
				t.Fatal(err)
			}
		}
		w.expectVersions("1 "+w.base, "2 "+id+" default")
		if lines := w.lines("run waits"); len(lines) == 0 || lines[0]["run"] == nil || lines[0]["requestId"] != "e" || !strings.Contains(fmt.Sprint(lines[0]["for"]), id) {
			t.Errorf("logged %v", lines)
		}
	})
}

// steps is simulated Step Functions beside the scene's world.
type steps struct {
	*sfn.Service
	client *sdk.Client
	events []event.Event
}

const function = "arn:aws:lambda:us-west-1:123456789012:function:drover-stage:1"

// steps gives the host a state machine for its automation.
func (w *waiting) steps() *steps {
	w.Helper()
	s := &steps{Service: sfn.New()}
	world := awssim.New(clock.Real{}, awssim.Options{}, s.Service)
	world.Subscribe(func(e event.Event) { s.events = append(s.events, e) })
	s.client = sdk.NewFromConfig(world.Config())
	rest := w.host.AWS.APIOptions
	w.host.AWS.APIOptions = []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		options := rest
		if stack.ID() == "StartExecution" {
			options = world.Config().APIOptions
		}
		for _, o := range options {
			if err := o(stack); err != nil {
				return err
			}
		}
		return nil
	}}
	kinds := app.Kinds()
	i := slices.IndexFunc(kinds, func(d automation.Definition) bool { return d.Name == "template-follows-image" })
	definition, err := stepfunctions.Document(kinds[i], function)
	if err != nil {
		w.Fatal(err)
	}
	made, err := s.client.CreateStateMachine(w.Context(), &sdk.CreateStateMachineInput{
		Name: aws.String("drover-stage-gateways"), Definition: aws.String(string(definition)), RoleArn: aws.String("arn:aws:iam::123456789012:role/drover"),
	})
	if err != nil {
		w.Fatal(err)
	}
	w.host.Machines = strings.TrimSuffix(aws.ToString(made.StateMachineArn), "stage-gateways")
	return s
}

// drive runs the executions, each Task of which invokes the host.
func (s *steps) drive(w *waiting) {
	w.Helper()
	turns := 0
	err := s.Drive(w.Context(), clock.Real{}, func(_ context.Context, arn string, payload []byte) ([]byte, error) {
		if arn != function {
			w.Errorf("invoked %s", arn)
		}
		turns++
		got, err := w.invoke(fmt.Sprintf("t%d", turns), time.Minute, json.RawMessage(payload))
		return []byte(got.text), err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func TestTurnsOfStepFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		s := w.steps()
		id, told := w.image()
		began := time.Now()
		got, err := w.invoke("e", time.Minute, told)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Runs) != 1 || got.Runs[0].Outcome != "" || got.Runs[0].Step != "plan" || time.Since(began) > time.Second {
			t.Fatalf("after %s it answered %s", time.Since(began), got.text)
		}
		s.drive(w)
		w.expectVersions("1 "+w.base, "2 "+id+" default")
		if all := s.Executions(); len(all) != 1 || all[0].Status != "SUCCEEDED" {
			t.Errorf("executions %+v", all)
		}
		ended := w.lines("run ended")
		if len(ended) != 1 || ended[0]["run"] != got.Runs[0].ID || !strings.HasPrefix(fmt.Sprint(ended[0]["requestId"]), "t") {
			t.Errorf("logged %v", ended)
		}
		for _, line := range append(w.lines("turn taken"), w.lines("call")...) {
			if line["run"] != got.Runs[0].ID && strings.HasPrefix(fmt.Sprint(line["requestId"]), "t") {
				t.Errorf("a line of a turn lacks the run: %v", line)
			}
		}
		for _, e := range s.events { // RUNNING, then SUCCEEDED
			if _, err := w.invoke("x", time.Minute, e); err != nil {
				t.Error(err)
			}
		}
		if all := s.Executions(); len(all) != 1 {
			t.Errorf("the end of an execution has started another: %+v", all)
		}
	})
}

// Somebody stops the execution: Step Functions tells, and the run is ended from
// the ledger.
func TestStoppedExecutionUnwinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		s := w.steps()
		_, told := w.image()
		got, err := w.invoke("e", time.Minute, told)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client.StopExecution(t.Context(), &sdk.StopExecutionInput{ExecutionArn: aws.String(s.Executions()[0].ARN)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.invoke("x", time.Minute, s.events[len(s.events)-1]); err != nil {
			t.Fatal(err)
		}
		s.drive(w)
		w.expectVersions("1 " + w.base + " default")
		if all := s.Executions(); len(all) != 2 || all[1].Status != "FAILED" {
			t.Errorf("executions %+v", all)
		}
		ended := w.lines("run ended")
		if len(ended) != 1 || ended[0]["run"] != got.Runs[0].ID || ended[0]["outcome"] != "rolled-back" || !strings.Contains(fmt.Sprint(ended[0]["reason"]), "ABORTED") {
			t.Errorf("logged %v", ended)
		}
	})
}
