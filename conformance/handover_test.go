//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
	host "github.com/droverhq/drover/internal/host/lambda"
)

// TestAnEventIsHandedOver: moto's interpreter starts with an event, as EventBridge
// starts it. That execution calls the function once and has ended, and the run's
// own takes the turns and comes to the end that the embedded engine does.
func TestAnEventIsHandedOver(t *testing.T) { //nolint:tparallel // the two take turns, for the sake of other tests
	t.Parallel()
	onBoth(t, rolledOutHere, func(t *testing.T) play {
		r := newRollout(t)
		fleet := r.deps.Fleet
		client := sfn.NewFromConfig(r.AWS())
		auto := fleet.Automations[0]
		document, err := stepfunctions.Document(auto.Kind, lambdaARN)
		if err != nil {
			t.Fatal(err)
		}
		made, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
			Name: aws.String(host.Machine("drover-", fleet.Name, auto.Name)), Definition: aws.String(string(document)), RoleArn: aws.String(roleARN),
		})
		if err != nil {
			t.Fatal(err)
		}
		function := &host.Host{
			Fleet: fleet, Ledger: r.deps.Ledger, AWS: r.deps.AWS, Clock: r.deps.Clock, Log: r.deps.Log,
			Version: "test", Function: "drover", Machines: machineARN + "-", Seed: 1,
		}
		var mu sync.Mutex
		var p play
		var events []string
		r.moto.lambda.become(func(ctx context.Context, payload []byte) (any, error) {
			mu.Lock()
			defer mu.Unlock()
			var task stepfunctions.Task
			if err := json.Unmarshal(payload, &task); err != nil {
				return nil, err
			}
			if task.Run == "" {
				events = append(events, string(payload))
			} else {
				p.Turns = append(p.Turns, task.Step)
			}
			return function.Invoke(ctx, payload)
		})
		t.Cleanup(func() { r.moto.lambda.become(nil) })

		told, err := json.Marshal(r.told)
		if err != nil {
			t.Fatal(err)
		}
		begun, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{
			StateMachineArn: made.StateMachineArn, Name: aws.String("event"), Input: aws.String(`{"event": ` + string(told) + `}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		handed := ended(t, client, *begun.ExecutionArn)
		var answer struct {
			Answer struct{ Runs []struct{ ID string } }
		}
		if err := json.Unmarshal([]byte(aws.ToString(handed.Output)), &answer); err != nil || len(answer.Answer.Runs) != 1 {
			t.Fatalf("the execution of the event ended %s with %s (%s %s), wanted the run that it has begun", handed.Status, aws.ToString(handed.Output), aws.ToString(handed.Error), aws.ToString(handed.Cause))
		}
		if diff := cmp.Diff([]string{"(begin)", "(hand over)", "(handed over)"}, visited(t, client, handed)); diff != "" {
			t.Errorf("states of the execution of the event:\n%s", diff)
		}
		id := answer.Answer.Runs[0].ID
		execution := ended(t, client, strings.TrimSuffix(*begun.ExecutionArn, "event")+id)
		if got := aws.ToString(execution.Input); got != `{"run":"`+id+`"}` {
			t.Errorf("the execution of the run was given %s", got)
		}
		r.deps.Machine = func(string, string) string { return *made.StateMachineArn }
		run, err := app.New(r.deps).Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(events) != 1 {
			t.Errorf("the function was given %d events", len(events))
		}
		p.status, p.visited = string(execution.Status), visited(t, client, execution)
		p.course = r.came(p.course, run)
		if p.status != "SUCCEEDED" || run.Outcome != flow.Succeeded {
			t.Errorf("the execution ended %s, the run %s: %s", p.status, run.Outcome, run.Reason)
		}
		return p
	})
}
