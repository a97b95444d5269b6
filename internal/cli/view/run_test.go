package view_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

// kinds are one kind with steps of every shape.
var kinds = []automation.Definition{{
	Name: "rollout", Revision: 1,
	Steps: []automation.StepInfo{
		{Name: "launch", Title: "launch a builder", Limit: 10 * time.Minute, Undoes: true, Releases: true},
		{Name: "image", Title: "make an image of it", Limit: time.Hour, Undoes: true},
		{Name: "publish", Title: "publish the image", Limit: 48 * time.Hour, Poll: 5 * time.Minute, Asks: true, Commit: true},
		{Name: "prune", Title: "delete old images", Limit: time.Minute},
	},
}}

// after is a time after noon.
func after(d time.Duration) time.Time { return noon.Add(d) }

// waiting is a run that has launched its builder and waits for the image.
func waiting() *flow.Run {
	return &flow.Run{
		Identity: automation.Identity{ID: "20260301-120000-01234567", Fleet: "edge", Automation: "golden"},
		Kind:     "rollout", Revision: 1, Region: "us-west-1", Subject: automation.Subject{Key: "ami-1"}, Created: noon,
		Events: []event.Event{event.Sweep("golden", noon)},
		Plan: automation.Plan{Changes: []automation.Change{
			{Step: "launch", Operation: "ec2:RunInstances", Resource: "builder", To: "ami-1", Why: "it is new"},
			{Step: "image", Operation: "ec2:CreateImage", Resource: "golden-7", To: "${launch.builder}", Why: "it is new"},
		}},
		Values: map[string]string{"launch.builder": "i-9"},
		Made:   []automation.Change{{Step: "launch", Operation: "ec2:RunInstances", Resource: "builder", To: "ami-1", Why: "it is new"}},
		Marks: []flow.Mark{
			{Step: "launch", Begun: noon, Attempts: 2, Lost: true, Done: after(30 * time.Second)},
			{Step: "image", Begun: after(30 * time.Second), Attempts: 9},
		},
		Step: "image", Act: automation.Do, Since: after(30 * time.Second),
		Waiting: "the image ami-2 to be available", Due: after(5 * time.Minute),
	}
}

// asking is the same run, later: it waits for a person.
func asking() *flow.Run {
	r := waiting()
	r.Marks[1].Done, r.Step, r.Since, r.Due = after(6*time.Minute), "publish", after(6*time.Minute), after(11*time.Minute)
	r.Waiting = "a person to approve image ami-2: drover approve " + r.ID
	r.Asking = &flow.Asking{What: "image ami-2", Since: after(6 * time.Minute), Until: after(24*time.Hour + 6*time.Minute)}
	return r
}

// telling is the same, while somebody sends the notice that it waits.
func telling() *flow.Run {
	r := asking()
	r.Telling, r.Owner, r.Until = true, "laptop/7", after(6*time.Minute+15*time.Second)
	return r
}

var approval = &automation.Approval{By: "jo@laptop", Why: "looks well", At: after(8 * time.Minute)}

// unwinding is the same run, later: somebody has cancelled it.
func unwinding() *flow.Run {
	r := waiting()
	r.Ending = &flow.Ending{Outcome: flow.RolledBack, Reason: "cancelled by jo@laptop", Undo: true}
	r.Act, r.Since, r.Waiting = automation.Undo, after(5*time.Minute), ""
	r.Attempt, r.Owner, r.Until = 1, "laptop/7", after(6*time.Minute)
	return r
}

const askingText = `edge/golden (rollout, us-west-1): step 3 of 4, publish: publish the image
  waiting for a person to approve image ami-2: drover approve 20260301-120000-01234567
  since 2026-03-01T12:06:00Z, for 1m0s; looks again at 2026-03-01T12:11:00Z; gives up at 2026-03-02T12:06:00Z
  then prune: delete old images
  run 20260301-120000-01234567, begun 2026-03-01T12:00:00Z
`

func TestStatusText(t *testing.T) {
	for _, test := range []struct {
		name string
		run  *flow.Run
		at   time.Duration
		want string
	}{
		{"waits", waiting(), 4 * time.Minute, `edge/golden (rollout, us-west-1): step 2 of 4, image: make an image of it
  waiting for the image ami-2 to be available
  since 2026-03-01T12:00:30Z, for 3m30s; looks again at 2026-03-01T12:05:00Z; gives up at 2026-03-01T13:00:30Z
  then publish: publish the image
  then prune: delete old images
  run 20260301-120000-01234567, begun 2026-03-01T12:00:00Z
`},
		{"is left alone", waiting(), 6 * time.Minute, `edge/golden (rollout, us-west-1): step 2 of 4, image: make an image of it
  waiting for the image ami-2 to be available
  since 2026-03-01T12:00:30Z, for 5m30s; gives up at 2026-03-01T13:00:30Z
  nobody has been at it since 2026-03-01T12:05:00Z
  then publish: publish the image
  then prune: delete old images
  run 20260301-120000-01234567, begun 2026-03-01T12:00:00Z
`},
		{"asks", asking(), 7 * time.Minute, askingText},
		{"asks, and tells so", telling(), 7 * time.Minute, askingText},
		{"unwinds", unwinding(), 5*time.Minute + 10*time.Second, `edge/golden (rollout, us-west-1): undoing step 2 of 4, image: make an image of it
  since 2026-03-01T12:05:00Z, for 10s; gives up at 2026-03-01T13:05:00Z
  attempt 1, made by laptop/7, who has until 2026-03-01T12:06:00Z
  about to end rolled-back: cancelled by jo@laptop
  then undo launch: launch a builder
  then release launch: launch a builder
  run 20260301-120000-01234567, begun 2026-03-01T12:00:00Z
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := after(test.at)
			status := view.Status{At: at, Runs: []view.Brief{view.OfBrief(test.run, kinds, at)}}
			var got strings.Builder
			status.Text(&got)
			if diff := cmp.Diff(test.want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A run of a kind that this program does not have, or only a later revision of,
// is told of as far as its record goes.
func TestUnknownKind(t *testing.T) {
	run := waiting()
	run.Revision = 0
	now := after(4 * time.Minute)
	var got strings.Builder
	view.OfDetail(run, nil, nil, kinds, now).Text(&got)
	for _, want := range []string{"edge/golden (rollout, us-west-1): image\n", "  step launch: begun ", "  step image: begun "} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %q in\n%s", want, got.String())
		}
	}
}

func TestLine(t *testing.T) {
	planning := waiting()
	planning.Step, planning.Since, planning.Waiting = automation.StepPlan, noon, ""
	several := waiting()
	several.Waiting = "this\nand that"
	for _, test := range []struct {
		run  *flow.Run
		want string
	}{
		{waiting(), "step 2 of 4, make an image of it: waiting for the image ami-2 to be available, for 4m30s, until 13:00:30Z at the latest"},
		{several, "step 2 of 4, make an image of it: waiting for this; and that, for 4m30s, until 13:00:30Z at the latest"},
		{unwinding(), "undoing: make an image of it, for 0s"},
		{planning, "observe and decide, for 5m0s"},
	} {
		now := after(5 * time.Minute)
		if got := view.OfPosition(test.run, kinds, now).Line(now); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestStopping(t *testing.T) {
	owned := waiting()
	owned.Owner, owned.Until = "laptop/7", after(5*time.Minute)
	committed := waiting()
	committed.Marks[1].Done = after(time.Minute)
	committed.Marks = append(committed.Marks, flow.Mark{Step: "publish", Begun: after(time.Minute), Done: after(time.Minute)})
	committed.Step = "prune"
	fresh := waiting()
	fresh.Marks, fresh.Step = nil, automation.StepPlan
	for name, test := range map[string]struct {
		run  *flow.Run
		want []string
	}{
		"waits": {waiting(), []string{"then undo image: make an image of it", "then undo launch: launch a builder", "then release launch: launch a builder"}},
		"owned": {owned, []string{
			"first laptop/7 has until 2026-03-01T12:05:00Z for the attempt that it is making at step image",
			"then undo image: make an image of it", "then undo launch: launch a builder", "then release launch: launch a builder",
		}},
		"committed": {committed, []string{"nothing is undone any more: step publish is done", "then release launch: launch a builder"}},
		"fresh":     {fresh, []string{"nothing was begun that could be undone"}},
		"unwinding": {unwinding(), []string{"it stops already, and is about to end rolled-back"}},
	} {
		if diff := cmp.Diff(test.want, view.Stopping(test.run, kinds, after(4*time.Minute))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A run with everything in it that can be told of one.
func TestDetailText(t *testing.T) {
	r := waiting()
	r.Kept = []event.Event{event.NewRebalanceRecommendation("123456789012", "us-west-1", "i-1", noon)}
	r.Kept[0].ID = "kept"
	r.Events[0].ID = "sweep"
	r.Topic, r.Outbox = "arn:ops", []flow.Notice{{Subject: "stuck"}}
	r.Outcome, r.Reason, r.Hints = flow.Stuck, "cancelled by jo@laptop: wrong image", []string{"look at i-9"}
	r.Ended, r.Waiting, r.Replans, r.Retries, r.Next = after(10*time.Minute), "", 2, 1, "20260301-121000-89abcdef"
	r.Left = []automation.Remark{{Resource: "builder", Why: "could not be undone: denied"}}
	r.Marks[0].UndoError, r.Marks[0].ReleaseError = "denied", "still\ndenied"
	r.Marks[1].Undone = after(9 * time.Minute)
	r.Audit = []flow.Entry{
		{Step: "launch", Act: automation.Do, Entry: call.Entry{At: noon, Took: time.Second, Operation: "ec2:RunInstances", Resource: "builder", To: "ami-1", Outcome: call.Done}},
		{Step: "launch", Act: automation.Undo, Entry: call.Entry{At: after(9 * time.Minute), Operation: "ec2:TerminateInstances", Resource: "i-9", Outcome: call.Refused, Error: "denied"}},
	}
	asked := &flow.Cancellation{By: "jo@laptop", Why: "wrong image", At: after(8 * time.Minute)}
	detail := view.OfDetail(r, nil, asked, kinds, after(time.Hour))
	var got strings.Builder
	detail.Text(&got)
	want := `edge/golden (rollout, us-west-1): stuck
  cancelled by jo@laptop: wrong image
  run 20260301-120000-01234567 about ami-1, begun 2026-03-01T12:00:00Z, ended 2026-03-01T12:10:00Z, took 10m0s; last change acknowledged 1s after the event
  caused by: sweep of golden, 2026-03-01T12:00:00Z (sweep)
  heeds, from earlier: i-1 is likely to be interrupted, 2026-03-01T12:00:00Z (kept)
  asked to stop by jo@laptop at 2026-03-01T12:08:00Z: wrong image
  planned anew: 2 times
  tried again by a person: 1 time
  planned: golden-7 goes to i-9, because it is new
  made: builder went to ami-1, because it is new
  left: builder could not be undone: denied
  step launch: launch a builder: begun 2026-03-01T12:00:00Z, done 2026-03-01T12:00:30Z, not undone: denied, not released: still; denied, 2 attempts, of one it is not known how it went
  step image: make an image of it: begun 2026-03-01T12:00:30Z, not done, undone 2026-03-01T12:09:00Z, 9 attempts
  step publish: publish the image: not begun
  step prune: delete old images: not begun
  call at 2026-03-01T12:00:00Z by launch: ec2:RunInstances builder to ami-1, done, took 1s
  call at 2026-03-01T12:09:00Z by undo launch: ec2:TerminateInstances i-9, refused, took 0s: denied
  notice to be sent to arn:ops (stuck)
  events meanwhile have caused run 20260301-121000-89abcdef
  next: look at i-9
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	data, err := json.Marshal(detail)
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range []string{`"undoError":"denied"`, `"act":"undo"`, `"by":"jo@laptop"`, `"replans":2`, `"retries":1`, `"lost":true`, `"next":"20260301-121000-89abcdef"`} {
		if !strings.Contains(string(data), fact) {
			t.Errorf("no %s in %s", fact, data)
		}
	}
}

// A run says who approved it: while it waits, when that is asked, and afterwards.
func TestApproval(t *testing.T) {
	text := func(v view.Texter) string {
		var b strings.Builder
		v.Text(&b)
		return b.String()
	}
	const line = "  approved by jo@laptop at 2026-03-01T12:08:00Z: looks well\n"
	brief := view.OfBrief(asking(), kinds, after(9*time.Minute))
	brief.Approved = view.OfApproval(approval)
	if got := text(view.Status{Runs: []view.Brief{brief}}); !strings.Contains(got, "gives up at 2026-03-02T12:06:00Z\n  then prune: delete old images\n"+line) {
		t.Error(got)
	}
	if got := text(view.OfDetail(asking(), approval, nil, kinds, after(9*time.Minute))); !strings.Contains(got, line) {
		t.Error(got)
	}
	if lines := view.Stopping(telling(), kinds, after(6*time.Minute)); strings.Contains(strings.Join(lines, "\n"), "laptop/7") {
		t.Errorf("whoever sends notices is said to make an attempt: %q", lines)
	}
	ahead, alone := view.OfBrief(waiting(), kinds, after(4*time.Minute)), view.OfBrief(asking(), kinds, after(time.Hour))
	ahead.Approved, alone.Approved = brief.Approved, brief.Approved
	for _, test := range []struct {
		name string
		view view.Approval
		want string
	}{
		{"asked", view.Approval{Brief: brief}, `edge/golden (rollout, us-west-1): approved by jo@laptop at 2026-03-01T12:08:00Z: looks well
  at step 3 of 4, publish: publish the image
  it goes on with image ami-2 at 2026-03-01T12:11:00Z at the latest
  then prune: delete old images
  run 20260301-120000-01234567, begun 2026-03-01T12:00:00Z
`},
		{"ahead", view.Approval{Brief: ahead, Earlier: true}, `edge/golden (rollout, us-west-1): already approved by jo@laptop at 2026-03-01T12:08:00Z: looks well
  at step 2 of 4, image: make an image of it
  it does not wait for that now
  then publish: publish the image
  then prune: delete old images
  run 20260301-120000-01234567, begun 2026-03-01T12:00:00Z
`},
		{"nobody is at it", view.Approval{Brief: alone, Hints: []string{"drover run"}}, `edge/golden (rollout, us-west-1): approved by jo@laptop at 2026-03-01T12:08:00Z: looks well
  at step 3 of 4, publish: publish the image
  nobody has been at it since 2026-03-01T12:11:00Z
  then prune: delete old images
  run 20260301-120000-01234567, begun 2026-03-01T12:00:00Z
  next: drover run
`},
	} {
		if diff := cmp.Diff(test.want, text(test.view)); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
	data, err := json.Marshal(view.Approval{Brief: brief})
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range []string{`"approved":{"by":"jo@laptop","why":"looks well","at":"2026-03-01T12:08:00Z"}`, `"asks":"image ami-2"`, `"looksAgain":"2026-03-01T12:11:00Z"`, `"givesUp":"2026-03-02T12:06:00Z"`} {
		if !strings.Contains(string(data), fact) {
			t.Errorf("no %s in %s", fact, data)
		}
	}
}

func TestHistoryText(t *testing.T) {
	failed := waiting()
	failed.Outcome, failed.Reason, failed.Ended = flow.RolledBack, "this\nand that", after(90*time.Second)
	now := after(4 * time.Minute)
	history := view.History{Ledger: "ledger.db", Since: noon, Runs: []view.Brief{view.OfBrief(waiting(), kinds, now), view.OfBrief(failed, kinds, now)}}
	var got strings.Builder
	history.Text(&got)
	want := `2026-03-01T12:00:00Z  edge/golden  live         1 change  for 4m0s    run 20260301-120000-01234567  step 2 of 4, image: make an image of it
2026-03-01T12:00:00Z  edge/golden  rolled-back  1 change  took 1m30s  run 20260301-120000-01234567  this; and that
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	got.Reset()
	view.History{Ledger: "ledger.db", Since: noon, Hints: []string{"look further back"}}.Text(&got)
	if want := "no such run since 2026-03-01T12:00:00Z (ledger ledger.db)\n  next: look further back\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// A run that was undone says so where its result is printed; one that had ended
// before says that.
func TestRunTextOfSteps(t *testing.T) {
	r := waiting()
	r.Outcome, r.Reason, r.Ended = flow.RolledBack, "cancelled", after(9*time.Minute)
	r.Made = nil
	r.Marks[1].Undone = after(8 * time.Minute)
	r.Marks = r.Marks[1:]
	seen := view.OfRun(r, kinds, after(time.Hour))
	seen.Earlier = true
	var got strings.Builder
	seen.Text(&got)
	want := `golden (rollout, us-west-1): rolled-back
  cancelled
  step image: make an image of it: begun 2026-03-01T12:00:30Z, not done, undone 2026-03-01T12:08:00Z, 9 attempts
  handled before: ended 2026-03-01T12:09:00Z
  run 20260301-120000-01234567 took 9m0s
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}
