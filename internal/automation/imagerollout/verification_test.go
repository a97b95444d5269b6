package imagerollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
)

var dawn = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// standing is a group that is as it should be: it launches from an image that a rollout
// has made of the newest.
func standing() reading {
	golden := Image{ID: "ami-2", State: stateAvailable, Created: dawn.Add(time.Hour), Source: "ami-1", From: dawn}
	r := reading{
		config: Config{Group: "web", Keep: 5}, ledger: "here", now: dawn.Add(2 * time.Hour),
		state: State{
			Group:     Group{Name: "web", Max: 4},
			Templates: []Template{{ID: "lt-1", Version: "2", Number: 2, Current: golden}},
			Images:    []Image{{ID: "ami-1", State: stateAvailable, Created: dawn}},
		},
		machines: []Machine{{ID: "i-1", Image: "ami-2"}},
	}
	r.decide()
	return r
}

// decide has the plan be the one of a sweep.
func (r *reading) decide() { r.plan = decide(r.config, r.state, r.now) }

// comes has ami-3 be there, which came after the group's.
func (r *reading) comes(state string) {
	r.state.Images = append([]Image{{ID: "ami-3", State: state, Created: dawn.Add(time.Hour)}}, r.state.Images...)
	slices.SortFunc(r.state.Images, newestFirst)
	r.decide()
}

func TestVerification(t *testing.T) {
	hold := automation.Plan{Changes: []automation.Change{{Step: stepHold, Operation: opSuspend, Resource: "web", To: "AlarmNotification, ScheduledActions" + isSuspended}}}
	for name, test := range map[string]struct {
		change func(*reading)
		want   []string // what differs and what is left
		newer  string
	}{
		"as it should be":   {change: func(*reading) {}},
		"another image":     {change: func(r *reading) { r.machines = append(r.machines, Machine{ID: "i-2", Image: "ami-0"}) }},
		"due":               {change: func(r *reading) { r.comes(stateAvailable) }, want: []string{"group web does not have ami-3 yet"}, newer: "is to be rolled out"},
		"pending":           {change: func(r *reading) { r.comes(statePending) }, newer: "is pending"},
		"pinned to another": {change: func(r *reading) { r.config.Pin = "ami-1"; r.comes(stateAvailable) }, newer: "is not ami-1, to which the fleet file pins"},
		"too young": {change: func(r *reading) {
			r.config.MinAge = automation.Duration(24 * time.Hour)
			r.comes(stateAvailable)
		}, newer: "is not old enough"},
		"failed before": {change: func(r *reading) {
			r.state.Tried = []Tried{{Image: "ami-3", Run: "r1", Outcome: "rolled-back"}}
			r.comes(stateAvailable)
		}, want: []string{"group web does not have ami-3, whose rollout has failed"}, newer: "was tried by run r1"},
		"failed before, and a newer one comes": {change: func(r *reading) {
			r.state.Tried = []Tried{{Image: "ami-3", Run: "r1", Outcome: "rolled-back"}}
			r.state.Images = append([]Image{{ID: "ami-4", State: statePending, Created: dawn.Add(90 * time.Minute)}}, r.state.Images...)
			r.comes(stateAvailable)
		}, newer: "was tried by run r1"},
		"no group": {change: func(r *reading) {
			r.state = State{Group: Group{Name: "web", Gone: "does not exist"}}
			r.decide()
		}, want: []string{"web does not exist"}},
		"image gone":         {change: func(r *reading) { r.state.Templates[0].Current.State = "" }, want: []string{"ami-2 is not shown by EC2, and web cannot launch from it"}},
		"image deregistered": {change: func(r *reading) { r.state.Templates[0].Current.State = "deregistered" }, want: []string{"ami-2 is deregistered"}},
		"under way":          {change: func(r *reading) { r.past = []Past{{ID: "r1"}} }, want: []string{"run r1 is under way"}},
		"builder at work":    {change: func(r *reading) { r.past = []Past{{ID: "r1"}}; r.temporary = []relic{{"i-9", "builder", "r1", "here"}} }, want: []string{"run r1 is under way"}},
		"builder left": {change: func(r *reading) {
			r.past = []Past{{ID: "r1", Outcome: "stuck"}}
			r.temporary = []relic{{"i-9", "builder", "r1", "here"}}
		}, want: []string{"i-9 is a builder of run r1, which ended stuck"}},
		"builder forgotten":    {change: func(r *reading) { r.temporary = []relic{{"i-9", "builder", "r0", "here"}} }, want: []string{"i-9 is a builder of run r0, of which the ledger knows nothing"}},
		"builder of elsewhere": {change: func(r *reading) { r.temporary = []relic{{"i-9", "builder", "r0", "there"}} }, want: []string{"i-9 is a builder of run r0 of another ledger"}},
		"volume left": {change: func(r *reading) {
			r.past = []Past{{ID: "r1", Outcome: "succeeded"}}
			r.volumes = []relic{{"vol-9", "trial", "r1", "here"}}
		}, want: []string{"vol-9 is a volume of a trial of run r1"}},
		"suspended by others": {change: func(r *reading) { r.state.Group.Suspended = []string{"AZRebalance", "ScheduledActions"} }},
		"suspended by a run": {change: func(r *reading) {
			r.state.Group.Suspended = []string{"AZRebalance", "ScheduledActions"}
			r.past = []Past{{ID: "r1", Outcome: "stuck", Plan: hold, Kept: []string{stepHold}}, {ID: "r2", Outcome: "succeeded", Plan: hold}}
		}, want: []string{"group web has ScheduledActions suspended, by run r1"}},
		"resumed by hand": {change: func(r *reading) {
			r.past = []Past{{ID: "r1", Outcome: "stuck", Plan: hold, Kept: []string{stepHold}}}
		}},
		"lowered": {change: func(r *reading) { r.state.Group.Original = 10 }, want: []string{"group web has a maximum of 4, to which a run has lowered it from 10"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := standing()
			test.change(&r)
			v := r.verification()
			var got []string
			for _, f := range slices.Concat(v.Differs, v.Left) {
				got = append(got, f.Resource+" "+f.Why)
			}
			if len(got) != len(test.want) || v.OK() != (len(test.want) == 0) {
				t.Fatalf("ok: %t; got %q, want %q", v.OK(), got, test.want)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
			for _, f := range v.Left {
				if f.Next == "" {
					t.Errorf("%s is left, and nobody says what to type", f.Resource)
				}
			}
			if newer := fmt.Sprint(v.Newer); (test.newer == "") != (len(v.Newer) == 0) || !strings.Contains(newer, test.newer) {
				t.Errorf("newer: got %s, want %q", newer, test.newer)
			}
		})
	}
}
