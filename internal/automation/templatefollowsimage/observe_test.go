package templatefollowsimage

import (
	"context"
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
	"github.com/droverhq/drover/internal/automation/version"
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
	for _, description := range []string{version.Describe(run, backup, 1), "by hand"} {
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

// TestObserveSeesWhoUsesVersions: when some may go.
func TestObserveSeesWhoUsesVersions(t *testing.T) {
	w := newWorld(t)
	w.versions(9)
	_, err := w.aws.AutoScaling.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(1), VPCZoneIdentifier: aws.String(w.subnet),
		LaunchTemplate: &scaling.LaunchTemplateSpecification{LaunchTemplateName: aws.String("app"), Version: aws.String("2")},
	})
	w.must(err)
	for keep, want := range map[int][]version.Use{
		9:  {{Version: 2, By: "group web uses it"}},
		10: nil, // a version that is made now is a tenth
	} {
		s, err := w.observe(w.config(func(c *Config) { c.Keep = keep }))
		w.must(err)
		if diff := cmp.Diff(want, s.Uses); diff != "" {
			t.Errorf("with keep %d:\n%s", keep, diff)
		}
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
