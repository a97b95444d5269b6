package autoscaling

// The permissions of calls that change a group, as shared/facts/iam.json has
// them; those that describe can be had for "*" only. Not modelled:
// ec2:RunInstances, ec2:CreateTags and iam:PassRole, which AWS asks of who gives
// a group a template (facts/iam.md 1; lib:59008117641 measured all three, and
// ssm:GetParameters for a template that resolves its image by parameter), because
// a request is always for the operation itself.

import (
	"maps"
	"slices"
	"strconv"

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
	return s.permissions(m, in.AutoScalingGroupName, withTags(asked(given, in.MinSize, in.MaxSize), in.Tags))
}

func updateAutoScalingGroupPermissions(m *awssim.Moment, s *state, in *updateInput) []awssim.Request {
	given := source{in.LaunchTemplate, in.MixedInstancesPolicy, in.LaunchConfigurationName}
	return s.permissions(m, in.AutoScalingGroupName, asked(given, in.MinSize, in.MaxSize))
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
