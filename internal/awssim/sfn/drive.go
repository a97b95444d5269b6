package sfn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
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
// (facts/apis.md 10). The last one is that it failed for that reason (measured:
// GH floci-io/floci#2734).
const MaxHistory = 25_000

// Drive runs all executions that are running to their end, one after another,
// also those that are started meanwhile, but for those that another Drive is at. When ctx ends the present one stays
// where it is, and goes on with the next Drive: a Wait ends when it would have,
// and a Task is begun anew, with all its retries.
func (s *Service) Drive(ctx context.Context, clk clock.Clock, f Function) error {
	for {
		arn, ok := s.take()
		if !ok {
			return nil
		}
		d := driver{service: s, arn: arn, clock: clk, function: f}
		if err := d.run(ctx); err != nil {
			return fmt.Errorf("execution %s: %w", arn, err)
		}
	}
}

// take finds an execution that runs and that nobody drives.
func (s *Service) take() (arn string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.Executions() {
		if e.Status == "RUNNING" && !s.driven[e.ARN] {
			s.driven[e.ARN] = true
			return e.ARN, true
		}
	}
	return "", false
}

func (s *Service) leave(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.driven, arn)
}

// run carries out states until the execution has ended.
func (d driver) run(ctx context.Context) error {
	defer d.service.leave(d.arn)
	for d.running() {
		if err := d.step(ctx); err != nil {
			return err
		}
	}
	return nil
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
	entered := d.enter()
	switch now.Type {
	case "Task":
		return d.task(ctx, now, e.data)
	case "Choice":
		d.choose(now, e.data)
	case "Wait":
		seconds, err := path(e.data, now.SecondsPath)
		n, ok := seconds.(float64)
		if err != nil || !ok || n < 0 || n != math.Trunc(n) {
			d.fail(runtime, fmt.Sprintf("wait for %v seconds: %v", seconds, err))
			return nil
		}
		end := entered.Add(time.Duration(n) * time.Second)
		if err := d.clock.Sleep(ctx, end.Sub(d.clock.Now())); err != nil {
			return err
		}
		d.move(now.Next, e.data, 2)
	case "Succeed":
		d.end("SUCCEEDED", "", "", 3)
	case "Fail":
		d.end("FAILED", now.Error, now.Cause, 2)
	}
	return nil
}

func (d driver) choose(s state, data any) {
	for _, c := range s.Choices {
		value, err := path(data, c.Variable)
		if err != nil && c.IsPresent == nil {
			d.fail(runtime, err.Error())
			return
		}
		if c.applies(value, err == nil) {
			d.move(c.Next, data, 2)
			return
		}
	}
	d.move(s.Default, data, 2)
}

// applies says whether a rule does: to a value, if there is one.
func (c choice) applies(value any, present bool) bool {
	if c.IsPresent != nil {
		return present == *c.IsPresent
	}
	return value == *c.StringEquals
}

// task calls the function, again as its Retry says, and goes on. What the
// function does or returns after the execution was stopped changes nothing.
func (d driver) task(ctx context.Context, s state, data any) error {
	parameters, err := fill(s.Parameters, data)
	if err != nil {
		d.fail(runtime, err.Error())
		return nil
	}
	tried := make([]int, len(s.Retry))
	for d.running() {
		result, failure, err := d.invoke(ctx, s, parameters.(map[string]any))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case failure == nil:
			d.done(s, data, result)
			return nil
		}
		i := slices.IndexFunc(s.Retry, func(r retrier) bool { return matches(r.ErrorEquals, failure.Name) })
		if i < 0 || tried[i] == s.Retry[i].MaxAttempts {
			d.caught(s, data, failure)
			return nil
		}
		pause := float64(s.Retry[i].IntervalSeconds) * math.Pow(s.Retry[i].BackoffRate, float64(tried[i]))
		tried[i]++
		d.count(3) // scheduled, started, failed
		if !d.running() {
			break
		}
		if err := d.clock.Sleep(ctx, time.Duration(pause*float64(time.Second))); err != nil {
			return err
		}
	}
	return nil
}

// invoke calls the function once. The error is one of the driver's own.
func (d driver) invoke(ctx context.Context, s state, parameters map[string]any) (any, *InvokeError, error) {
	payload, err := json.Marshal(parameters["Payload"])
	if err != nil {
		return nil, nil, err
	}
	name, _ := parameters["FunctionName"].(string)
	limit := time.Duration(s.TimeoutSeconds) * time.Second
	late := d.clock.Now().Add(limit) // of a virtual clock the context knows nothing
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	returned, err := d.function(within, name, payload)
	var failure *InvokeError
	switch {
	case within.Err() != nil, d.clock.Now().After(late):
		return nil, &InvokeError{Name: timedOut, Cause: "the Task took longer than its TimeoutSeconds"}, nil
	case errors.As(err, &failure):
		return nil, failure, nil
	case err != nil:
		return nil, &InvokeError{Name: "errorString", Cause: err.Error()}, nil // as aws-lambda-go names it
	}
	var result any
	if err := json.Unmarshal(returned, &result); err != nil {
		return nil, nil, fmt.Errorf("function %s returned %q: %w", name, returned, err)
	}
	return map[string]any{"Payload": result, "StatusCode": float64(200)}, nil, nil
}

// done takes a Task's result over and goes on.
func (d driver) done(s state, data, result any) {
	if s.ResultSelector != nil {
		selected, err := fill(s.ResultSelector, result)
		if err != nil {
			d.fail(runtime, err.Error())
			return
		}
		result = selected
	}
	data, err := put(data, s.ResultPath, result)
	if err != nil {
		d.fail("States.ResultPathMatchFailure", err.Error())
		return
	}
	d.move(s.Next, data, 5)
}

// caught goes on from a Task's failure, or ends the execution.
func (d driver) caught(s state, data any, failure *InvokeError) {
	i := slices.IndexFunc(s.Catch, func(c catcher) bool { return matches(c.ErrorEquals, failure.Name) })
	if i < 0 {
		d.fail(failure.Name, failure.Cause)
		return
	}
	data, err := put(data, s.Catch[i].ResultPath, map[string]any{"Error": failure.Name, "Cause": failure.Cause})
	if err != nil {
		d.fail("States.ResultPathMatchFailure", err.Error())
		return
	}
	d.move(s.Catch[i].Next, data, 5)
}

// enter enters the present state, unless an earlier Drive has, and says when
// that was.
func (d driver) enter() (at time.Time) {
	d.change(func(m *awssim.Moment, e *execution) {
		if e.entered.IsZero() {
			e.entered, e.Visited = m.Now, append(e.Visited, e.At)
		}
		at = e.entered
	})
	return at
}

// move goes to the next state.
func (d driver) move(to string, data any, events int) {
	d.change(func(_ *awssim.Moment, e *execution) { e.At, e.data, e.entered = to, data, time.Time{} })
	d.count(events)
}

// count writes events to the history. When it is full, the execution fails.
func (d driver) count(events int) {
	d.change(func(m *awssim.Moment, e *execution) {
		e.Events += events
		if e.Events >= MaxHistory {
			e.Events = MaxHistory
			e.end(m, "FAILED", runtime, "The execution reached the maximum number of history events (25000).")
		}
	})
}

func (d driver) fail(name, cause string) { d.end("FAILED", name, cause, 2) }

// end ends the execution; the last of its events says so.
func (d driver) end(status, name, cause string, events int) {
	d.count(events - 1)
	d.change(func(m *awssim.Moment, e *execution) {
		e.Events++
		e.end(m, status, name, cause)
	})
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
