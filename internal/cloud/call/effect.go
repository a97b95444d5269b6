package call

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// Effect names what a mutating call is about, and the value it sets, from its
// typed input. Plans name their changes the same way, which is what lets a
// test hold the audit against the plan. An input that is not listed here is
// named by its type, so that a plan can never match it by accident.
func Effect(input any) (resource, to string) {
	switch in := input.(type) {
	case *ec2.ReplaceRouteInput:
		destination := first(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
		return Route(aws.ToString(in.RouteTableId), destination), first(in.NetworkInterfaceId, in.InstanceId)
	case *ec2.ModifyNetworkInterfaceAttributeInput:
		if in.SourceDestCheck != nil && in.SourceDestCheck.Value != nil {
			return aws.ToString(in.NetworkInterfaceId), SourceDestCheck(*in.SourceDestCheck.Value)
		}
	case *sns.PublishInput:
		return aws.ToString(in.TopicArn), ""
	}
	return fmt.Sprintf("%T", input), ""
}

// Route names a route: its table and its destination.
func Route(table, destination string) string { return table + " " + destination }

// SourceDestCheck names the value of a source/destination check.
func SourceDestCheck(on bool) string {
	if on {
		return "source/destination check on"
	}
	return "source/destination check off"
}

func first(values ...*string) string {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return ""
}
