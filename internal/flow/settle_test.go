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

var (
	t0    = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	steps = []automation.StepInfo{{Name: "move", Title: "move", Attempt: 10 * time.Second, Limit: time.Minute}}
	one   = automation.Change{Step: "move", Operation: "ec2:ReplaceRoute", Resource: "rtb-1 10.0.0.0/8", From: "eni-a", To: "eni-b", Why: "i-a is stopped"}
	other = automation.Change{Step: "move", Operation: "ec2:ReplaceRoute", Resource: "rtb-2 10.0.0.0/8", From: "eni-a", To: "eni-b", Why: "i-a is stopped"}
)

func planning() Run {
	return Run{Step: automation.StepPlan, Act: automation.Do, Attempt: 1, Since: t0, Created: t0, Due: t0, Owner: "p", Until: t0.Add(time.Minute), Topic: "arn:topic"}
}

func moving(changes ...automation.Change) Run {
	r := planning()
	r.Step, r.Plan.Changes = "move", changes
	r.Marks = []Mark{{Step: "move", Begun: t0, Attempts: 1, Until: r.Until}}
	return r
}

func audited(c automation.Change, o call.Outcome) Entry {
	return Entry{Step: "move", Act: automation.Do, Entry: call.Entry{At: t0, Operation: c.Operation, Resource: c.Resource, To: c.To, Outcome: o}}
}

// summary says what settle made of a run, in one line.
func summary(r Run, now time.Time) string {
	var s []string
	if r.Live() {
		s = append(s, fmt.Sprintf("at %s attempt %d, due in %s", r.Step, r.Attempt, r.Due.Sub(now)))
		if r.Waiting != "" {
			s = append(s, "waiting: "+r.Waiting)
		}
	} else {
		s = append(s, string(r.Outcome))
		if r.Reason != "" {
			s = append(s, r.Reason)
		}
	}
	for _, l := range r.Left {
		s = append(s, fmt.Sprintf("left %s %s", l.Resource, l.Why))
	}
	if n := len(r.Outbox); n > 0 {
		s = append(s, fmt.Sprintf("%d notice", n))
	}
	return strings.Join(s, " | ")
}

func TestSettle(t *testing.T) {
	cause := errors.New("cause")
	for _, test := range []struct {
		name  string
		run   Run
		res   result
		after time.Duration
		want  string
	}{
		{"a plan leads to the first step", planning(), result{plan: automation.Plan{Changes: []automation.Change{one}}}, 0, "at move attempt 0, due in 0s"},
		{"nothing to do", planning(), result{plan: automation.Plan{Nothing: "all well"}}, 0, "nothing-to-do | all well"},
		{"nothing can be done", planning(), result{plan: automation.Plan{Stuck: []automation.Remark{{Resource: "x", Why: "stays"}}}}, 0, "stuck | nothing can be done | left x stays | 1 notice"},
		{"skipped while planning", planning(), result{err: failure.Skipf("not ours")}, 0, "nothing-to-do | not ours"},
		{"waiting is not trying", planning(), result{err: failure.Waitf(t0.Add(time.Second), "a read")}, 0, "at plan attempt 0, due in 1s | waiting: a read"},
		{"a wait for the past is soon", planning(), result{err: failure.Waitf(t0.Add(-time.Second), "a read")}, 0, "at plan attempt 0, due in 250ms | waiting: a read"},
		{"a wait has an end", planning(), result{err: failure.Waitf(t0.Add(time.Hour), "a read")}, automation.PlanLimit, "rolled-back | waited 2m0s for a read | 1 notice"},
		{"an unknown error is tried again", planning(), result{err: cause}, 0, "at plan attempt 1, due in 250ms | waiting: another attempt: cause"},
		{"but not for ever", planning(), result{err: cause}, automation.PlanLimit, "rolled-back | gave up after 1 attempts: cause | 1 notice"},
		{"what needs a person stops at once", planning(), result{err: failure.Stopf("denied: %w", cause)}, 0, "rolled-back | denied: cause | 1 notice"},
		{"a step is done", moving(one), result{entries: []Entry{audited(one, call.Done)}}, 0, "succeeded | 1 notice"},
		{
			"a step is done, something was out of reach", func() Run {
				r := moving(one)
				r.Plan.Stuck = []automation.Remark{{Resource: "x", Why: "stays"}}
				return r
			}(),
			result{entries: []Entry{audited(one, call.Done)}},
			0,
			"stuck | only a part could be done | left x stays | 1 notice",
		},
		{"a step fails before it touched anything", moving(one), result{err: failure.Stopf("denied"), entries: []Entry{audited(one, call.Refused)}}, 0, "rolled-back | denied | left rtb-1 10.0.0.0/8 is still eni-a, not eni-b | 1 notice"},
		{"a step fails half-way", moving(one, other), result{err: failure.Stopf("denied"), entries: []Entry{audited(one, call.Done), audited(other, call.Refused)}}, 0, "stuck | denied | left rtb-2 10.0.0.0/8 is still eni-a, not eni-b | 1 notice"},
		{"a step fails and nobody knows what happened", moving(one), result{err: failure.Stopf("denied"), entries: []Entry{audited(one, call.Unknown)}}, 0, "stuck | denied | left rtb-1 10.0.0.0/8 may have changed: nobody knows whether ec2:ReplaceRoute is done | 1 notice"},
		{"a stale plan is made anew", moving(one), result{err: fmt.Errorf("a: %w", fmt.Errorf("b: %w", &automation.Replan{Why: "x"}))}, 0, "at plan attempt 0, due in 0s"},
		{"but not for ever", func() Run { r := moving(one); r.Replans = automation.MaxReplans; return r }(), result{err: &automation.Replan{Why: "x"}}, 0, "rolled-back | the world changed 9 times while this run was acting: the plan is out of date: x | left rtb-1 10.0.0.0/8 is still eni-a, not eni-b | 1 notice"},
		{"a new plan with nothing left ends what the old one did", func() Run { r := planning(); r.Made = []automation.Change{one}; return r }(), result{plan: automation.Plan{Nothing: "all well"}}, 0, "succeeded | 1 notice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := t0.Add(test.after)
			got := settle(test.run, steps, test.res, now)
			if s := summary(got, now); s != test.want {
				t.Errorf("got  %s\nwant %s", s, test.want)
			}
			if got.Owner != "" || !got.Until.IsZero() {
				t.Errorf("still owned by %q until %v", got.Owner, got.Until)
			}
		})
	}
}

func TestSettleLeavesItsArgumentAlone(t *testing.T) {
	run := moving(one)
	run.Audit = make([]Entry, 0, 8)
	settle(run, steps, result{entries: []Entry{audited(one, call.Done)}}, t0)
	if len(run.Audit[:1]) > 0 && run.Audit[:1][0].Operation != "" {
		t.Error("settle wrote into the audit of the run it was given")
	}
	if len(run.Made)+len(run.Outbox) > 0 || !run.Marks[0].Done.IsZero() {
		t.Errorf("settle changed the run it was given: %+v", run)
	}
}

func TestPauseGrowsToABound(t *testing.T) {
	last := time.Duration(0)
	for n := 1; n < 40; n++ {
		p := pause(n, maxPause)
		if p < last || p > maxPause {
			t.Fatalf("pause(%d) = %v after %v", n, p, last)
		}
		last = p
	}
	if last != maxPause {
		t.Errorf("pauses grow to %v, want %v", last, maxPause)
	}
}

func TestRecordsAreSmall(t *testing.T) {
	r := moving()
	for table := range 20 {
		for route := range 500 {
			c := one
			c.Resource = fmt.Sprintf("rtb-%017x 10.%d.%d.0/24", table*7919, route/256, route%256)
			r.Plan.Changes = append(r.Plan.Changes, c)
			r.Made = append(r.Made, c)
			r.Audit = append(r.Audit, audited(c, call.Done))
		}
	}
	value, err := encode(r)
	if err != nil {
		t.Fatalf("10,000 routes: %v", err)
	}
	var back Run
	if err := decode(value, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Made) != len(r.Made) || back.Plan.Changes[9999] != r.Plan.Changes[9999] {
		t.Error("the record did not survive")
	}
}

func TestTooLargeSaysWhatToDo(t *testing.T) {
	r := moving()
	random := make([]byte, 0, 2_000_000)
	for i := uint64(1); len(random) < cap(random); i++ {
		random = fmt.Appendf(random, "%x", i*0x9e3779b97f4a7c15)
	}
	r.Reason = string(random)
	_, err := encode(r)
	if failure.ClassOf(err) != failure.Stop || len(failure.Hints(err)) == 0 {
		t.Errorf("encode = %v, hints %q; want a stop with a hint", err, failure.Hints(err))
	}
}

// TestACallWithoutAnAnswerCountsOnceItsStepIsDone: the step looks before it says
// that it is done.
func TestACallWithoutAnAnswerCountsOnceItsStepIsDone(t *testing.T) {
	r := settle(moving(one, other), steps, result{err: errors.New("no answer"), entries: []Entry{audited(one, call.Unknown)}}, t0)
	if len(r.Made) > 0 {
		t.Errorf("made before anybody has looked: %v", r.Made)
	}
	r = settle(r, steps, result{entries: []Entry{audited(other, call.Done)}}, t0)
	if r.Outcome != Succeeded || len(r.Made) != 2 {
		t.Errorf("%s with %d changes made, want 2", r.Outcome, len(r.Made))
	}
}
