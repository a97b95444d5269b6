package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/ledger"
)

// bubble runs a test in virtual time.
func bubble(t *testing.T, o awssim.Options, test func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newScene(t, o)) })
}

func TestEventIsHandledToItsEnd(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		stopped := s.stop(0)
		plan, err := s.invoke("p", time.Minute, map[string]any{"plan": stopped})
		if err != nil {
			s.Fatal(err)
		}
		if c := plan.Results[0].Plans[0].Plan.Changes; len(c) != 1 || c[0].To != s.stage.Gateways[1].Interfaces[0] {
			s.Errorf("planned %+v", c)
		}
		s.expectTarget(0)

		for i, want := range []string{"succeeded", "nothing-to-do"} { // events come twice
			got, err := s.invoke("e", time.Minute, stopped)
			if err != nil {
				s.Fatal(err)
			}
			if len(got.Runs) != 1 || got.Runs[0].Outcome != want || got.Runs[0].Changes != 1-i || got.Runs[0].ID == "" || got.Runs[0].Automation != "gateways" {
				s.Errorf("delivery %d: %s, want %s", i, got.text, want)
			}
			s.expectTarget(1)
		}
	})
}

func TestWhatNobodyWantsIsNoError(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		foreign := event.NewInstanceStateChange("123456789012", "us-west-1", "i-0123456789abcdef0", "stopped", time.Now())
		for _, payload := range []any{foreign, event.Sweep("unheard-of", time.Time{}), map[string]any{"plan": foreign}} {
			got, err := s.invoke("f", time.Minute, payload)
			if err != nil {
				s.Fatal(err)
			}
			reasons := got.NotWanted
			if len(got.Results) > 0 {
				reasons = got.Results[0].NotWanted
			}
			if len(reasons) != 1 || reasons[0].Automation != "gateways" || reasons[0].Why == "" {
				s.Errorf("answered %s", got.text)
			}
		}
		if lines := s.lines("event not wanted"); len(lines) != 2 || lines[0]["requestId"] != "f" {
			s.Errorf("logged %v", lines)
		}
	})
}

func TestStuckIsNoError(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.stop(1)
		got, err := s.invoke("e", time.Minute, s.stop(0))
		if err != nil {
			s.Fatal(err)
		}
		if got.Runs[0].Outcome != "stuck" || len(got.Runs[0].Left) != 1 || got.Runs[0].Left[0].Why == "" {
			s.Errorf("answered %s", got.text)
		}
	})
}

func TestScheduleSweeps(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.stop(0) // and its events are lost
		got, err := s.invoke("s", time.Minute, event.Sweep("gateways", time.Time{}))
		if err != nil {
			s.Fatal(err)
		}
		if len(got.Runs) != 1 || got.Runs[0].Outcome != "succeeded" {
			s.Errorf("answered %s", got.text)
		}
		s.expectTarget(1)
	})
}

// An invocation that has to end before its run does says so, records how far it
// came, and the next sweep goes on.
func TestWorkStopsBeforeTheDeadline(t *testing.T) {
	slow := 0 * time.Second
	bubble(t, awssim.Options{Latency: func(awssim.Call) time.Duration { return slow }}, func(s *scene) {
		stopped := s.stop(0)
		slow = 4 * time.Second // a call
		began := time.Now()
		got, err := s.invoke("e", 13*time.Second, stopped)
		if err != nil {
			s.Fatal(err)
		}
		if took := time.Since(began); took > 13*time.Second-reserve+time.Second {
			s.Errorf("it took %s", took)
		}
		if len(got.Later) != 1 || len(got.Runs) != 0 || !strings.Contains(got.Later[0], "gateways: run ") {
			s.Fatalf("answered %s", got.text)
		}
		if lines := s.lines("left to the next sweep"); len(lines) != 1 || lines[0]["requestId"] != "e" {
			s.Errorf("logged %v", lines)
		}
		slow = 0
		time.Sleep(time.Minute)
		got, err = s.invoke("s", time.Minute, event.Sweep("gateways", time.Time{}))
		if err != nil {
			s.Fatal(err)
		}
		if len(got.Later) != 0 {
			s.Errorf("answered %s", got.text)
		}
		s.expectTarget(1)
		ended := s.lines("run ended")
		if len(ended) != 2 || ended[0]["outcome"] != "succeeded" || ended[0]["requestId"] != "s" || ended[0]["run"] == "" || ended[0]["automation"] != "gateways" {
			s.Errorf("logged %v", ended)
		}
	})
}

func TestTooLittleTime(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		_, err := s.invoke("e", 3*time.Second, s.stop(0))
		s.expectError(err, TypeTimeout, "must end in 3s", "next: set the function's timeout")
		s.expectTarget(0)
	})
}

// broken is a ledger that cannot be reached.
type broken struct{ ledger.Ledger }

func (broken) Get(context.Context, string) (ledger.Record, error) {
	return ledger.Record{}, errors.New("connection refused")
}

func TestTroubleOfDroverIsAnError(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		good := s.host.Ledger
		s.host.Ledger = broken{good}
		stopped := s.stop(0)
		_, err := s.invoke("e", time.Minute, stopped)
		s.expectError(err, TypeUnavailable, "connection refused")
		_, err = s.invoke("p", time.Minute, map[string]any{"plan": stopped})
		s.expectError(err, TypeUnavailable, "connection refused")
		if lines := s.lines("invocation failed"); len(lines) != 2 || lines[0]["requestId"] != "e" || lines[0]["errorType"] != TypeUnavailable {
			s.Errorf("logged %v", lines)
		}
		s.host.Ledger = good
		got, err := s.invoke("e", time.Minute, stopped) // as Lambda does
		if err != nil || got.Runs[0].Outcome != "succeeded" {
			s.Errorf("answered %s, %v", got.text, err)
		}
	})
}

// panics is a ledger with a defect.
type panics struct{ ledger.Ledger }

func (panics) List(context.Context, string, string, int) ([]ledger.Record, error) { panic("a defect") }

func TestPanicIsAnErrorAndEndsTheProcess(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.host.Ledger = panics{s.host.Ledger}
		_, err := s.invoke("s", time.Minute, event.Sweep("gateways", time.Time{}))
		s.expectError(err, TypePanic, "a defect")
		var e *Error
		if errors.As(err, &e) && !e.wire().ShouldExit {
			s.Error("the process goes on")
		}
		lines := s.lines("invocation failed")
		if len(lines) != 1 || lines[0]["requestId"] != "s" || !strings.Contains(lines[0]["stack"].(string), "panics.List") {
			s.Errorf("logged %v", lines)
		}
	})
}

func (s *scene) expectError(err error, kind string, words ...string) {
	s.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Type != kind {
		s.Fatalf("got %v, want an error of type %s", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(e.wire().Message, w) {
			s.Errorf("the message lacks %q: %s", w, e.wire().Message)
		}
	}
}

// Every line says which request it is for, and lines about AWS calls too.
func TestLinesSayWhatTheyAreAbout(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		if _, err := s.invoke("e", time.Minute, s.stop(0)); err != nil {
			s.Fatal(err)
		}
		calls := map[any]bool{}
		for line := range strings.Lines(s.log.String()) {
			var object map[string]any
			if err := json.Unmarshal([]byte(line), &object); err != nil {
				s.Fatalf("%v: %q", err, line)
			}
			for _, key := range []string{"timestamp", "level", "message", "requestId"} {
				if object[key] == nil {
					s.Errorf("a line lacks %s: %s", key, line)
				}
			}
			calls[object["operation"]] = true
		}
		for _, operation := range []string{"DescribeInstances", "DescribeRouteTables", "ReplaceRoute", "Publish"} {
			if !calls[operation] {
				s.Errorf("no line about %s", operation)
			}
		}
	})
}

func TestTurnsNeedStateMachines(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		turn := map[string]string{"run": "20260301-120000-01234567", "step": "move"}
		_, err := s.invoke("t", time.Minute, turn)
		s.expectError(err, TypePayload, "DROVER_MACHINE_PREFIX is not set")
		s.host.Machines = "arn:aws:states:us-west-1:123456789012:stateMachine:drover-"
		_, err = s.invoke("t", time.Minute, turn)
		s.expectError(err, TypeStopped, "read run 20260301-120000-01234567")
		if lines := s.lines("invocation failed"); len(lines) != 2 || lines[1]["run"] != "20260301-120000-01234567" {
			s.Errorf("logged %v", lines)
		}
	})
}

func TestEndsOfExecutions(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		const machines = "arn:aws:states:us-west-1:123456789012:stateMachine:"
		for _, test := range []struct{ prefix, machine, status, want string }{
			{"", "drover-stage-gateways", "ABORTED", "another state machine"},
			{machines + "drover-", "payroll", "ABORTED", "another state machine"},
			{machines + "drover-", "drover-stagecoach-x", "ABORTED", "another state machine"},
			{machines + "drover-", "drover-stage-gateways", "RUNNING", "has not ended"},
			{machines + "drover-", "drover-stage-gateways", "ABORTED", ""}, // of a run that is long gone
		} {
			s.host.Machines = test.prefix
			got, err := s.invoke("x", time.Minute, map[string]any{
				"detail-type": event.TypeExecutionStatusChange, "source": event.SourceStates,
				"detail": map[string]any{
					"executionArn": "arn:aws:states:us-west-1:123456789012:execution:m:n", "stateMachineArn": machines + test.machine,
					"name": "n", "status": test.status, "input": `{"run": "20260301-120000-01234567"}`,
				},
			})
			if err != nil {
				s.Fatal(err)
			}
			if !strings.Contains(got.text, test.want) || (test.want == "") != (len(got.NotWanted) == 0) {
				s.Errorf("%+v: answered %s", test, got.text)
			}
		}
	})
}
