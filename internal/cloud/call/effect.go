package call

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/backup"
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
		if from := launchesFrom(in.LaunchTemplate, in.MixedInstancesPolicy); from != "" {
			return aws.ToString(in.AutoScalingGroupName), from
		}
		if in.MaxSize != nil {
			return aws.ToString(in.AutoScalingGroupName), fmt.Sprintf("max size %d", *in.MaxSize)
		}
	case *autoscaling.StartInstanceRefreshInput:
		if d := in.DesiredConfiguration; d != nil {
			return aws.ToString(in.AutoScalingGroupName), launchesFrom(d.LaunchTemplate, d.MixedInstancesPolicy)
		}
	case *autoscaling.RollbackInstanceRefreshInput:
		return aws.ToString(in.AutoScalingGroupName), "rolled back"
	case *autoscaling.SuspendProcessesInput:
		return aws.ToString(in.AutoScalingGroupName), strings.Join(in.ScalingProcesses, ", ") + " suspended"
	case *autoscaling.ResumeProcessesInput:
		return aws.ToString(in.AutoScalingGroupName), strings.Join(in.ScalingProcesses, ", ") + " resumed"
	case *ec2.RunInstancesInput:
		return aws.ToString(in.ImageId), "launched"
	case *ec2.ModifyInstanceAttributeInput:
		if len(in.BlockDeviceMappings) > 0 {
			return aws.ToString(in.InstanceId), "volumes deleted with it"
		}
	case *ec2.StopInstancesInput:
		return strings.Join(in.InstanceIds, ", "), "stopped"
	case *ec2.TerminateInstancesInput:
		return strings.Join(in.InstanceIds, ", "), "terminated"
	case *ec2.CreateImageInput:
		return aws.ToString(in.InstanceId), aws.ToString(in.Name)
	case *ec2.DeregisterImageInput:
		return aws.ToString(in.ImageId), "deregistered"
	case *ec2.DeleteSnapshotInput:
		return aws.ToString(in.SnapshotId), "deleted"
	case *ssm.SendCommandInput:
		return strings.Join(in.InstanceIds, ", "), aws.ToString(in.DocumentName)
	case *backup.DeleteRecoveryPointInput:
		return "recovery point of " + lastPart(aws.ToString(in.RecoveryPointArn)), "deleted"
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

// launchesFrom names all templates that a group launches from, each once: its own, then
// those of overrides.
func launchesFrom(own *scaling.LaunchTemplateSpecification, policy *scaling.MixedInstancesPolicy) string {
	specs := []*scaling.LaunchTemplateSpecification{own}
	if policy != nil && policy.LaunchTemplate != nil {
		specs[0] = policy.LaunchTemplate.LaunchTemplateSpecification
		for _, o := range policy.LaunchTemplate.Overrides {
			specs = append(specs, o.LaunchTemplateSpecification)
		}
	}
	var all []string
	for _, spec := range specs {
		if spec == nil {
			continue
		}
		version := cmp.Or(aws.ToString(spec.Version), "$Default") // which AWS takes if none is said
		if name := TemplateVersion(first(spec.LaunchTemplateId, spec.LaunchTemplateName), version); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}

// lastPart is what an ARN names.
func lastPart(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

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
