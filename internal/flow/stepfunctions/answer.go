package stepfunctions

import (
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
)

// Task is what a Task state of the document sends: whose turn it is, and the
// step that the execution is at, which is [automation.StepPlan], a step of the
// kind, or [StepUnwind].
type Task struct {
	Run  string `json:"run"`
	Step string `json:"step"`
}

// The steps of an execution that are none of the kind's.
const (
	// StepUnwind is the step of the loop that undoes and releases.
	StepUnwind = "(unwind)"
	// StepGiveUp is where an execution goes that could not have its turn taken.
	StepGiveUp = "(give up)"
)

// Answer is what a Task state gets: where to go.
type Answer struct {
	Go string `json:"go"`
	// Seconds is how long to wait, if Go is GoWait.
	Seconds int `json:"seconds"`
}

// The ways out of a Task. A run that has ended goes by its outcome.
const (
	GoWait   = "wait"   // and come back to this step
	GoNext   = "next"   // to the step that follows
	GoPlan   = "plan"   // back to the beginning: the run observes and decides anew
	GoUnwind = "unwind" // the run undoes and releases
)

// answer says where the execution is to go that asked for a turn.
func answer(run *flow.Run, steps []automation.StepInfo, t Task, now time.Time) Answer {
	switch at := position(steps, run.Step); {
	case !run.Live():
		return Answer{Go: string(run.Outcome)}
	case t.Step == StepUnwind && (run.Ending != nil || run.Until.After(now)):
		return wait(run, now)
	case t.Step == StepUnwind: // it is tried again, and goes on
		return Answer{Go: GoPlan}
	case run.Ending != nil:
		return Answer{Go: GoUnwind}
	case run.Step == t.Step:
		return wait(run, now)
	case at > position(steps, t.Step):
		return Answer{Go: GoNext}
	}
	return Answer{Go: GoPlan}
}

// wait rounds up: a turn that comes too early is none.
func wait(run *flow.Run, now time.Time) Answer {
	until := run.Due
	if run.Until.After(until) {
		until = run.Until
	}
	return Answer{Go: GoWait, Seconds: max(0, int((until.Sub(now)+time.Second-1)/time.Second))}
}

// position is a step's place in the flow; observing and deciding come first.
func position(steps []automation.StepInfo, name string) int {
	return slices.IndexFunc(steps, func(s automation.StepInfo) bool { return s.Name == name })
}
