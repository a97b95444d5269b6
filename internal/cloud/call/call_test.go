package call_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/cloud/call"
)

func TestNamesAreThoseOfIAM(t *testing.T) {
	for id, want := range map[string]string{
		"EC2": "ec2:X", "SNS": "sns:X", "STS": "sts:X", "Auto Scaling": "autoscaling:X",
		"SFN": "states:X", "EventBridge": "events:X", "imagebuilder": "imagebuilder:X", "Elastic Beanstalk": "elasticbeanstalk:X",
		"Backup": "backup:X",
	} {
		if got := call.Name(id, "X"); got != want {
			t.Errorf("Name(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestWhatIsNotKnownToReadMutates(t *testing.T) {
	for operation, want := range map[string]bool{
		"ec2:DescribeInstances": false, "ssm:GetParameter": false, "imagebuilder:ListImages": false,
		"ec2:ReplaceRoute": true, "sns:Publish": true, "ec2:ModifyNetworkInterfaceAttribute": true, "x:Unheard": true,
	} {
		if got := call.Mutates(operation); got != want {
			t.Errorf("Mutates(%q) = %t, want %t", operation, got, want)
		}
	}
}

func TestEffect(t *testing.T) {
	for _, test := range []struct {
		in           any
		resource, to string
	}{
		{
			&ec2.ReplaceRouteInput{RouteTableId: aws.String("rtb-1"), DestinationCidrBlock: aws.String("10.0.0.0/8"), NetworkInterfaceId: aws.String("eni-1")},
			"rtb-1 10.0.0.0/8", "eni-1",
		},
		{
			&ec2.ReplaceRouteInput{RouteTableId: aws.String("rtb-1"), DestinationIpv6CidrBlock: aws.String("::/0"), InstanceId: aws.String("i-1")},
			"rtb-1 ::/0", "i-1",
		},
		{
			&ec2.ReplaceRouteInput{RouteTableId: aws.String("rtb-1"), DestinationPrefixListId: aws.String("pl-1"), NetworkInterfaceId: aws.String("eni-1")},
			"rtb-1 pl-1", "eni-1",
		},
		{
			&ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String("eni-1"), SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(false)}},
			"eni-1", "source/destination check off",
		},
		{
			&autoscaling.UpdateAutoScalingGroupInput{
				AutoScalingGroupName: aws.String("web"),
				LaunchTemplate:       &astypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: aws.String("$Latest")},
			},
			"web", "version $Latest of lt-1",
		},
		{
			&autoscaling.UpdateAutoScalingGroupInput{
				AutoScalingGroupName: aws.String("web"),
				MixedInstancesPolicy: &astypes.MixedInstancesPolicy{LaunchTemplate: &astypes.LaunchTemplate{
					LaunchTemplateSpecification: &astypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String("web"), Version: aws.String("7")},
				}},
			},
			"web", "version 7 of web",
		},
		{&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(1)}, "*autoscaling.UpdateAutoScalingGroupInput", ""},
		{
			&ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")}},
			"lt-1", "ami-1",
		},
		{&ec2.ModifyLaunchTemplateInput{LaunchTemplateId: aws.String("lt-1"), DefaultVersion: aws.String("7")}, "lt-1 default", "version 7"},
		{&ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: aws.String("lt-1"), Versions: []string{"9", "2", "1", "3"}}, "lt-1 versions 1-3, 9", "deleted"},
		{&ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("web"), Versions: []string{"7"}}, "web version 7", "deleted"},
		{&ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("web"), Versions: []string{"7", "$Latest"}}, "web versions 7, $Latest", "deleted"},
		{&ssm.PutParameterInput{Name: aws.String("/a"), Value: aws.String("ami-1"), Type: ssmtypes.ParameterTypeString}, "/a", "ami-1"},
		{&ssm.PutParameterInput{Name: aws.String("/a"), Value: aws.String("hush"), Type: ssmtypes.ParameterTypeSecureString}, "/a", ""},
		{&ssm.PutParameterInput{Name: aws.String("/a"), Value: aws.String("hush")}, "/a", ""}, // its type is not known
		{
			&ssm.AddTagsToResourceInput{ResourceId: aws.String("/a"), Tags: []ssmtypes.Tag{{Key: aws.String("c"), Value: aws.String("d")}, {Key: aws.String("a"), Value: aws.String("b")}}},
			"/a tags", "a=b, c=d",
		},
		{&ec2.DeleteVpcInput{}, "*ec2.DeleteVpcInput", ""},
	} {
		if resource, to := call.Effect(test.in); resource != test.resource || to != test.to {
			t.Errorf("Effect(%T) = %q, %q; want %q, %q", test.in, resource, to, test.resource, test.to)
		}
	}
}
