package scenario

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/event"
)

// Follow is a fleet file for groups that follow their template.
func (s *Stage) Follow(groups, version string, more ...string) string {
	body := fmt.Sprintf("    groups: [%s]\n    version: %s\n", groups, version)
	if groups == "" {
		body = fmt.Sprintf("    version: %s\n", version)
	}
	for _, m := range more {
		body += "    " + m + "\n"
	}
	return s.Fleet("group-follows-template", body)
}

// Template makes a launch template with one version and returns its id. What is
// launched from it is tagged, and runs under a role.
func (s *Stage) Template(name string) (id string) {
	s.try("make launch template "+name, func() error {
		out, err := s.ec2.CreateLaunchTemplate(s.ctx, &ec2.CreateLaunchTemplateInput{
			LaunchTemplateName: aws.String(name),
			LaunchTemplateData: &types.RequestLaunchTemplateData{
				ImageId: aws.String("ami-0123456789abcdef0"), InstanceType: types.InstanceTypeC5Large,
				IamInstanceProfile: &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("server")},
				TagSpecifications:  []types.LaunchTemplateTagSpecificationRequest{{ResourceType: types.ResourceTypeInstance, Tags: tagList(map[string]string{"role": "server"})}},
			},
		})
		if err == nil {
			id = *out.LaunchTemplate.LaunchTemplateId
		}
		return err
	})
	return id
}

// Version makes one more version of a launch template and returns the event of
// that.
func (s *Stage) Version(id string) (told event.Event) {
	s.try("make a version of "+id, func() error {
		_, err := s.ec2.CreateLaunchTemplateVersion(s.ctx, &ec2.CreateLaunchTemplateVersionInput{
			LaunchTemplateId: aws.String(id), SourceVersion: aws.String("1"),
			LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeC5Xlarge},
		})
		if err == nil {
			told, err = s.Told(s.ctx, "ec2:CreateLaunchTemplateVersion")
		}
		return err
	})
	return told
}

// DeleteTemplate deletes a launch template.
func (s *Stage) DeleteTemplate(id string) {
	s.try("delete "+id, func() error {
		_, err := s.ec2.DeleteLaunchTemplate(s.ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: aws.String(id)})
		return err
	})
}

// spec names a version of a template, by id or by name.
func spec(template, version string) *asgtypes.LaunchTemplateSpecification {
	named := &asgtypes.LaunchTemplateSpecification{Version: aws.String(version)}
	if strings.HasPrefix(template, "lt-") {
		named.LaunchTemplateId = aws.String(template)
	} else {
		named.LaunchTemplateName = aws.String(template)
	}
	return named
}

// Group makes an Auto Scaling group without instances, and returns the event of
// that.
func (s *Stage) Group(name, template, version string, tags map[string]string) event.Event {
	in := groupInput(name, spec(template, version))
	in.Tags = groupTags(name, tags)
	return s.group(in)
}

func groupInput(name string, template *asgtypes.LaunchTemplateSpecification) *autoscaling.CreateAutoScalingGroupInput {
	return &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String(name), LaunchTemplate: template}
}

// MixedGroup makes a group with a mixed instances policy.
func (s *Stage) MixedGroup(name string, policy *asgtypes.MixedInstancesPolicy) event.Event {
	return s.group(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String(name), MixedInstancesPolicy: policy})
}

func (s *Stage) group(in *autoscaling.CreateAutoScalingGroupInput) (told event.Event) {
	in.MinSize, in.MaxSize, in.VPCZoneIdentifier = aws.Int32(0), aws.Int32(0), aws.String(strings.Join(s.Subnets, ","))
	s.try("make group "+*in.AutoScalingGroupName, func() error {
		_, err := s.groups.CreateAutoScalingGroup(s.ctx, in)
		if err == nil {
			told, err = s.Told(s.ctx, "autoscaling:CreateAutoScalingGroup")
		}
		return err
	})
	return told
}

// NoGroup tries to make a group from a template that does not exist, and returns
// the event of that it was refused.
func (s *Stage) NoGroup(name string) (told event.Event) {
	s.try("be refused the group "+name, func() error {
		in := groupInput(name, spec("lt-0123456789abcdef0", "1"))
		in.MinSize, in.MaxSize, in.VPCZoneIdentifier = aws.Int32(0), aws.Int32(0), aws.String(strings.Join(s.Subnets, ","))
		_, err := s.groups.CreateAutoScalingGroup(s.ctx, in)
		if err == nil {
			return errors.New("it was made")
		}
		told, err = s.Told(s.ctx, "autoscaling:CreateAutoScalingGroup")
		return err
	})
	return told
}

// DeleteGroup deletes a group without instances, at once.
func (s *Stage) DeleteGroup(name string) { s.deleteGroup(name, false) }

// ForceDeleteGroup deletes a group, which takes a while if it has instances.
func (s *Stage) ForceDeleteGroup(name string) { s.deleteGroup(name, true) }

func (s *Stage) deleteGroup(name string, force bool) {
	s.try("delete group "+name, func() error {
		_, err := s.groups.DeleteAutoScalingGroup(s.ctx, &autoscaling.DeleteAutoScalingGroupInput{
			AutoScalingGroupName: aws.String(name), ForceDelete: aws.Bool(force),
		})
		return err
	})
}

// Relaunch has somebody set what a group launches from, as CloudFormation does
// with every update of its stack, and returns the event of that.
func (s *Stage) Relaunch(name, template, version string) (told event.Event) {
	s.try("update group "+name, func() error {
		_, err := s.groups.UpdateAutoScalingGroup(s.ctx, &autoscaling.UpdateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String(name), LaunchTemplate: spec(template, version),
		})
		if err == nil {
			told, err = s.Told(s.ctx, "autoscaling:UpdateAutoScalingGroup")
		}
		return err
	})
	return told
}

// Remix has somebody change a group's policy.
func (s *Stage) Remix(name string, policy *asgtypes.MixedInstancesPolicy) {
	s.try("update group "+name, func() error {
		_, err := s.groups.UpdateAutoScalingGroup(s.ctx, &autoscaling.UpdateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String(name), MixedInstancesPolicy: policy,
		})
		return err
	})
}

func groupTags(group string, tags map[string]string) []asgtypes.Tag {
	var list []asgtypes.Tag
	for _, t := range tagList(tags) {
		list = append(list, asgtypes.Tag{
			Key: t.Key, Value: t.Value, ResourceId: aws.String(group), ResourceType: aws.String("auto-scaling-group"), PropagateAtLaunch: aws.Bool(false),
		})
	}
	return list
}

// Described is a group as AWS shows it.
func (s *Stage) Described(name string) (group asgtypes.AutoScalingGroup) {
	s.try("describe group "+name, func() error {
		out, err := s.groups.DescribeAutoScalingGroups(s.ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
		if err != nil {
			return err
		}
		if len(out.AutoScalingGroups) != 1 {
			return fmt.Errorf("there are %d groups of that name", len(out.AutoScalingGroups))
		}
		group = out.AutoScalingGroups[0]
		return nil
	})
	return group
}

// launches is the template that a group launches from, or its policy.
func launches(g asgtypes.AutoScalingGroup) asgtypes.LaunchTemplateSpecification {
	named := g.LaunchTemplate
	if p := g.MixedInstancesPolicy; p != nil {
		named = p.LaunchTemplate.LaunchTemplateSpecification
	}
	if named == nil {
		return asgtypes.LaunchTemplateSpecification{}
	}
	return *named
}

// ExpectVersion makes the story fail unless the group launches from that version
// of that template.
func (s *Stage) ExpectVersion(name, template, version string) {
	got := launches(s.Described(name))
	if s.err == nil && (aws.ToString(got.LaunchTemplateId) != template || aws.ToString(got.Version) != version) {
		s.Failf("group %s launches from version %q of %s, want %q of %s", name, aws.ToString(got.Version), aws.ToString(got.LaunchTemplateId), version, template)
	}
}
