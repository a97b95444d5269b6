package lambda

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/render"
)

// deliver does what EventBridge does with an event for the first rule of the fleet
// that matches.
func (s *steps) deliver(w *waiting, name string, e event.Event) {
	w.Helper()
	rules := render.Rules(w.host.Fleet, func(automation string) string {
		return Machine(w.host.Machines, w.host.Fleet.Name, automation)
	})
	i := slices.IndexFunc(rules, func(r render.Rule) bool { return r.Pattern != nil && r.Pattern.Match(e) })
	if i < 0 {
		w.Fatalf("no rule is for %s", e.DetailType)
	}
	input := rules[i].Transformer.Template
	for variable, path := range rules[i].Transformer.Paths {
		if path != "$" {
			w.Fatalf("path %s: wanted the whole event", path)
		}
		input = strings.ReplaceAll(input, "<"+variable+">", mustJSON(w.T, e))
	}
	_, err := s.client.StartExecution(w.Context(), &sdk.StartExecutionInput{
		StateMachineArn: aws.String(rules[i].Target), Name: aws.String(name), Input: aws.String(input),
	})
	if err != nil {
		w.Fatal(err)
	}
}

// ends tells the host how all executions ended.
func (s *steps) ends(w *waiting) {
	w.Helper()
	for i, e := range s.events {
		if _, err := w.invoke(fmt.Sprintf("x%d", i), time.Minute, e); err != nil {
			w.Error(err)
		}
	}
}

// An event comes by the state machine, as the rules have it, and twice: it is
// handed over each time. The run, and the one that follows it because of the second
// time, have one execution each, which are others.
func TestEventsComeByTheStateMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		s := w.steps()
		id, told := w.image()
		s.deliver(w, "event-1", told)
		s.deliver(w, "event-2", told)
		s.drive(w)
		w.expectVersions("1 "+w.base, "2 "+id+" default")
		want := []string{"event-1 SUCCEEDED (hand over) " + mustJSON(t, told), "event-2 SUCCEEDED (hand over) " + mustJSON(t, told)}
		for _, line := range w.lines("run ended") {
			want = append(want, fmt.Sprintf(`%s SUCCEEDED plan {"run":"%[1]s"}`, line["run"]))
		}
		var got []string
		for _, e := range s.Executions() {
			input := strings.TrimSuffix(strings.TrimPrefix(e.Input, `{"event": `), "}")
			if e.Visited[1] == "plan" {
				input = e.Input
			}
			got = append(got, fmt.Sprintf("%s %s %s %s", e.Name, e.Status, e.Visited[1], input))
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) != 4 {
			t.Errorf("executions (name, end, second state, what they carry):\n%s", diff)
		}
		s.ends(w)
		if all := s.Executions(); len(all) != len(got) {
			t.Errorf("the end of an execution has started another: %+v", all)
		}
	})
}

// An event that could not be handed over is handled when Step Functions tells
// that. If that fails too, so does the invocation, and Lambda tries again.
func TestEventsThatAreNotHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		s := w.steps()
		good := w.host.Ledger
		w.host.Ledger = broken{good}
		id, told := w.image()
		s.deliver(w, "event-1", told)
		s.drive(w)
		if e := s.Executions()[0]; e.Status != "FAILED" || !strings.Contains(e.Cause, "connection refused") {
			t.Errorf("the execution ended %s: %s %s; wanted it to fail with the function's error", e.Status, e.Error, e.Cause)
		}
		_, err := w.invoke("x", time.Minute, s.events[len(s.events)-1])
		w.expectError(err, TypeUnavailable, "connection refused")
		w.host.Ledger = good
		s.ends(w)
		s.drive(w)
		w.expectVersions("1 "+w.base, "2 "+id+" default")
	})
}

// What somebody has stopped before it was handed over is not handled.
func TestEventsThatSomebodyStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		s := w.steps()
		_, told := w.image()
		s.deliver(w, "event-1", told)
		if _, err := s.client.StopExecution(t.Context(), &sdk.StopExecutionInput{ExecutionArn: aws.String(s.Executions()[0].ARN)}); err != nil {
			t.Fatal(err)
		}
		s.ends(w)
		if all := s.Executions(); len(all) != 1 {
			t.Errorf("executions %+v", all)
		}
		w.expectVersions("1 " + w.base + " default")
	})
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
