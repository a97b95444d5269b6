package call_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud/call"
)

func TestNamesAreThoseOfIAM(t *testing.T) {
	for id, want := range map[string]string{
		"EC2": "ec2:X", "SNS": "sns:X", "STS": "sts:X", "Auto Scaling": "autoscaling:X",
		"SFN": "states:X", "EventBridge": "events:X", "imagebuilder": "imagebuilder:X", "Elastic Beanstalk": "elasticbeanstalk:X",
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
		{&ec2.DeleteVpcInput{}, "*ec2.DeleteVpcInput", ""},
	} {
		if resource, to := call.Effect(test.in); resource != test.resource || to != test.to {
			t.Errorf("Effect(%T) = %q, %q; want %q, %q", test.in, resource, to, test.resource, test.to)
		}
	}
}
