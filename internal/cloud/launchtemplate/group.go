package launchtemplate

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// Update is the request that gives a group another version and leaves everything
// else as it was read. A policy is sent whole. Documentation used to say that
// members left out of a policy stay as they are (lib:7481077699), and now is
// silent; emulators take them away. Who sends all of it need not know. The group is
// one that launches from a template, and stays as it is.
func Update(g types.AutoScalingGroup, version string) *autoscaling.UpdateAutoScalingGroupInput {
	main := SpecOf(g)
	return update(g, version, func(spec *types.LaunchTemplateSpecification) bool { return spec == main })
}

// UpdateTemplate is [Update] for one of the templates that a group launches from, by
// its id, wherever the group names it: in overrides too.
func UpdateTemplate(g types.AutoScalingGroup, template, version string) *autoscaling.UpdateAutoScalingGroupInput {
	return update(g, version, func(spec *types.LaunchTemplateSpecification) bool {
		return aws.ToString(spec.LaunchTemplateId) == template
	})
}

func update(g types.AutoScalingGroup, version string, meant func(*types.LaunchTemplateSpecification) bool) *autoscaling.UpdateAutoScalingGroupInput {
	in := &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: g.AutoScalingGroupName}
	with := func(spec *types.LaunchTemplateSpecification) *types.LaunchTemplateSpecification {
		if spec == nil {
			return nil
		}
		one := oneName(spec)
		if meant(spec) {
			one.Version = aws.String(version)
		}
		return one
	}
	if g.MixedInstancesPolicy == nil {
		in.LaunchTemplate = with(g.LaunchTemplate)
		return in
	}
	policy := *g.MixedInstancesPolicy
	launch := *policy.LaunchTemplate
	launch.LaunchTemplateSpecification = with(launch.LaunchTemplateSpecification)
	launch.Overrides = slices.Clone(launch.Overrides)
	for i, o := range launch.Overrides {
		launch.Overrides[i].LaunchTemplateSpecification = with(o.LaunchTemplateSpecification)
	}
	policy.LaunchTemplate, policy.InstancesDistribution = &launch, distribution(policy.InstancesDistribution)
	in.MixedInstancesPolicy = &policy
	return in
}

// Specs are all that a group launches from: that of [SpecOf] first, then those of
// overrides that name one.
func Specs(g types.AutoScalingGroup) []*types.LaunchTemplateSpecification {
	var all []*types.LaunchTemplateSpecification
	if spec := SpecOf(g); spec != nil {
		all = append(all, spec)
	}
	if p := g.MixedInstancesPolicy; p != nil && p.LaunchTemplate != nil {
		for _, o := range p.LaunchTemplate.Overrides {
			if o.LaunchTemplateSpecification != nil {
				all = append(all, o.LaunchTemplateSpecification)
			}
		}
	}
	return all
}

// SpecOf is the template that a group launches from; nil if there is none. A
// policy comes first: where there is one, it is what counts.
func SpecOf(g types.AutoScalingGroup) *types.LaunchTemplateSpecification {
	if p := g.MixedInstancesPolicy; p != nil && p.LaunchTemplate != nil {
		return p.LaunchTemplate.LaunchTemplateSpecification
	}
	return g.LaunchTemplate
}

// oneName is a template as a request may name it: by its id or by its name, while
// AWS shows both (measured by lib:59008117641).
func oneName(spec *types.LaunchTemplateSpecification) *types.LaunchTemplateSpecification {
	one := *spec
	if aws.ToString(one.LaunchTemplateId) != "" {
		one.LaunchTemplateName = nil
	}
	return &one
}

// distribution is a distribution as a request may have it: one that is made of
// segments loses them to a request that gives On-Demand capacity too (the doc of
// UpdateAutoScalingGroupInput.MixedInstancesPolicy).
func distribution(d *types.InstancesDistribution) *types.InstancesDistribution {
	if d == nil || len(d.DistributionSegments) == 0 {
		return d
	}
	segmented := *d
	segmented.OnDemandBaseCapacity, segmented.OnDemandPercentageAboveBaseCapacity = nil, nil
	return &segmented
}
