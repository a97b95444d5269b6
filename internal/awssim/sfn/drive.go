package sfn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
)

// Function stands for Lambda: it is given the function's ARN and the payload,
// and returns what the function returned. An [InvokeError] has a name.
type Function func(ctx context.Context, arn string, payload []byte) ([]byte, error)

// InvokeError is a call of Lambda that failed, by the name that Step Functions
// knows it by, such as "Lambda.Unknown".
type InvokeError struct{ Name, Cause string }

func (e *InvokeError) Error() string { return e.Name + ": " + e.Cause }

// MaxHistory is how many events the history of an execution holds
// (facts/apis.md 10).
const MaxHistory = 25_000

// Drive runs all executions that are running to their end, one after another,
// also those that are started meanwhile. When ctx ends the present one stays
// where it is, and goes on with the next Drive.
func (s *Service) Drive(ctx context.Context, clk clock.Clock, f Function) error {
	for {
		arn, ok := s.running()
		if !ok {
			return nil
		}
		d := driver{service: s, arn: arn, clock: clk, function: f}
		for d.running() {
			if err := d.step(ctx); err != nil {
				return fmt.Errorf("execution %s: %w", arn, err)
			}
		}
	}
}

// driver runs one execution. It never holds the world's lock while a function
// runs or time passes.
type driver struct {
	service  *Service
	arn      string
	clock    clock.Clock
	function Function
}

func (d driver) running() bool {
	running := false
	d.service.store.View(func(s *world) { running = s.executions[d.arn].Status == "RUNNING" })
	return running
}

// step carries out one state. An error is one of the driver's own.
func (d driver) step(ctx context.Context) error {
	var e execution
	var m machine
	d.service.store.View(func(s *world) { e = s.executions[d.arn]; m = s.machines[e.Machine].definition })
	if err := ctx.Err(); err != nil {
		return err
	}
	now := m.States[e.At]
	d.visit()
	switch now.Type {
	case "Task":
		return d.task(ctx, now, e.data)
	case "Choice":
		return d.choose(now, e.data)
	case "Wait":
		seconds, err := path(e.data, now.SecondsPath)
		n, ok := seconds.(float64)
		if err != nil || !ok || n < 0 || n != math.Trunc(n) {
			return d.fail("States.Runtime", fmt.Sprintf("wait for %v seconds: %v", seconds, err))
		}
		if err := d.clock.Sleep(ctx, time.Duration(n)*time.Second); err != nil {
			return err
		}
		return d.move(now.Next, e.data, 2)
	case "Succeed":
		d.end("SUCCEEDED", "", "")
	case "Fail":
		d.end("FAILED", now.Error, now.Cause)
	}
	return nil
}

func (d driver) choose(s state, data any) error {
	for _, c := range s.Choices {
		value, err := path(data, c.Variable)
		if err != nil {
			return d.fail("States.Runtime", err.Error())
		}
		if value == c.StringEquals {
			return d.move(c.Next, data, 2)
		}
	}
	return d.move(s.Default, data, 2)
}

// task calls the function, again as its Retry says, and goes on.
func (d driver) task(ctx context.Context, s state, data any) error {
	parameters, err := fill(s.Parameters, data)
	if err != nil {
		return d.fail("States.ParameterPathFailure", err.Error())
	}
	tried := make([]int, len(s.Retry))
	for {
		result, failure := d.invoke(ctx, s, parameters.(map[string]any))
		if err := ctx.Err(); err != nil {
			return err
		}
		if failure == nil {
			return d.done(s, data, result)
		}
		again := false
		for i, r := range s.Retry {
			if matches(r.ErrorEquals, failure.Name) && tried[i] < r.MaxAttempts {
				pause := float64(r.IntervalSeconds) * math.Pow(r.BackoffRate, float64(tried[i]))
				tried[i]++
				again = true
				d.count(3)
				if err := d.clock.Sleep(ctx, time.Duration(pause*float64(time.Second))); err != nil {
					return err
				}
				break
			}
		}
		if again {
			continue
		}
		for _, c := range s.Catch {
			if matches(c.ErrorEquals, failure.Name) {
				caught, err := put(data, c.ResultPath, map[string]any{"Error": failure.Name, "Cause": failure.Cause})
				if err != nil {
					return d.fail("States.ResultPathMatchFailure", err.Error())
				}
				return d.move(c.Next, caught, 5)
			}
		}
		return d.fail(failure.Name, failure.Cause)
	}
}

func (d driver) invoke(ctx context.Context, s state, parameters map[string]any) (any, *InvokeError) {
	payload, err := json.Marshal(parameters["Payload"])
	if err != nil {
		return nil, &InvokeError{Name: "States.Runtime", Cause: err.Error()}
	}
	name, _ := parameters["FunctionName"].(string)
	within, cancel := context.WithTimeout(ctx, time.Duration(s.TimeoutSeconds)*time.Second)
	defer cancel()
	returned, err := d.function(within, name, payload)
	var failure *InvokeError
	switch {
	case within.Err() != nil:
		return nil, &InvokeError{Name: "States.Timeout", Cause: "the Task took longer than its TimeoutSeconds"}
	case errors.As(err, &failure):
		return nil, failure
	case err != nil:
		return nil, &InvokeError{Name: "errorString", Cause: err.Error()} // as aws-lambda-go names it
	}
	var result any
	if err := json.Unmarshal(returned, &result); err != nil {
		return nil, &InvokeError{Name: "States.Runtime", Cause: err.Error()}
	}
	return map[string]any{"Payload": result, "StatusCode": float64(200)}, nil
}

// done takes a Task's result over and goes on.
func (d driver) done(s state, data, result any) error {
	if s.ResultSelector != nil {
		selected, err := fill(s.ResultSelector, result)
		if err != nil {
			return d.fail("States.Runtime", err.Error())
		}
		result = selected
	}
	data, err := put(data, s.ResultPath, result)
	if err != nil {
		return d.fail("States.ResultPathMatchFailure", err.Error())
	}
	return d.move(s.Next, data, 5)
}

func (d driver) visit() {
	d.change(func(_ *awssim.Moment, e *execution) { e.Visited = append(e.Visited, e.At) })
}

func (d driver) count(events int) {
	d.change(func(_ *awssim.Moment, e *execution) { e.Events += events })
}

// move goes to the next state, unless somebody has stopped the execution or
// its history is full.
func (d driver) move(to string, data any, events int) error {
	d.change(func(m *awssim.Moment, e *execution) {
		e.Events += events
		e.At, e.data = to, data
		if e.Events > MaxHistory {
			e.end(m, "FAILED", "States.Runtime", "The execution reached the maximum number of history events (25000).")
		}
	})
	return nil
}

func (d driver) fail(name, cause string) error {
	d.end("FAILED", name, cause)
	return nil
}

func (d driver) end(status, name, cause string) {
	d.change(func(m *awssim.Moment, e *execution) { e.end(m, status, name, cause) })
}

// change applies a change to an execution that still runs.
func (d driver) change(f func(*awssim.Moment, *execution)) {
	d.service.store.Do(func(m *awssim.Moment, s *world) {
		if e := s.executions[d.arn]; e.Status == "RUNNING" {
			f(m, &e)
			s.executions[d.arn] = e
		}
	})
}
