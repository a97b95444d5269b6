package automation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// listening is an automation with two triggers, of which the second says
// nothing of a state.
func listening(t interface{ Fatal(...any) }) *automation.Automation {
	k := kind()
	k.Listen = func(c config) []automation.Trigger {
		return []automation.Trigger{
			{Name: "state", Title: "a state", Pattern: event.PatternFor(event.SourceEC2, event.TypeInstanceStateChange).
				Where("detail.instance-id", c.Instance).Where("detail.state", "stopping", "stopped", "running")},
			{Name: "spot", Title: "an interruption", Pattern: event.PatternFor(event.SourceEC2, event.TypeSpotInterruption).Where("detail.instance-id", c.Instance)},
		}
	}
	a, problems, err := automation.Define(k).Configure("fleet", "name", "us-west-1", json.RawMessage(`{"instance": "i-1"}`))
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	return a
}

func TestNarrow(t *testing.T) {
	a := listening(t)
	if _, ok := a.When(); ok {
		t.Error("it is narrowed already")
	}
	n, problems := a.Narrow(event.MustPattern(`{"detail-type":[{"prefix":"EC2 Instance"}],"detail":{"state":["stopped","terminated"]}}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	now := time.Now()
	for _, test := range []struct {
		event event.Event
		want  string // why not; empty: it is wanted
	}{
		{event.NewInstanceStateChange("1", "us-west-1", "i-1", "stopped", now), ""},
		{event.NewInstanceStateChange("1", "us-west-1", "i-1", "running", now), `detail.state is "running", wanted "stopped"`},
		{event.NewSpotInterruption("1", "us-west-1", "i-1", "terminate", now), "detail-type is"},
		{event.Sweep("name", now), ""},
	} {
		if _, why, ok := n.Wants(event.Flatten(test.event)); ok != (test.want == "") || !strings.Contains(why, test.want) {
			t.Errorf("%s %s: wanted %t, because %q", test.event.DetailType, test.event.Detail, ok, why)
		}
	}
	var names []string
	for _, trigger := range n.Triggers() {
		names = append(names, trigger.Name)
	}
	when, _ := n.When()
	if got, want := fmt.Sprintf("%s, not %s", names, when.Dropped[0].Trigger.Name), "[state sweep], not spot"; got != want {
		t.Errorf("triggers %s, want %s", got, want)
	}
	if _, why, ok := a.Wants(event.Flatten(event.NewInstanceStateChange("1", "us-west-1", "i-1", "running", now))); !ok {
		t.Errorf("what it was made from does not want what it wanted: %s", why)
	}
}

func TestNarrowSaysWhyNot(t *testing.T) {
	for when, want := range map[string]string{
		`{"source":["aws.s3"]}`: `source: got "aws.s3", wanted something that some event has: "aws.ec2" (state), or "aws.ec2" (spot)`,
		`{"detail-type":["EC2 Instance State-change Notification"],"detail":{"state":["gone"]}}`: `detail.state: got "gone", wanted something that some event has: "stopping" or "stopped" or "running" (state)` + "\n" +
			`detail-type: got "EC2 Instance State-change Notification", wanted something that some event has: "EC2 Spot Instance Interruption Warning" (spot)`,
		`{"detail":{"x":["` + strings.Repeat("x", 5000) + `"]}}`: `: got a pattern that makes a rule of 5162 characters, wanted a rule of at most 4096 (state)`,
	} {
		n, problems := listening(t).Narrow(event.MustPattern(when))
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%s: got %s, wanted %s", p.Path, p.Got, p.Wanted))
		}
		if n != nil || strings.Join(got, "\n") != want {
			t.Errorf("%.80s:\n%s\nwant\n%s", when, strings.Join(got, "\n"), want)
		}
	}
}

// TestNarrowedWants: what it wants is what it wanted and the pattern matches.
func TestNarrowedWants(t *testing.T) {
	states := []string{"pending", "running", "stopping", "stopped"}
	rapid.Check(t, func(t *rapid.T) {
		a := listening(t)
		fields := map[string]any{}
		if rapid.Bool().Draw(t, "by state") {
			fields["detail"] = map[string]any{"state": rapid.SliceOfN(rapid.OneOf(
				rapid.Map(rapid.SampledFrom(states), func(s string) any { return s }),
				rapid.Map(rapid.SampledFrom([]string{"s", "stop", "stopp", "r"}), func(s string) any { return map[string]any{"prefix": s} }),
				rapid.Just[any](map[string]any{"exists": false}),
			), 1, 2).Draw(t, "states")}
		}
		if len(fields) == 0 || rapid.Bool().Draw(t, "by type") {
			fields["detail-type"] = []any{map[string]any{"prefix": rapid.SampledFrom([]string{"EC2", "EC2 Spot", "EC2 Instance"}).Draw(t, "type")}}
		}
		data, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		when := event.MustPattern(string(data))
		n, problems := a.Narrow(when)
		now := time.Unix(0, 0)
		events := []event.Event{event.NewSpotInterruption("1", "us-west-1", "i-1", "terminate", now)}
		for _, state := range states {
			events = append(events, event.NewInstanceStateChange("1", "us-west-1", "i-1", state, now), event.NewInstanceStateChange("1", "us-west-1", "i-2", state, now))
		}
		for _, e := range events {
			_, _, wanted := a.Wants(event.Flatten(e))
			want := wanted && when.Match(e)
			if len(problems) > 0 {
				if want {
					t.Fatalf("%s: %v, but %s %s is wanted", when, problems, e.DetailType, e.Detail)
				}
				continue
			}
			if _, why, ok := n.Wants(event.Flatten(e)); ok != want {
				t.Fatalf("%s: wants %s %s: %t (%s)", when, e.DetailType, e.Detail, ok, why)
			}
		}
	})
}
