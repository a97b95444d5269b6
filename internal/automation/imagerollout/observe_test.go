package imagerollout

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/version"
	simbackup "github.com/droverhq/drover/internal/awssim/backup"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

func ids(all []Image) []string {
	var list []string
	for _, i := range all {
		list = append(list, i.ID)
	}
	return list
}

func TestObserveSeesTheGroup(t *testing.T) {
	w := newWorld(t)
	members := w.members()
	w.must(w.groups.Protect("web", members[0], true))
	_, err := w.aws.AutoScaling.EnterStandby(t.Context(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: members[1:], ShouldDecrementDesiredCapacity: aws.Bool(false)})
	w.must(err)
	_, err = w.aws.AutoScaling.SuspendProcesses(t.Context(), &autoscaling.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: []string{"ScheduledActions", "AZRebalance"}})
	w.must(err)
	w.clock.Advance(time.Minute)
	s := w.look(w.config())
	g, _ := w.groups.Group("web")
	want := State{
		Observed: w.clock.Now(), Looked: w.clock.Now(),
		Group: Group{
			Name: "web", ARN: *g.AutoScalingGroupARN, Role: aws.ToString(g.ServiceLinkedRoleARN), Desired: 2, Max: 4, Running: len(g.Instances),
			Protected: members[:1], Standby: members[1:], Suspended: []string{"AZRebalance", "ScheduledActions"},
		},
		Templates: []Template{{
			ID: w.template, Name: "web", Version: "1", Number: 1, Default: 1, Latest: 1, Type: "t3.micro", Numbers: []int64{1},
			Current: Image{ID: w.base, Name: "base", State: stateAvailable, Architecture: "x86_64", Created: t0.Add(-24 * time.Hour), Snapshots: w.snapshots(w.base), Owner: "123456789012"},
		}},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

// snapshots are those of an image.
func (w *world) snapshots(image string) []string {
	for _, i := range w.ec2.Images() {
		if i.ID == image {
			return i.Snapshots
		}
	}
	return nil
}

func TestObserveWithoutAGroup(t *testing.T) {
	w := newWorld(t)
	if s := w.look(w.config(func(c *Config) { c.Group = "api" })); s.Group.Gone != "does not exist" {
		t.Errorf("%+v", s)
	}
	_, err := w.aws.AutoScaling.DeleteAutoScalingGroup(t.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), ForceDelete: aws.Bool(true)})
	w.must(err)
	if s := w.look(w.config()); s.Group.Gone != "is being deleted: Delete in progress" {
		t.Errorf("%+v", s.Group)
	}
}

// TestObserveFindsBackups: of the group's instances, or of those with the tags, and
// only what AWS Backup has made.
func TestObserveFindsBackups(t *testing.T) {
	w := newWorld(t)
	place := func(tags map[string]string) string {
		id, err := w.ec2.PlaceInstance(simec2.PlacedInstance{Subnet: w.subnet, Image: w.base, Tags: tags})
		w.must(err)
		return id
	}
	backup := func(instance string) string {
		w.clock.Advance(time.Minute)
		_, err := w.backup.AddCompletedJob(simbackup.Job{Instance: instance}, time.Time{})
		w.must(err)
		jobs := w.backup.Jobs()
		return jobs[len(jobs)-1].Image
	}
	member, tagged, other := w.members()[0], place(map[string]string{"role": "web", "app": "shop"}), place(map[string]string{"role": "web"})
	builder := place(map[string]string{"role": "web", "app": "shop", tagTemporary: "builder"})
	first := backup(member)
	of, second := backup(tagged), backup(member)
	backup(other)
	backup(builder)
	w.ec2.AddImage(simec2.Image{Name: "by hand", SourceInstance: member, Created: w.clock.Now()})
	for name, test := range map[string]struct {
		tags map[string]string
		want []string
	}{
		"of the group": {nil, []string{second, first}},
		"by tags":      {map[string]string{"role": "web", "app": "shop"}, []string{of}},
		"of nobody":    {map[string]string{"role": "w*"}, nil},
	} {
		s := w.look(w.config(func(c *Config) { c.Source.Backups.Tags = test.tags }))
		if diff := cmp.Diff(test.want, ids(s.Images)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestObserveFindsImages: by name and by tags, of this account.
func TestObserveFindsImages(t *testing.T) {
	w := newWorld(t)
	made := map[string]string{}
	for n, i := range []simec2.Image{
		{Name: "golden-1", Tags: map[string]string{"role": "web"}},
		{Name: "golden-2", Tags: map[string]string{"role": "w*"}},
		{Name: "silver-3", Tags: map[string]string{"role": "web"}},
		{Name: "golden-4", Owner: "999999999999", Public: true},
		{Name: "golden-5", Tags: map[string]string{tagSource: "ami-1", tagFrom: stamp(t0), "role": "web"}}, // of a rollout, whoever's
		{Name: "golden-6", Deprecated: t0.Add(-time.Minute)},
	} {
		i.Created = t0.Add(time.Duration(n-10) * time.Minute)
		made[w.ec2.AddImage(i)] = i.Name
	}
	for _, test := range []struct {
		name   string
		source Images
		want   []string
	}{
		{"by name", Images{Name: "golden-?"}, []string{"golden-6", "golden-2", "golden-1"}},
		{"by tag", Images{Tags: map[string]string{"role": "web"}}, []string{"silver-3", "golden-1"}},
		{"by tag, with what looks like a wildcard", Images{Tags: map[string]string{"role": "w*"}}, []string{"golden-2"}},
		{"by both", Images{Name: "golden-*", Tags: map[string]string{"role": "web"}}, []string{"golden-1"}},
		{"none", Images{Name: "bronze-*"}, nil},
	} {
		s := w.look(w.config(func(c *Config) { c.Source = Source{Images: &test.source} }))
		var got []string
		for _, i := range s.Images {
			got = append(got, made[i.ID])
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}

// TestObserveReadsWhatIsAskedFor: an image that the source does not choose is rolled out
// if a person asks for it or the fleet file pins the group to it, and one that a rollout
// has made is not.
func TestObserveReadsWhatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	hand := w.ec2.AddImage(simec2.Image{Name: "by hand", Created: t0.Add(-time.Hour)})
	pin := w.ec2.AddImage(simec2.Image{Name: "pinned", Created: t0.Add(-2 * time.Hour)})
	shared := w.ec2.AddImage(simec2.Image{Name: "shared", Owner: "999999999999", Created: t0.Add(-3 * time.Hour)})
	golden := w.ec2.AddImage(simec2.Image{Name: "golden", Created: t0.Add(-time.Hour), Tags: map[string]string{tagSource: hand, tagFrom: stamp(t0)}})
	for _, test := range []struct {
		name  string
		pin   string
		event event.Event
		want  []string
	}{
		{"asked for", "", asks("web", hand), []string{hand}},
		{"pinned", pin, event.Sweep("web", t0), []string{pin}},
		{"both", pin, asks("web", hand), []string{hand, pin}},
		{"another account's", "", asks("web", shared), nil},
		{"pinned to another account's", shared, event.Sweep("web", t0), []string{shared}},
		{"both, another account's", shared, asks("web", shared), []string{shared}},
		{"a golden image", "", asks("web", golden), nil},
		{"one that an event is about", "", event.NewImageStateChange("1", "r", hand, stateAvailable, "", t0), nil},
	} {
		s := w.look(w.config(func(c *Config) { c.Pin = test.pin }), test.event)
		if diff := cmp.Diff(test.want, ids(s.Images)); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}

// TestObserveSeesWhereTheImageComesFrom: the group's image was made by a rollout, and its
// tags say of what.
func TestObserveSeesWhereTheImageComesFrom(t *testing.T) {
	w := newWorld(t)
	from := t0.Add(-3*time.Hour - time.Millisecond)
	for _, test := range []struct {
		name string
		from string
		want time.Time
	}{
		{"its tags say", stamp(from), from},
		{"somebody has changed them", "yesterday", t0.Add(-time.Hour)},
	} {
		golden := w.ec2.AddImage(simec2.Image{Name: "web-from-" + test.name, Created: t0.Add(-time.Hour), Tags: map[string]string{
			tagSource: "ami-1", tagFrom: test.from, tagAutomation: "web", tagFleet: "stage",
		}})
		w.version(golden)
		_, err := w.aws.AutoScaling.UpdateAutoScalingGroup(t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: at(w.template, "$Latest")})
		w.must(err)
		s := w.look(w.config())
		if id, since := s.Templates[0].Current.origin(); id != "ami-1" || !since.Equal(test.want) {
			t.Errorf("%s: it comes from %s of %s", test.name, id, since)
		}
		if !slices.Contains(s.Names, "web-from-"+test.name) {
			t.Errorf("%s: the names are %q", test.name, s.Names)
		}
	}
}

// version makes a version of the template with an image, and returns its number.
func (w *world) version(image string) int64 {
	w.Helper()
	out, err := w.aws.EC2.CreateLaunchTemplateVersion(w.Context(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: aws.String(w.template), SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(image)},
	})
	w.must(err)
	return *out.LaunchTemplateVersion.VersionNumber
}

// TestObserveSeesVersions: which one the group launches from, and who uses which once
// some may go.
func TestObserveSeesVersions(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.version(w.base)
	}
	for on, want := range map[string]int64{"2": 2, "$Latest": 4, "$Default": 1} {
		_, err := w.aws.AutoScaling.UpdateAutoScalingGroup(t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: at(w.template, on)})
		w.must(err)
		f := w.look(w.config()).Templates[0]
		if f.Version != on || f.Number != want || f.Default != 1 || f.Latest != 4 || !slices.Equal(f.Numbers, []int64{4, 3, 2, 1}) {
			t.Errorf("%s: %+v", on, f)
		}
	}
	_, err := w.aws.AutoScaling.UpdateAutoScalingGroup(t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: at(w.template, "3")})
	w.must(err)
	for keep, want := range map[int][]version.Use{
		4: {{Version: 1, By: "group web and 2 others use it"}, {Version: 3, By: "group web uses it"}},
		5: nil, // with the one that is made there are five
	} {
		if diff := cmp.Diff(want, w.look(w.config(func(c *Config) { c.Keep = keep })).Templates[0].Uses); diff != "" {
			t.Errorf("with keep %d:\n%s", keep, diff)
		}
	}
}

// policy makes the group launch from a template for each architecture.
func (w *world) policy(main, arm *scaling.LaunchTemplateSpecification, more ...scaling.LaunchTemplateOverrides) {
	w.Helper()
	w.group(&autoscaling.CreateAutoScalingGroupInput{DesiredCapacity: aws.Int32(2), MixedInstancesPolicy: &scaling.MixedInstancesPolicy{
		LaunchTemplate: &scaling.LaunchTemplate{
			LaunchTemplateSpecification: main,
			Overrides:                   append([]scaling.LaunchTemplateOverrides{{InstanceType: aws.String("t3.small")}, {InstanceType: aws.String("t4g.small"), LaunchTemplateSpecification: arm}}, more...),
		},
		InstancesDistribution: &scaling.InstancesDistribution{OnDemandBaseCapacity: aws.Int32(1)},
	}})
}

// armed is a template with an image for arm64.
func (w *world) armed() (template string) {
	return w.newTemplate("arm", w.ec2.AddImage(simec2.Image{Name: "arm", Architecture: types.ArchitectureValuesArm64, Created: t0.Add(-48 * time.Hour)}), types.InstanceTypeT4gSmall)
}

func TestObserveSeesAPolicy(t *testing.T) {
	w := newWorld(t)
	arm := w.armed()
	w.policy(at(w.template, "1"), at(arm, "1"))
	s := w.look(w.config())
	var got []string
	for _, f := range s.Templates {
		got = append(got, f.ID+" "+f.Version+" "+f.Current.Architecture+" "+f.Type)
	}
	if diff := cmp.Diff([]string{w.template + " 1 x86_64 t3.micro", arm + " 1 arm64 t4g.small"}, got); diff != "" {
		t.Error(diff)
	}
	w.policy(at(w.template, "1"), at(arm, "1"), scaling.LaunchTemplateOverrides{InstanceType: aws.String("t3.large"), LaunchTemplateSpecification: at(w.template, "$Latest")})
	if got := w.look(w.config()).Templates[0].Torn; !slices.Equal(got, []string{"$Latest"}) {
		t.Errorf("the other versions are %q", got)
	}
}

func TestObserveSeesARefresh(t *testing.T) {
	w := newWorld(t)
	w.must(w.groups.SetRefreshes("web", scaling.InstanceRefresh{InstanceRefreshId: aws.String("r-1")}))
	if s := w.look(w.config(refreshed)); s.Group.Refreshing != "r-1" {
		t.Errorf("%q is under way", s.Group.Refreshing)
	}
	if s := w.look(w.config()); s.Group.Refreshing != "" {
		t.Error("a refresh is asked about, and the fleet file has none")
	}
	w.must(w.groups.SetRefreshes("web", scaling.InstanceRefresh{Status: scaling.InstanceRefreshStatusSuccessful}))
	if s := w.look(w.config(refreshed)); s.Group.Refreshing != "" {
		t.Errorf("%q is over", s.Group.Refreshing)
	}
}

// TestDoubt: what an event says, and a read does not show, is read again for some
// seconds, and then the read is believed.
func TestDoubt(t *testing.T) {
	w := newWorld(t)
	there := w.backUp()
	job := func(image string) event.Event {
		return event.NewBackupJobStateChange("1", "r", event.BackupJobStateChange{
			Job: "j", State: event.BackupCompleted, ResourceType: backupOfEC2, RecoveryPoint: "arn:aws:ec2:us-west-1::image/" + image,
		}, t0)
	}
	for name, test := range map[string]struct {
		event event.Event
		want  string // what is awaited
	}{
		"the read agrees":               {job(there), ""},
		"an image that is not shown":    {job("ami-00000000000000099"), "a read of ami-00000000000000099 that agrees with the event"},
		"an image of somebody else's":   {isAvailable(w.base), ""},
		"a recovery point that is none": {kindtest.Sample(t, "backup-job-completed"), ""},
	} {
		_, err := w.observe(w.config(), test.event)
		got := ""
		if err != nil {
			got = err.Error()
			if failure.ClassOf(err) != failure.Wait {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got != test.want {
			t.Errorf("%s: awaited is %q, want %q", name, got, test.want)
		}
	}
	patient := &turn{Env: kindtest.Env("web", w.aws, w.clock, job("ami-00000000000000099")), Config: w.config()}
	patient.Since = w.clock.Now().Add(-rereadFor)
	w.must(observe(t.Context(), patient))
}

// TestObserveKnowsTheTrueMaximum: a run that could not restore it has left it lowered.
func TestObserveKnowsTheTrueMaximum(t *testing.T) {
	hour := func(n int) time.Time { return t0.Add(time.Duration(n) * time.Hour) }
	trial := func(run string, n int) automation.Trial {
		return automation.Trial{Run: run, Outcome: "stuck", Ended: hour(n)}
	}
	for _, test := range []struct {
		name   string
		tried  map[string]automation.Trial
		want   int
		mended bool
	}{
		{"no run has lowered it", map[string]automation.Trial{"ami-1": trial("a", 1)}, 0, false},
		{"one has", map[string]automation.Trial{"ami-1": trial("a", 1), "max size 4 lowered to 2": trial("a", 1)}, 4, false},
		{"to something else, which somebody has changed since", map[string]automation.Trial{"max size 4 lowered to 3": trial("a", 1)}, 0, true},
		{"and has restored it", map[string]automation.Trial{"max size 4 lowered to 2": trial("a", 1), "max size restored": trial("a", 1)}, 0, false},
		{"and a later one has restored it", map[string]automation.Trial{"max size 4 lowered to 2": trial("a", 1), "max size restored": trial("b", 2)}, 0, false},
		{"after another had restored it", map[string]automation.Trial{"max size 4 lowered to 2": trial("b", 2), "max size restored": trial("a", 1)}, 4, false},
		{"two have, the later counts", map[string]automation.Trial{"max size 4 lowered to 2": trial("a", 1), "max size 9 lowered to 2": trial("b", 2)}, 9, false},
	} {
		if got, mended := originalOf(test.tried, 2); got != test.want || mended != test.mended {
			t.Errorf("%s: %d, mended %t, want %d, %t", test.name, got, mended, test.want, test.mended)
		}
	}
}
