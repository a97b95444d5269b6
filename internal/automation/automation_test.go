package automation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/schedule"
)

type config struct {
	Instance string `json:"instance"`
	Sweep    automation.Duration
}

type state struct{ Seen string }

// kind is well formed; each test spoils or uses it.
func kind() automation.Kind[config, state] {
	return automation.Kind[config, state]{
		Name: "toy", Title: "does nothing", Since: "0.1", Revision: 1,
		Claims: func(config) []automation.Claim { return nil },
		Listen: func(c config) []automation.Trigger {
			return []automation.Trigger{{Name: "state", Title: "a state", Pattern: event.PatternFor(event.SourceEC2, event.TypeInstanceStateChange).Where("detail.instance-id", c.Instance)}}
		},
		Sweep:   func(config) schedule.Schedule { return schedule.Every(5 * time.Minute) },
		About:   func(config, event.Event) (automation.Subject, bool) { return automation.Subject{Key: "k"}, true },
		Needs:   func(config) []iam.Need { return nil },
		Observe: func(context.Context, *automation.Turn[config, state]) error { return nil },
		Decide:  func(config, state, time.Time) automation.Plan { return automation.Plan{} },
		Check: func(c config) []automation.Problem {
			if c.Instance == "" {
				return []automation.Problem{{Path: "instance", Got: "nothing", Wanted: "an id"}}
			}
			return nil
		},
		Steps: []automation.Step[config, state]{{
			Name: "act", Title: "acts", Attempt: time.Second, Limit: time.Minute,
			Needs: func(config) []iam.Need { return nil },
			Do:    func(context.Context, *automation.Turn[config, state]) error { return nil },
		}},
	}
}

func TestDefineRefusesWhatIsNotWellFormed(t *testing.T) {
	automation.Define(kind()) // must not panic
	for name, spoil := range map[string]func(*automation.Kind[config, state]){
		"name":        func(k *automation.Kind[config, state]) { k.Name = "Not A Name" },
		"title":       func(k *automation.Kind[config, state]) { k.Title = "" },
		"revision":    func(k *automation.Kind[config, state]) { k.Revision = 0 },
		"decide":      func(k *automation.Kind[config, state]) { k.Decide = nil },
		"sweep":       func(k *automation.Kind[config, state]) { k.Sweep = nil },
		"no step":     func(k *automation.Kind[config, state]) { k.Steps = nil },
		"step's name": func(k *automation.Kind[config, state]) { k.Steps[0].Name = automation.StepPlan },
		"step's do":   func(k *automation.Kind[config, state]) { k.Steps[0].Do = nil },
		"poll":        func(k *automation.Kind[config, state]) { k.Steps[0].Asks = true },
		"limit":       func(k *automation.Kind[config, state]) { k.Steps[0].Limit = time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was accepted")
				}
			}()
			k := kind()
			spoil(&k)
			automation.Define(k)
		})
	}
}

func TestConfigure(t *testing.T) {
	d := automation.Define(kind())
	if _, problems, err := d.Configure("fleet", "name", "r", json.RawMessage(`{}`)); err != nil || len(problems) != 1 {
		t.Errorf("problems %v, error %v; want what Check found", problems, err)
	}
	if _, _, err := d.Configure("fleet", "name", "r", json.RawMessage(`{"instance": "i-1", "more": 1}`)); err == nil {
		t.Error("an unknown member was accepted")
	}
}

func TestWants(t *testing.T) {
	a, _, err := automation.Define(kind()).Configure("fleet", "name", "us-west-1", json.RawMessage(`{"instance": "i-1"}`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, test := range []struct {
		name  string
		event event.Event
		want  string // why not; empty: it is wanted
	}{
		{"ours", event.NewInstanceStateChange("1", "us-west-1", "i-1", "stopped", now), ""},
		{"its sweep", event.Sweep("name", now), ""},
		{"another region", event.NewInstanceStateChange("1", "eu-west-1", "i-1", "stopped", now), "eu-west-1"},
		{"another instance", event.NewInstanceStateChange("1", "us-west-1", "i-2", "stopped", now), "i-2"},
		{"another's sweep", event.Sweep("other", now), "detail.automation"},
	} {
		_, why, ok := a.Wants(event.Flatten(test.event))
		if ok != (test.want == "") || !strings.Contains(why, test.want) {
			t.Errorf("%s: wanted %t, because %q", test.name, ok, why)
		}
	}
	triggers := a.Triggers()
	if sweep := triggers[len(triggers)-1]; sweep.Name != "sweep" || sweep.Schedule.Expression() != "rate(5 minutes)" {
		t.Errorf("the last trigger is %+v, want the sweep", sweep)
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{"5m": "5m", "90s": "1m30s", "1h": "1h", "1h30m": "1h30m", "250ms": "250ms", "0s": "0s"} {
		var d automation.Duration
		if err := json.Unmarshal(fmt.Appendf(nil, "%q", text), &d); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if d.String() != want {
			t.Errorf("%s is printed as %s, want %s", text, d, want)
		}
		data, err := json.Marshal(d)
		var back automation.Duration
		if err != nil || json.Unmarshal(data, &back) != nil || back != d {
			t.Errorf("%s became %s", text, data)
		}
	}
	for _, bad := range []string{`5`, `"5"`, `"-5m"`, `"soon"`, `null1`} {
		var d automation.Duration
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s was read as %s", bad, d)
		}
	}
}

func TestCheckSweep(t *testing.T) {
	for every, want := range map[time.Duration]int{0: 0, time.Second: 1, time.Minute - 1: 1, time.Minute: 0, time.Hour: 0} {
		if got := automation.CheckSweep(automation.Duration(every)); len(got) != want {
			t.Errorf("every %s has the problems %+v", every, got)
		}
	}
}

func TestGroups(t *testing.T) {
	change := func(resource, to string) automation.Change {
		return automation.Change{Resource: resource, From: "a", To: to, Why: "w"}
	}
	got := automation.GroupChanges([]automation.Change{change("r1", "b"), change("r2", "c"), change("r3", "b")})
	want := []automation.Group{
		{What: "from a to b, because w", Resources: []string{"r1", "r3"}},
		{What: "from a to c, because w", Resources: []string{"r2"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWithin(t *testing.T) {
	one := automation.Plan{Changes: []automation.Change{{Operation: "o", Resource: "1", To: "x", From: "a"}}}
	two := automation.Plan{Changes: []automation.Change{{Operation: "o", Resource: "1", To: "x", From: "b"}, {Operation: "o", Resource: "2", To: "x"}}}
	if !one.Within(two) || two.Within(one) || !(automation.Plan{}).Within(one) {
		t.Error("Within compares wrongly")
	}
}

// What is said of changes can be read aloud, whichever of their parts are there.
func TestGroupChanges(t *testing.T) {
	for want, c := range map[string]automation.Change{
		"from a to b, because it is new":                     {From: "a", To: "b", Why: "it is new"},
		"to b, because it is new":                            {To: "b", Why: "it is new"},
		"from a to nothing, because it is old":               {From: "a", Why: "it is old"},
		"through ec2:CreateTags, because it is not yet told": {Why: "it is not yet told"},
		"from a to b": {From: "a", To: "b"},
	} {
		c.Operation, c.Resource = "ec2:CreateTags", "lt-1"
		groups := automation.GroupChanges([]automation.Change{c})
		if len(groups) != 1 || groups[0].What != want {
			t.Errorf("got %+v, want %q", groups, want)
		}
	}
}

// TestTold: a note whose value never came is left out, and nothing else.
func TestTold(t *testing.T) {
	p := automation.Plan{Notes: []string{"plain", "it is ${make.id}, of $Latest", "${make.id} and ${make.other}"}}
	for _, test := range []struct {
		values map[string]string
		want   []string
	}{
		{nil, []string{"plain"}},
		{map[string]string{"make.id": "x"}, []string{"plain", "it is x, of $Latest"}},
		{map[string]string{"make.id": "x", "make.other": "y"}, []string{"plain", "it is x, of $Latest", "x and y"}},
	} {
		if got := p.Told(test.values); !slices.Equal(got, test.want) {
			t.Errorf("with %v it tells %q, want %q", test.values, got, test.want)
		}
	}
	if p.Notes[1] != "it is ${make.id}, of $Latest" {
		t.Error("the plan itself is changed")
	}
}
