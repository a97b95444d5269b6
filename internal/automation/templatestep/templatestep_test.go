package templatestep_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/templatestep"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/awssim"
	simscaling "github.com/droverhq/drover/internal/awssim/autoscaling"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

const step = "prune"

// world is simulated AWS with a launch template, and a turn.
type world struct {
	*testing.T
	automation.Env
	clock *clock.Virtual
	ec2   *simec2.Service
	id    string // the template
}

// newWorld has versions with these descriptions, of which the first is the default.
func newWorld(t *testing.T, descriptions ...string) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewVirtual(time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)), ec2: simec2.New(simec2.Times{})}
	groups := simscaling.New(simscaling.Options{Templates: func(m *awssim.Moment, id, name, version string) (simscaling.Template, error) {
		v, err := w.ec2.TemplateVersion(m, id, name, version)
		return simscaling.Template(v), err
	}})
	sim := awssim.New(w.clock, awssim.Options{}, w.ec2, groups)
	w.Env = kindtest.Env("app", cloud.New(sim.Config(), "us-west-1", cloud.Options{Seed: 1, Clock: w.clock}), w.clock)
	data := &types.RequestLaunchTemplateData{ImageId: aws.String(w.ec2.AddImage(simec2.Image{Name: "present"}))}
	out, err := w.AWS.EC2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("app"), VersionDescription: aws.String(descriptions[0]), LaunchTemplateData: data,
	})
	w.must(err)
	w.id = *out.LaunchTemplate.LaunchTemplateId
	for _, d := range descriptions[1:] {
		_, err := w.AWS.EC2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{
			LaunchTemplateId: aws.String(w.id), VersionDescription: aws.String(d), LaunchTemplateData: data,
		})
		w.must(err)
	}
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) is(err error, class failure.Class) {
	w.Helper()
	if err == nil || failure.ClassOf(err) != class {
		w.Errorf("%v, want an error of the class %v", err, class)
	}
}

// has fails unless the template has these versions, oldest first.
func (w *world) has(numbers ...int64) {
	w.Helper()
	var got []int64
	for _, v := range slices.Backward(w.ec2.Templates()[0].Versions) {
		got = append(got, v.Number)
	}
	if !slices.Equal(got, numbers) {
		w.Errorf("versions %v, want %v", got, numbers)
	}
}

// use has a group launch from a version.
func (w *world) use(number string) {
	w.Helper()
	vpc, err := w.AWS.EC2.CreateVpc(w.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	w.must(err)
	subnet, err := w.AWS.EC2.CreateSubnet(w.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24"), AvailabilityZone: aws.String("us-west-1a")})
	w.must(err)
	_, err = w.AWS.AutoScaling.CreateAutoScalingGroup(w.Context(), &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(1), VPCZoneIdentifier: subnet.Subnet.SubnetId,
		LaunchTemplate: &scaling.LaunchTemplateSpecification{LaunchTemplateName: aws.String("app"), Version: aws.String(number)},
	})
	w.must(err)
}

// TestPruneLooksAgain: of what the plan has, that goes which still may.
func TestPruneLooksAgain(t *testing.T) {
	w := newWorld(t, "1", "2", "3", "4", "5", "6", "7")
	w.Plan.Changes = version.Deletions(step, w.id, []int64{1, 2, 3, 4, 5, 6}, 1) // by when 7 was the default
	_, err := w.AWS.EC2.DeleteLaunchTemplateVersions(t.Context(), &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: aws.String(w.id), Versions: []string{"4", "7"}})
	w.must(err)
	w.use("3")
	w.is(templatestep.Prune(t.Context(), w.Env, step, 1, 2), failure.Wait) // one read may be behind
	w.has(1, 2, 3, 5, 6)
	w.clock.Advance(time.Minute)
	for range 2 {
		w.must(templatestep.Prune(t.Context(), w.Env, step, 1, 2))
		w.has(1, 2, 3, 6) // the default, one that stays, a used one, the newest
	}
}

func TestPruneDeletesInSeveralCalls(t *testing.T) {
	var numbers []int64
	for n := int64(2); n <= 250; n++ {
		numbers = append(numbers, n)
	}
	w := newWorld(t, slices.Repeat([]string{""}, 251)...)
	w.Plan.Changes = append(version.Deletions(step, w.id, numbers, 1), version.Deletions("another", w.id, []int64{251}, 0)...)
	w.must(templatestep.Prune(t.Context(), w.Env, step, 1))
	w.has(1, 251)
}

func TestTakeBack(t *testing.T) {
	run := kindtest.Env("app", nil, clock.NewVirtual(time.Time{})).Run
	ours, another := version.Describe(run, "ami-1", 1), version.Describe(automation.Identity{ID: "run-0", Fleet: run.Fleet, Automation: run.Automation}, "ami-1", 1)
	for _, test := range []struct {
		name     string
		versions []string
		used     string
		stops    bool
		left     []int64
	}{
		{"all of the run, and no other", []string{"by hand", ours, another, ours}, "3", false, []int64{1, 3}},
		{"there is none", []string{"by hand", another}, "", false, []int64{1, 2}},
		{"the default", []string{ours, ours}, "", true, []int64{1, 2}},
		{"one that somebody uses", []string{"by hand", ours, ours}, "3", true, []int64{1, 2, 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.versions...)
			if test.used != "" {
				w.use(test.used)
			}
			w.Settled = w.clock.Now().Add(time.Minute)
			early := templatestep.TakeBack(t.Context(), w.Env, w.id)
			w.has(test.left...)
			w.clock.Advance(time.Minute)
			late := templatestep.TakeBack(t.Context(), w.Env, w.id)
			w.has(test.left...)
			if !test.stops {
				w.is(early, failure.Wait) // a call that is late may make another
				w.must(late)
				return
			}
			w.is(early, failure.Stop)
			w.is(late, failure.Stop)
			if len(failure.Hints(late)) == 0 {
				t.Errorf("%v: no hint", late)
			}
		})
	}
}
