package groupfollowstemplate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/automation/kindtest"
)

func config(edit ...func(*Config)) Config {
	c := Config{Groups: []string{"web-*"}, Version: Latest}
	for _, e := range edit {
		e(&c)
	}
	defaults(&c)
	return c
}

func newest(c *Config) { c.Version = NewestNumber }

// group launches from version 1 of lt-1.
func group(name string, edit ...func(*Group)) Group {
	g := Group{Name: name, Template: "lt-1", TemplateName: "one", Version: "1"}
	for _, e := range edit {
		e(&g)
	}
	return g
}

func on(version string) func(*Group) { return func(g *Group) { g.Version = version } }

// beside is a policy whose overrides launch from these.
func beside(all ...string) func(*Group) { return func(g *Group) { g.Beside, g.Own = all, len(all) } }

func of(template string) func(*Group) {
	return func(g *Group) { g.Template, g.TemplateName = template, "name of "+template }
}

func configured(g *Group) {
	g.Template, g.TemplateName, g.Version, g.Configuration = "", "", "", "old"
}

var one = []Template{{ID: "lt-1", Name: "one", Newest: 7}}

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Config
		state  State
		want   string // the plan, a line for each fact
	}{
		{
			name: "no group", config: config(),
			want: "nothing: there is no group named web-*",
		},
		{
			name: "no group by tag", config: config(func(c *Config) { c.Groups, c.Tags = nil, map[string]string{"b": "2", "a": "1"} }),
			want: "nothing: there is no group with a=1, b=2",
		},
		{
			name: "a group on a number", config: config(),
			state: State{Groups: []Group{group("web-1")}},
			want:  "set-version autoscaling:UpdateAutoScalingGroup web-1: version 1 of lt-1 -> version $Latest of lt-1 because the fleet file says $Latest",
		},
		{
			name: "no version is the default one", config: config(),
			state: State{Groups: []Group{group("web-1", on(""))}},
			want:  "set-version autoscaling:UpdateAutoScalingGroup web-1: version $Default of lt-1 -> version $Latest of lt-1 because the fleet file says $Latest",
		},
		{
			name: "$Default", config: config(func(c *Config) { c.Version = Default }),
			state: State{Groups: []Group{group("web-1", on("$Latest")), group("web-2", on("")), group("web-3", on("$Default"))}},
			want:  "set-version autoscaling:UpdateAutoScalingGroup web-1: version $Latest of lt-1 -> version $Default of lt-1 because the fleet file says $Default",
		},
		{
			name: "by the order of names", config: config(),
			state: State{Groups: []Group{group("web-2"), group("web-1", of("lt-2"))}},
			want: `
				set-version autoscaling:UpdateAutoScalingGroup web-1: version 1 of lt-2 -> version $Latest of lt-2 because the fleet file says $Latest
				set-version autoscaling:UpdateAutoScalingGroup web-2: version 1 of lt-1 -> version $Latest of lt-1 because the fleet file says $Latest`,
		},
		{
			name: "all follow", config: config(),
			state: State{Groups: []Group{group("web-1", on("$Latest")), group("web-2", on("$Latest")), group("web-3", on("$Latest"))}},
			want:  "nothing: all 3 groups follow $Latest already",
		},
		{
			name: "the only one follows", config: config(),
			state: State{Groups: []Group{group("web-1", on("$Latest"))}},
			want:  "nothing: the only group follows $Latest already",
		},
		{
			name: "the newest number", config: config(newest),
			state: State{Groups: []Group{group("web-1"), group("web-2", on("$Latest")), group("web-3", on("7")), group("web-4", on("9"))}, Templates: one},
			want: `
				set-version autoscaling:UpdateAutoScalingGroup web-1: version 1 of lt-1 -> version 7 of lt-1 because 7 is the newest version of its template, and the fleet file says newest-number
				set-version autoscaling:UpdateAutoScalingGroup web-2: version $Latest of lt-1 -> version 7 of lt-1 because 7 is the newest version of its template, and the fleet file says newest-number
				set-version autoscaling:UpdateAutoScalingGroup web-4: version 9 of lt-1 -> version 7 of lt-1 because 7 is the newest version of its template, and the fleet file says newest-number`,
		},
		{
			name: "all on the newest", config: config(newest),
			state: State{Groups: []Group{group("web-1", on("7"))}, Templates: one},
			want:  "nothing: the only group launches from the newest version already",
		},
		{
			name: "a template that is gone", config: config(newest),
			state: State{Groups: []Group{group("web-1", of("lt-2")), group("web-2")}, Templates: one},
			want: `
				set-version autoscaling:UpdateAutoScalingGroup web-2: version 1 of lt-1 -> version 7 of lt-1 because 7 is the newest version of its template, and the fleet file says newest-number
				stuck: web-1 cannot launch: its launch template lt-2 does not exist`,
		},
		{
			name: "a template made anew under the old name is another", config: config(newest),
			state: State{Groups: []Group{group("web-1")}, Templates: []Template{{ID: "lt-2", Name: "one", Newest: 1}}},
			want:  "stuck: web-1 cannot launch: its launch template lt-1 does not exist",
		},
		{
			name: "a template known by its name alone", config: config(newest),
			state: State{Groups: []Group{group("web-1", func(g *Group) { g.Template = "" })}, Templates: one},
			want:  "set-version autoscaling:UpdateAutoScalingGroup web-1: version 1 of one -> version 7 of one because 7 is the newest version of its template, and the fleet file says newest-number",
		},
		{
			name: "groups that are left alone", config: config(func(c *Config) { c.Templates = []string{"lt-1"} }),
			state: State{
				Groups: []Group{
					group("web-1", func(g *Group) { g.Status = "Delete in progress" }), group("web-2", configured),
					group("web-3", of("lt-2")), group("web-4"),
					{Name: "web-5"},
				},
				Refreshing: []string{"web-4"},
			},
			want: `
				nothing: none of 5 groups can be changed
				rejected: web-1 is being deleted: Delete in progress
				rejected: web-2 launches from the launch configuration old, which has no versions; give it a launch template
				rejected: web-3 launches from lt-2, which is none of templates
				rejected: web-4 is in an instance refresh with a desired configuration, during which AWS keeps what it launches from; the sweep comes back to it
				rejected: web-5 launches from no launch template`,
		},
		{
			name: "the only group is left alone", config: config(),
			state: State{Groups: []Group{group("web-1", configured)}},
			want: `
				nothing: the only group cannot be changed
				rejected: web-1 launches from the launch configuration old, which has no versions; give it a launch template`,
		},
		{
			name: "some follow, some are left alone", config: config(),
			state: State{Groups: []Group{group("web-1", configured), group("web-2", on("$Latest"))}},
			want: `
				nothing: 1 group follows $Latest already, 1 cannot be changed
				rejected: web-1 launches from the launch configuration old, which has no versions; give it a launch template`,
		},
		{
			name: "a name that nothing has", config: config(func(c *Config) { c.Groups = []string{"web-1", "api", "db-*"} }),
			state: State{Groups: []Group{group("web-1", on("$Latest"))}},
			want: `
				nothing: the only group follows $Latest already
				rejected: api does not exist`,
		},
		{
			name: "a name that may have other tags", config: config(func(c *Config) { c.Groups, c.Tags = []string{"api"}, map[string]string{"team": "shop"} }),
			want: "nothing: there is no group named api with team=shop",
		},
		{
			name: "templates of overrides are told of", config: config(),
			state: State{Groups: []Group{group("web-1", func(g *Group) { g.Own = 1 }), group("web-2", func(g *Group) { g.Own = 2 }), group("web-3", on("$Latest"), func(g *Group) { g.Own = 3 })}},
			want: `
				set-version autoscaling:UpdateAutoScalingGroup web-1: version 1 of lt-1 -> version $Latest of lt-1 because the fleet file says $Latest
				set-version autoscaling:UpdateAutoScalingGroup web-2: version 1 of lt-1 -> version $Latest of lt-1 because the fleet file says $Latest
				note: web-1: 1 override of its policy names a launch template of its own, whose version stays as it is
				note: web-2: 2 overrides of its policy name a launch template of their own, whose version stays as it is`,
		},
		{
			name: "what overrides launch from is named beside", config: config(newest),
			state: State{
				Groups: []Group{
					group("web-1", beside("version 3 of lt-2", "version $Latest of lt-3", "version 3 of lt-2")),
					group("web-2", beside("version 7 of lt-1")),
					group("web-3", on("7"), beside("version 1 of lt-1")),
				},
				Templates: one,
			},
			want: `
				set-version autoscaling:UpdateAutoScalingGroup web-1: version 1 of lt-1, version 3 of lt-2, version $Latest of lt-3 -> version 7 of lt-1, version 3 of lt-2, version $Latest of lt-3 because 7 is the newest version of its template, and the fleet file says newest-number
				set-version autoscaling:UpdateAutoScalingGroup web-2: version 1 of lt-1, version 7 of lt-1 -> version 7 of lt-1 because 7 is the newest version of its template, and the fleet file says newest-number
				note: web-1: 3 overrides of its policy name a launch template of their own, whose version stays as it is
				note: web-2: 1 override of its policy names a launch template of its own, whose version stays as it is`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.PlanSays(t, kindtest.Decide(t, Kind, test.config, test.state, time.Time{}), test.want)
		})
	}
}

func drawState(t *rapid.T) State {
	s := State{Templates: []Template{{ID: "lt-1", Name: "name of lt-1", Newest: rapid.Int64Range(1, 3).Draw(t, "newest")}}}
	for i := range rapid.IntRange(0, 4).Draw(t, "groups") {
		g := group(fmt.Sprintf("web-%d", i), of(rapid.SampledFrom([]string{"lt-1", "lt-2"}).Draw(t, "template")),
			on(rapid.SampledFrom([]string{"", "1", "2", "$Latest", "$Default"}).Draw(t, "version")))
		if rapid.Bool().Draw(t, "has overrides") {
			beside("version 1 of lt-3")(&g)
		}
		switch rapid.IntRange(0, 6).Draw(t, "state") {
		case 0:
			configured(&g)
		case 1:
			g.Status = "Delete in progress"
		case 2:
			s.Refreshing = append(s.Refreshing, g.Name)
		}
		s.Groups = append(s.Groups, g)
	}
	return s
}

func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(func(c *Config) {
			c.Version = rapid.SampledFrom([]Version{Latest, Default, NewestNumber}).Draw(t, "version")
		})
		s := drawState(t)
		plan := kindtest.Decide(t, Kind, c, s, time.Time{})
		shuffled := s
		shuffled.Groups = rapid.Permutation(s.Groups).Draw(t, "order")
		if diff := cmp.Diff(plan, decide(c, shuffled, time.Time{})); diff != "" {
			t.Fatalf("the order of the read decides:\n%s", diff)
		}

		after := s
		after.Groups = slices.Clone(s.Groups)
		for _, change := range plan.Changes {
			i := slices.IndexFunc(after.Groups, func(g Group) bool { return g.Name == change.Resource })
			g := &after.Groups[i]
			if change.From != s.value(change) {
				t.Fatalf("a change that is not of what was read: %+v", change)
			}
			if g.Status != "" || g.Configuration != "" || slices.Contains(s.Refreshing, g.Name) {
				t.Fatalf("a group is to be changed that cannot be: %+v", g)
			}
			version, template, _ := strings.Cut(strings.TrimPrefix(change.To, "version "), " of ")
			template = strings.TrimSuffix(template, ", version 1 of lt-3")
			if template != g.Template {
				t.Fatalf("another template: %+v", change)
			}
			g.Version = version
		}
		if again := decide(c, after, time.Time{}); len(again.Changes) > 0 {
			t.Fatalf("a plan that was carried out leaves changes: %+v", again.Changes)
		}
	})
}
