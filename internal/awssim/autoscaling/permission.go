package autoscaling

// The permissions of calls that change a group, as shared/facts/iam.json has
// them; those that describe can be had for "*" only. Not modelled: the words with
// which AWS denies the use of a template, the security groups, keys and
// placement groups in it, the key autoscaling:ImageId, and ssm:GetParameters for one that resolves its image by
// parameter.

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

func anywhere(*awssim.Moment) []awssim.Request { return []awssim.Request{{Resource: "*"}} }

// permissions asks for a group. One that there is not has no UUID: the form then
// is that of facts/events/cloudtrail-create-auto-scaling-group-failed-access-denied.json.
func (s *state) permissions(m *awssim.Moment, name *string, more map[string][]string) []awssim.Request {
	resource := m.ARN("autoscaling", "autoScalingGroup:*:autoScalingGroupName/"+aws.ToString(name))
	keys := map[string][]string{}
	if g, ok := s.get(aws.ToString(name)); ok {
		resource = *g.AutoScalingGroupARN
		for _, t := range g.Tags {
			keys["aws:ResourceTag/"+*t.Key] = []string{*t.Value}
			keys["autoscaling:ResourceTag/"+*t.Key] = []string{*t.Value}
		}
	}
	maps.Copy(keys, more)
	return []awssim.Request{{Resource: resource, Context: keys}}
}

// asked are the condition keys of what a request says of a group. Whether a
// version was specified is told of templates alone; "$Latest" and "$Default" are
// taken not to be specified (the description of the key; unverified).
func asked(given source, least, most *int32) map[string][]string {
	keys := map[string][]string{}
	if least != nil {
		keys["autoscaling:MinSize"] = []string{strconv.Itoa(int(*least))}
	}
	if most != nil {
		keys["autoscaling:MaxSize"] = []string{strconv.Itoa(int(*most))}
	}
	if given.configuration != nil {
		keys["autoscaling:LaunchConfigurationName"] = []string{*given.configuration}
	}
	named := given.template
	if p := given.policy; p != nil && p.LaunchTemplate != nil {
		named = p.LaunchTemplate.LaunchTemplateSpecification
	}
	if named != nil {
		_, err := strconv.ParseInt(aws.ToString(named.Version), 10, 64)
		keys["autoscaling:LaunchTemplateVersionSpecified"] = []string{strconv.FormatBool(err == nil)}
	}
	return keys
}

func withTags(keys map[string][]string, tags []types.Tag) map[string][]string {
	for _, t := range tags {
		keys["aws:RequestTag/"+aws.ToString(t.Key)] = []string{aws.ToString(t.Value)}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], aws.ToString(t.Key))
	}
	return keys
}

func createAutoScalingGroupPermissions(m *awssim.Moment, s *state, in *createInput) []awssim.Request {
	given := source{in.LaunchTemplate, in.MixedInstancesPolicy, in.LaunchConfigurationName}
	requests := s.permissions(m, in.AutoScalingGroupName, withTags(asked(given, in.MinSize, in.MaxSize), in.Tags))
	return append(requests, s.launching(m, given, aws.ToString(in.VPCZoneIdentifier))...)
}

func updateAutoScalingGroupPermissions(m *awssim.Moment, s *state, in *updateInput) []awssim.Request {
	given := source{in.LaunchTemplate, in.MixedInstancesPolicy, in.LaunchConfigurationName}
	requests := s.permissions(m, in.AutoScalingGroupName, asked(given, in.MinSize, in.MaxSize))
	g, _ := s.get(aws.ToString(in.AutoScalingGroupName))
	return append(requests, s.launching(m, given, aws.ToString(cmp.Or(in.VPCZoneIdentifier, g.VPCZoneIdentifier)))...)
}

// launching asks whether whoever gives a group a template might launch from it
// (facts/iam.md 1). Which actions that takes, and that the subnets are the group's
// and not the template's, was measured by lib:59008117641.
func (s *state) launching(m *awssim.Moment, given source, subnets string) []awssim.Request {
	if s.options.Templates == nil {
		return nil
	}
	named := []*types.LaunchTemplateSpecification{given.template}
	if p := given.policy; p != nil && p.LaunchTemplate != nil {
		named = append(named, p.LaunchTemplate.LaunchTemplateSpecification)
		for _, o := range p.LaunchTemplate.Overrides {
			named = append(named, o.LaunchTemplateSpecification)
		}
	}
	var all []awssim.Request
	for _, spec := range named {
		if spec == nil {
			continue
		}
		if t, err := s.resolve(m, spec); err == nil && t.Image != "" { // what does not exist is refused later
			all = append(all, launch(m, t, strings.Split(subnets, ","))...)
		}
	}
	return all
}

func launch(m *awssim.Moment, t Template, subnets []string) []awssim.Request {
	from := func(fromTemplate bool) map[string][]string {
		return map[string][]string{
			"ec2:LaunchTemplate": {m.ARN("ec2", "launch-template/"+t.ID)}, "ec2:IsLaunchTemplateResource": {strconv.FormatBool(fromTemplate)},
		}
	}
	run := func(resource string, fromTemplate bool) awssim.Request {
		return awssim.Request{Action: "ec2:RunInstances", Resource: resource, Context: from(fromTemplate)}
	}
	requests := []awssim.Request{
		run("arn:aws:ec2:"+m.Region()+"::image/"+t.Image, true), // facts/iam.md 1: the ARN of an image has no account
		run(m.ARN("ec2", "launch-template/"+t.ID), true),
		run(m.ARN("ec2", "instance/*"), false), run(m.ARN("ec2", "volume/*"), false),
		run(m.ARN("ec2", "network-interface/*"), false), run(m.ARN("ec2", "security-group/*"), false),
	}
	for _, subnet := range subnets {
		requests = append(requests, run(m.ARN("ec2", "subnet/"+cmp.Or(subnet, "*")), false))
	}
	if t.Tagged {
		requests = append(requests, awssim.Request{
			Action: "ec2:CreateTags", Resource: m.ARN("ec2", "instance/*"), Context: map[string][]string{"ec2:CreateAction": {"RunInstances"}},
		})
	}
	if t.Profile != "" {
		requests = append(requests, awssim.Request{
			Action: "iam:PassRole", Resource: "arn:aws:iam::" + m.Account() + ":role/" + t.Profile,
			Context: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}},
		})
	}
	return requests
}

func deleteAutoScalingGroupPermissions(m *awssim.Moment, s *state, in *deleteInput) []awssim.Request {
	return s.permissions(m, in.AutoScalingGroupName, nil)
}

// createOrUpdateTagsPermissions asks for every group, in the order of names, with
// the tags that it is to get.
func createOrUpdateTagsPermissions(m *awssim.Moment, s *state, in *tagsInput) []awssim.Request {
	tags := map[string][]types.Tag{}
	for _, t := range in.Tags {
		tags[aws.ToString(t.ResourceId)] = append(tags[aws.ToString(t.ResourceId)], t)
	}
	var all []awssim.Request
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, s.permissions(m, &name, withTags(map[string][]string{}, tags[name]))...)
	}
	return all
}

func suspendProcessesPermissions(m *awssim.Moment, s *state, in *suspendInput) []awssim.Request {
	return s.permissions(m, in.AutoScalingGroupName, nil)
}

func resumeProcessesPermissions(m *awssim.Moment, s *state, in *resumeInput) []awssim.Request {
	return s.permissions(m, in.AutoScalingGroupName, nil)
}

func setInstanceProtectionPermissions(m *awssim.Moment, s *state, in *protectInput) []awssim.Request {
	return s.permissions(m, in.AutoScalingGroupName, nil)
}

func enterStandbyPermissions(m *awssim.Moment, s *state, in *standbyInput) []awssim.Request {
	return s.permissions(m, in.AutoScalingGroupName, nil)
}

func exitStandbyPermissions(m *awssim.Moment, s *state, in *returnInput) []awssim.Request {
	return s.permissions(m, in.AutoScalingGroupName, nil)
}

// startInstanceRefreshPermissions asks for what launching from the desired
// configuration takes, as an update does (facts/iam.md 1, unverified).
func startInstanceRefreshPermissions(m *awssim.Moment, s *state, in *startInput) []awssim.Request {
	var given source
	if d := in.DesiredConfiguration; d != nil {
		given = source{template: d.LaunchTemplate, policy: d.MixedInstancesPolicy}
	}
	g, _ := s.get(aws.ToString(in.AutoScalingGroupName))
	return append(s.permissions(m, in.AutoScalingGroupName, nil), s.launching(m, given, aws.ToString(g.VPCZoneIdentifier))...)
}

func cancelInstanceRefreshPermissions(m *awssim.Moment, s *state, in *cancelInput) []awssim.Request {
	return s.permissions(m, in.AutoScalingGroupName, nil)
}

func rollbackInstanceRefreshPermissions(m *awssim.Moment, s *state, in *rollbackInput) []awssim.Request {
	return s.permissions(m, in.AutoScalingGroupName, nil)
}
