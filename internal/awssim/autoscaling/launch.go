package autoscaling

// What a group launches from: a template, a mixed policy or a launch
// configuration, of which it has one. Not modelled: distribution segments,
// checks of the overrides other than of their templates, whether a template is
// fit for a group, and resolve:ssm in templates.

import (
	"cmp"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/awssim"
)

// source is what a request says, or a group has, of what to launch from.
type source struct {
	template      *types.LaunchTemplateSpecification
	policy        *types.MixedInstancesPolicy
	configuration *string
}

func (s source) count() int {
	n := 0
	for _, given := range []bool{s.template != nil, s.policy != nil, s.configuration != nil} {
		if given {
			n++
		}
	}
	return n
}

// from gives a group another source, which takes the place of the one it has.
func (s *state) from(m *awssim.Moment, g group, given source) (group, error) {
	var now source
	var err error
	switch {
	case given.template != nil:
		now.template, err = s.specification(m, given.template)
	case given.policy != nil:
		now.policy, err = s.policy(m, g.MixedInstancesPolicy, given.policy)
	case given.configuration != nil:
		now.configuration = deep(given.configuration)
	default:
		return g, nil
	}
	g.LaunchTemplate, g.MixedInstancesPolicy, g.LaunchConfigurationName = now.template, now.policy, now.configuration
	return g, err
}

// specification is how a group shows a template that a request names by one of
// id and name, not both: "Valid requests must contain either launchTemplateId or
// LaunchTemplateName" (GH aws/aws-cli#7281; measured by lib:59008117641). What is
// shown has both, and the version only if one was given (lib:4830890).
func (s *state) specification(m *awssim.Moment, given *types.LaunchTemplateSpecification) (*types.LaunchTemplateSpecification, error) {
	if given == nil || (aws.ToString(given.LaunchTemplateId) == "") == (aws.ToString(given.LaunchTemplateName) == "") {
		return nil, invalid("Valid requests must contain either launchTemplateId or LaunchTemplateName")
	}
	shown := deep(given)
	if s.options.Templates == nil {
		return shown, nil
	}
	t, err := s.resolve(m, given)
	if err != nil {
		return nil, err
	}
	shown.LaunchTemplateId, shown.LaunchTemplateName = aws.String(t.ID), aws.String(t.Name)
	return shown, nil
}

// resolve looks a template up. Auto Scaling repeats what EC2 says, after words of
// its own (lib:2157514727; of a missing template or version unverified).
func (s *state) resolve(m *awssim.Moment, named *types.LaunchTemplateSpecification) (Template, error) {
	version := cmp.Or(aws.ToString(named.Version), "$Default") // doc of types.LaunchTemplateSpecification
	name := aws.ToString(named.LaunchTemplateName)
	if named.LaunchTemplateId != nil {
		name = ""
	}
	t, err := s.options.Templates(m, aws.ToString(named.LaunchTemplateId), name, version)
	if err == nil {
		return t, nil
	}
	return Template{}, invalid("You must use a valid fully-formed launch template. %s", message(err))
}

// message is what AWS says, without what the SDK puts around it.
func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return err.Error()
}

// policy is what becomes of a group's policy, nil if it has none, by one that is
// given. Of the distribution, members left out keep their values: the doc of
// types.InstancesDistribution has ways to remove them. So does a LaunchTemplate
// that is left out ("not required when updating the group", docs.rs rusoto_autoscaling 0.40.0). One that
// is given takes the place of the old, overrides and all; whether AWS would keep
// overrides that are left out is unverified, and who sends all of it need not know.
func (s *state) policy(m *awssim.Moment, old, given *types.MixedInstancesPolicy) (*types.MixedInstancesPolicy, error) {
	if old == nil {
		old = &types.MixedInstancesPolicy{}
	}
	now := &types.MixedInstancesPolicy{LaunchTemplate: old.LaunchTemplate}
	if given.LaunchTemplate != nil || old.LaunchTemplate == nil {
		var err error
		if now.LaunchTemplate, err = s.launchTemplate(m, given.LaunchTemplate); err != nil {
			return nil, err
		}
	}
	now.InstancesDistribution = distribution(old.InstancesDistribution, given.InstancesDistribution, now.LaunchTemplate.Overrides)
	return now, nil
}

func (s *state) launchTemplate(m *awssim.Moment, given *types.LaunchTemplate) (*types.LaunchTemplate, error) {
	if given == nil {
		given = &types.LaunchTemplate{}
	}
	now := deep(given)
	var err error
	if now.LaunchTemplateSpecification, err = s.specification(m, given.LaunchTemplateSpecification); err != nil {
		return nil, err
	}
	for i, o := range given.Overrides {
		if o.LaunchTemplateSpecification == nil {
			continue
		}
		if now.Overrides[i].LaunchTemplateSpecification, err = s.specification(m, o.LaunchTemplateSpecification); err != nil {
			return nil, err
		}
	}
	return now, nil
}

// distribution sets the members that are given and, where neither they nor the
// old ones say anything, the defaults (doc of types.InstancesDistribution).
func distribution(old, given *types.InstancesDistribution, overrides []types.LaunchTemplateOverrides) *types.InstancesDistribution {
	if old == nil {
		onDemand := "prioritized"
		for _, o := range overrides {
			if o.InstanceRequirements != nil {
				onDemand = "lowest-price"
			}
		}
		old = &types.InstancesDistribution{
			OnDemandAllocationStrategy:          aws.String(onDemand),
			OnDemandBaseCapacity:                aws.Int32(0),
			OnDemandPercentageAboveBaseCapacity: aws.Int32(100),
			SpotAllocationStrategy:              aws.String("lowest-price"),
		}
	}
	now := deep(old)
	if given != nil {
		g := deep(given)
		now.OnDemandAllocationStrategy = cmp.Or(g.OnDemandAllocationStrategy, now.OnDemandAllocationStrategy)
		now.OnDemandBaseCapacity = cmp.Or(g.OnDemandBaseCapacity, now.OnDemandBaseCapacity)
		now.OnDemandPercentageAboveBaseCapacity = cmp.Or(g.OnDemandPercentageAboveBaseCapacity, now.OnDemandPercentageAboveBaseCapacity)
		now.SpotAllocationStrategy = cmp.Or(g.SpotAllocationStrategy, now.SpotAllocationStrategy)
		now.SpotInstancePools = cmp.Or(g.SpotInstancePools, now.SpotInstancePools)
		now.SpotMaxPrice = cmp.Or(g.SpotMaxPrice, now.SpotMaxPrice)
	}
	switch {
	case aws.ToString(now.SpotAllocationStrategy) != "lowest-price":
		now.SpotInstancePools = nil
	case now.SpotInstancePools == nil:
		now.SpotInstancePools = aws.Int32(2)
	}
	if aws.ToString(now.SpotMaxPrice) == "" {
		now.SpotMaxPrice = nil
	}
	return now
}
