package launchtemplate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	simscaling "github.com/droverhq/drover/internal/awssim/autoscaling"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

// world is simulated AWS with a launch template "app".
type world struct {
	*testing.T
	clock  *clock.Virtual
	ec2    *simec2.Service
	aws    *cloud.Clients
	subnet string
	image  string
	id     string // the template
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewVirtual(t0), ec2: simec2.New(simec2.Times{})}
	groups := simscaling.New(simscaling.Options{Templates: func(m *awssim.Moment, id, name, version string) (simscaling.Template, error) {
		v, err := w.ec2.TemplateVersion(m, id, name, version)
		return simscaling.Template(v), err
	}})
	sim := awssim.New(w.clock, awssim.Options{}, w.ec2, groups)
	w.aws = cloud.New(sim.Config(), "us-west-1", cloud.Options{Seed: 1, Clock: w.clock})
	vpc, err := w.aws.EC2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	w.must(err)
	subnet, err := w.aws.EC2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24"), AvailabilityZone: aws.String("us-west-1a")})
	w.must(err)
	w.subnet = *subnet.Subnet.SubnetId
	w.image = w.ec2.AddImage(simec2.Image{Name: "present", Created: t0.Add(-time.Hour)})
	w.id = w.template("app")
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) template(name string) (id string) {
	out, err := w.aws.EC2.CreateLaunchTemplate(w.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(name), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(w.image)},
	})
	w.must(err)
	return *out.LaunchTemplate.LaunchTemplateId
}

// versions makes versions up to a number.
func (w *world) versions(upTo int) {
	for range upTo - 1 {
		_, err := w.aws.EC2.CreateLaunchTemplateVersion(w.Context(), &ec2.CreateLaunchTemplateVersionInput{
			LaunchTemplateId: aws.String(w.id), SourceVersion: aws.String("1"), VersionDescription: aws.String("made"),
			LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeC5Large},
		})
		w.must(err)
	}
}

func TestDescribe(t *testing.T) {
	w := newWorld(t)
	w.versions(3)
	app := Ref{ID: w.id, Name: "app"}
	version := func(n int64) Version {
		return Version{Number: n, Image: w.image, Type: "c5.large", Template: app, Description: "made"}
	}
	first := Version{Number: 1, Image: w.image, Template: app, Default: true}
	want := Template{Ref: app, Versions: []Version{version(3), version(2), first}, Default: first, Latest: version(3)}
	for _, r := range []Ref{{ID: w.id}, {Name: "app"}} {
		got, err := Describe(t.Context(), w.aws.EC2, r)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", r, diff)
		}
		if numbers := got.Numbers(); !slices.Equal(numbers, []int64{3, 2, 1}) {
			t.Errorf("%s: versions %v", r, numbers)
		}
	}
	for r, want := range map[Ref]string{{ID: "lt-0123456789abcdef0"}: "describe launch template lt-0123456789abcdef0: ", {Name: "other"}: "describe launch template other: "} {
		if _, err := Describe(t.Context(), w.aws.EC2, r); err == nil || !strings.HasPrefix(err.Error(), want) || len(failure.Hints(err)) == 0 {
			t.Errorf("%s, which is not there: %v, hints %q", r, err, failure.Hints(err))
		}
	}
}

// TestVersionsAreTheOnesAskedFor: each once, though it be the default and the latest.
func TestVersionsAreTheOnesAskedFor(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		upTo int
		in   ec2.DescribeLaunchTemplateVersionsInput
		want []int64
	}{
		{1, ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Default", "$Latest"}}, []int64{1}},
		{5, ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Default", "$Latest"}}, []int64{5, 1}},
		{1, ec2.DescribeLaunchTemplateVersionsInput{MinVersion: aws.String("4")}, []int64{5, 4}},
	} {
		w.versions(test.upTo)
		all, err := Versions(t.Context(), w.aws.EC2, Ref{ID: w.id}, test.in)
		w.must(err)
		if got := (Template{Versions: all}).Numbers(); !slices.Equal(got, test.want) {
			t.Errorf("versions %v, want %v", got, test.want)
		}
	}
}

func TestDeleteLeavesWhatIsGoneAlready(t *testing.T) {
	w := newWorld(t)
	w.versions(3)
	w.must(Delete(t.Context(), w.aws.EC2, w.id, []int64{2, 7}))
	if err := Delete(t.Context(), w.aws.EC2, w.id, []int64{1}); err == nil || failure.ClassOf(err) != failure.Retry {
		t.Errorf("the default was asked to go: %v", err)
	}
	left, err := Describe(t.Context(), w.aws.EC2, Ref{ID: w.id})
	w.must(err)
	if got := left.Numbers(); !slices.Equal(got, []int64{3, 1}) {
		t.Errorf("versions %v are left, want 3 and 1", got)
	}
	if err := Delete(t.Context(), w.aws.EC2, "lt-0123456789abcdef0", []int64{3, 1, 2, 7}); err == nil || !strings.HasPrefix(err.Error(), "delete versions 1-3, 7 of launch template lt-0123456789abcdef0: ") {
		t.Errorf("of a template that is not there: %v", err)
	}
}
