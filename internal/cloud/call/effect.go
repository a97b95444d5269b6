package call

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
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
	case *autoscaling.UpdateAutoScalingGroupInput:
		spec := in.LaunchTemplate
		if p := in.MixedInstancesPolicy; p != nil && p.LaunchTemplate != nil {
			spec = p.LaunchTemplate.LaunchTemplateSpecification
		}
		if spec != nil {
			return aws.ToString(in.AutoScalingGroupName), TemplateVersion(first(spec.LaunchTemplateId, spec.LaunchTemplateName), aws.ToString(spec.Version))
		}
	case *ec2.CreateLaunchTemplateVersionInput:
		if in.LaunchTemplateData != nil {
			return first(in.LaunchTemplateId, in.LaunchTemplateName), aws.ToString(in.LaunchTemplateData.ImageId)
		}
	case *ec2.ModifyLaunchTemplateInput:
		return DefaultVersion(first(in.LaunchTemplateId, in.LaunchTemplateName)), "version " + aws.ToString(in.DefaultVersion)
	case *ec2.DeleteLaunchTemplateVersionsInput:
		return first(in.LaunchTemplateId, in.LaunchTemplateName) + " " + Versions(in.Versions), "deleted"
	case *imagebuilder.CreateImageRecipeInput:
		return aws.ToString(in.Name), aws.ToString(in.ParentImage)
	case *imagebuilder.DeleteImageRecipeInput:
		return aws.ToString(in.ImageRecipeArn), "deleted"
	case *imagebuilder.UpdateImagePipelineInput:
		return aws.ToString(in.ImagePipelineArn), first(in.ImageRecipeArn, in.ContainerRecipeArn)
	case *imagebuilder.StartImagePipelineExecutionInput:
		return aws.ToString(in.ImagePipelineArn), "started"
	case *ssm.PutParameterInput:
		if in.Type != ssmtypes.ParameterTypeString { // others may be secrets
			return aws.ToString(in.Name), ""
		}
		return aws.ToString(in.Name), aws.ToString(in.Value)
	case *ssm.AddTagsToResourceInput:
		return aws.ToString(in.ResourceId) + " tags", parameterTags(in.Tags)
	case *sns.PublishInput:
		return aws.ToString(in.TopicArn), ""
	}
	return fmt.Sprintf("%T", input), ""
}

// Route names a route: its table and its destination.
func Route(table, destination string) string { return table + " " + destination }

// TemplateVersion names a version of a launch template.
func TemplateVersion(template, version string) string {
	return "version " + version + " of " + template
}

// parameterTags names tags of a parameter, in the order of their keys.
func parameterTags(tags []ssmtypes.Tag) string {
	var parts []string
	for _, t := range tags {
		parts = append(parts, aws.ToString(t.Key)+"="+aws.ToString(t.Value))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

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
