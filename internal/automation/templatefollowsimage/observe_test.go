package templatefollowsimage

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/awssim"
	simscaling "github.com/droverhq/drover/internal/awssim/autoscaling"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
)

// world is simulated AWS with a launch template "app".
type world struct {
	*testing.T
	clock   *clock.Virtual
	sim     *awssim.World
	ec2     *simec2.Service
	ssm     *simssm.Service
	aws     *cloud.Clients
	subnet  string
	id      string // the template
	present string // its image
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewVirtual(t0), ec2: simec2.New(simec2.Times{}), ssm: simssm.New()}
	groups := simscaling.New(simscaling.Options{Templates: func(m *awssim.Moment, id, name, version string) (simscaling.Template, error) {
		v, err := w.ec2.TemplateVersion(m, id, name, version)
		return simscaling.Template(v), err
	}})
	w.sim = awssim.New(w.clock, awssim.Options{}, w.ec2, groups, w.ssm)
	w.aws = cloud.New(w.sim.Config(), "us-west-1", cloud.Options{Seed: 1, Clock: w.clock})
	vpc, err := w.aws.EC2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	w.must(err)
	subnet, err := w.aws.EC2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24"), AvailabilityZone: aws.String("us-west-1a")})
	w.must(err)
	w.subnet = *subnet.Subnet.SubnetId
	w.present = w.image(simec2.Image{Name: "present", Created: t0.Add(-time.Hour)})
	out, err := w.aws.EC2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("app"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(w.present)},
	})
	w.must(err)
	w.id = *out.LaunchTemplate.LaunchTemplateId
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) image(i simec2.Image) string { return w.ec2.AddImage(i) }

// versions makes versions up to a number, with the present image.
func (w *world) versions(upTo int) {
	for range upTo - 1 {
		_, err := w.aws.EC2.CreateLaunchTemplateVersion(w.Context(), &ec2.CreateLaunchTemplateVersionInput{
			LaunchTemplateId: aws.String(w.id), SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{},
		})
		w.must(err)
	}
}

func (w *world) config(edit ...func(*Config)) Config {
	return config(append([]func(*Config){func(c *Config) { c.Template.ID = w.id }}, edit...)...)
}

// observe makes one look, and reports whether it was believed.
func (w *world) observe(c Config, events ...event.Event) (State, error) {
	t := &turn{Env: kindtest.Env("app", w.aws, w.clock, events...), Config: c}
	err := observe(w.Context(), t)
	return t.State, err
}

func ids(images []Image) []string {
	var all []string
	for _, i := range images {
		all = append(all, i.ID)
	}
	return all
}

func TestObserveFindsImages(t *testing.T) {
	w := newWorld(t)
	hour := func(n int) time.Time { return t0.Add(time.Duration(n) * time.Hour) }
	made := map[string]string{}
	for _, i := range []simec2.Image{
		{Name: "app-1", Description: "nightly EC2_BACKUP", SourceInstance: "i-1", Created: hour(1), Tags: map[string]string{"role": "app"}},
		{Name: "app-2", Description: "EC2_BACKUP", SourceInstance: "i-1", Created: hour(2), Tags: map[string]string{"role": "a*"}},
		{Name: "web-3", Description: "EC2_BACKUP", SourceInstance: "i-2", Created: hour(3)},
		{Name: "app-4", Description: "by hand", SourceInstance: "i-1", Created: hour(4), Tags: map[string]string{"role": "app"}},
		{Name: "app-5", Description: "EC2_BACKUP", Owner: "999999999999", Created: hour(5)},
		{Name: "app-6", Description: "EC2_BACKUP", Owner: "888888888888", Created: hour(6), Public: true},
	} {
		made[w.image(i)] = i.Name
	}
	for _, test := range []struct {
		name string
		edit func(*Images)
		want string // the newest
	}{
		{"by description", func(*Images) {}, "web-3"},
		{"by name", func(i *Images) { i.Name = "app-?" }, "app-2"},
		{"by name alone", func(i *Images) { i.Description, i.Name = "", "app*" }, "app-4"},
		{"by instance", func(i *Images) { i.Instance = "i-2" }, "web-3"},
		{"by tag", func(i *Images) { i.Description, i.Tags = "", map[string]string{"role": "app"} }, "app-4"},
		{"by tag, with what looks like a wildcard", func(i *Images) { i.Description, i.Tags = "", map[string]string{"role": "a*"} }, "app-2"},
		{"of another owner", func(i *Images) { i.Owners = []string{"999999999999"} }, "app-5"},
		{"of another owner too", func(i *Images) { i.Owners = []string{"self", "999999999999"} }, "app-5"},
		{"none", func(i *Images) { i.Description = "nothing like it" }, ""},
	} {
		s, err := w.observe(w.config(func(c *Config) { test.edit(&c.Images) }))
		w.must(err)
		got := ""
		if i, ok := s.chosen(); ok {
			got = made[i.ID]
		}
		if got != test.want {
			t.Errorf("%s: %q is the newest, want %q", test.name, got, test.want)
		}
	}
}

func TestImagesAreReadDownToTheFirstThatIsAvailable(t *testing.T) {
	var images []Image
	for n := 100; n > 0; n-- {
		images = append(images, day(n, failed))
	}
	images[70].State, images[90].State, images[95].State = statePending, stateAvailable, stateAvailable
	got := ids(upToAvailable(images))
	want := append(ids(images[:maxUnusable]), images[70].ID, images[90].ID)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestObserveSeesWhatTheTemplateHas(t *testing.T) {
	w := newWorld(t)
	w.versions(3)
	public := w.image(simec2.Image{Name: "old", Owner: "888888888888", Public: true, Deprecated: t0.Add(-time.Minute), Created: t0.Add(-2 * time.Hour)})
	_, err := w.aws.EC2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: aws.String(w.id), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(public)},
	})
	w.must(err)
	s, err := w.observe(w.config())
	w.must(err)
	want := State{
		Observed: t0,
		Template: Found{ID: w.id, Name: "app", Default: Version{1, w.present}, Latest: Version{4, public}},
		Numbers:  []int64{4, 3, 2, 1},
		Present: []Image{
			{ID: w.present, State: stateAvailable, Created: t0.Add(-time.Hour)},
			{ID: public, State: stateAvailable, Created: t0.Add(-2 * time.Hour)}, // deprecated, and of somebody else
		},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

func TestObserveSeesHolders(t *testing.T) {
	w := newWorld(t)
	backup := w.image(simec2.Image{Name: "backup", Description: "EC2_BACKUP"})
	run := automation.Identity{ID: "run-0", Fleet: "stage", Automation: "app"}
	for _, description := range []string{describe(run, backup, 1), "by hand"} {
		_, err := w.aws.EC2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{
			LaunchTemplateId: aws.String(w.id), VersionDescription: aws.String(description), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(backup)},
		})
		w.must(err)
	}
	s, err := w.observe(w.config())
	w.must(err)
	if diff := cmp.Diff([]Holder{{Image: backup, Version: 3, Ours: 2}}, s.Holders); diff != "" {
		t.Error(diff)
	}
}

func TestObserveSeesWhoUsesVersions(t *testing.T) {
	w := newWorld(t)
	w.versions(9)
	group := func(name string, edit func(*autoscaling.CreateAutoScalingGroupInput)) {
		in := &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String(name), MinSize: aws.Int32(0), MaxSize: aws.Int32(1), VPCZoneIdentifier: aws.String(w.subnet)}
		edit(in)
		_, err := w.aws.AutoScaling.CreateAutoScalingGroup(t.Context(), in)
		w.must(err)
	}
	of := func(id, name, version string) *scaling.LaunchTemplateSpecification {
		s := &scaling.LaunchTemplateSpecification{}
		for to, value := range map[**string]string{&s.LaunchTemplateId: id, &s.LaunchTemplateName: name, &s.Version: version} {
			if value != "" {
				*to = aws.String(value)
			}
		}
		return s
	}
	plain := func(s *scaling.LaunchTemplateSpecification) func(*autoscaling.CreateAutoScalingGroupInput) {
		return func(in *autoscaling.CreateAutoScalingGroupInput) { in.LaunchTemplate = s }
	}
	_, err := w.aws.EC2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("other"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(w.present)},
	})
	w.must(err)
	group("a-by-id", plain(of(w.id, "", "2")))
	group("b-by-name", plain(of("", "app", "2")))
	group("c-latest", plain(of(w.id, "", "$Latest")))
	group("d-default", plain(of(w.id, "", "")))
	group("e-other", plain(of("", "other", "1")))
	group("f-mixed", func(in *autoscaling.CreateAutoScalingGroupInput) {
		in.MixedInstancesPolicy = &scaling.MixedInstancesPolicy{LaunchTemplate: &scaling.LaunchTemplate{
			LaunchTemplateSpecification: of(w.id, "", "3"),
			Overrides: []scaling.LaunchTemplateOverrides{
				{InstanceType: aws.String("c5.large"), LaunchTemplateSpecification: of("", "app", "4")},
				{InstanceType: aws.String("c5.xlarge"), LaunchTemplateSpecification: of("", "other", "1")},
				{InstanceType: aws.String("c5.2xlarge")},
			},
		}}
	})
	launch := func(template, version string) string {
		out, err := w.aws.EC2.RunInstances(t.Context(), &ec2.RunInstancesInput{
			MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: aws.String(w.subnet), InstanceType: types.InstanceTypeC5Large,
			LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String(template), Version: aws.String(version)},
		})
		w.must(err)
		return *out.Instances[0].InstanceId
	}
	launch("app", "4")
	five := launch("app", "5")
	launch("other", "1")
	dead := launch("app", "6")
	w.clock.Advance(time.Minute)
	_, err = w.aws.EC2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{dead}})
	w.must(err)
	w.clock.Advance(time.Minute)

	s, err := w.observe(w.config())
	w.must(err)
	want := []Use{
		{2, "group a-by-id and group b-by-name use it"},
		{3, "group f-mixed uses it"},
		{5, five + " uses it"},
	}
	got := slices.DeleteFunc(slices.Clone(s.Uses), func(u Use) bool { return u.Version == 4 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if i := slices.IndexFunc(s.Uses, func(u Use) bool { return u.Version == 4 }); i < 0 || !strings.HasPrefix(s.Uses[i].By, "group f-mixed and i-") {
		t.Errorf("uses are %+v", s.Uses)
	}
	for keep, want := range map[int]bool{9: true, 10: false} { // a version that is made now is a tenth
		s, err := w.observe(w.config(func(c *Config) { c.Keep = keep }))
		w.must(err)
		if got := len(s.Uses) > 0; got != want {
			t.Errorf("with keep %d users were looked for: %t", keep, got)
		}
	}
}

func TestGroupsWhoseInstancesAreOfOldVersions(t *testing.T) {
	g := scaling.AutoScalingGroup{
		LaunchTemplate: &scaling.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: aws.String("$Latest")},
		Instances: []scaling.Instance{
			{LaunchTemplate: &scaling.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateName: aws.String("app"), Version: aws.String("7")}},
			{LaunchTemplate: &scaling.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-2"), LaunchTemplateName: aws.String("app"), Version: aws.String("8")}},
			{LaunchTemplate: &scaling.LaunchTemplateSpecification{LaunchTemplateName: aws.String("app"), Version: aws.String("6")}},
			{LaunchTemplate: &scaling.LaunchTemplateSpecification{LaunchTemplateName: aws.String("other"), Version: aws.String("5")}},
			{LaunchConfigurationName: aws.String("old")},
		},
	}
	var got []int64
	for _, spec := range specifications(g) {
		if n := (Found{ID: "lt-1", Name: "app"}).numberIn(spec); n > 0 {
			got = append(got, n)
		}
	}
	if !slices.Equal(got, []int64{7, 6}) {
		t.Errorf("versions %v, want 7 and 6", got)
	}
}

func TestManyUsersInWords(t *testing.T) {
	if got, want := inWords([]string{"group web", "i-1", "i-2", "i-3"}), "group web and 3 others use it"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestObserveReadsTheParameter(t *testing.T) {
	w := newWorld(t)
	byParameter := w.config(func(c *Config) { c.Template = Template{Parameter: "/app/template"} })
	for _, test := range []struct {
		value string
		want  string // the template, or what the error says
	}{
		{w.id, w.id},
		{"app\n", w.id},
		{"lt-0123456789abcdef0", "describe launch template lt-0123456789abcdef0: "},
		{"hunter2 is no template", "parameter /app/template holds neither the id nor the name of a launch template"},
	} {
		w.must(w.ssm.Set("/app/template", test.value, ssmtypes.ParameterTypeSecureString))
		s, err := w.observe(byParameter)
		got := s.Template.ID
		if err != nil {
			got = err.Error()
			if len(failure.Hints(err)) == 0 {
				t.Errorf("%v: no hint", err)
			}
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.value, got, test.want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("the parameter's value is told: %s", got)
		}
	}
	_, err := w.observe(w.config(func(c *Config) { c.Template = Template{Parameter: "/nothing"} }))
	if err == nil || failure.ClassOf(err) != failure.Stop || len(failure.Hints(err)) == 0 {
		t.Errorf("a parameter that is not there: %v", err)
	}
}

// TestDoubt: what an event or the template says, and a read does not show, is read
// again for some seconds, and then the read is believed.
func TestDoubt(t *testing.T) {
	at := func(image, state string, age time.Duration) event.Event {
		return event.NewImageStateChange("123456789012", "us-west-1", image, state, "", t0.Add(-age))
	}
	w := newWorld(t)
	there := w.image(simec2.Image{Name: "there", Description: "EC2_BACKUP"})
	for _, test := range []struct {
		name  string
		event event.Event
		want  string // what is awaited
	}{
		{"the read agrees", at(there, "available", time.Minute), ""},
		{"an image that is not shown yet", at("ami-00000000000000099", "available", time.Minute), "a read of ami-00000000000000099 that agrees with the event"},
		{"nor after long", at("ami-00000000000000099", "available", time.Hour), ""},
		{"an image that is still shown", at(there, "deregistered", time.Minute), "a read of " + there + " that agrees with the event"},
		{"a failed one", at(there, "failed", 0), "a read of " + there + " that agrees with the event"},
		{"and gone it is", at("ami-00000000000000099", "deregistered", time.Minute), ""},
	} {
		_, err := w.observe(w.config(), test.event)
		got := ""
		if err != nil {
			got = err.Error()
			if failure.ClassOf(err) != failure.Wait {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if got != test.want {
			t.Errorf("%s: awaited is %q, want %q", test.name, got, test.want)
		}
	}

	gone := newWorld(t)
	_, err := gone.aws.EC2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: aws.String(gone.id), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("ami-00000000000000099")},
	})
	gone.must(err)
	if _, err := gone.observe(gone.config()); err == nil || err.Error() != "a read of ami-00000000000000099, which version 2 has" {
		t.Errorf("the template's image is not shown: %v", err)
	}
	patient := &turn{Env: kindtest.Env("app", gone.aws, gone.clock), Config: gone.config()}
	patient.Since = gone.clock.Now().Add(-rereadFor)
	if err := observe(context.Background(), patient); err != nil {
		t.Errorf("after %s the read is not believed: %v", rereadFor, err)
	}
}

func TestDescriptionsFit(t *testing.T) {
	long := strings.Repeat("x", 30)
	run := automation.Identity{ID: "20261121-030000-0123abcd", Fleet: long, Automation: long}
	if text := describe(run, "ami-0123456789abcdef0", 10_000); len(text) > 255 {
		t.Errorf("EC2 takes 255 characters, not %d: %s", len(text), text)
	}
	if text := describe(run, "ami-1", 7); !strings.HasPrefix(text, signed(run)) || strings.HasPrefix(text, signed(automation.Identity{ID: "2", Fleet: long, Automation: long})) {
		t.Errorf("%q does not say whose it is", text)
	}
	if got, want := describe(automation.Identity{ID: "r", Fleet: "f", Automation: "a"}, "ami-1", 7), "drover f/a run r: ami-1, made from version 7"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
