package sfn_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/awssim/sfn"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

func TestRounds(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		s.function = func(_ context.Context, call int) (answer, error) {
			if call < 3 {
				return answer{Go: "wait", Seconds: call * 10}, nil
			}
			return answer{Go: "end"}, nil
		}
		s.begin()
		s.drive()
		e := s.ended("SUCCEEDED", "")
		s.visited("ask", "where", "wait", "ask", "where", "wait", "ask", "where", "end")
		if want := []time.Duration{0, 10 * time.Second, 30 * time.Second}; !slices.Equal(s.at, want) {
			s.Errorf("calls at %v, want %v", s.at, want)
		}
		if want := `{"step":"ask","who":"me"}`; s.payloads[2] != want {
			s.Errorf("the function was sent %s, want %s", s.payloads[2], want)
		}
		// 1 for the beginning; a Task has 5, a Choice and a Wait 2 each; Succeed 2, and 1 for the end.
		if want := 1 + 3*5 + 3*2 + 2*2 + 3; e.Events != want {
			s.Errorf("%d events in the history, want %d", e.Events, want)
		}
		if took := e.Stopped.Sub(e.Started); took != 30*time.Second {
			s.Errorf("it took %v", took)
		}
	})
}

func TestRetry(t *testing.T) {
	trouble := &sfn.InvokeError{Name: "Lambda.TooManyRequestsException", Cause: "Rate Exceeded."}
	t.Run("in time", func(t *testing.T) {
		bubble(t, aTask, func(s *scene) {
			s.function = func(_ context.Context, call int) (answer, error) {
				if call < 3 {
					return answer{}, trouble
				}
				return answer{Go: "end"}, nil
			}
			s.begin()
			s.drive()
			e := s.ended("SUCCEEDED", "")
			s.visited("ask", "where", "end")
			if want := []time.Duration{0, time.Second, 4 * time.Second}; !slices.Equal(s.at, want) {
				s.Errorf("calls at %v, want %v", s.at, want)
			}
			if want := 1 + 2*3 + 5 + 2 + 3; e.Events != want {
				s.Errorf("%d events in the history, want %d", e.Events, want)
			}
		})
	})
	t.Run("in vain", func(t *testing.T) {
		bubble(t, aTask, func(s *scene) {
			s.function = func(context.Context, int) (answer, error) { return answer{}, trouble }
			s.begin()
			s.drive()
			s.ended("FAILED", "Gone")
			s.visited("ask", "gone")
			if len(s.at) != 3 {
				s.Errorf("%d calls, want the first and two more", len(s.at))
			}
		})
	})
	t.Run("after the execution was stopped in the pause", func(t *testing.T) {
		bubble(t, aTask, func(s *scene) {
			s.function = func(_ context.Context, call int) (answer, error) {
				if call == 1 {
					time.AfterFunc(time.Second/2, s.stop)
				}
				return answer{}, trouble
			}
			s.begin()
			s.drive()
			s.ended("ABORTED", "Enough")
			if len(s.at) != 1 {
				s.Errorf("%d calls, want one", len(s.at))
			}
		})
	})
	t.Run("after the execution was stopped", func(t *testing.T) {
		bubble(t, aTask, func(s *scene) {
			s.function = func(context.Context, int) (answer, error) {
				s.stop()
				return answer{}, trouble
			}
			s.begin()
			s.drive()
			s.ended("ABORTED", "Enough")
			if len(s.at) != 1 {
				s.Errorf("%d calls, want one", len(s.at))
			}
		})
	})
}

// TestCatch: which errors a Catch is about.
func TestCatch(t *testing.T) {
	late := func(ctx context.Context, _ int) (answer, error) {
		<-ctx.Done()
		return answer{}, ctx.Err()
	}
	fails := func(context.Context, int) (answer, error) { return answer{}, errors.New("out of luck") }
	broken := func(context.Context, int) (answer, error) { return answer{}, &sfn.InvokeError{Name: "States.Runtime"} }
	for name, test := range map[string]struct {
		names    string
		function func(context.Context, int) (answer, error)
		error    string
	}{
		"all, an error":          {`["States.ALL"]`, fails, "Gone"},
		"all, a time-out":        {`["States.ALL"]`, late, "Gone"},
		"all, a broken machine":  {`["States.ALL"]`, broken, "States.Runtime"},
		"time-outs, a time-out":  {`["States.Timeout"]`, late, "Gone"},
		"time-outs, an error":    {`["States.Timeout"]`, fails, "errorString"},
		"failures, an error":     {`["States.TaskFailed"]`, fails, "Gone"},
		"failures, a time-out":   {`["States.TaskFailed"]`, late, "States.Timeout"},
		"that name, an error":    {`["other", "errorString"]`, fails, "Gone"},
		"another name, an error": {`["other"]`, fails, "errorString"},
	} {
		t.Run(name, func(t *testing.T) {
			definition := strings.Replace(aTask, `"Catch": [{"ErrorEquals": ["States.ALL"]`, `"Catch": [{"ErrorEquals": `+test.names, 1)
			bubble(t, definition, func(s *scene) {
				s.function = test.function
				s.begin()
				s.drive()
				s.ended("FAILED", test.error)
			})
		})
	}
}

func TestATaskThatIsTooLate(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		s.function = func(ctx context.Context, call int) (answer, error) {
			if call == 1 {
				return answer{Go: "end"}, clock.Real{}.Sleep(ctx, time.Hour)
			}
			return answer{Go: "end"}, nil
		}
		s.begin()
		s.drive()
		s.ended("SUCCEEDED", "")
		if want := []time.Duration{0, 61 * time.Second}; !slices.Equal(s.at, want) {
			s.Errorf("calls at %v, want %v", s.at, want)
		}
	})
}

// TestWhatIsThere: a Choice by what the input has, a Task that sends a part of it
// as it is, and an answer that takes the input's place.
func TestWhatIsThere(t *testing.T) {
	definition := swap(t,
		`{"StartAt": "ask", "States": {`, `{"StartAt": "whose", "States": {
			"whose": {"Type": "Choice", "Choices": [
				{"Variable": "$.who.name", "IsPresent": false, "Next": "nobody"},
				{"Variable": "$.who.name", "IsPresent": true, "Next": "ask"}
			], "Default": "lost"},
			"nobody": {"Type": "Succeed"},`,
		`"Payload": {"who.$": "$.who", "step": "ask"}`, `"Payload.$": "$.who"`,
		`"ResultPath": "$.turn"`, `"ResultPath": "$"`,
		`"$.turn.go"`, `"$.go"`, `"$.turn.go"`, `"$.go"`, `"$.turn.seconds"`, `"$.seconds"`,
	)
	for input, states := range map[string][]string{
		`{"who": {"name": "me", "age": [7]}}`: {"whose", "ask", "where", "end"},
		`{"who": {"name": null}}`:             {"whose", "ask", "where", "end"},
		`{"who": {"age": [7]}}`:               {"whose", "nobody"},
		`{"who": "me"}`:                       {"whose", "nobody"},
		`{}`:                                  {"whose", "nobody"},
	} {
		t.Run(input, func(t *testing.T) {
			bubble(t, definition, func(s *scene) {
				if _, err := s.start("x", input); err != nil {
					s.Fatal(err)
				}
				s.drive()
				s.ended("SUCCEEDED", "")
				s.visited(states...)
				for _, sent := range s.payloads {
					var got any
					var want map[string]any
					if err := errors.Join(json.Unmarshal([]byte(sent), &got), json.Unmarshal([]byte(input), &want)); err != nil {
						s.Fatal(err)
					}
					if !reflect.DeepEqual(got, want["who"]) {
						s.Errorf("the function was sent %s of %s", sent, input)
					}
				}
			})
		})
	}
}

func TestAnswersThatTheMachineCannotFollow(t *testing.T) {
	for name, test := range map[string]struct {
		answer answer
		error  string
	}{
		"an unknown word":         {answer{Go: "home"}, "Lost"},
		"a wait without an end":   {answer{Go: "wait"}, "States.Runtime"},
		"a wait into the past":    {answer{Go: "wait", Seconds: -1}, "States.Runtime"},
		"a wait of half a second": {answer{Go: "wait", Seconds: 0.5}, "States.Runtime"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, aTask, func(s *scene) {
				s.function = func(context.Context, int) (answer, error) { return test.answer, nil }
				s.begin()
				s.drive()
				s.ended("FAILED", test.error)
			})
		})
	}
	t.Run("an input without what the Task sends, which no Catch is about", func(t *testing.T) {
		bubble(t, aTask, func(s *scene) {
			if _, err := s.start("x", `{}`); err != nil {
				s.Fatal(err)
			}
			s.drive()
			s.ended("FAILED", "States.Runtime")
			s.visited("ask")
		})
	})
}

// TestHistoryIsLimited: event 25,000 says that it is full.
func TestHistoryIsLimited(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		s.function = func(context.Context, int) (answer, error) { return answer{Go: "wait", Seconds: 1}, nil }
		s.begin()
		s.drive()
		e := s.ended("FAILED", "States.Runtime")
		if e.Events != sfn.MaxHistory || !strings.Contains(e.Cause, "25000") {
			s.Errorf("%d events, %s", e.Events, e.Cause)
		}
		if rounds := (sfn.MaxHistory - 1) / 9; len(s.at) < rounds || len(s.at) > rounds+1 {
			s.Errorf("%d calls, want one for every 9 events", len(s.at))
		}
		if last := s.events[len(s.events)-1]; !strings.Contains(string(last.Detail), `"FAILED"`) {
			s.Errorf("the last event: %s", last.Detail)
		}
	})
}

func TestStopWhileATaskRuns(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		s.function = func(context.Context, int) (answer, error) {
			s.stop()
			s.stop() // the second time it changes nothing
			return answer{Go: "wait", Seconds: 3600}, nil
		}
		s.begin()
		s.drive()
		e := s.ended("ABORTED", "Enough")
		s.visited("ask")
		if e.Cause != "says a person" || !e.Stopped.Equal(s.began) {
			s.Errorf("stopped at %v: %s", e.Stopped, e.Cause)
		}
		var statuses []string
		for _, ev := range s.events {
			c, ok, err := event.AsExecutionStatusChange(ev)
			if !ok || err != nil {
				s.Fatal(ok, err)
			}
			if c.Execution != e.ARN || c.Machine != s.machine || c.Name != "x" || c.Input != `{"who": "me"}` {
				s.Errorf("event: %+v", c)
			}
			statuses = append(statuses, c.Status)
		}
		if want := []string{"RUNNING", "ABORTED"}; !slices.Equal(statuses, want) {
			s.Errorf("events: %q, want %q", statuses, want)
		}
	})
}

// TestStopIsTheEnd: what becomes of the Task afterwards changes nothing.
func TestStopIsTheEnd(t *testing.T) {
	bubble(t, strings.ReplaceAll(aTask, `["States.ALL"]`, `["other"]`), func(s *scene) {
		s.function = func(context.Context, int) (answer, error) {
			s.stop()
			return answer{}, errors.New("out of luck")
		}
		s.begin()
		s.drive()
		s.ended("ABORTED", "Enough")
		if len(s.events) != 2 {
			s.Errorf("%d events, want one of the beginning and one of the end", len(s.events))
		}
	})
}

// TestDriveGoesOn: what one Drive left, the next goes on with.
func TestDriveGoesOn(t *testing.T) {
	t.Run("in a Wait", func(t *testing.T) {
		bubble(t, aTask, func(s *scene) {
			s.function = func(_ context.Context, call int) (answer, error) {
				if call == 1 {
					return answer{Go: "wait", Seconds: 100}, nil
				}
				return answer{Go: "end"}, nil
			}
			s.begin()
			for _, part := range []time.Duration{30 * time.Second, 30 * time.Second} {
				ctx, cancel := context.WithTimeout(s.Context(), part)
				if err := s.steps.Drive(ctx, clock.Real{}, s.invoke); !errors.Is(err, context.DeadlineExceeded) {
					s.Errorf("the Drive ended with %v", err)
				}
				cancel()
			}
			s.drive()
			s.ended("SUCCEEDED", "")
			s.visited("ask", "where", "wait", "ask", "where", "end")
			if want := []time.Duration{0, 100 * time.Second}; !slices.Equal(s.at, want) {
				s.Errorf("calls at %v, want %v", s.at, want)
			}
		})
	})
	t.Run("in a Task", func(t *testing.T) {
		bubble(t, aTask, func(s *scene) {
			ctx, cancel := context.WithCancel(s.Context())
			s.function = func(context.Context, int) (answer, error) {
				cancel()
				return answer{Go: "end"}, nil
			}
			s.begin()
			if err := s.steps.Drive(ctx, clock.Real{}, s.invoke); !errors.Is(err, context.Canceled) {
				s.Errorf("the Drive ended with %v", err)
			}
			s.ended("RUNNING", "")
			s.drive()
			s.ended("SUCCEEDED", "")
			s.visited("ask", "where", "end")
			if len(s.at) != 2 {
				s.Errorf("%d calls, want the one that was lost and another", len(s.at))
			}
		})
	})
}

func TestAFunctionThatAnswersNoJSON(t *testing.T) {
	bubble(t, aTask, func(s *scene) {
		s.begin()
		err := s.steps.Drive(s.Context(), clock.Real{}, func(context.Context, string, []byte) ([]byte, error) { return []byte("{"), nil })
		if err == nil || !strings.Contains(err.Error(), function) {
			s.Errorf("the Drive ended with %v", err)
		}
	})
}
