package flow

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/failure"
)

// Three steps: what a makes can be undone, b holds something as well, c only holds.
var abc = []automation.StepInfo{
	{Name: "a", Title: "a", Attempt: 10 * time.Second, Limit: time.Minute, Undoes: true},
	{Name: "b", Title: "b", Attempt: 10 * time.Second, Limit: time.Minute, Poll: 5 * time.Second, Undoes: true, Releases: true},
	{Name: "c", Title: "c", Attempt: 10 * time.Second, Limit: time.Minute, Releases: true},
}

func committing(step string) []automation.StepInfo {
	steps := append([]automation.StepInfo{}, abc...)
	for i := range steps {
		steps[i].Commit = steps[i].Name == step
	}
	return steps
}

func changeOf(step string) automation.Change {
	c := one
	c.Step, c.Resource = step, "rtb-"+step
	return c
}

// doing is a run with an attempt under way at a step; the steps before are done.
func doing(step string) Run {
	r := planning()
	r.Step, r.Due = step, t0
	for _, s := range abc {
		m := Mark{Step: s.Name, Begun: t0, Attempts: 1, Until: r.Until}
		r.Plan.Changes = append(r.Plan.Changes, changeOf(s.Name))
		if s.Name == step {
			r.Marks = append(r.Marks, m)
			return r
		}
		m.Done = t0
		r.Marks = append(r.Marks, m)
		r.Made = append(r.Made, changeOf(s.Name))
		r.Audit = append(r.Audit, called(s.Name, call.Done))
	}
	return r
}

func called(step string, o call.Outcome) Entry {
	e := audited(changeOf(step), o)
	e.Step = step
	return e
}

// unwinding is a run that undoes or releases a step, whose steps have all acted.
// What c held is released, unless it is at that.
func unwinding(act automation.Act, step string, e Ending) Run {
	r := doing("c")
	r.Audit = append(r.Audit, called("c", call.Unknown))
	r.Step, r.Act, r.Ending = step, act, &e
	if step != "c" {
		r.Marks[2].Released = t0
	}
	return r
}

var errStop = failure.Stopf("denied")

func failed() Ending { return Ending{Outcome: RolledBack, Reason: "cause", Undo: true} }

// where says how a run stands, in one line.
func where(r Run, now time.Time) string {
	s := summary(r, now)
	if r.Live() {
		s = string(r.Act) + " " + strings.TrimPrefix(s, "at ")
	}
	if r.Ending != nil && r.Ending.Again {
		s += " | again"
	}
	return s
}

func TestUnwind(t *testing.T) {
	stop := failure.Stopf("denied")
	with := func(r Run, change func(*Run)) Run { change(&r); return r }
	for _, test := range []struct {
		name  string
		run   Run
		steps []automation.StepInfo
		res   result
		after time.Duration
		want  string
	}{
		{"the last step begun is undone first", doing("b"), abc, result{err: stop}, 0, "undo b attempt 0, due in 0s"},
		{"a step without undo is released", doing("c"), abc, result{err: stop}, 0, "release c attempt 0, due in 0s"},
		{"and not begun, it is left alone", doing("a"), abc, result{err: stop}, 0, "undo a attempt 0, due in 0s"},
		{"an undo leads to the release of the same step", unwinding(automation.Undo, "b", failed()), abc, result{}, 0, "release b attempt 0, due in 0s"},
		{
			"a release leads to the undo of the step before", with(unwinding(automation.Release, "b", failed()), func(r *Run) {
				r.Marks[1].Undone = t0
			}), abc, result{}, 0, "undo a attempt 0, due in 0s",
		},
		{
			"after success things are only released", doing("c"), abc,
			result{entries: []Entry{called("c", call.Done)}},
			0,
			"release c attempt 0, due in 0s",
		},
		{
			"then the run has succeeded", unwinding(automation.Release, "b", Ending{Outcome: Succeeded}),
			abc,
			result{},
			0, "succeeded | 1 notice",
		},
		{
			"what is committed is not undone", doing("c"), committing("b"), result{err: stop}, 0, "release c attempt 0, due in 0s",
		},
		{
			"what was released after a commit leaves a person to look",
			unwinding(automation.Release, "b", Ending{Outcome: RolledBack, Reason: "cause"}),
			committing("b"),
			result{},
			0,
			"stuck | cause | left rtb-c may have changed: nobody knows whether ec2:ReplaceRoute is done | 1 notice",
		},
		{"a commit that is not done is undone", doing("b"), committing("b"), result{err: stop}, 0, "undo b attempt 0, due in 0s"},
		{
			"an undo that waits", unwinding(automation.Undo, "b", failed()), abc,
			result{err: failure.Waitf(t0.Add(time.Minute), "x")},
			0,
			"undo b attempt 0, due in 1m0s | waiting: x",
		},
		{
			"not more often than the step polls", unwinding(automation.Undo, "b", failed()), abc,
			result{err: failure.Waitf(t0, "x")},
			0,
			"undo b attempt 0, due in 5s | waiting: x",
		},
		{
			"an undo that fails for now", unwinding(automation.Undo, "b", failed()), abc,
			result{err: errors.New("x")},
			0,
			"undo b attempt 1, due in 250ms | waiting: another attempt: x",
		},
		{
			"its limit begins when AWS shows what there is", unwinding(automation.Undo, "b", failed()), abc,
			result{err: errors.New("x")},
			2*time.Minute + 59*time.Second,
			"undo b attempt 1, due in 250ms | waiting: another attempt: x",
		},
		{
			"and ends", unwinding(automation.Undo, "b", failed()), abc,
			result{err: errors.New("x")},
			3 * time.Minute,
			"release b attempt 0, due in 0s",
		},
		{
			"also for what waits", unwinding(automation.Undo, "b", failed()), abc,
			result{err: failure.Waitf(t0, "x")},
			3 * time.Minute,
			"release b attempt 0, due in 0s",
		},
		{"an undo that cannot be done", unwinding(automation.Undo, "b", failed()), abc, result{err: stop}, 0, "release b attempt 0, due in 0s"},
		{"an undo that has nothing to do", unwinding(automation.Undo, "b", failed()), abc, result{err: failure.Skipf("gone")}, 0, "release b attempt 0, due in 0s"},
		{
			"all is taken back", with(unwinding(automation.Undo, "a", failed()), func(r *Run) {
				r.Marks[1].Undone, r.Marks[1].Released = t0, t0
				r.Marks, r.Made, r.Plan.Changes = r.Marks[:2], r.Made[:1], r.Plan.Changes[:2]
			}), abc,
			result{},
			0,
			"rolled-back | cause | left rtb-a is still eni-a, not eni-b | left rtb-b is still eni-a, not eni-b | 1 notice",
		},
		{
			"something is left over", with(unwinding(automation.Undo, "a", failed()), func(r *Run) {
				r.Marks[1].UndoError, r.Marks[1].Released = "denied", t0
				r.Marks, r.Made, r.Plan.Changes = r.Marks[:2], r.Made[:2], r.Plan.Changes[:2]
			}), abc,
			result{},
			0,
			"stuck | cause | left rtb-b went to eni-b and could not be undone: denied | left rtb-a is still eni-a, not eni-b | 1 notice",
		},
		{
			"a release that cannot be done makes a person look", unwinding(automation.Release, "b", Ending{Outcome: Succeeded}),
			abc,
			result{err: stop},
			0, "stuck | something is left over | left step b could not be released: denied | 1 notice",
		},
		{
			"also if there was nothing to do", unwinding(automation.Release, "b", Ending{Outcome: NothingToDo, Reason: "all well"}),
			abc,
			result{err: stop},
			0, "stuck | all well; something is left over | left step b could not be released: denied | 1 notice",
		},
		{
			"calls outside the plan are named", with(unwinding(automation.Undo, "a", failed()), func(r *Run) {
				stray := called("a", call.Done)
				stray.Operation, stray.Resource = "ec2:CreateTags", "eni-1"
				r.Audit = append(r.Audit, stray, stray)
				r.Marks, r.Made, r.Plan.Changes = r.Marks[:1], nil, nil
			}), abc,
			result{err: stop},
			0,
			"stuck | cause | left step a could not be undone: denied; it called ec2:ReplaceRoute rtb-a, ec2:CreateTags eni-1 | 1 notice",
		},
		{
			"so is an attempt that never told", with(unwinding(automation.Undo, "a", failed()), func(r *Run) {
				r.Audit, r.Marks, r.Made, r.Plan.Changes = nil, r.Marks[:1], nil, nil
				r.Marks[0].Lost = true
			}), abc,
			result{err: stop},
			0,
			"stuck | cause | left step a could not be undone: denied; it called perhaps more in an attempt that never told | 1 notice",
		},
		{
			"a program without the kind takes nothing back", unwinding(automation.Undo, "b", failed()), nil,
			result{err: stop},
			0,
			"stuck | cause | left rtb-a went to eni-b and could not be undone: this program cannot do that" +
				" | left rtb-b went to eni-b and could not be undone: denied" +
				" | left step b could not be released: this program cannot do that" +
				" | left step c could not be undone: this program cannot do that" +
				" | left rtb-c may have changed: nobody knows whether ec2:ReplaceRoute is done | 1 notice",
		},
		{
			"and does not know what it may undo", doing("b"), nil,
			result{err: stop},
			0,
			"stuck | denied | left step a could not be released: this program cannot do that | left rtb-b is still eni-a, not eni-b | 1 notice",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := t0.Add(test.after)
			got := settle(test.run, test.steps, test.res, now)
			if s := where(got, now); s != test.want {
				t.Errorf("got  %s\nwant %s", s, test.want)
			}
		})
	}
}

func TestSettleWhatMayHaveActed(t *testing.T) {
	with := func(r Run, change func(*Run)) Run { change(&r); return r }
	lost := func(r *Run) { r.Marks[0].Lost = true }
	gate := []automation.StepInfo{{Name: "a", Title: "a", Attempt: 10 * time.Second, Limit: time.Minute}, abc[1]}
	for _, test := range []struct {
		name  string
		run   Run
		steps []automation.StepInfo
		res   result
		want  string
	}{
		{"the first step skips", doing("a"), abc, result{err: failure.Skipf("not ours")}, "nothing-to-do | not ours"},
		{"a later step skips", doing("b"), abc, result{err: failure.Skipf("done")}, "do c attempt 0, due in 0s"},
		{"the first step skips what an attempt may have done", with(doing("a"), lost), abc, result{err: failure.Skipf("done")}, "do b attempt 0, due in 0s"},
		{"and what it is known to have done", doing("a"), gate, result{err: failure.Skipf("done"), entries: []Entry{called("a", call.Done)}}, "do b attempt 0, due in 0s"},
		{
			"a step that changes nothing cannot have done it", with(doing("a"), func(r *Run) { lost(r); r.Plan.Changes = []automation.Change{changeOf("b")} }),
			gate,
			result{err: failure.Skipf("not ours")},
			"nothing-to-do | not ours",
		},
		{
			"a new plan does not need what was done", with(doing("a"), func(r *Run) { r.Step = automation.StepPlan; lost(r) }), abc,
			result{plan: automation.Plan{Nothing: "all well"}},
			"undo a attempt 0, due in 0s",
		},
		{
			"nor does one that is stuck", with(doing("a"), func(r *Run) { r.Step = automation.StepPlan; lost(r) }), abc,
			result{plan: automation.Plan{Stuck: []automation.Remark{{Resource: "x", Why: "stays"}}}},
			"undo a attempt 0, due in 0s",
		},
		{
			"unless it is committed", with(doing("b"), func(r *Run) { r.Step, r.Made = automation.StepPlan, nil }), committing("a"),
			result{plan: automation.Plan{Nothing: "all well"}},
			"release b attempt 0, due in 0s",
		},
		{
			"a change that was made stands", with(doing("b"), func(r *Run) { r.Step, r.Marks = automation.StepPlan, r.Marks[:1] }), abc,
			result{plan: automation.Plan{Nothing: "all well"}},
			"succeeded | 1 notice",
		},
		{
			"a new plan is gone through from the beginning", with(doing("b"), func(r *Run) { r.Step = automation.StepPlan }), abc,
			result{plan: automation.Plan{Changes: []automation.Change{changeOf("c")}}},
			"do a attempt 0, due in 0s",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := settle(test.run, test.steps, test.res, t0)
			if s := where(got, t0); s != test.want {
				t.Errorf("got  %s\nwant %s", s, test.want)
			}
		})
	}
}

// TestUndoSeesReplacedPlans: a change of a plan that was replaced is still to be
// taken back, and until it is.
func TestUndoSeesReplacedPlans(t *testing.T) {
	r := doing("b")
	r.Step = automation.StepPlan
	r = settle(r, abc, result{plan: automation.Plan{Changes: []automation.Change{changeOf("c")}}}, t0)
	if got := fmt.Sprint(r.Former); got != fmt.Sprint([]automation.Change{changeOf("a")}) {
		t.Fatalf("former changes: %s, want those of step a, which has acted", got)
	}
	r.Step, r.Act, r.Ending = "a", automation.Undo, &Ending{Outcome: RolledBack, Undo: true}
	if r = settle(r, abc, result{}, t0); len(r.Former)+len(r.Made) > 0 {
		t.Errorf("once it is undone there is still %v and %v", r.Former, r.Made)
	}
}

// TestLateAcknowledgement: what an overtaken attempt tells is not made any more
// once it was taken back; and what a step called is no other step's doing.
func TestLateAcknowledgement(t *testing.T) {
	r := doing("b")
	r.acknowledge([]Entry{called("b", call.Done)})
	if len(r.Made) != 2 {
		t.Errorf("made %v, want the changes of a and b", r.Made)
	}
	r = doing("b")
	r.Marks[1].Undone = t0
	other := called("b", call.Done)
	r.acknowledge([]Entry{other})
	other.Step = "c"
	r.Marks[1].Undone = time.Time{}
	r.acknowledge([]Entry{other})
	if len(r.Made) != 1 {
		t.Errorf("made %v, want the change of a only", r.Made)
	}
}

// What a step does within another is taken back with that, whether it is undone or
// released; and what a step has provided is named when it is not given back.
func TestWithin(t *testing.T) {
	steps := []automation.StepInfo{{Name: "launch", Releases: true}, {Name: "prepare", Within: "launch"}}
	at := func(act automation.Act) Run {
		return Run{
			Step: "launch", Act: act, Ending: &Ending{Outcome: RolledBack, Reason: "denied", Undo: true},
			Marks: []Mark{{Step: "launch", Begun: t0, Done: t0}, {Step: "prepare", Begun: t0, Lost: true}},
			Made: []automation.Change{
				{Step: "launch", Operation: "ec2:RunInstances", Resource: "ami-1"}, {Step: "prepare", Operation: "ssm:SendCommand", Resource: "i-1"},
			},
			Values: map[string]string{"launch.builder": "i-1"},
		}
	}
	if r := settle(at(automation.Release), steps, result{}, t0); r.Outcome != RolledBack || len(r.Made) > 0 {
		t.Errorf("%s, made %v", r.Outcome, r.Made)
	}
	r := settle(at(automation.Release), steps, result{err: errStop}, t0)
	if r.Outcome != Stuck || len(r.Left) == 0 || r.Left[0] != (automation.Remark{Resource: "i-1", Why: "could not be released: denied"}) {
		t.Errorf("%s, left %v", r.Outcome, r.Left)
	}
}
