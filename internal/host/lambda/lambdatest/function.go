package lambdatest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Options describe a function.
type Options struct {
	Program string
	Args    []string
	// Dir is where the package is unpacked.
	Dir string
	// Env is the function's own environment, as NAME=VALUE. AWS adds its part.
	Env     []string
	Name    string        // "drover" if left out
	Region  string        // "us-west-1" if left out
	Timeout time.Duration // a minute if left out
}

// Function is a function that can be invoked. Make one with [New], and close it.
type Function struct {
	o   Options
	log logFile

	turn sync.Mutex // held by the invocation under way

	mu  sync.Mutex
	box *sandbox // nil before the first invocation
}

// New describes a function. Nothing is started yet.
func New(o Options) *Function {
	o.Name = cmp.Or(o.Name, "drover")
	o.Region = cmp.Or(o.Region, "us-west-1")
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	return &Function{o: o}
}

// Result is what became of an invocation.
type Result struct {
	RequestID string
	Payload   json.RawMessage // the answer
	Error     *FunctionError  // instead of an answer
	Cold      bool            // a process was started for it
	Took      time.Duration   // until the answer; from the start of the process if it was cold
}

// FunctionError is how a function fails.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// What AWS says of functions that cannot say anything themselves.
const (
	TypeExit    = "Runtime.ExitError"
	TypeTimeout = "Sandbox.Timedout"
)

// Invoke invokes the function and waits for its answer. The error is about the
// machinery; that of the function is in the result.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Result, error) {
	return f.Retry(ctx, newRequestID(), payload)
}

// Retry is what Lambda does when an asynchronous invocation has failed: it
// invokes the function again under the same id.
func (f *Function) Retry(ctx context.Context, requestID string, payload []byte) (Result, error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	inv := &invocation{id: requestID, payload: payload, done: make(chan outcome, 1)}
	result := Result{RequestID: requestID}
	began := time.Now()
	box, cold, err := f.sandbox()
	if err != nil {
		return result, err
	}
	result.Cold = cold
	limit := time.NewTimer(initLimit)
	defer limit.Stop()
	for handed := false; !handed; {
		select {
		case box.next <- inv:
			handed = true
		case failed := <-box.initFailed:
			f.Kill()
			result.Error = failed
			return result, nil
		case <-box.exited:
			if result.Cold {
				result.Error = exitError(requestID, box.exit)
				return result, nil
			}
			// It has died since the last invocation: that is no fault of this one.
			if box, result.Cold, err = f.sandbox(); err != nil {
				return result, err
			}
		case <-limit.C:
			f.Kill()
			result.Error = &FunctionError{TypeTimeout, fmt.Sprintf("RequestId: %s Error: Init timed out after %.2f seconds", requestID, initLimit.Seconds())}
			return result, nil
		case <-ctx.Done():
			f.Kill()
			return result, ctx.Err()
		}
	}
	end := time.NewTimer(f.o.Timeout)
	defer end.Stop()
	var became outcome
	select {
	case became = <-inv.done:
	case <-box.exited:
		became = inv.answered(exitError(requestID, box.exit))
	case <-end.C:
		f.Kill()
		became = inv.answered(&FunctionError{TypeTimeout, fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, f.o.Timeout.Seconds())})
	case <-ctx.Done():
		f.Kill()
		return result, ctx.Err()
	}
	result.Took, result.Payload, result.Error = time.Since(began), became.payload, became.err
	return result, nil
}

// initLimit is the time that AWS gives a function to begin.
const initLimit = 10 * time.Second

func exitError(requestID string, exit error) *FunctionError {
	what := "exit status 0"
	if exit != nil {
		what = exit.Error()
	}
	return &FunctionError{TypeExit, fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", requestID, what)}
}

// sandbox is the living process, or else a new one.
func (f *Function) sandbox() (box *sandbox, cold bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.box != nil && f.box.alive() {
		return f.box, false, nil
	}
	if f.box != nil {
		ended := f.box
		f.box = nil
		if err := ended.end(); err != nil {
			return nil, false, err
		}
	}
	log, err := f.log.open()
	if err != nil {
		return nil, false, err
	}
	f.box, err = start(f.o, log)
	return f.box, true, err
}

// Kill ends the process at once, as `kill -9` does, in the middle of whatever
// it does. The next invocation starts another.
func (f *Function) Kill() {
	f.mu.Lock()
	box := f.box
	f.mu.Unlock()
	if box != nil {
		box.kill()
		<-box.exited
	}
}

// PID is the process that answered last.
func (f *Function) PID() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.box == nil {
		return 0
	}
	return f.box.cmd.Process.Pid
}

// Close ends the function.
func (f *Function) Close() error {
	f.Kill()
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.box != nil {
		err = f.box.end()
		f.box = nil
	}
	if closed := f.log.close(); err == nil {
		err = closed
	}
	return err
}

// Log is all that the function's processes have written.
func (f *Function) Log() string { return f.log.String() }

// Lines are the lines of the log that are JSON objects.
func (f *Function) Lines() []map[string]any { return f.log.lines() }

// newRequestID looks like AWS's.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
