package flowtest

import (
	"errors"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
)

// Errors of each class, wrapped twice.
var (
	stops     = func(time.Time) error { return twice(failure.Stopf("no permission")) }
	retries   = func(time.Time) error { return twice(failure.Retryf("throttled")) }
	unknown   = func(time.Time) error { return twice(errors.New("something unheard of")) }
	neverWait = func(now time.Time) error { return twice(failure.Waitf(now.Add(poll), "what never comes")) }
	skips     = func(time.Time) error { return twice(failure.Skipf("done already")) }
	dies      = func(time.Time) error { return errDead }
)

// Steps that many flows have.
var (
	makeA = step{name: "a", makes: true}
	setB  = step{name: "b", sets: "s"}
	makeC = step{name: "c", makes: true}
	holdA = step{name: "a", holds: true}
	last  = step{name: "z", makes: true}
)

// shapes are the flows of the suite: every form of a step, every class of
// failure, every way to end.
var shapes = []shape{
	{name: "one step", steps: []step{setB}, want: flow.Succeeded},
	{name: "several steps", steps: []step{makeA, setB, makeC}, want: flow.Succeeded},
	{name: "a step waits", steps: []step{{name: "a", makes: true, waits: true}, setB}, want: flow.Succeeded},
	{name: "a step holds", steps: []step{holdA, setB, {name: "c", makes: true, holds: true}}, want: flow.Succeeded},
	{name: "a step provides", steps: []step{{name: "a", makes: true, provides: true}, {name: "b", sets: "s", to: "${a.id}"}}, want: flow.Succeeded},
	{name: "a step commits", steps: []step{makeA, {name: "b", sets: "s", commit: true}, makeC}, want: flow.Succeeded},
	{name: "the first step skips", steps: []step{{name: "a"}, setB}, fails: map[string]failing{"a do": skips}, want: flow.NothingToDo},
	{name: "the first step skips what it has done", steps: []step{{name: "b", sets: "s", adopts: true}, makeC}, want: flow.Succeeded},
	{name: "a later step skips", steps: []step{setB, makeC, last}, fails: map[string]failing{"c do": skips}, want: flow.Succeeded},
	{
		name:  "a step replans",
		steps: []step{{name: "a", makes: true, checks: "s"}, setB},
		interferes: func(n int) (string, string) {
			if n == 1 {
				return "s", "user"
			}
			return "", ""
		},
		want: flow.Succeeded,
	},
	{
		name:  "a step always replans",
		steps: []step{makeA, {name: "check", checks: "s"}, setB},
		interferes: func(n int) (string, string) {
			return "s", []string{"old", "user"}[n%2]
		},
		differs: []string{"check"},
		want:    flow.RolledBack, left: []string{"slots s"},
	},
	{
		name:  "a step replans after its effect, and nothing is to be done any more",
		steps: []step{makeA, {name: "check", checks: "s"}, setB},
		interferes: func(n int) (string, string) {
			if n == 1 {
				return "s", "done by the user"
			}
			return "", ""
		},
		want: flow.NothingToDo,
	},
	{
		name:  "a step replans after its effect, and a later one fails",
		steps: []step{{name: "a", sets: "s", rechecks: "t"}, {name: "b", sets: "t"}, makeC},
		interferes: func(n int) (string, string) {
			if n == 1 {
				return "t", "user"
			}
			return "", ""
		},
		fails: map[string]failing{"c do": stops},
		want:  flow.RolledBack, left: []string{"slots t"},
	},
	{name: "a step asks", steps: []step{makeA, {name: "b", makes: true, sets: "s", asks: true}, makeC}, want: flow.Succeeded},
	{
		name: "a step asks, and a later one fails", steps: []step{{name: "a", makes: true, holds: true, asks: true}, setB, makeC},
		fails: map[string]failing{"c done": stops}, differs: []string{"a"},
		want: flow.RolledBack, left: []string{"slots s"},
	},
	{
		name: "a step asks, and nobody approves", steps: []step{makeA, {name: "b", makes: true, sets: "s", asks: true}},
		ignored: true, differs: []string{"b"},
		want: flow.RolledBack, left: []string{"slots s"},
	},
	{name: "nothing to do", steps: []step{{name: "a", makes: true}}, want: flow.NothingToDo},
	{
		name: "nothing can be done", steps: []step{makeA}, stuck: []automation.Remark{{Resource: "x", Why: "is out of reach"}},
		want: flow.Stuck, left: []string{"x"},
	},
	{
		name: "a part can be done", steps: []step{makeA, setB}, stuck: []automation.Remark{{Resource: "x", Why: "is out of reach"}},
		want: flow.Stuck, left: []string{"x"},
	},
	{name: "planning stops", steps: []step{setB}, fails: map[string]failing{"plan do": stops}, want: flow.RolledBack},
	{name: "planning skips", steps: []step{setB}, fails: map[string]failing{"plan do": skips}, want: flow.NothingToDo},
	{name: "planning waits for ever", steps: []step{setB}, fails: map[string]failing{"plan do": neverWait}, differs: []string{"plan"}, want: flow.RolledBack},
	{
		name: "the last step stops", steps: []step{makeA, setB, {name: "c", makes: true, holds: true}},
		fails: map[string]failing{"c done": stops}, want: flow.RolledBack, left: []string{"slots s"},
	},
	failsAt("stops before its effect", "c do", stops),
	failsAt("retries for ever", "c do", retries),
	failsAt("fails for unknown reasons", "c done", unknown),
	failsAt("waits for ever", "c done", neverWait),
	failsAt("kills its process each time", "c do", dies),
	failsAt("kills its process each time after its effect", "c done", dies),
	{
		name:  "a step fails after one that commits",
		steps: []step{makeA, {name: "b", makes: true, sets: "s", commit: true}, {name: "c", makes: true, holds: true, sets: "t"}},
		fails: map[string]failing{"c done": stops},
		want:  flow.Stuck, left: []string{"step c"},
	},
	{
		name:  "a step fails after one that cannot be undone",
		steps: []step{{name: "a", sets: "t", noUndo: true}, setB, makeC},
		fails: map[string]failing{"c do": stops},
		want:  flow.Stuck, left: []string{"slots s"},
	},
	{
		name:  "a step only holds, and a later one fails",
		steps: []step{holdA, setB, makeC}, differs: []string{"a"},
		fails: map[string]failing{"c done": stops},
		want:  flow.RolledBack, left: []string{"slots s"},
	},
	{
		name:  "undo and release",
		steps: []step{{name: "a", makes: true, holds: true}, {name: "b", sets: "s", makes: true, holds: true}, makeC},
		fails: map[string]failing{"c done": stops},
		want:  flow.RolledBack, left: []string{"slots s"},
	},
	{
		name:  "an undo stops",
		steps: []step{{name: "a", makes: true, holds: true}, {name: "b", sets: "s", makes: true}, makeC},
		fails: map[string]failing{"c done": stops, "b undo": stops},
		want:  flow.Stuck, left: []string{"slots s", "step b"},
	},
	{
		name:  "an undo retries for ever",
		steps: []step{makeA, {name: "b", makes: true}, {name: "c", sets: "s"}, last},
		fails: map[string]failing{"z do": stops, "b undo": retries}, differs: []string{"b"},
		want: flow.Stuck, left: []string{"step b", "slots s"},
	},
	{
		name:  "a release stops",
		steps: []step{{name: "a", makes: true, holds: true}, setB},
		fails: map[string]failing{"a release": stops},
		want:  flow.Stuck, left: []string{"step a"},
	},
	{
		name:  "a release waits for ever after a failure",
		steps: []step{{name: "a", makes: true, holds: true}, setB, makeC},
		fails: map[string]failing{"c do": stops, "a release": neverWait}, differs: []string{"a"},
		want: flow.Stuck, left: []string{"step a", "slots s"},
	},
	{
		name:  "an undo kills its process each time",
		steps: []step{makeA, {name: "b", makes: true}, {name: "c", sets: "s"}},
		fails: map[string]failing{"c done": stops, "b undo": dies}, differs: []string{"b"},
		want: flow.Stuck, left: []string{"step b", "slots s"},
	},
}

// failsAt is a flow of three steps that fails at the last one, as the one above
// that stops there does otherwise.
func failsAt(how, where string, f failing) shape {
	return shape{
		name: "the last step " + how, steps: []step{makeA, setB, {name: "c", makes: true, holds: true}},
		fails: map[string]failing{where: f}, differs: []string{"c"}, want: flow.RolledBack, left: []string{"slots s"},
	}
}
