package ec2_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
)

// TestRunInstancesPermissions: everything a launch takes and makes is asked for, with
// the keys by which a policy can tell a builder from other launches.
func TestRunInstancesPermissions(t *testing.T) {
	s := newScene(t)
	image := s.sim.AddImage(ec2sim.Image{Name: "backup", Tags: map[string]string{"of": "web"}})
	group := s.newGroup("builder")
	s.sim.AddInstanceProfile("builder", "build-role")
	lt := s.newTemplate(types.RequestLaunchTemplateData{ImageId: &image, IamInstanceProfile: &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("builder")}})
	var asked []string
	s.world.Authorize(func(action, resource string, context map[string][]string) bool {
		line := strings.TrimPrefix(action, "ec2:") + " " + strings.TrimPrefix(strings.TrimPrefix(resource, "arn:aws:ec2:us-west-1:"), "123456789012:")
		for _, key := range slices.Sorted(maps.Keys(context)) {
			switch key {
			case "aws:ResourceTag/of", "aws:RequestTag/run", "ec2:CreateAction", "ec2:MetadataHttpTokens", "ec2:InstanceType", "ec2:IsLaunchTemplateResource", "iam:PassedToService":
				line += " " + key + "=" + strings.Join(context[key], ",")
			case "ec2:InstanceProfile", "ec2:Vpc":
				line += " " + key
			}
		}
		asked = append(asked, line)
		return true
	})
	builder := func(in *ec2.RunInstancesInput) {
		in.ImageId, in.InstanceType, in.KeyName, in.SecurityGroupIds = &image, types.InstanceTypeT3Micro, aws.String("ops"), []string{group}
		in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpTokens: types.HttpTokensStateRequired}
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String("builder")}
		in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeInstance, "1"), tagged(types.ResourceTypeVolume, "1")}
	}
	id := *s.run(builder).InstanceId
	wantEqual(t, "a builder", asked, []string{
		"RunInstances :image/" + image + " aws:ResourceTag/of=web",
		"RunInstances key-pair/ops",
		"RunInstances subnet/" + s.subnet + " ec2:Vpc",
		"RunInstances security-group/" + group + " ec2:Vpc",
		"RunInstances instance/* aws:RequestTag/run=1 ec2:InstanceProfile ec2:InstanceType=t3.micro ec2:MetadataHttpTokens=required",
		"CreateTags instance/* aws:RequestTag/run=1 ec2:CreateAction=RunInstances",
		"RunInstances network-interface/* ec2:Vpc",
		"RunInstances volume/* aws:RequestTag/run=1",
		"CreateTags volume/* aws:RequestTag/run=1 ec2:CreateAction=RunInstances",
		"iam:PassRole arn:aws:iam::123456789012:role/build-role iam:PassedToService=ec2.amazonaws.com",
	})

	asked = nil
	s.run(func(in *ec2.RunInstancesInput) {
		in.ImageId, in.InstanceType, in.LaunchTemplate = nil, types.InstanceTypeT3Micro, &types.LaunchTemplateSpecification{LaunchTemplateId: &lt}
	})
	wantEqual(t, "from a template", []string{asked[0], asked[1], asked[2], asked[len(asked)-1]}, []string{
		"RunInstances launch-template/" + lt + " ec2:IsLaunchTemplateResource=true",
		"RunInstances :image/" + image + " aws:ResourceTag/of=web ec2:IsLaunchTemplateResource=true",
		"RunInstances subnet/" + s.subnet + " ec2:IsLaunchTemplateResource=false ec2:Vpc",
		"iam:PassRole arn:aws:iam::123456789012:role/build-role iam:PassedToService=ec2.amazonaws.com",
	})

	asked = nil
	s.clock.Advance(time.Minute)
	s.stop(id)
	s.start(id)
	out, err := s.client.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: &id, BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{
		{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsInstanceBlockDeviceSpecification{DeleteOnTermination: aws.Bool(true)}},
	}})
	must(t, out, err)
	s.terminate(id)
	wantEqual(t, "the end", asked, []string{
		"StopInstances instance/" + id + " ec2:InstanceProfile ec2:InstanceType=t3.micro",
		"StartInstances instance/" + id + " ec2:InstanceProfile ec2:InstanceType=t3.micro",
		"ModifyInstanceAttribute instance/" + id + " ec2:InstanceProfile ec2:InstanceType=t3.micro",
		"TerminateInstances instance/" + id + " ec2:InstanceProfile ec2:InstanceType=t3.micro",
	})

	for _, action := range []string{"iam:PassRole", "ec2:CreateTags"} {
		s.world.Authorize(func(asked, _ string, _ map[string][]string) bool { return asked != action })
		in := &ec2.RunInstancesInput{SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
		builder(in)
		if _, err := s.client.RunInstances(t.Context(), in); code(err) != "UnauthorizedOperation" || !strings.Contains(fmt.Sprint(err), action) {
			t.Errorf("without %s: %v", action, err)
		}
	}
}

// TestRunInstancesRecord has the form of the sample.
func TestRunInstancesRecord(t *testing.T) {
	s := newScene(t)
	records := s.records()
	group := s.newGroup("builder")
	id := *s.run(func(in *ec2.RunInstancesInput) {
		in.ClientToken, in.KeyName, in.UserData, in.SecurityGroupIds = aws.String("once"), aws.String("ops"), aws.String("c2VjcmV0"), []string{group}
		in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/sdb"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(5)}}}
		in.TagSpecifications = []types.TagSpecification{tagged(types.ResourceTypeInstance, "1")}
	}).InstanceId
	out, err := s.client.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: &group, IpPermissions: []types.IpPermission{
		{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}},
	}})
	must(t, out, err)
	s.clock.Advance(time.Minute)
	s.world.Settle()
	var names []string
	for _, r := range *records {
		names = append(names, r.Name)
	}
	wantEqual(t, "records", names, []string{"CreateSecurityGroup", "RunInstances", "RevokeSecurityGroupEgress"})
	run := (*records)[1]
	wantEqual(t, "request", asJSON(t, run.Request), `{"blockDeviceMapping":{"items":[{"deviceName":"/dev/sdb","ebs":{"volumeSize":5}}]},"clientToken":"once","groupSet":{"items":[{"groupId":"`+group+`"}]},`+
		`"instancesSet":{"items":[{"imageId":"ami-1","keyName":"ops","maxCount":1,"minCount":1}]},"subnetId":"`+s.subnet+`",`+
		`"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"run","value":"1"}]}]},"userData":"\u003csensitiveDataRemoved\u003e"}`)
	if response := asJSON(t, run.Response); !strings.Contains(response, `"instancesSet":{"items":[{`) || !strings.Contains(response, `"instanceId":"`+id+`"`) {
		t.Errorf("response %s", response)
	}
}
