package routefailover

import (
	"testing"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
)

func TestDecideNamesWhatTheAuditNames(t *testing.T) {
	if checkOn != call.SourceDestCheck(true) || checkOff != call.SourceDestCheck(false) {
		t.Errorf("%q and %q, but the audit says %q and %q", checkOn, checkOff, call.SourceDestCheck(true), call.SourceDestCheck(false))
	}
	if got, want := (Route{Table: "rtb-1", Destination: "::/0"}).name(), call.Route("rtb-1", "::/0"); got != want {
		t.Errorf("%q, but the audit says %q", got, want)
	}
}

// TestDecideIsPure holds decide.go to the packages a decision may know.
func TestDecideIsPure(t *testing.T) {
	kindtest.Imports(t, "decide.go", "fmt", "slices", "time")
}

func TestNeedsAreMeaningful(t *testing.T) {
	every := config(func(c *Config) {
		c.Health, c.Prefer, c.SourceDestCheck = HealthStatusChecks, PreferZone, CheckRepair
		c.Routes = Routes{Tables: []string{"rtb-0a1b2c3d4e5f60718"}, TableTags: map[string]string{"tier": "private"}, Orphaned: OrphanedTake}
	})
	for name, c := range map[string]Config{"as it is": config(), "with everything": every} {
		t.Run(name, func(t *testing.T) { kindtest.NeedsAreMeaningful(t, Kind, c) })
	}
}

func TestListen(t *testing.T) {
	byID, byTag := config(), config(func(c *Config) { c.Members = []Member{{Instance: "i-a"}, {Tags: map[string]string{"role": "nat"}}} })
	for _, test := range []struct {
		name   string
		config Config
		event  event.Event
		want   string // the trigger; empty: none
	}{
		{"stopped", byID, event.NewInstanceStateChange("1", "r", "i-a", "stopped", t0), "member-state"},
		{"running", byID, event.NewInstanceStateChange("1", "r", "i-b", "running", t0), "member-state"},
		{"pending", byID, event.NewInstanceStateChange("1", "r", "i-b", "pending", t0), "member-state"},
		{"foreign", byID, event.NewInstanceStateChange("1", "r", "i-x", "stopped", t0), ""},
		{"spot", byID, event.NewSpotInterruption("1", "r", "i-a", "stop", t0), "spot-interruption"},
		{"rebalance", byID, event.NewRebalanceRecommendation("1", "r", "i-a", t0), "rebalance"},
		{"by tag, anybody's", byTag, event.NewInstanceStateChange("1", "r", "i-x", "stopped", t0), "member-state"},
	} {
		t.Run(test.name, func(t *testing.T) { kindtest.Triggers(t, Kind, test.config, test.event, test.want) })
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Config)
		want string // path: got, wanted; a line each
	}{
		{"fine", func(*Config) {}, ""},
		{"one instance", func(c *Config) { c.Members = c.Members[:1] }, "members: one instance, two or more, or one entry with tags that several instances carry"},
		{"one entry with tags", func(c *Config) { c.Members = []Member{{Tags: map[string]string{"a": "b"}}} }, ""},
		{"an instance twice", func(c *Config) { c.Members[1].Instance = "i-a" }, "members[1].instance: i-a a second time, each only once; it is at members[0].instance already"},
		{"an interface twice", func(c *Config) {
			c.Members[0].Interface, c.Members[1].Interface = "eni-a", "eni-a"
		}, "members[1].interface: eni-a a second time, each only once; it is at members[0].interface already"},
		{"neither", func(c *Config) { c.Members[1] = Member{} }, "members[1]: neither instance nor tags, one of them"},
		{"both", func(c *Config) { c.Members[1].Tags = map[string]string{"a": "b"} }, "members[1]: both instance and tags, one of them"},
		{"tags with an interface", func(c *Config) {
			c.Members[1] = Member{Tags: map[string]string{"a": "b"}, Interface: "eni-a"}
		}, "members[1]: tags with interface ids, devices, which names interfaces by device index"},
		{"two ways to name interfaces", func(c *Config) {
			c.Members[1].Interface, c.Members[1].Devices = "eni-a", map[string]int{"main": 0}
		}, "members[1]: several of interface, interfaces and devices, at most one of them"},
		{"a device twice", func(c *Config) { c.Members[1].Devices = map[string]int{"inner": 1, "outer": 1} }, "members[1].devices.outer: 1 a second time, another index than inner"},
		{"a name that only one member has", func(c *Config) {
			c.Members[0].Interfaces = map[string]string{"inner": "eni-1", "outer": "eni-2"}
			c.Members[1].Interfaces = map[string]string{"outer": "eni-3"}
		}, `members[0]: interface "inner", which no other member has, the same names in two members or more`},
		{"destinations", func(c *Config) {
			c.Routes.Destinations = []string{"10.0.0.1/8", "pl-1", "nonsense", "::/0"}
		}, "routes.destinations[0]: 10.0.0.1/8, 10.0.0.0/8, which is how AWS stores it\nroutes.destinations[2]: nonsense, a block such as 10.0.0.0/8 or 2001:db8::/32, or a prefix list such as pl-0a1b2c3d"},
		{"orphans of everybody", func(c *Config) { c.Routes.Orphaned = OrphanedTake }, "routes.orphaned: take without a filter, tables, table-tags or destinations beside it, so that routes of others stay alone"},
		{"too often", func(c *Config) { c.Sweep = automation.Duration(1e9) }, "sweep: 1s, 1m or more, the shortest schedule EventBridge has"},
	} {
		t.Run(test.name, func(t *testing.T) {
			kindtest.CheckSays(t, Kind, config(test.edit), test.want)
		})
	}
}

func TestClaims(t *testing.T) {
	kindtest.ClaimsSay(t, Kind, config(func(c *Config) {
		c.Members[1] = Member{Tags: map[string]string{"role": "nat"}}
		c.Routes.Tables = []string{"rtb-1", "rtb-2"}
	}), `
		members[0]: the routes through i-a in vpc-1, rtb-1 rtb-2
		members[1]: the routes through instances with role=nat in vpc-1, rtb-1 rtb-2`)
}

func TestConfigSurvivesTheLedger(t *testing.T) {
	kindtest.SurvivesTheLedger(t, config(func(c *Config) {
		c.Members[0].Interfaces = map[string]string{"inner": "eni-1"}
		c.Members[1].Devices = map[string]int{"inner": 1}
		c.Routes = Routes{Tables: []string{"rtb-1"}, TableTags: map[string]string{"a": "b"}, Destinations: []string{"::/0"}, Orphaned: OrphanedTake}
	}))
}
