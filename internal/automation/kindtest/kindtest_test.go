package kindtest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
)

type config struct {
	Table string `json:"table"`
}

type state struct{ Target string }

type kind = automation.Kind[config, state]

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

// sound is a kind with which nothing is wrong; each test spoils it.
func sound(spoil ...func(*kind)) kind {
	k := kind{
		Check: func(c config) []automation.Problem {
			if c.Table == "" {
				return []automation.Problem{{Path: "table", Got: "nothing", Wanted: "an id"}}
			}
			return nil
		},
		Claims: func(c config) []automation.Claim {
			return []automation.Claim{
				{Path: "table", Resource: "the routes of " + c.Table},
				{Path: "part", Resource: "groups", Parts: []string{"a", "b-*"}, Where: map[string]string{"team": "shop"}},
			}
		},
		Listen: func(config) []automation.Trigger {
			return []automation.Trigger{
				{Name: "state", Pattern: event.PatternFor(event.SourceEC2, event.TypeInstanceStateChange)},
				{Name: "stopped", Pattern: event.PatternFor(event.SourceEC2, event.TypeInstanceStateChange).Where("detail.state", "stopped")},
			}
		},
		Needs: func(config) []iam.Need {
			return []iam.Need{{Actions: []string{"ec2:DescribeRouteTables"}, Why: "read the routes"}}
		},
		Decide: func(c config, s state, _ time.Time) automation.Plan {
			change := automation.Change{Step: "move", Operation: "ec2:ReplaceRoute", Resource: c.Table, From: s.Target, To: "eni-2", Why: "eni-1 is down"}
			return automation.Plan{Changes: []automation.Change{change}}
		},
		Steps: []automation.Step[config, state]{{
			Name: "move",
			Needs: func(c config) []iam.Need {
				arn := "arn:${Partition}:ec2:${Region}:${Account}:route-table/" + c.Table
				return []iam.Need{{Actions: []string{"ec2:ReplaceRoute"}, Resources: []string{arn}, Why: "move the routes"}}
			},
			Do: func(context.Context, *automation.Turn[config, state]) error { return nil },
		}},
	}
	for _, s := range spoil {
		s(&k)
	}
	return k
}

// probe is a test that is watched: what it fails with, in order.
type probe []string

// over ends a test at its first Fatalf.
type over struct{}

func (p *probe) Helper()                           {}
func (p *probe) Errorf(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }
func (p *probe) Fatalf(format string, args ...any) { p.Errorf(format, args...); panic(over{}) }

// failures are what an assertion fails with; empty: it holds.
func failures(assert func(kindtest.T)) string {
	var p probe
	func() {
		defer func() {
			if r := recover(); r != nil && r != (over{}) {
				panic(r)
			}
		}()
		assert(&p)
	}()
	return strings.Join(p, "\n")
}

// expect fails unless an assertion fails with a text that contains want, or holds if
// that is empty.
func expect(t *testing.T, name, want string, assert func(kindtest.T)) {
	t.Helper()
	if got := failures(assert); (got == "") != (want == "") || !strings.Contains(got, want) {
		t.Errorf("%s: it fails with %q, want %q", name, got, want)
	}
}

func TestDecide(t *testing.T) {
	plan := func(p automation.Plan) func(*kind) {
		return func(k *kind) { k.Decide = func(config, state, time.Time) automation.Plan { return p } }
	}
	changed := func(edit func(*automation.Change)) func(*kind) {
		p := sound().Decide(config{"rtb-1"}, state{"eni-1"}, t0)
		edit(&p.Changes[0])
		return plan(p)
	}
	stuck := []automation.Remark{{Resource: "rtb-1", Why: "stays"}}
	calls := 0
	for _, test := range []struct {
		name  string
		spoil func(*kind)
		want  string
	}{
		{"changes", func(*kind) {}, ""},
		{"nothing", plan(automation.Plan{Nothing: "all is well"}), ""},
		{"stuck", plan(automation.Plan{Stuck: stuck}), ""},
		{"changes, and stuck", plan(automation.Plan{Changes: sound().Decide(config{}, state{}, t0).Changes, Stuck: stuck}), ""},
		{"it says nothing at all", plan(automation.Plan{Notes: []string{"hm"}}), "exactly one"},
		{"nothing, and stuck", plan(automation.Plan{Nothing: "all is well", Stuck: stuck}), "exactly one"},
		{"another time another plan", func(k *kind) {
			k.Decide = func(config, state, time.Time) automation.Plan {
				calls++
				return automation.Plan{Nothing: fmt.Sprint(calls)}
			}
		}, "not a function"},
		{"a step that there is not", changed(func(c *automation.Change) { c.Step = "remove" }), "of no step"},
		{"no reason", changed(func(c *automation.Change) { c.Why = "" }), "without reason"},
		{"no effect", changed(func(c *automation.Change) { c.To = c.From }), "without reason or effect"},
	} {
		expect(t, test.name, test.want, func(t kindtest.T) {
			kindtest.Decide(t, sound(test.spoil), config{"rtb-1"}, state{"eni-1"}, t0)
		})
	}
}

func TestPlanSays(t *testing.T) {
	p := automation.Plan{
		Changes:  []automation.Change{{Step: "move", Operation: "ec2:ReplaceRoute", Resource: "rtb-1", From: "eni-1", To: "eni-2", Why: "it is down"}},
		Nothing:  "all is well",
		Stuck:    []automation.Remark{{Resource: "rtb-2", Why: "stays"}},
		Rejected: []automation.Remark{{Resource: "eni-3", Why: "is down"}},
		Notes:    []string{"hm"},
	}
	const all = `
		move ec2:ReplaceRoute rtb-1: eni-1 -> eni-2 because it is down
		nothing: all is well

		stuck: rtb-2 stays
		rejected: eni-3 is down
		note: hm`
	expect(t, "all", "", func(t kindtest.T) { kindtest.PlanSays(t, p, all) })
	for line := range strings.Lines(all) {
		if line = strings.TrimSpace(line); line != "" {
			expect(t, "without "+line, "want", func(t kindtest.T) { kindtest.PlanSays(t, p, strings.Replace(all, line, "", 1)) })
		}
	}
}

func TestCheckSays(t *testing.T) {
	for _, test := range []struct{ table, says, want string }{
		{"rtb-1", "", ""},
		{"", "table: nothing, an id", ""},
		{"", "", "an id"},
		{"rtb-1", "table: nothing, an id", "an id"},
	} {
		expect(t, test.table, test.want, func(t kindtest.T) { kindtest.CheckSays(t, sound(), config{test.table}, test.says) })
	}
}

func TestClaimsSay(t *testing.T) {
	const both = "table: the routes of rtb-1\npart: groups, a b-* with map[team:shop]"
	expect(t, "both", "", func(t kindtest.T) { kindtest.ClaimsSay(t, sound(), config{"rtb-1"}, both) })
	expect(t, "of another", "rtb-2", func(t kindtest.T) { kindtest.ClaimsSay(t, sound(), config{"rtb-2"}, both) })
}

func TestTriggers(t *testing.T) {
	state := func(s string) event.Event { return event.NewInstanceStateChange("1", "r", "i-1", s, t0) }
	for _, test := range []struct {
		event   event.Event
		trigger string
		want    string
	}{
		{state("running"), "state", ""},
		{state("stopped"), "state", `"state stopped"`},
		{event.Sweep("a", t0), "", ""},
		{event.Sweep("a", t0), "state", `want "state"`},
	} {
		expect(t, test.trigger, test.want, func(t kindtest.T) { kindtest.Triggers(t, sound(), config{}, test.event, test.trigger) })
	}
}

func TestNeedsAreMeaningful(t *testing.T) {
	needs := func(all ...iam.Need) func(*kind) {
		return func(k *kind) { k.Steps[0].Needs = func(config) []iam.Need { return all } }
	}
	for _, test := range []struct {
		name  string
		spoil func(*kind)
		want  string
	}{
		{"sound", func(*kind) {}, ""},
		{"a step's action that there is not", needs(iam.Need{Actions: []string{"ec2:MoveRoute"}, Why: "move"}), "ec2:MoveRoute: not in"},
		{"a step's need without a reason", needs(iam.Need{Actions: []string{"ec2:DescribeVpcs"}}), "for no reason"},
		{"none at all", func(k *kind) { needs()(k); k.Needs = func(config) []iam.Need { return nil } }, "it needs nothing"},
	} {
		expect(t, test.name, test.want, func(t kindtest.T) { kindtest.NeedsAreMeaningful(t, sound(test.spoil), config{"rtb-1"}) })
	}
}

func TestPolicySays(t *testing.T) {
	const read, table = `"Action":"ec2:DescribeRouteTables"`, `"Resource":"arn:aws:ec2:us-west-1:*:route-table/rtb-1"`
	for _, test := range []struct {
		has, lacks []string
		want       string
	}{
		{[]string{read, table}, []string{"rtb-2"}, ""},
		{[]string{read, "rtb-2"}, nil, "lacks rtb-2"},
		{nil, []string{"rtb-2", "rtb-1"}, "has rtb-1"},
	} {
		expect(t, "policy", test.want, func(t kindtest.T) {
			kindtest.PolicySays(t, kindtest.Policy(t, sound(), config{"rtb-1"}, iam.Vars{Region: "us-west-1"}), test.has, test.lacks)
		})
	}
	expect(t, "without a region", "Region", func(t kindtest.T) { kindtest.Policy(t, sound(), config{"rtb-1"}, iam.Vars{}) })
}

func TestImports(t *testing.T) {
	file := func(imports string) string {
		name := filepath.Join(t.TempDir(), "decide.go")
		if err := os.WriteFile(name, []byte("package toy\n"+imports), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, test := range []struct{ file, want string }{
		{file(`import ("fmt"; "github.com/droverhq/drover/internal/automation")`), ""},
		{file(`import "os"`), "imports os"},
		{file(""), "imports nothing"},
		{"decide.go", "no such file"},
	} {
		expect(t, test.want, test.want, func(t kindtest.T) { kindtest.Imports(t, test.file, "fmt", "time") })
	}
}

func TestSample(t *testing.T) {
	var e event.Event
	expect(t, "there", "", func(t kindtest.T) { e = kindtest.Sample(t, "cloudtrail-create-image-real") })
	if e.DetailType != event.TypeAPICall {
		t.Errorf("the sample is a %q", e.DetailType)
	}
	expect(t, "not there", "no such file", func(t kindtest.T) { kindtest.Sample(t, "none") })
}

func TestSurvivesTheLedger(t *testing.T) {
	expect(t, "it does", "", func(t kindtest.T) { kindtest.SurvivesTheLedger(t, config{"rtb-1"}) })
	expect(t, "a field is left out", "rtb-1", func(t kindtest.T) {
		kindtest.SurvivesTheLedger(t, struct {
			Table string `json:"-"`
		}{"rtb-1"})
	})
	expect(t, "it cannot be written", "chan", func(t kindtest.T) { kindtest.SurvivesTheLedger(t, make(chan int)) })
}
