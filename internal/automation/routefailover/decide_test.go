package routefailover

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
)

func config(edit ...func(*Config)) Config {
	c := Config{VPC: "vpc-1", Members: []Member{{Instance: "i-a"}, {Instance: "i-b"}}}
	defaults(&c)
	for _, e := range edit {
		e(&c)
	}
	return c
}

// member is healthy, with one interface that forwards.
func member(name string, edit ...func(*MemberState)) MemberState {
	m := MemberState{
		Instance: "i-" + name, State: running, VPC: "vpc-1", Zone: "zone-" + name,
		Interfaces: []Interface{{Pair: mainPair, ID: "eni-" + name, Attached: true}},
	}
	for _, e := range edit {
		e(&m)
	}
	return m
}

func stopped(m *MemberState)  { m.State = "stopped" }
func draining(m *MemberState) { m.Draining = "spot interruption" }
func checked(m *MemberState)  { m.Interfaces[0].SourceDestCheck = true }
func twoPairs(m *MemberState) {
	name := strings.TrimPrefix(m.Instance, "i-")
	m.Interfaces = []Interface{
		{Pair: "inner", ID: "eni-" + name + "-inner", Attached: true},
		{Pair: "outer", ID: "eni-" + name + "-outer", Attached: true},
	}
}

func route(table, destination, target string, edit ...func(*Route)) Route {
	r := Route{Table: table, Destination: destination, Interface: target}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func blackhole(r *Route) { r.Blackhole = true }

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Config
		state  State
		want   string // the plan, a line for each fact
	}{
		{
			name:   "all healthy",
			config: config(),
			state:  State{Members: []MemberState{member("a"), member("b")}, Routes: []Route{route("rtb-1", "10.0.0.0/8", "eni-a")}},
			want:   "nothing: every route through a member is on a healthy one",
		},
		{
			name:   "no routes",
			config: config(),
			state:  State{Members: []MemberState{member("a"), member("b")}},
			want:   "nothing: no route in scope targets a member",
		},
		{
			name:   "a dead member's routes move, default routes first",
			config: config(),
			state: State{
				Members: []MemberState{member("a", stopped), member("b")},
				Routes: []Route{
					route("rtb-1", "10.0.0.0/8", "eni-a"), route("rtb-2", "0.0.0.0/0", "eni-a"),
					route("rtb-1", "::/0", "eni-a"), route("rtb-1", "pl-1", "eni-a"), route("rtb-1", "10.1.0.0/16", "eni-b"),
				},
			},
			want: `
				move ec2:ReplaceRoute rtb-1 ::/0: eni-a -> eni-b because i-a is stopped; i-b is the first healthy member
				move ec2:ReplaceRoute rtb-2 0.0.0.0/0: eni-a -> eni-b because i-a is stopped; i-b is the first healthy member
				move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-a -> eni-b because i-a is stopped; i-b is the first healthy member
				move ec2:ReplaceRoute rtb-1 pl-1: eni-a -> eni-b because i-a is stopped; i-b is the first healthy member`,
		},
		{
			name:   "nobody is healthy: nothing is touched",
			config: config(),
			state: State{
				Members: []MemberState{member("a", stopped), member("b", stopped)},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-a")},
			},
			want: `
				stuck: rtb-1 10.0.0.0/8 stays on eni-a: i-a is stopped, and no other member is healthy; i-b is stopped
				rejected: i-b is stopped`,
		},
		{
			name:   "in order of preference, passing over who is not healthy",
			config: config(),
			state: State{
				Members: []MemberState{member("a", stopped), member("b", draining), member("c"), member("d")},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-a")},
			},
			want: `
				move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-a -> eni-c because i-a is stopped; i-c is the first healthy member
				rejected: i-b is draining: spot interruption`,
		},
		{
			name:   "back to a member of higher preference when the standby dies",
			config: config(),
			state: State{
				Members: []MemberState{member("a"), member("b", stopped)},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-b")},
			},
			want: `move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-b -> eni-a because i-b is stopped; i-a is the first healthy member`,
		},
		{
			name:   "no failback: a healthy standby keeps the routes",
			config: config(),
			state: State{
				Members: []MemberState{member("a"), member("b")},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-b")},
			},
			want: "nothing: every route through a member is on a healthy one",
		},
		{
			name:   "the table's own zone when asked",
			config: config(func(c *Config) { c.Prefer = PreferZone }),
			state: State{
				Members: []MemberState{member("a", stopped), member("b"), member("c")},
				Routes: []Route{
					route("rtb-1", "10.0.0.0/8", "eni-a", func(r *Route) { r.Zones = []string{"zone-c"} }),
					route("rtb-2", "10.0.0.0/8", "eni-a", func(r *Route) { r.Zones = []string{"zone-x"} }),
				},
			},
			want: `
				move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-a -> eni-c because i-a is stopped; i-c is the first healthy member in zone-c
				move ec2:ReplaceRoute rtb-2 10.0.0.0/8: eni-a -> eni-b because i-a is stopped; i-b is the first healthy member`,
		},
		{
			name:   "an inner route goes to the inner interface",
			config: config(),
			state: State{
				Members: []MemberState{member("a", twoPairs, stopped), member("b", twoPairs)},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-a-inner"), route("rtb-1", "0.0.0.0/0", "eni-a-outer")},
			},
			want: `
				move ec2:ReplaceRoute rtb-1 0.0.0.0/0: eni-a-outer -> eni-b-outer because i-a is stopped; i-b is the first healthy member
				move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-a-inner -> eni-b-inner because i-a is stopped; i-b is the first healthy member`,
		},
		{
			name:   "a member without that interface is no choice",
			config: config(),
			state: State{
				Members: []MemberState{member("a", twoPairs, stopped), member("b"), member("c", twoPairs)},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-a-inner")},
			},
			want: `
				move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-a-inner -> eni-c-inner because i-a is stopped; i-c is the first healthy member
				rejected: i-b has no interface "inner"`,
		},
		{
			name:   "a route by instance",
			config: config(),
			state: State{
				Members: []MemberState{member("a", stopped), member("b")},
				Routes:  []Route{{Table: "rtb-1", Destination: "10.0.0.0/8", Instance: "i-a"}},
			},
			want: `move ec2:ReplaceRoute rtb-1 10.0.0.0/8: i-a -> eni-b because i-a is stopped; i-b is the first healthy member`,
		},
		{
			name:   "an interface that is detached from a running member",
			config: config(),
			state: State{
				Members: []MemberState{member("a", func(m *MemberState) { m.Interfaces[0].Attached = false }), member("b")},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-a", blackhole)},
			},
			want: `move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-a -> eni-b because i-a does not have eni-a attached; i-b is the first healthy member`,
		},
		{
			name:   "status checks that fail",
			config: config(),
			state: State{
				Members: []MemberState{member("a", func(m *MemberState) { m.Checks = "system impaired" }), member("b")},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-a")},
			},
			want: `move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-a -> eni-b because i-a fails its status checks: system impaired; i-b is the first healthy member`,
		},
		{
			name:   "a member of another VPC",
			config: config(),
			state: State{
				Members: []MemberState{member("a", stopped), member("b", func(m *MemberState) { m.VPC = "vpc-2" })},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-a")},
			},
			want: `
				stuck: rtb-1 10.0.0.0/8 stays on eni-a: i-a is stopped, and no other member is healthy; i-b is in vpc-2, not in vpc-1
				rejected: i-b is in vpc-2, not in vpc-1`,
		},
		{
			name:   "an orphan is left alone",
			config: config(),
			state: State{
				Members: []MemberState{member("a"), member("b")},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-x", blackhole)},
			},
			want: `
				nothing: no route in scope targets a member
				rejected: rtb-1 10.0.0.0/8 is a blackhole to eni-x, and nothing tells whether that was a member's; routes.orphaned: take would move it if the interface no longer exists`,
		},
		{
			name:   "an orphan is taken when asked",
			config: config(func(c *Config) { c.Routes.Orphaned = OrphanedTake }),
			state: State{
				Members: []MemberState{member("a", stopped), member("b")},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-x", blackhole, func(r *Route) { r.Orphan = true })},
			},
			want: `
				move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-x -> eni-b because eni-x no longer exists; i-b is the first healthy member
				rejected: i-a is stopped`,
		},
		{
			name:   "a source/destination check is reported, before it matters",
			config: config(),
			state:  State{Members: []MemberState{member("a"), member("b", checked)}, Routes: []Route{route("rtb-1", "10.0.0.0/8", "eni-a")}},
			want: `
				nothing: every route through a member is on a healthy one
				note: the source/destination check of eni-b (i-b) is on: it drops traffic that is not addressed to it; source-dest-check: repair would turn it off`,
		},
		{
			name:   "a source/destination check is repaired when asked, once and first",
			config: config(func(c *Config) { c.SourceDestCheck = CheckRepair }),
			state: State{
				Members: []MemberState{member("a", stopped, checked), member("b", checked)},
				Routes:  []Route{route("rtb-1", "10.0.0.0/8", "eni-a"), route("rtb-2", "10.0.0.0/8", "eni-a")},
			},
			want: `
				move ec2:ModifyNetworkInterfaceAttribute eni-b: source/destination check on -> source/destination check off because i-b is to forward traffic that is not addressed to it
				move ec2:ReplaceRoute rtb-1 10.0.0.0/8: eni-a -> eni-b because i-a is stopped; i-b is the first healthy member
				move ec2:ReplaceRoute rtb-2 10.0.0.0/8: eni-a -> eni-b because i-a is stopped; i-b is the first healthy member`,
		},
		{
			name:   "what can be moved is, and the rest is named",
			config: config(),
			state: State{
				Members: []MemberState{member("a", twoPairs, stopped), member("b", func(m *MemberState) {
					m.Interfaces = []Interface{{Pair: "outer", ID: "eni-b-outer", Attached: true}}
				})},
				Routes: []Route{route("rtb-1", "0.0.0.0/0", "eni-a-outer"), route("rtb-1", "10.0.0.0/8", "eni-a-inner")},
			},
			want: `
				move ec2:ReplaceRoute rtb-1 0.0.0.0/0: eni-a-outer -> eni-b-outer because i-a is stopped; i-b is the first healthy member
				stuck: rtb-1 10.0.0.0/8 stays on eni-a-inner: i-a is stopped, and no other member is healthy; i-b has no interface "inner"
				rejected: i-b has no interface "inner"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.PlanSays(t, kindtest.Decide(t, Kind, test.config, test.state, time.Time{}), test.want)
		})
	}
}

// drawState draws a world: members in any condition, routes to any of them.
func drawState(t *rapid.T) State {
	names := []string{"a", "b", "c"}[:rapid.IntRange(2, 3).Draw(t, "members")]
	var s State
	for _, n := range names {
		s.Members = append(s.Members, member(n, func(m *MemberState) {
			m.State = rapid.SampledFrom([]string{running, running, "pending", "stopping", "stopped", "terminated", gone}).Draw(t, "state")
			if rapid.IntRange(0, 4).Draw(t, "draining") == 0 {
				m.Draining = "rebalance"
			}
			m.Interfaces[0].Attached = rapid.IntRange(0, 4).Draw(t, "detached") > 0
			m.Interfaces[0].SourceDestCheck = rapid.Bool().Draw(t, "check")
			m.Zone = rapid.SampledFrom([]string{"zone-1", "zone-2"}).Draw(t, "zone")
		}))
	}
	seen := map[string]bool{}
	for range rapid.IntRange(0, 8).Draw(t, "routes") {
		r := route(rapid.SampledFrom([]string{"rtb-1", "rtb-2"}).Draw(t, "table"),
			rapid.SampledFrom([]string{"0.0.0.0/0", "::/0", "10.0.0.0/8", "pl-1"}).Draw(t, "destination"),
			rapid.SampledFrom([]string{"eni-a", "eni-b", "eni-c", "eni-x"}).Draw(t, "target"))
		r.Blackhole = rapid.Bool().Draw(t, "blackhole")
		r.Orphan = r.Blackhole && r.Interface == "eni-x" && rapid.Bool().Draw(t, "orphan")
		r.Zones = []string{rapid.SampledFrom([]string{"zone-1", "zone-2"}).Draw(t, "near")}
		if key := r.Table + r.Destination; !seen[key] {
			seen[key] = true
			s.Routes = append(s.Routes, r)
		}
	}
	return s
}

func drawConfig(t *rapid.T) Config {
	return config(func(c *Config) {
		c.Prefer = rapid.SampledFrom([]Prefer{PreferOrder, PreferZone}).Draw(t, "prefer")
		c.SourceDestCheck = rapid.SampledFrom([]SourceDestCheck{CheckReport, CheckRepair}).Draw(t, "on check")
	})
}

// apply is what AWS looks like after a plan was carried out.
func apply(s State, p automation.Plan) State {
	s.Routes = slices.Clone(s.Routes)
	s.Members = slices.Clone(s.Members)
	for _, c := range p.Changes {
		for i, r := range s.Routes {
			if c.Operation == opReplace && c.Resource == r.Table+" "+r.Destination {
				s.Routes[i].Interface, s.Routes[i].Blackhole, s.Routes[i].Orphan = c.To, false, false
			}
		}
		for i, m := range s.Members {
			s.Members[i].Interfaces = slices.Clone(m.Interfaces)
			for j, n := range m.Interfaces {
				if c.Operation == opModify && c.Resource == n.ID {
					s.Members[i].Interfaces[j].SourceDestCheck = false
				}
			}
		}
	}
	return s
}

func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, s := drawConfig(t), drawState(t)
		healthy := map[string]bool{} // interfaces
		for i, m := range s.Members {
			d := decision{config: c, state: s}
			if d.unhealthy(i, mainPair) == "" {
				healthy[m.Interfaces[0].ID] = true
			}
		}
		plan := kindtest.Decide(t, Kind, c, s, time.Time{})

		seen := map[string]bool{}
		for _, change := range plan.Changes {
			if seen[change.Operation+change.Resource] {
				t.Fatalf("changed twice: %+v", change)
			}
			seen[change.Operation+change.Resource] = true
			if change.Operation == opReplace && (!healthy[change.To] || healthy[change.From]) {
				t.Fatalf("moved from %s to %s; healthy are %v", change.From, change.To, healthy)
			}
		}
		shuffled := s
		shuffled.Routes = rapid.Permutation(s.Routes).Draw(t, "order")
		if diff := cmp.Diff(plan, decide(c, shuffled, time.Time{})); diff != "" {
			t.Fatalf("the order of the read decides:\n%s", diff)
		}

		after := apply(s, plan)
		again := decide(c, after, time.Time{})
		if len(again.Changes) > 0 {
			t.Fatalf("a plan that was carried out leaves changes: %+v", again.Changes)
		}
		if len(healthy) == 0 {
			return
		}
		for _, r := range after.Routes {
			for _, m := range s.Members {
				if m.Interfaces[0].ID == r.Interface && !healthy[r.Interface] {
					t.Fatalf("%s stays on %s though %v are healthy", r.Destination, r.Interface, healthy)
				}
			}
		}
	})
}
