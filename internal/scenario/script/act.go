package script

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ibtypes "github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Who calls, for faults and counts: Drover, or the scenario.
const (
	drover   = "drover"
	somebody = "somebody"
)

// do does the one thing that a step says, and returns who does it and what that is,
// in the words of the timeline.
func (s *stage) do(ctx context.Context, do Do) (who, what string, err error) {
	ctx = awssim.WithActor(ctx, somebody)
	who = "operator"
	id := s.instance
	switch {
	case do.Stop != "":
		_, err = s.ec2.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{id(do.Stop)}})
		what = "stops " + do.Stop
	case do.StartInstance != "":
		_, err = s.ec2.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{id(do.StartInstance)}})
		what = "starts " + do.StartInstance
	case do.Terminate != "":
		_, err = s.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id(do.Terminate)}})
		what = "terminates " + do.Terminate
	case do.Interrupt != "":
		who, what = "aws", "takes the spot instance "+do.Interrupt+" back"
		err = s.EC2.InterruptSpot(id(do.Interrupt), types.InstanceInterruptionBehaviorTerminate)
	case do.Impair != "":
		who, what = "aws", "the status checks of "+do.Impair+" fail"
		err = s.EC2.FailChecks(id(do.Impair), true)
	case do.Heal != "":
		who, what = "aws", "the status checks of "+do.Heal+" pass again"
		err = s.EC2.FailChecks(id(do.Heal), false)
	case do.CreateImage != nil:
		who, what, err = s.createImage(*do.CreateImage)
	case do.DeregisterImage != "":
		what = "deregisters " + do.DeregisterImage
		var image string
		if image, err = s.made(do.DeregisterImage); err == nil {
			_, err = s.ec2.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &image})
		}
	case do.CreateVersion != nil:
		m := do.CreateVersion
		what = fmt.Sprintf("makes a version of %s with %s", m.Template, m.Image)
		var image string
		if image, err = s.made(m.Image); err == nil {
			_, err = s.ec2.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
				LaunchTemplateId: aws.String(id(m.Template)), SourceVersion: aws.String("$Latest"),
				LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: &image},
			})
		}
	case do.SetDefault != nil:
		m := do.SetDefault
		_, err = s.ec2.ModifyLaunchTemplate(ctx, &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: aws.String(id(m.Template)), DefaultVersion: aws.String(fmt.Sprint(m.Version))})
		what = fmt.Sprintf("makes version %d the default of %s", m.Version, m.Template)
	default:
		return s.doMore(ctx, do)
	}
	return who, what, err
}

func (s *stage) doMore(ctx context.Context, do Do) (who, what string, err error) {
	who = "operator"
	switch {
	case do.CreateGroup != nil:
		what = fmt.Sprintf("makes the group %s, on version %s of %s", do.CreateGroup.Name, do.CreateGroup.Version, do.CreateGroup.Template)
		err = s.createGroup(*do.CreateGroup)
	case do.SetParameter != nil:
		m := do.SetParameter
		in := &ssm.PutParameterInput{Name: &m.Name, Value: aws.String(s.fill(m.Value)), Overwrite: aws.Bool(true), Type: ssmtypes.ParameterTypeString}
		for _, p := range s.SSM.Parameters() {
			if aws.ToString(p.Name) == m.Name {
				in.Type, in.DataType = p.Type, p.DataType
			}
		}
		_, err = s.ssm.PutParameter(ctx, in)
		what = fmt.Sprintf("sets the parameter %s to %s", m.Name, s.shown(*in.Value))
	case do.PublishPlatform != nil:
		m := do.PublishPlatform
		who, what = "aws", fmt.Sprintf("publishes version %s of %s, with %s", m.Version, m.Branch, m.Image)
		err = s.publish(*m, "", false)
	case do.Build != "":
		what = "starts the pipeline " + do.Build
		_, err = s.ImageBuilder.Start(s.pipelines[do.Build], ibtypes.BuildTypeUserInitiated)
	case do.FailBuild != nil:
		who, what = "aws", "the next build of "+do.FailBuild.Pipeline+" is going to fail"
		err = s.ImageBuilder.FailNext(s.pipelines[do.FailBuild.Pipeline], ibtypes.ImageStatusBuilding, do.FailBuild.Reason)
	default:
		return s.doGroup(ctx, do)
	}
	return who, what, err
}

// createImage has a service or somebody begin to make an image. One that fails does
// so at once.
func (s *stage) createImage(m CreateImage) (who, what string, err error) {
	in := &ec2.CreateImageInput{
		InstanceId: aws.String(s.instance(m.Instance)), NoReboot: aws.Bool(true), Name: &m.Name, Description: &m.Description,
	}
	if len(m.Tags) > 0 {
		spec := types.TagSpecification{ResourceType: types.ResourceTypeImage}
		for _, key := range slices.Sorted(maps.Keys(m.Tags)) {
			spec.Tags = append(spec.Tags, types.Tag{Key: &key, Value: aws.String(s.fill(m.Tags[key]))})
		}
		in.TagSpecifications = []types.TagSpecification{spec}
	}
	by := cmp.Or(m.By, "dlm.amazonaws.com")
	made, err := s.EC2.CreateImageAs(by, in)
	if err == nil && m.Fails != "" {
		err = s.EC2.FailImage(made, m.Fails)
	}
	return "aws", fmt.Sprintf("%s begins to make the image %s of %s", by, m.Name, m.Instance), err
}
