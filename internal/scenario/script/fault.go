package script

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/cloud/call"
)

// landing is how much later the effect of a call comes that failed late.
const landing = 30 * time.Second

// faults are what goes wrong with Drover's calls.
type faults struct {
	mu     sync.Mutex
	active []*active
	spared []*active // those that are over and befell no call
	stale  time.Duration
	failed map[string]int // Drover's calls that failed and were not told of yet
}

// active is a fault of a step.
type active struct {
	Fault
	step, index int
	until       time.Time      // zero: until it is replaced
	struck      map[string]int // by resource
}

// set replaces the faults.
func (f *faults) set(step int, list []Fault, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.active {
		if len(a.struck) == 0 {
			f.spared = append(f.spared, a)
		}
	}
	f.active = nil
	for i, fault := range list {
		a := &active{Fault: fault, step: step, index: i, struck: map[string]int{}}
		if fault.For > 0 {
			a.until = now.Add(time.Duration(fault.For))
		}
		f.active = append(f.active, a)
	}
}

// befall says what befalls a call of Drover's: the first fault that fits.
func (f *faults) befall(c awssim.Call, now time.Time) awssim.Fault {
	if c.Actor != drover {
		return awssim.Fault{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	about, _ := call.Effect(c.Input)
	for _, a := range f.active {
		over := !a.until.IsZero() && !now.Before(a.until)
		if a.Call != c.Operation || over || !strings.Contains(about, a.About) || a.Times > 0 && a.struck[about] >= a.Times {
			continue
		}
		a.struck[about]++
		err := map[string]func() error{
			"throttled": func() error { return awssim.Throttled(c.Operation) },
			"error":     awssim.InternalError,
			"denied":    func() error { return awssim.Denied(c.Operation, about) },
			"reset":     awssim.ConnectionReset,
			"timeout":   awssim.Timeout,
		}[a.Fails]()
		switch a.When {
		case "after":
			return awssim.FailAfter(err)
		case "late":
			return awssim.FailLate(landing, err)
		}
		return awssim.FailBefore(err)
	}
	return awssim.Fault{}
}

func (f *faults) readBehind(c awssim.Call) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Actor != drover {
		return 0
	}
	return f.stale
}

func (f *faults) setStale(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stale = d
}

// met keeps a call of Drover's that failed, for the timeline.
func (f *faults) met(c awssim.Call) {
	if c.Actor != drover || c.Err == nil {
		return
	}
	why := "no answer"
	var answer smithy.APIError
	if errors.As(c.Err, &answer) {
		why = answer.ErrorCode()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed[c.Operation+" failed: "+why]++
}

// move moves the calls that have failed to those of a run.
func (f *faults) move(to map[string]int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for what, n := range f.failed {
		to[what] += n
	}
	clear(f.failed)
}
