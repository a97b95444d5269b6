package flowtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// point is where something can go wrong: a call that a process makes, to the
// ledger, to AWS or to the topic. The points of a history are numbered.
type point struct {
	operation string // such as "ledger:Write", "ec2:ReplaceRoute", "sns:Publish"
	writes    bool
	place     string // where the runs stood
	step      string // of the run begun last
	rereads   bool   // the ledger, after another read of it
	live      bool   // some run is
	asks      bool   // and has a step that asks
	failed    bool   // the run begun last has
}

// distinct numbers the points that differ. A step that waits looks again and
// again, and its third look is like its second.
func distinct(points []point) []int {
	var numbers []int
	seen, last, nth := map[string]bool{}, "", 0
	for i, p := range points {
		if nth++; p.place != last {
			last, nth = p.place, 0
		}
		if key := fmt.Sprintf("%s %s %d", p.place, p.operation, nth); !seen[key] {
			seen[key] = true
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

func (p point) ledger() bool { return strings.HasPrefix(p.operation, "ledger:") }
func (p point) aws() bool    { return strings.HasPrefix(p.operation, "ec2:") }

// fault is what goes wrong at a point.
type fault string

const (
	// The process dies before the call leaves it.
	crashBefore fault = "crash before"
	// The process dies when the call has had its effect.
	crashAfter fault = "crash after"
	// The process dies; the effect comes as late as a call of its attempt can.
	crashLate fault = "crash, effect late"
	// The call fails without effect.
	failBefore fault = "fails before its effect"
	// The call fails, but has had its effect.
	failAfter fault = "fails after its effect"
	// The call fails, and its effect comes late as above.
	failLate fault = "fails, effect late"
	// AWS refuses the call because there were too many. The SDK repeats it, as it
	// does after failBefore: a single one is not worth a history.
	throttle fault = "throttled"
	// AWS refuses the call for good.
	deny fault = "denied"
	// The read shows the world as it was almost a minute ago.
	stale fault = "stale"
	// Somebody cancels the run just before the call.
	cancel fault = "cancel"
	// Somebody approves the run just before the call, asked or not.
	approve fault = "approve"
	// The process is held up before the call, for longer than an attempt.
	freeze fault = "freeze"
	// The process is held up before the call, while another one resumes what is
	// due and goes on until nothing is left to do.
	overtake fault = "overtake"
	// The event is delivered to another process just before the call.
	deliver fault = "deliver again"
	// The event is delivered to another process just before the call, and that
	// one sees it to its end.
	handle fault = "handle again"
	// Somebody has the run tried again, if it has failed, just before the call.
	again fault = "try again"
	// The process is there only after an hour, and its next call to AWS fails.
	outage fault = "an hour later"
	// From now on every process is of a program that lacks the kind.
	outdated fault = "another program"
	// AWS refuses the call for now, and the SDK does not repeat it.
	failFirmly fault = "refused for now"
)

// all are the faults that seeded histories choose from.
var all = append([]fault{throttle}, faults...)

var faults = []fault{
	crashBefore, crashAfter, crashLate, failBefore, failAfter, failLate, deny, stale, cancel, freeze, overtake, deliver, handle, again,
}

// faults are those that may befall a shape.
func (s shape) faults(faults []fault) []fault {
	if s.asks() {
		return append(slices.Clone(faults), approve)
	}
	return faults
}

// can says whether a fault makes a difference at a point, and one that it does
// not make at the point before or after. What happens before a read is as if
// it happened after the last write, except for what the read then shows.
func (f fault) can(p point) bool {
	read := !p.writes && p.ledger()
	switch f {
	case crashLate, failLate:
		return p.aws() && p.writes
	case crashAfter, failAfter:
		return p.writes
	case throttle, deny:
		return p.aws()
	case stale:
		return p.aws() && !p.writes
	case cancel:
		return p.live && !p.rereads
	case approve:
		return p.asks && !p.rereads
	case again:
		return p.failed && !p.rereads
	case deliver, handle:
		return p.ledger() && p.writes
	case crashBefore, freeze, overtake:
		return !read
	case failBefore, outage, outdated, failFirmly:
	}
	return true
}

// lasts says whether a fault is tried also while a run is tried again: what it
// then goes through is for the most part what it went through before.
func (f fault) lasts() bool {
	return f.kills() || f == failLate || f == cancel || f == overtake
}

// kills says whether the process dies of the fault.
func (f fault) kills() bool { return f == crashBefore || f == crashAfter || f == crashLate }

// at is a fault at a point, by its number.
type at struct {
	n     int
	fault fault
}

// script is what goes wrong in a history.
type script []at

func (s script) String() string {
	if len(s) == 0 {
		return "nothing goes wrong"
	}
	var parts []string
	for _, a := range s {
		parts = append(parts, fmt.Sprintf("%d: %s", a.n, a.fault))
	}
	return strings.Join(parts, ", ")
}

// of is what goes wrong at a point; empty if nothing does.
func (s script) of(n int) fault {
	for _, a := range s {
		if a.n == n {
			return a.fault
		}
	}
	return ""
}

// has says whether any of these faults is in the script.
func (s script) has(faults ...fault) bool {
	return slices.ContainsFunc(s, func(a at) bool { return slices.Contains(faults, a.fault) })
}

func uitoa(n uint64) string { return strconv.FormatUint(n, 10) }
