package launchtemplate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
)

func TestUses(t *testing.T) {
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
	w.template("other")
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
	_, err := w.aws.EC2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{dead}})
	w.must(err)
	w.clock.Advance(time.Minute)

	got, err := Uses(t.Context(), w.aws, Ref{ID: w.id, Name: "app"})
	w.must(err)
	if !strings.HasPrefix(got[4], "group f-mixed and i-") {
		t.Errorf("version 4: %s", got[4])
	}
	delete(got, 4)
	want := map[int64]string{
		2: "group a-by-id and group b-by-name use it",
		3: "group f-mixed uses it",
		5: five + " uses it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
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
		if n := (Ref{ID: "lt-1", Name: "app"}).numberIn(spec); n > 0 {
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
