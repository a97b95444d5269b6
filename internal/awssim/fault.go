package awssim

import "time"

// Fault is what goes wrong with a call. The zero value is nothing.
type Fault struct {
	timing timing
	err    error
	delay  time.Duration
}

type timing int

const (
	never timing = iota
	before
	after
	late
)

// FailBefore fails the call, which has no effect.
func FailBefore(err error) Fault { return Fault{timing: before, err: err} }

// FailAfter lets the call have its effect and then fails it: the answer is
// lost.
func FailAfter(err error) Fault { return Fault{timing: after, err: err} }

// FailLate fails the call now and lets its effect come d later, acting on what
// is there then.
func FailLate(d time.Duration, err error) Fault { return Fault{timing: late, err: err, delay: d} }
