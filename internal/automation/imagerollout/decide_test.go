package imagerollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/version"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) // a Saturday

// day is so many days after the eleventh, ten of which have passed at t0.
func day(n int) time.Time { return t0.AddDate(0, 0, n-10) }

const (
	subnetID   = "subnet-0a1b2c3d4e5f60718"
	securityID = "sg-0a1b2c3d4e5f60718"
)

// config is a rollout of backups with sysprep.
func config(edit ...func(*Config)) Config {
	c := Config{
		Group: "web", Source: Source{Backups: &Backups{}},
		Builder: &Builder{
			Subnet: subnetID, SecurityGroups: []string{securityID}, Profile: "builder",
			Prepare: []Document{{Name: "Deploy", Parameters: map[string][]string{"commands": {"deploy.ps1"}}}, {Name: sysprep}},
		},
	}
	for _, e := range edit {
		e(&c)
	}
	defaults(&c)
	return c
}

func bare(c *Config)      { c.Builder = nil }
func refreshed(c *Config) { c.Refresh = &Refresh{} }
func pinned(c *Config)    { c.Refresh = &Refresh{Floating: FloatingPin} }
func tested(c *Config)    { c.Try = &Try{Verify: &Document{Name: "Smoke"}} }
func processed(c *Config) { c.Hold = HoldProcesses }
func lowered(c *Config)   { c.Hold = HoldMaxSize }
func cleaned(c *Config)   { c.Recovery = RecoveryDelete }

func keep(n int) func(*Config) { return func(c *Config) { c.Keep = n } }

func window(opens string, span time.Duration) func(*Config) {
	return func(c *Config) { c.Window = &Window{Opens: opens, For: automation.Duration(span)} }
}

// of is a backup of a day, and available.
func of(id string, n int) Image {
	return Image{ID: id, Name: backupPrefix + id, State: stateAvailable, Created: day(n), Architecture: "x86_64"}
}

// state is a group on version 3 of its template, whose image was made from the backup
// of day 1; there is another backup, of day 2.
func state(edit ...func(*State)) State {
	golden := of("ami-golden1", 1)
	golden.Name, golden.Source, golden.From = "web-from-ami-1", "ami-1", day(1)
	s := State{
		Observed: t0,
		Group:    Group{Name: "web", Desired: 2, Running: 2, Min: 1, Max: 4},
		Templates: []Template{{
			ID: "lt-1", Name: "web", Version: "3", Number: 3, Default: 1, Latest: 3, Type: "m6i.large", Numbers: []int64{3, 2, 1}, Current: golden,
		}},
		Images: []Image{of("ami-2", 2), of("ami-1", 1)},
		Names:  []string{"web-from-ami-1"},
	}
	for _, e := range edit {
		e(&s)
	}
	return s
}

func on(version string, number int64) func(*State) {
	return func(s *State) { s.Templates[0].Version, s.Templates[0].Number = version, number }
}

func images(all ...Image) func(*State)  { return func(s *State) { s.Images = all } }
func current(i Image) func(*State)      { return func(s *State) { s.Templates[0].Current = i } }
func group(f func(*Group)) func(*State) { return func(s *State) { f(&s.Group) } }
func asking(image string) func(*State)  { return func(s *State) { s.Asked = image } }
func tried(outcome string) func(*State) {
	return func(s *State) {
		s.Tried = append(s.Tried, Tried{Image: "ami-2", Run: "run-0", Outcome: outcome, Ended: t0})
	}
}

// second is another template of the group, for arm64.
func second(s *State) {
	s.Templates = append(s.Templates, Template{
		ID: "lt-2", Name: "arm", Version: "7", Number: 7, Default: 1, Latest: 7, Type: "m6g.large", Numbers: []int64{7, 1},
		Current: Image{ID: "ami-arm0", State: stateAvailable, Created: day(0), Architecture: "arm64"},
	})
}

const (
	managed = "it belongs to AWS Backup, and goes with its recovery point"

	newest = "ami-2 of 2026-11-13T03:00:00Z is the newest to be rolled out of the backups of the group's instances"
	done   = " because it has done its work\n"
	stay   = "note: the instances that run in web stay as they are: the fleet file has no refresh\n"
	has    = "nothing: web launches from ami-golden1, which was made from ami-1\n"
	older  = "rejected: ami-1 is older than ami-2\n"

	building = `
		launch ec2:RunInstances ami-2:  -> launched because ` + newest + `; a builder is launched from it, and terminated in the end
		prepare ssm:SendCommand ${launch.builder}:  -> Deploy because the builder is prepared
		prepare ssm:SendCommand ${launch.builder}:  -> AWSEC2-RunSysprep because the builder is prepared
		create-image ec2:CreateImage ${launch.builder}:  -> web-from-ami-2 because what was prepared is the new image
	`
	versioning = "create-version ec2:CreateLaunchTemplateVersion lt-1: ami-golden1 -> ${create-image.image} because it is made from version 3\n"
	// without a builder the version is the first change
	bareVersioning = "create-version ec2:CreateLaunchTemplateVersion lt-1: ami-golden1 -> ami-2 because " + newest + "; it is made from version 3\n"
	terminating    = "let-go ec2:TerminateInstances ${launch.builder}:  -> terminated" + done
	moving         = "move autoscaling:UpdateAutoScalingGroup web: version 3 of lt-1 -> version ${create-version.number} of lt-1 because what it launches from now on has the new image\n"
	refreshing1    = "refresh autoscaling:StartInstanceRefresh web: version 3 of lt-1 -> version ${create-version.number} of lt-1 because its instances are replaced by such with the new image\n"

	whole = building + versioning + terminating + moving + stay
)

// heldBuilding is building after a hold, which has said already which image it is.
var heldBuilding = strings.Replace(building, newest+"; ", "", 1)

// instead is the whole plan with texts replaced.
func instead(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(whole) }

type decisionTest struct {
	name   string
	config Config
	state  State
	want   string // the plan, a line for each fact
}

func decides(t *testing.T, tests []decisionTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plan := kindtest.Decide(t, Kind, test.config, test.state, t0)
			if !strings.Contains(test.want, managed) { // which is said of every backup
				plan.Notes = slices.DeleteFunc(plan.Notes, func(note string) bool { return strings.Contains(note, managed) })
			}
			kindtest.PlanSays(t, plan, test.want)
		})
	}
}

func TestDecideWhichImage(t *testing.T) {
	two := func(s *State) { s.Images[0].State = statePending }
	nine := of("ami-9", 9)
	for _, s := range []string{"rolled-back", "stuck", "cancelled"} {
		decides(t, []decisionTest{{
			"tried, and " + s, config(), state(tried(s)),
			has + "rejected: ami-2 was tried by run run-0, which ended " + s + " at 2026-11-21T03:00:00Z; to try it again: drover rollout start --image ami-2",
		}})
	}
	decides(t, []decisionTest{
		{"a new backup", config(), state(), whole},
		{"which stays", config(), state(), whole + "note: ami-2 stays: " + managed + "\n"},
		{
			"an older one beside", config(), state(images(of("ami-2", 2), Image{ID: "ami-15", State: stateAvailable, Created: day(1).Add(time.Hour)}, of("ami-1", 1))),
			building + versioning + terminating + moving + "rejected: ami-15 is older than ami-2\n" + stay,
		},
		{"the group has what was made from it", config(), state(images(of("ami-1", 1))), has},
		{"the group has it as it is", config(), state(current(of("ami-1", 1)), images(of("ami-1", 1))), "nothing: web launches from ami-1"},
		{"there is none", config(), state(images()), "nothing: no image that the source chooses is to be rolled out"},
		{"what the group has is newer", config(), state(current(nine)), `
			nothing: no image that the source chooses is to be rolled out
			rejected: ami-1 of 2026-11-12T03:00:00Z is not newer than ami-9, which the group has
			rejected: ami-2 of 2026-11-13T03:00:00Z is not newer than ami-9, which the group has`},
		{"what the group has was made later, from an older one", config(), state(func(s *State) { s.Templates[0].Current.Created = day(9) }), whole},
		{"what the group has was made from a newer one", config(), state(func(s *State) { s.Templates[0].Current.Source, s.Templates[0].Current.From = "ami-9", day(9) }), `
			nothing: no image that the source chooses is to be rolled out
			rejected: ami-1 of 2026-11-12T03:00:00Z is not newer than ami-9, which the group has
			rejected: ami-2 of 2026-11-13T03:00:00Z is not newer than ami-9, which the group has`},
		{
			"two of one moment do not take turns", config(), state(current(of("ami-3", 2)), images(of("ami-2", 2))),
			"nothing: no image that the source chooses is to be rolled out\nrejected: ami-2 of 2026-11-13T03:00:00Z is not newer than ami-3, which the group has",
		},
		{
			"it is not known how old the group's image is", config(), state(current(Image{ID: "ami-x"}), images(of("ami-2", 2))),
			instead("ami-golden1", "ami-x"),
		},
		{"the template has none", config(), state(current(Image{}), images(of("ami-2", 2))), instead("ami-golden1", "no image")},

		{"it is pending", config(), state(two), has + "rejected: ami-2 is pending"},
		{"it has failed", config(), state(func(s *State) { s.Images[0].State, s.Images[0].Why = "failed", "no space" }), has + "rejected: ami-2 is failed: no space"},
		{"it is disabled", config(), state(func(s *State) { s.Images[0].State = "disabled" }), has + "rejected: ami-2 is disabled"},
		{
			"an older one has its turn while it is pending", config(), state(images(Image{ID: "ami-3", State: statePending, Created: day(3)}, of("ami-2", 2))),
			building + versioning + terminating + moving + "rejected: ami-3 is pending\n" + stay,
		},
		{
			"it was rolled out, and somebody has put the old one back", config(), state(tried(succeeded)),
			has + "rejected: ami-2 was rolled out by run run-0 at 2026-11-21T03:00:00Z, and the group has gone elsewhere since; to roll it out again: drover rollout start --image ami-2",
		},
		{
			"that, and a newer one is there", config(), state(tried(succeeded), images(of("ami-3", 3), of("ami-2", 2), of("ami-1", 1))),
			strings.NewReplacer("ami-2 of 2026-11-13", "ami-3 of 2026-11-14", "RunInstances ami-2", "RunInstances ami-3", "from-ami-2", "from-ami-3").Replace(building+versioning+terminating+moving) +
				"rejected: ami-2 is older than ami-3\n" + stay,
		},
		{"that, and the fleet file pins the group to it", config(func(c *Config) { c.Pin = "ami-2" }), state(tried(succeeded)), instead(newest, "the fleet file pins the group to ami-2")},
		{"that, and it is asked for", config(), state(tried(succeeded), asking("ami-2")), instead(newest, "ami-2 was asked for")},
		{"that, and the group has it", config(), state(tried(succeeded), current(of("ami-2", 2)), images(of("ami-2", 2))), "nothing: web launches from ami-2"},
		{"it is too young", config(func(c *Config) { c.MinAge = automation.Duration(8*24*time.Hour + 1) }), state(), has + "rejected: ami-2 is not old enough before 2026-11-21T03:00:00Z"},
		{"it is old enough", config(func(c *Config) { c.MinAge = automation.Duration(8 * 24 * time.Hour) }), state(), whole},

		{"pinned to what the group has", config(func(c *Config) { c.Pin = "ami-1" }), state(), has + "rejected: ami-2 is not ami-1, to which the fleet file pins the group"},
		{
			"pinned to an older one", config(func(c *Config) { c.Pin = "ami-1" }), state(current(of("ami-2", 2))),
			strings.NewReplacer(newest, "the fleet file pins the group to ami-1", "web-from-ami-2", "web-from-ami-1-2", "ami-golden1", "ami-2", "RunInstances ami-2", "RunInstances ami-1").Replace(whole),
		},
		{
			"pinned, and tried in vain", config(func(c *Config) { c.Pin = "ami-2" }), state(tried("rolled-back")),
			has + "rejected: ami-2 was tried by run run-0, which ended rolled-back at 2026-11-21T03:00:00Z; to try it again: drover rollout start --image ami-2",
		},
		{"pinned to one that is not there", config(func(c *Config) { c.Pin = "ami-7" }), state(images()), "nothing: ami-7 cannot be rolled out: EC2 does not show it, or it is another account's, or a rollout has made it"},
		{"pinned to what is gone, and the group has what was made from it", config(func(c *Config) { c.Pin = "ami-1" }), state(images()), has},

		{"asked for, though tried", config(), state(tried("stuck"), asking("ami-2")), instead(newest, "ami-2 was asked for")},
		{
			"an older one is asked for", config(), state(images(nine, of("ami-1", 1)), current(nine), asking("ami-1")),
			strings.NewReplacer(newest, "ami-1 was asked for", "web-from-ami-2", "web-from-ami-1-2", "ami-golden1", "ami-9", "RunInstances ami-2", "RunInstances ami-1").Replace(whole),
		},
		{"a young one is asked for", config(func(c *Config) { c.MinAge = automation.Duration(9 * 24 * time.Hour) }), state(asking("ami-2")), instead(newest, "ami-2 was asked for")},
		{"asked for what the group has", config(), state(asking("ami-1")), has + "rejected: ami-2 is not ami-1, which was asked for"},
		{"asked for one that is pending", config(), state(two, asking("ami-2")), has + "rejected: ami-2 is pending"},
		{"asked for another than the pinned", config(func(c *Config) { c.Pin = "ami-1" }), state(asking("ami-2")), has + "rejected: ami-2 is not ami-1, to which the fleet file pins the group"},
		{"asked for one that cannot be", config(), state(images(of("ami-2", 2)), asking("ami-golden1")), `
			nothing: ami-golden1 cannot be rolled out: EC2 does not show it, or it is another account's, or a rollout has made it
			rejected: ami-2 is not ami-golden1, which was asked for`},
	})
}

func TestDecideWhen(t *testing.T) {
	closed := "nothing: ami-2 waits for the maintenance window, which opens at "
	zoned := func(c *Config) { c.Window.TimeZone = "Europe/Berlin" }
	decides(t, []decisionTest{
		{"the window is closed", config(window("cron(0 4 ? * SAT *)", time.Hour)), state(), closed + "2026-11-21T04:00:00Z"},
		{"it opens now", config(window("cron(0 3 ? * SAT *)", time.Hour)), state(), whole},
		{"it is open", config(window("cron(0 1 ? * SAT *)", 2*time.Hour+time.Minute)), state(), whole},
		{"it has just closed", config(window("cron(0 1 ? * SAT *)", 2*time.Hour)), state(), closed + "2026-11-28T01:00:00Z"},
		{"in its time zone it is open", config(window("cron(0 4 ? * SAT *)", time.Hour), zoned), state(), whole},
		{"closed, but asked for", config(window("cron(0 4 ? * SAT *)", time.Hour)), state(asking("ami-2")), instead(newest, "ami-2 was asked for")},
		{
			"it never opens again", config(window("cron(0 3 1 1 ? 2026)", time.Hour)), state(),
			"nothing: ami-2 waits for the maintenance window, which does not open any more: cron(0 3 1 1 ? 2026)",
		},
		{"it never opens again, but asked for", config(window("cron(0 3 1 1 ? 2026)", time.Hour)), state(asking("ami-2")), instead(newest, "ami-2 was asked for")},
		{"closed, and there is nothing to do", config(window("cron(0 4 ? * SAT *)", time.Hour)), state(images(of("ami-1", 1))), has},
		{
			"approval", config(func(c *Config) { c.Approval = automation.Duration(12 * time.Hour) }), state(),
			building + versioning + terminating + moving + "note: nothing is done before somebody approves it, within 12h\n" + stay,
		},
		{
			"somebody refreshes the group", config(refreshed), state(group(func(g *Group) { g.Refreshing = "08b91cf7" })),
			"nothing: web is in instance refresh 08b91cf7, which this rollout has not begun: ami-2 waits for its end, and the sweep comes back to it",
		},
		{
			"that, and one is asked for", config(refreshed), state(group(func(g *Group) { g.Refreshing = "08b91cf7" }), asking("ami-2")),
			"nothing: web is in instance refresh 08b91cf7, which this rollout has not begun: ami-2 waits for its end, and ask again then",
		},
	})
}

func TestDecideForWhom(t *testing.T) {
	arm := Image{ID: "ami-a1", State: stateAvailable, Created: day(5), Architecture: "arm64"}
	torn := func(s *State) { s.Templates[0].Torn = []string{"$Latest", "7"} }
	decides(t, []decisionTest{
		{"no such group", config(), State{Group: Group{Name: "web", Gone: "does not exist"}}, "stuck: web does not exist"},
		{"no template", config(), state(func(s *State) { s.Templates = nil }), "stuck: web launches from no launch template; give it one"},
		{"several versions of one template", config(), state(torn), "stuck: web launches from several versions of lt-1: 3, $Latest, 7; have all its overrides use one"},
		{
			"$Latest is not refreshed", config(refreshed), state(on("$Latest", 3)),
			"stuck: web launches from $Latest of lt-1, to which AWS cannot roll a refresh back; have it launch from a number, or say refresh.floating: pin",
		},
		{
			"nor one of several templates that can be pinned", config(pinned), state(on("$Latest", 3), second),
			"stuck: web launches from several templates, and from $Latest of lt-1, to which AWS cannot roll a refresh back; have it launch from a number",
		},
		{"a template for each architecture", config(refreshed, bare), state(second, images(arm)), `
			create-version ec2:CreateLaunchTemplateVersion lt-2: ami-arm0 -> ami-a1 because ami-a1 of 2026-11-16T03:00:00Z is the newest to be rolled out of the backups of the group's instances; it is made from version 7
			refresh autoscaling:StartInstanceRefresh web: version 3 of lt-1, version 7 of lt-2 -> version 3 of lt-1, version ${create-version.number} of lt-2 because its instances are replaced by such with the new image`},
		{"one after the other", config(bare), state(second, images(arm, of("ami-2", 2)), func(s *State) { s.Templates[1].Current = arm }), `
			create-version ec2:CreateLaunchTemplateVersion lt-1: ami-golden1 -> ami-2 because ` + newest + `; it is made from version 3
			move autoscaling:UpdateAutoScalingGroup web: version 3 of lt-1, version 7 of lt-2 -> version ${create-version.number} of lt-1, version 7 of lt-2 because what it launches from now on has the new image
		` + stay},
		{"an architecture that the group has not", config(), state(images(arm)), "nothing: no image that the source chooses is to be rolled out\nrejected: ami-a1 is for arm64, of which web launches nothing"},
		{"not even when it is asked for", config(), state(images(arm), asking("ami-a1")), "nothing: no image that the source chooses is to be rolled out\nrejected: ami-a1 is for arm64, of which web launches nothing"},
		{"two templates of one architecture", config(), state(second, func(s *State) { s.Templates[1].Current.Architecture = "x86_64" }), has +
			"rejected: ami-2 is for x86_64, and so are both lt-1 and lt-2 of web: nobody can tell for which it is meant"},
		{"something is missing", config(), state(func(s *State) {
			s.Missing = []Missing{{"subnet-1", "does not exist; builder.subnet names it"}, {"ami-2", "is encrypted"}}
			s.Unread = []string{"whether key k can be used is not known"}
		}), "stuck: subnet-1 does not exist; builder.subnet names it\nstuck: ami-2 is encrypted"},
		{
			"something is not known", config(bare), state(func(s *State) { s.Unread = []string{"whether key k can be used is not known"} }),
			bareVersioning + moving + stay + "note: whether key k can be used is not known",
		},
		{"the template names no type", config(), state(func(s *State) { s.Templates[0].Type = "" }), "stuck: lt-1 names no instance type, which the builder needs; say builder.type"},
		{"the fleet file does", config(func(c *Config) { c.Builder.Type = "m5.large" }), state(func(s *State) { s.Templates[0].Type = "" }), whole},
		{"nothing is launched", config(bare), state(func(s *State) { s.Templates[0].Type = "" }), bareVersioning + moving + stay},
	})
}

func TestDecideHow(t *testing.T) {
	tagged := func(c *Config) { c.Source.Backups.Tags = map[string]string{"role": "web", "app": "shop"} }
	byName := func(c *Config) { c.Source = Source{Images: &Images{Name: "golden-*"}} }
	trying := `
		try ec2:RunInstances ${create-image.image}:  -> launched because the new image is tried on an instance, which is terminated in the end
		verify ssm:SendCommand ${try.instance}:  -> Smoke because the new image is to pass it before anything points at it
	`
	untrying := "let-go ec2:TerminateInstances ${try.instance}:  -> terminated" + done
	dropping := func(machine string) string {
		return "let-go ec2:ModifyInstanceAttribute " + machine + ":  -> volumes deleted with it because its image has volumes that would stay behind\n"
	}
	held := func(operation, from, to string) string {
		return "hold " + operation + " web: " + from + " -> " + to + " because " + newest + "; until the group has the new image, it is not to grow by itself\n"
	}
	releasing := func(operation, from, to string) string {
		return "let-go " + operation + " web: " + from + " -> " + to + " because the new image is made, and the group may grow again\n"
	}
	const suspend, resume, update = "autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses", "autoscaling:UpdateAutoScalingGroup"
	rest := versioning + terminating + moving + stay
	decides(t, []decisionTest{
		{"without a builder", config(bare), state(), bareVersioning + moving + stay},
		{"a builder that is left as it is", config(func(c *Config) { c.Builder.Prepare = nil }), state(), `
			launch ec2:RunInstances ami-2:  -> launched because ` + newest + `; a builder is launched from it, and terminated in the end
			prepare ec2:StopInstances ${launch.builder}:  -> stopped because its image is to be of a machine at rest
			create-image ec2:CreateImage ${launch.builder}:  -> web-from-ami-2 because what was prepared is the new image
			` + rest},
		{"documents that leave it running", config(func(c *Config) { c.Builder.Prepare = c.Builder.Prepare[:1] }), state(), `
			launch ec2:RunInstances ami-2:  -> launched because ` + newest + `; a builder is launched from it, and terminated in the end
			prepare ssm:SendCommand ${launch.builder}:  -> Deploy because the builder is prepared
			prepare ec2:StopInstances ${launch.builder}:  -> stopped because its image is to be of a machine at rest
			create-image ec2:CreateImage ${launch.builder}:  -> web-from-ami-2 because what was prepared is the new image
			` + rest},
		{"it is tried with a document", config(tested), state(), building + trying + versioning + terminating + untrying + moving + stay},
		{
			"it is tried by its checks", config(func(c *Config) { c.Try = &Try{} }), state(),
			building + "try ec2:RunInstances ${create-image.image}:  -> launched because the new image is tried on an instance, which is terminated in the end\n" + versioning + terminating + untrying + moving + stay,
		},
		{"nothing runs", config(), state(group(func(g *Group) { g.Running = 0 })), building + versioning + terminating + moving},
		{"the name is taken", config(), state(func(s *State) { s.Names = []string{"web-from-ami-2", "web-from-ami-2-2"} }), instead("web-from-ami-2", "web-from-ami-2-3")},
		{"by tags", config(tagged), state(), instead("backups of the group's instances", "backups of instances with app=shop, role=web")},
		{"by name", config(byName), state(), instead("backups of the group's instances", "images named golden-*")},
		{"by name and tags of images", config(byName, func(c *Config) { c.Source.Images.Tags = map[string]string{"role": "web"} }), state(), instead("backups of the group's instances", "images named golden-* with role=web")},
		{"by tags of images", config(func(c *Config) { c.Source = Source{Images: &Images{Tags: map[string]string{"role": "web"}}} }), state(), instead("backups of the group's instances", "images with role=web")},
		{"the recovery point goes", config(cleaned), state(), building + versioning + terminating + moving +
			"clean-up backup:DeleteRecoveryPoint recovery point of ami-2:  -> deleted because the fleet file has recovery points deleted once their image is rolled out\n" + stay},
		{"what is no backup has none", config(cleaned), state(func(s *State) { s.Images[0].Name = "by hand" }), whole},
		{"volumes that would stay", config(tested), state(func(s *State) { s.Images[0].Stays = true }), building + trying + versioning +
			dropping("${launch.builder}") + terminating + dropping("${try.instance}") + untrying + moving + stay},
		{"and nothing is launched", config(bare), state(func(s *State) { s.Images[0].Stays = true }), bareVersioning + moving + stay},

		{
			"held by processes", config(processed), state(group(func(g *Group) { g.Suspended = []string{"AZRebalance", "AlarmNotification"} })),
			held(suspend, "", "ScheduledActions suspended") + heldBuilding + versioning + releasing(resume, "", "ScheduledActions resumed") + terminating + moving + stay,
		},
		{
			"both processes", config(processed), state(),
			held(suspend, "", "AlarmNotification, ScheduledActions suspended") + heldBuilding + versioning + releasing(resume, "", "AlarmNotification, ScheduledActions resumed") + terminating + moving + stay,
		},
		{"somebody else holds them", config(processed), state(group(func(g *Group) { g.Suspended = processes })), whole},
		{"held by its maximum", config(lowered), state(), held(update, "max size 4", "max size 2") + heldBuilding + versioning + releasing(update, "max size 2", "max size 4") + terminating + moving + stay},
		{
			"never below what runs", config(lowered), state(group(func(g *Group) { g.Running = 3 })),
			held(update, "max size 4", "max size 3") + heldBuilding + versioning + releasing(update, "max size 3", "max size 4") + terminating + moving + stay,
		},
		{
			"never below what is to run", config(lowered), state(group(func(g *Group) { g.Desired = 3 })),
			held(update, "max size 4", "max size 3") + heldBuilding + versioning + releasing(update, "max size 3", "max size 4") + terminating + moving + stay,
		},
		{
			"never below the minimum", config(lowered), state(group(func(g *Group) { g.Desired, g.Running, g.Min = 0, 0, 1 })),
			held(update, "max size 4", "max size 1") + heldBuilding + versioning + releasing(update, "max size 1", "max size 4") + terminating + moving,
		},
		{"it is full", config(lowered), state(group(func(g *Group) { g.Max = 2 })), whole},
		{
			"lowered already by a run that is stuck", config(lowered), state(group(func(g *Group) { g.Max, g.Original = 2, 4 })),
			held(update, "max size 4", "max size 2") + heldBuilding + versioning + releasing(update, "max size 2", "max size 4") + terminating + moving + stay,
		},

		{"$Latest", config(), state(on("$Latest", 3)), building + versioning + terminating + "note: web launches from $Latest: it has the image as soon as the version is made\n" + stay},
		{"$Default", config(), state(on("$Default", 1)), building + strings.ReplaceAll(versioning, "version 3", "version 1") + terminating +
			"move ec2:ModifyLaunchTemplate lt-1 default: version 1 -> version ${create-version.number} because web launches from the default version\n" + stay},
		{"refreshed", config(refreshed), state(), building + versioning + terminating + refreshing1},
		{"pinned, then refreshed", config(pinned), state(on("$Default", 3)), building +
			"pin autoscaling:UpdateAutoScalingGroup web: version $Default of lt-1 -> version 3 of lt-1 because AWS can roll a refresh back to a number alone\n" +
			versioning + terminating + refreshing1},
		{
			"what a refresh leaves, or waits for", config(refreshed, func(c *Config) { c.Refresh.Protected = BlockedRefresh }),
			state(group(func(g *Group) { g.Protected, g.Standby = []string{"i-1", "i-2"}, []string{"i-3"} })), building + versioning + terminating + refreshing1 + `
			note: i-1 and i-2 of web protected from scale-in: the refresh replaces them all the same (refresh.protected: refresh)
			note: i-3 of web in standby: the refresh waits an hour for that to change, and then fails (refresh.standby: wait)`,
		},
		{
			"what else it does", config(refreshed, func(c *Config) { c.Refresh.Protected, c.Refresh.Standby = BlockedIgnore, BlockedTerminate }),
			state(group(func(g *Group) { g.Protected, g.Standby = []string{"i-1"}, []string{"i-3"} })), building + versioning + terminating + refreshing1 + `
			note: i-1 of web protected from scale-in: the refresh leaves them as they are (refresh.protected: ignore)
			note: i-3 of web in standby: the refresh terminates them (refresh.standby: terminate)`,
		},
	})
}

func TestDecidePrunes(t *testing.T) {
	numbered := func(uses ...version.Use) func(*State) {
		return func(s *State) {
			f := &s.Templates[0]
			f.Numbers, f.Latest, f.Number, f.Uses = []int64{6, 5, 4, 3, 2, 1}, 6, 3, uses
		}
	}
	pruned := func(n string) string {
		return "prune ec2:DeleteLaunchTemplateVersions lt-1 version" + n + ": unused -> deleted because the newest 2 are kept, and nobody uses it\n"
	}
	before := building + versioning + terminating + moving
	decides(t, []decisionTest{
		// 1 is the default, 3 is what the group launches from until now; with the new one, 6 is kept.
		{"old versions go", config(keep(2)), state(numbered()), before + pruned("s 2, 4-5") + stay},
		{"not the ones in use", config(keep(2)), state(numbered(version.Use{Version: 4, By: "i-1 uses it"})), before + pruned("s 2, 5") + stay},
		{"the only one", config(keep(2)), state(numbered(version.Use{Version: 4, By: "i-1 uses it"}, version.Use{Version: 5, By: "i-1 uses it"})), before + pruned(" 2") + stay},
		{"there are few", config(keep(7)), state(numbered()), before + stay},
	})
}

// An event about an image that is none of the source's is answered with that.
func TestDecideTellsOfForeignImages(t *testing.T) {
	decides(t, []decisionTest{{
		"somebody else's", config(), state(func(s *State) { s.Images, s.Foreign = s.Images[1:], []string{"ami-77"} }),
		has + "rejected: ami-77 is none of the backups of the group's instances, or a rollout has made it",
	}})
}
