package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/call"
)

// ended is a run whose steps have all acted and of which c is not done, after it
// has failed and unwound.
func ended(change func(*Run)) Run {
	r := unwinding(automation.Release, "c", failed())
	r.Ending, r.Outcome, r.Reason, r.Ended, r.Owner, r.Until = nil, Stuck, "cause", t0, "", time.Time{}
	r.Values, r.Replans = map[string]string{"a.id": "1"}, 3
	for i := range r.Marks {
		r.Marks[i].Until = t0.Add(-time.Hour)
	}
	change(&r)
	return r
}

func TestReopen(t *testing.T) {
	undone := func(r *Run, steps ...int) {
		for _, i := range steps {
			r.Marks[i].Undone = t0
		}
	}
	released := func(r *Run) { r.Marks[1].Released, r.Marks[2].Released = t0, t0 }
	for _, test := range []struct {
		name  string
		run   Run
		steps []automation.StepInfo
		want  string
		marks string // the steps remembered, those that are done in capitals
	}{
		{"nothing was begun", ended(func(r *Run) { r.Marks = nil }), abc, "do plan attempt 0, due in 0s", ""},
		{"all was taken back", ended(func(r *Run) { undone(r, 0, 1, 2); released(r) }), abc, "do plan attempt 0, due in 0s", ""},
		{"what is committed stands, and what was released is needed again", ended(released), committing("b"), "do b attempt 0, due in 0s", "Abc"},
		{
			"what is committed stands", ended(released),
			[]automation.StepInfo{{Name: "a"}, {Name: "b", Commit: true}, {Name: "c"}},
			"do b attempt 0, due in 0s", "Abc",
		},
		{
			"a step that did nothing is forgotten", ended(func(r *Run) {
				released(r)
				r.Marks[1].Released, r.Audit = time.Time{}, []Entry{called("a", call.Done), called("b", call.Done), called("c", call.Refused)}
			}),
			[]automation.StepInfo{{Name: "a"}, {Name: "b", Commit: true}, {Name: "c"}},
			"do c attempt 0, due in 0s", "AB",
		},
		{"a failed undo is tried again first", ended(func(r *Run) { released(r); undone(r, 0, 2); r.Marks[1].UndoError = "x" }), abc, "undo b attempt 0, due in 0s | again", "ABc"},
		{"a failed release is tried again first", ended(func(r *Run) {
			released(r)
			undone(r, 0, 1)
			r.Marks[2].ReleaseError, r.Marks[2].Released = "x", time.Time{}
		}), abc, "release c attempt 0, due in 0s | again", "ABc"},
		{"also after a commit, and then only that", ended(func(r *Run) { released(r); r.Marks[2].ReleaseError, r.Marks[2].Released = "x", time.Time{} }), committing("b"), "release c attempt 0, due in 0s | again", "ABc"},
		{"what nobody has unwound is unwound", ended(func(r *Run) { r.Marks[0].Done, r.Marks[1].Done = time.Time{}, time.Time{} }), abc, "release c attempt 0, due in 0s | again", "abc"},
		{
			"what cannot be undone is remembered", ended(func(r *Run) { released(r); undone(r, 1) }), abc[1:], "do plan attempt 0, due in 0s", "Ac",
		},
		{
			"all is done", ended(func(r *Run) { released(r); r.Marks[2].Done = t0 }), abc, "succeeded | 1 notice", "ABC",
		},
		{
			"all is done that could be", ended(func(r *Run) {
				released(r)
				r.Marks[2].Done, r.Plan.Stuck = t0, []automation.Remark{{Resource: "x", Why: "stays"}}
			}), abc, "do plan attempt 0, due in 0s", "ABC",
		},
		{
			"it waits until what was taken back cannot be seen any more", ended(func(r *Run) { undone(r, 0, 1, 2); released(r); r.Quiet = t0.Add(time.Minute) }), abc,
			"do plan attempt 0, due in 1m0s | waiting: certainty about what was taken back", "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.run.reopen(test.steps, t0)
			if s := where(got, t0); s != test.want {
				t.Errorf("got  %s\nwant %s", s, test.want)
			}
			var marks strings.Builder
			for _, m := range got.Marks {
				name := m.Step
				if !m.Done.IsZero() {
					name = strings.ToUpper(name)
				}
				marks.WriteString(name)
				if m.UndoError+m.ReleaseError != "" {
					t.Errorf("an error is remembered: %+v", m)
				}
			}
			if marks.String() != test.marks {
				t.Errorf("marks %s, want %s", marks.String(), test.marks)
			}
			if got.Retries != 1 || got.Replans != 0 || got.Live() && len(got.Left)+len(got.Reason) > 0 || got.Live() && !got.Ended.IsZero() {
				t.Errorf("not as if it had never ended: %+v", got)
			}
		})
	}
}

// TestReopenedIsStuckAgain: what still cannot be undone ends the run as before.
func TestReopenedIsStuckAgain(t *testing.T) {
	r := ended(func(r *Run) {
		r.Marks[0].Undone, r.Marks[1].Released, r.Marks[2].Undone, r.Marks[2].Released = t0, t0, t0, t0
		r.Marks[1].UndoError = "x"
		r.Made = r.Made[1:]
	}).reopen(abc, t0)
	r = settle(r, abc, result{err: errStop}, t0)
	want := "stuck | cause | left rtb-b went to eni-b and could not be undone: denied | left rtb-a is still eni-a, not eni-b | left rtb-c is still eni-a, not eni-b | 1 notice"
	if s := where(r, t0); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

// TestLimits: a limit counts from the first attempt, and not while nobody is there.
func TestLimits(t *testing.T) {
	r := doing("a")
	r.Owner, r.Until, r.Marks = "", time.Time{}, nil
	r.Attempt = 0
	at := func(d time.Duration) time.Time { return t0.Add(d) }

	r.begin("p", 10*time.Second, at(time.Hour)) // due at t0
	if !r.Since.Equal(at(time.Hour)) || r.over(abc, at(time.Hour+59*time.Second)) || !r.over(abc, at(time.Hour+time.Minute)) {
		t.Errorf("the limit counts from %v, want from the first attempt", r.Since)
	}
	if r.hopeless(abc, at(3*time.Hour)) {
		t.Error("one lost attempt is no reason to give up, however long ago it was")
	}
	r.begin("q", 10*time.Second, at(3*time.Hour)) // the first attempt was over after 15 s
	if r.over(abc, at(3*time.Hour+44*time.Second)) || !r.over(abc, at(3*time.Hour+45*time.Second)) {
		t.Errorf("idle for %v, want all but the 15 s of the first attempt", r.Idle)
	}
	if r.hopeless(abc, at(9*time.Hour)) {
		t.Error("two lost attempts within the limit are no reason to give up")
	}
	for range 2 {
		r.begin("r", 10*time.Second, r.Until)
	}
	if m := r.Marks[0]; m.Attempts != 4 || !m.Begun.Equal(at(time.Hour)) || !m.Until.Equal(r.Until) {
		t.Errorf("mark %+v", m)
	}
	if !r.hopeless(abc, r.Until) {
		t.Errorf("after %d lost attempts and %v nobody gives up", r.Attempt, r.Until.Sub(r.Since)-r.Idle)
	}
	r.Owner = ""
	if r.hopeless(abc, r.Until) {
		t.Error("an attempt that told how it went is not lost")
	}
}

// TestBeginAgain: a step that is begun again after a retry has a limit of its own,
// and is still known to have acted.
func TestBeginAgain(t *testing.T) {
	r := doing("b")
	r.Marks[0].Attempts, r.Marks[0].Done, r.Marks[0].Released = 0, time.Time{}, t0
	r.Owner, r.Until = "", time.Time{}
	later := t0.Add(time.Hour)
	r = r.enter("a", later)
	if !r.Since.Equal(later) {
		t.Errorf("the limit counts from %v, want from now", r.Since)
	}
	r.begin("p", time.Second, later)
	if m := r.Marks[0]; !m.Begun.Equal(later) || !m.Lost || !m.Released.IsZero() || m.Attempts != 1 {
		t.Errorf("mark %+v", m)
	}
	r = r.turnTo("a", automation.Release, later)
	if r.begin("p", time.Second, later); !r.Quiet.Equal(r.Until.Add(lag)) {
		t.Errorf("quiet from %v, want a lag after %v", r.Quiet, r.Until)
	}
	r = r.enter("a", later.Add(time.Second))
	if r.begin("p", time.Second, later.Add(time.Second)); !r.Since.Equal(later) {
		t.Errorf("after a replan the limit counts from %v, want from the first attempt", r.Since)
	}
}

// TestANoticeToldBeforeIsKept: suppressing a notice does not forget those before it.
func TestANoticeToldBeforeIsKept(t *testing.T) {
	r := Run{Outcome: Stuck, Reason: "x", Ended: t0, Due: t0, Outbox: []Notice{{Subject: "first", Sent: t0}, {Subject: "second"}}}
	c := claim{Told: "stuck: x: []", ToldAt: t0}
	c.tell(&r)
	if len(r.Outbox) != 1 || r.Outbox[0].Subject != "first" || !r.Due.IsZero() {
		t.Errorf("outbox %+v, due %v", r.Outbox, r.Due)
	}
}

func TestTheOldestTrialsAreForgotten(t *testing.T) {
	c := claim{Tried: map[string]automation.Trial{"a": {Ended: t0.Add(-time.Hour)}, "b": {Ended: t0.Add(-time.Minute)}}}
	before := c.Tried
	r := &Run{Outcome: Stuck, Ended: t0}
	for i := range automation.MaxTried - 1 {
		r.Trying = append(r.Trying, fmt.Sprintf("ami-%d", i))
	}
	c.try(r)
	if _, a := c.Tried["a"]; a || len(c.Tried) != automation.MaxTried || c.Tried["ami-0"].Outcome != string(Stuck) || len(before) != 2 {
		t.Errorf("%d are remembered of %d, the oldest among them %t: %v", len(c.Tried), automation.MaxTried+1, a, c.Tried)
	}
}
