package scenario_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/scenario"
)

// In the simulated world groups launch instances in its EC2, and are refreshed, all of
// it in the virtual time of the world.
func TestSimulatedGroupsHaveInstances(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clk := clock.NewVirtual(began)
	world := scenario.NewSimulated(clk, awssim.Options{})
	calls, groups := ec2.NewFromConfig(world.AWS()), autoscaling.NewFromConfig(world.AWS())
	ctx := t.Context()

	vpc, err1 := calls.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err1 != nil {
		t.Fatal(err1)
	}
	subnet, err1 := calls.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24")})
	made, err2 := calls.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("web"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")},
	})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	lt := made.LaunchTemplate.LaunchTemplateId
	_, err1 = calls.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: lt, LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("ami-2")},
	})
	version := func(n string) *asgtypes.LaunchTemplateSpecification {
		return &asgtypes.LaunchTemplateSpecification{LaunchTemplateId: lt, Version: &n}
	}
	_, err2 = groups.CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(2), DesiredCapacity: aws.Int32(2),
		LaunchTemplate: version("1"), VPCZoneIdentifier: subnet.Subnet.SubnetId,
	})
	clk.Advance(time.Minute)
	_, err3 := groups.StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{
		AutoScalingGroupName: aws.String("web"), DesiredConfiguration: &asgtypes.DesiredConfiguration{LaunchTemplate: version("2")},
		Preferences: &asgtypes.RefreshPreferences{AlarmSpecification: &asgtypes.AlarmSpecification{Alarms: []string{"errors"}}, AutoRollback: aws.Bool(true)},
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}

	clk.Advance(24 * time.Hour) // all of it at once: what happens has its own time all the same
	world.Settle()
	var told []event.RefreshChange
	var at []time.Duration
	for _, e := range world.Take() {
		change, ok, err := event.AsRefreshChange(e)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			told, at = append(told, change), append(at, e.Time.Sub(began)-time.Minute)
		}
	}
	if len(told) != 2 || told[0].Type != event.TypeRefreshStarted || told[1].Type != event.TypeRefreshSucceeded || at[0] != 10*time.Second || at[1] != 36*time.Second {
		t.Errorf("told of %+v, at %v", told, at)
	}
	g, _ := world.AutoScaling.Group("web")
	if len(g.Instances) != 2 || *g.LaunchTemplate.Version != "2" {
		t.Fatalf("the group has %d instances and launches from version %s", len(g.Instances), *g.LaunchTemplate.Version)
	}
	for _, i := range g.Instances {
		out, err := calls.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{*i.InstanceId}})
		if err != nil {
			t.Fatal(err)
		}
		if found := out.Reservations[0].Instances[0]; *found.ImageId != "ami-2" || found.State.Name != types.InstanceStateNameRunning {
			t.Errorf("%s is %s, of %s", *i.InstanceId, found.State.Name, *found.ImageId)
		}
	}
}
