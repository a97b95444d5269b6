package imagerollout

import (
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
)

func hours(n int) automation.Duration { return automation.Duration(n) * automation.Duration(time.Hour) }

func TestCheck(t *testing.T) {
	refresh := func(r Refresh) func(*Config) { return func(c *Config) { c.Refresh = &r } }
	documents := func(all ...Document) func(*Config) { return func(c *Config) { c.Builder.Prepare = all } }
	sixty, fifty := 160, 50
	second := automation.Duration(time.Second)
	for _, test := range []struct {
		name string
		edit func(*Config)
		want string // path: got, wanted; a line each
	}{
		{"fine", func(*Config) {}, ""},
		{"with everything", everything, ""},
		{"no source", func(c *Config) { c.Source = Source{} }, "source: neither backups nor images, one of them"},
		{"two sources", func(c *Config) { c.Source.Images = &Images{Name: "golden-*"} }, "source: both backups and images, one of them"},
		{"all images", func(c *Config) { c.Source = Source{Images: &Images{}} }, "source.images: nothing that tells images apart, name or tags"},
		{"all images, by a pattern", func(c *Config) { c.Source = Source{Images: &Images{Name: "*?*"}} }, "source.images: nothing that tells images apart, name or tags"},
		{"images by tags", func(c *Config) { c.Source = Source{Images: &Images{Name: "*", Tags: map[string]string{"role": "web"}}} }, ""},
		{
			"deleting what is no backup", func(c *Config) { cleaned(c); c.Source = Source{Images: &Images{Name: "golden-*"}} },
			"recovery-point: delete, without backups, source.backups beside it, or keep",
		},
		{
			"deleting what the group launches from", func(c *Config) { cleaned(c); c.Builder = nil },
			"recovery-point: delete, without a builder, keep: the group would launch from the image that goes with it",
		},
		{"approval within a day", func(c *Config) { c.Approval = hours(24) }, ""},
		{"approval too long", func(c *Config) { c.Approval = hours(25) }, "approval: 25h, 1m to 24h"},
		{"approval too short", func(c *Config) { c.Approval = second }, "approval: 1s, 1m to 24h"},
		{"a trial without a builder", func(c *Config) { c.Builder, c.Try = nil, &Try{} }, "try: an image to be tried, without a builder, builder beside it, which says where machines are launched"},
		{"a hold without a builder", func(c *Config) { c.Builder, c.Hold = nil, HoldMaxSize }, "hold: max-size, without a builder, none: without a builder there is nothing to wait for"},
		{"a document that is too slow", documents(Document{Name: "Deploy", Limit: hours(5)}), "builder.prepare[0].limit: 5h, 1m to 4h"},
		{"a document without time", documents(Document{Name: "Deploy", Limit: second}), "builder.prepare[0].limit: 1s, 1m to 4h"},
		{
			"documents that are too slow together", documents(Document{Name: "Deploy", Limit: hours(2)}, Document{Name: "Patch", Limit: hours(2)}, Document{Name: sysprep}),
			"builder.prepare: limits of 5h together, at most 4h",
		},
		{"something after the end", documents(Document{Name: sysprep}, Document{Name: "Deploy"}), "builder.prepare[0].ends: stopped, with a document after it, stopped for the last document alone"},
		{"documents without a profile", func(c *Config) { c.Builder.Profile = "" }, "builder.profile: nothing, an instance profile, without which Systems Manager reaches no machine"},
		{
			"a trial without a profile", func(c *Config) { tested(c); c.Builder.Profile, c.Builder.Prepare = "", nil },
			"builder.profile: nothing, an instance profile, without which Systems Manager reaches no machine",
		},
		{"no documents and no profile", func(c *Config) { c.Builder.Profile, c.Builder.Prepare, c.Try = "", nil, &Try{} }, ""},
		{"a trial that is too slow", func(c *Config) { c.Try = &Try{Verify: &Document{Name: "Smoke", Limit: hours(2)}} }, "try.verify.limit: 2h, 1m to 1h"},
		{"a trial that ends stopped", func(c *Config) { c.Try = &Try{Verify: &Document{Name: "Smoke", Ends: EndsStopped}} }, "try.verify.ends: stopped, success"},
		{"a trial with sysprep", func(c *Config) { c.Try = &Try{Verify: &Document{Name: sysprep}} }, "try.verify.ends: stopped, success"},
		{"a boot that is too slow", func(c *Config) { c.Builder.Boot = hours(2) }, "builder.boot: 2h, at most 1h"},
		{"healthy beyond what AWS allows", refresh(Refresh{MinHealthy: &fifty, MaxHealthy: &sixty}), "refresh.max-healthy: 160, with min-healthy 50, at most 100 more than min-healthy"},
		{"checkpoints in disorder", refresh(Refresh{Checkpoints: []int{50, 20}}), "refresh.checkpoints: [50 20], percentages in ascending order"},
		{"a checkpoint twice", refresh(Refresh{Checkpoints: []int{20, 20}}), "refresh.checkpoints: [20 20], percentages in ascending order"},
		{"baking for nothing", refresh(Refresh{Bake: hours(1)}), "refresh.bake: 1h, without alarms, alarms, which are what it looks at"},
		{"a refresh that is too slow", refresh(Refresh{Limit: hours(9)}), "refresh.limit: 9h, 1m to 8h"},
		{"a refresh without time", refresh(Refresh{Limit: second}), "refresh.limit: 1s, 1m to 8h"},
		{
			"a refresh that only pauses", refresh(Refresh{Checkpoints: []int{20, 50}, Bake: hours(1), Alarms: []string{"a"}, Limit: hours(3)}),
			"refresh.limit: 3h, more than the 3h of its pauses and its bake time together",
		},
		{"parts of seconds", refresh(Refresh{Warmup: 1, Pause: 1, Bake: 1, Alarms: []string{"a"}}), `
			refresh.warmup: 1ns, whole seconds
			refresh.pause: 1ns, whole seconds
			refresh.bake: 1ns, whole seconds`},
		{
			"a window that is no cron", func(c *Config) { c.Window = &Window{Opens: "rate(1 day)", For: hours(1)} },
			"window.opens: rate(1 day), cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR), and a time zone that there is",
		},
		{
			"a window nowhere", func(c *Config) {
				c.Window = &Window{Opens: "cron(0 2 ? * SUN *)", For: hours(1), TimeZone: "Europe/Nowhere"}
			},
			"window.opens: cron(0 2 ? * SUN *), cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR), and a time zone that there is",
		},
		{
			"a window that nobody looks into", func(c *Config) { c.Window = &Window{Opens: "cron(0 2 ? * SUN *)", For: hours(1) - second} },
			"window.for: 59m59s, at least 1h, as sweep says: nothing else looks while it is open",
		},
		{"a window as long as a sweep", func(c *Config) { window("cron(0 2 ? * SUN *)", 15*time.Minute)(c); c.Sweep = hours(1) / 4 }, ""},
		{"too often", func(c *Config) { c.Sweep = second }, "sweep: 1s, 1m or more, the shortest schedule EventBridge has"},
		{"several at once", func(c *Config) { c.Source, c.Sweep = Source{}, second }, `
			source: neither backups nor images, one of them
			sweep: 1s, 1m or more, the shortest schedule EventBridge has`},
	} {
		t.Run(test.name, func(t *testing.T) { kindtest.CheckSays(t, Kind, config(test.edit), test.want) })
	}
}

// TestDefaults: sysprep ends with its machine stopped, unless somebody says otherwise,
// and everything else with success.
func TestDefaults(t *testing.T) {
	c := config(func(c *Config) {
		c.Builder.Prepare = append(c.Builder.Prepare, Document{Name: sysprep, Ends: EndsSuccess})
	})
	var got []string
	for _, d := range c.Builder.Prepare {
		got = append(got, d.Name+" "+string(d.Ends)+" "+d.Limit.String())
	}
	if want := "Deploy success 1h, AWSEC2-RunSysprep stopped 1h, AWSEC2-RunSysprep success 1h"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %s", got, want)
	}
	if c.Builder.stopsItself() || !config().Builder.stopsItself() {
		t.Error("it is the last document that says whether the builder stops")
	}
}

func TestConfigSurvivesTheLedger(t *testing.T) {
	kindtest.SurvivesTheLedger(t, config(everything, window("cron(0 2 ? * SUN *)", time.Hour), func(c *Config) {
		c.Source = Source{Images: &Images{Name: "golden-*", Tags: map[string]string{"a": "b"}}}
		c.Pin, c.MinAge, c.Approval, c.Window.TimeZone = "ami-0bd3e5a1c97f24680", hours(24), hours(12), "Europe/Berlin"
		c.Refresh.Checkpoints, c.Refresh.Warmup = []int{20, 100}, automation.Duration(5*time.Minute)
		c.Builder.Prepare[0].Version = "$LATEST"
	}))
}
