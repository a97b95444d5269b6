//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
)

const (
	lambdaARN = "arn:aws:lambda:" + region + ":" + account + ":function:drover:1"
	roleARN   = "arn:aws:iam::" + account + ":role/drover"
	// endLimit is for how long an execution may run.
	endLimit = 30 * time.Second
)

// lambda is where moto's Step Functions finds Lambda: functions are Go.
type lambda struct {
	front *httptest.Server

	mu       sync.Mutex
	function func(ctx context.Context, payload []byte) (any, error)
}

// errThrottled is the error of a function that Lambda does not even call.
var errThrottled = errors.New("rate exceeded")

func newLambda() *lambda {
	l := &lambda{}
	l.front = httptest.NewServer(http.HandlerFunc(l.serve))
	return l
}

func (l *lambda) port() string {
	u, err := url.Parse(l.front.URL)
	if err != nil {
		panic(err) // it is httptest's own
	}
	return u.Port()
}

// become sets what the function is.
func (l *lambda) become(f func(ctx context.Context, payload []byte) (any, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.function = f
}

// serve answers Invoke (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html).
func (l *lambda) serve(w http.ResponseWriter, r *http.Request) {
	name, _ := strings.CutPrefix(r.URL.Path, "/2015-03-31/functions/")
	name, isInvoke := strings.CutSuffix(name, "/invocations")
	l.mu.Lock()
	function := l.function
	l.mu.Unlock()
	payload, err := io.ReadAll(r.Body)
	if err != nil || !isInvoke || name != lambdaARN || function == nil {
		http.Error(w, fmt.Sprintf("%s %s: nothing here", r.Method, r.URL.Path), http.StatusNotFound)
		return
	}
	answer, err := function(r.Context(), payload)
	w.Header().Set("X-Amzn-RequestId", "00000000-0000-4000-8000-000000000000") // moto wants one in errors
	if errors.Is(err, errThrottled) {
		w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
		w.WriteHeader(http.StatusTooManyRequests)
		answer = map[string]string{"message": err.Error()}
	} else if err != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		answer = map[string]string{"errorMessage": err.Error(), "errorType": "errorString"}
	}
	_ = json.NewEncoder(w).Encode(answer) // whoever has gone does not hear it
}

// machineARN is the state machine of [stepThrough].
const machineARN = "arn:aws:states:" + region + ":" + account + ":stateMachine:drover"

type turner func(context.Context, stepfunctions.Task) (stepfunctions.Answer, error)

// play is what came of a run on moto's Step Functions.
type play struct {
	course
	status, error string   // of the execution
	visited       []string // the states, in order, as the execution's history has them
}

// stepThrough makes a state machine in moto whose Tasks are answered by turn, has
// a run begun there, and waits until its execution has ended. What it says of the
// run is at which steps turns were asked for.
func stepThrough(t *testing.T, w *world, document string, turn turner, begin func() *flow.Run) (play, *flow.Run) {
	t.Helper()
	client := sfn.NewFromConfig(w.AWS())
	_, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("drover"), Definition: aws.String(document), RoleArn: aws.String(roleARN),
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var p play
	w.moto.lambda.become(func(ctx context.Context, payload []byte) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		var task stepfunctions.Task
		if err := json.Unmarshal(payload, &task); err != nil {
			return nil, err
		}
		answer, err := turn(ctx, task)
		if !errors.Is(err, errThrottled) {
			p.Turns = append(p.Turns, task.Step)
		}
		return answer, err
	})
	t.Cleanup(func() { w.moto.lambda.become(nil) })
	run := begin()
	execution := ended(t, client, strings.Replace(machineARN, ":stateMachine:", ":execution:", 1)+":"+run.ID)
	mu.Lock()
	defer mu.Unlock()
	p.status, p.error = string(execution.Status), aws.ToString(execution.Error)
	p.visited = visited(t, client, execution)
	return p, run
}

// ended waits until an execution has ended.
func ended(t *testing.T, client *sfn.Client, arn string) *sfn.DescribeExecutionOutput {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endLimit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		out, err := client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn)})
		if err != nil {
			t.Fatal(err)
		}
		if out.Status != types.ExecutionStatusRunning {
			return out
		}
		select {
		case <-ctx.Done():
			t.Fatalf("execution %s still runs after %v", arn, endLimit)
		case <-tick.C:
		}
	}
}

// visited are the states that an execution has entered.
func visited(t *testing.T, client *sfn.Client, execution *sfn.DescribeExecutionOutput) []string {
	t.Helper()
	var names []string
	pages := sfn.NewGetExecutionHistoryPaginator(client, &sfn.GetExecutionHistoryInput{ExecutionArn: execution.ExecutionArn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if e.StateEnteredEventDetails != nil {
				names = append(names, *e.StateEnteredEventDetails.Name)
			}
		}
	}
	return names
}

// onBoth has both engines play the same, and wants the same course of it. It
// returns that, and how the execution went.
func onBoth(t *testing.T, embedded func(*testing.T) course, stepFunctions func(*testing.T) play) (course, play) {
	t.Helper()
	var here course
	var there play
	t.Run("embedded", func(t *testing.T) { here = embedded(t) })
	t.Run("step functions", func(t *testing.T) { there = stepFunctions(t) })
	if diff := cmp.Diff(here, there.course); diff != "" {
		t.Errorf("the engines differ (embedded -, Step Functions +):\n%s", diff)
	}
	// The history of the execution tells of the turns that the function was asked
	// for, with a Choice after each.
	var tasks []string
	for i, state := range there.visited {
		if i+1 < len(there.visited) && there.visited[i+1] == state+": where to" {
			tasks = append(tasks, state)
		}
	}
	if diff := cmp.Diff(there.Turns, tasks); diff != "" {
		t.Errorf("the history of the execution differs from what the function was asked for:\n%s", diff)
	}
	return here, there
}
