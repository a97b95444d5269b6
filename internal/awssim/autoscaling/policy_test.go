package autoscaling_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// mixed is a policy that says everything there is to say.
func mixed() *types.MixedInstancesPolicy {
	return &types.MixedInstancesPolicy{
		LaunchTemplate: &types.LaunchTemplate{
			LaunchTemplateSpecification: byID("lt-1", "1"),
			Overrides: []types.LaunchTemplateOverrides{
				{InstanceType: aws.String("m7i.large"), WeightedCapacity: aws.String("2"), ImageId: aws.String("ami-1")},
				{InstanceType: aws.String("m7g.large"), WeightedCapacity: aws.String("3"), LaunchTemplateSpecification: byID("lt-2", "1")},
				{InstanceRequirements: &types.InstanceRequirements{
					VCpuCount: &types.VCpuCountRequest{Min: aws.Int32(2), Max: aws.Int32(8)},
					MemoryMiB: &types.MemoryMiBRequest{Min: aws.Int32(4096)}, ExcludedInstanceTypes: []string{"t*"},
				}},
			},
		},
		InstancesDistribution: &types.InstancesDistribution{
			OnDemandAllocationStrategy: aws.String("lowest-price"), OnDemandBaseCapacity: aws.Int32(2), OnDemandPercentageAboveBaseCapacity: aws.Int32(20),
			SpotAllocationStrategy: aws.String("lowest-price"), SpotInstancePools: aws.Int32(4), SpotMaxPrice: aws.String("0.05"),
		},
	}
}

// described is the same as a group shows it.
func described() *types.MixedInstancesPolicy {
	p := mixed()
	p.LaunchTemplate.LaunchTemplateSpecification = shown("lt-1", "web", "1")
	p.LaunchTemplate.Overrides[1].LaunchTemplateSpecification = shown("lt-2", "arm", "1")
	return p
}

func (s *scene) mixed() {
	s.t.Helper()
	if err := s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: mixed()}); err != nil {
		s.t.Fatal(err)
	}
}

func TestUpdatePolicy(t *testing.T) {
	distribution := func(d types.InstancesDistribution) *types.MixedInstancesPolicy {
		return &types.MixedInstancesPolicy{InstancesDistribution: &d}
	}
	tests := map[string]struct {
		given  *types.MixedInstancesPolicy
		change func(*types.MixedInstancesPolicy)
		code   string
	}{
		"empty": {&types.MixedInstancesPolicy{}, func(*types.MixedInstancesPolicy) {}, ""},
		"all of it, with another version": {func() *types.MixedInstancesPolicy {
			p := mixed()
			p.LaunchTemplate.LaunchTemplateSpecification.Version = aws.String("$Latest")
			return p
		}(), func(p *types.MixedInstancesPolicy) {
			p.LaunchTemplate.LaunchTemplateSpecification.Version = aws.String("$Latest")
		}, ""},
		"as it was described": {described(), nil, "ValidationError"}, // it has both names
		"template without overrides": {&types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: byID("lt-1", "2")}}, func(p *types.MixedInstancesPolicy) {
			p.LaunchTemplate = &types.LaunchTemplate{LaunchTemplateSpecification: shown("lt-1", "web", "2")}
		}, ""},
		"overrides without template": {&types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{Overrides: mixed().LaunchTemplate.Overrides}}, nil, "ValidationError"},
		"a part of the distribution": {distribution(types.InstancesDistribution{OnDemandBaseCapacity: aws.Int32(0)}), func(p *types.MixedInstancesPolicy) {
			p.InstancesDistribution.OnDemandBaseCapacity = aws.Int32(0)
		}, ""},
		"no price": {distribution(types.InstancesDistribution{SpotMaxPrice: aws.String("")}), func(p *types.MixedInstancesPolicy) {
			p.InstancesDistribution.SpotMaxPrice = nil
		}, ""},
		"a strategy without pools": {distribution(types.InstancesDistribution{SpotAllocationStrategy: aws.String("capacity-optimized")}), func(p *types.MixedInstancesPolicy) {
			p.InstancesDistribution.SpotAllocationStrategy, p.InstancesDistribution.SpotInstancePools = aws.String("capacity-optimized"), nil
		}, ""},
		"no such template in an override": {func() *types.MixedInstancesPolicy {
			p := mixed()
			p.LaunchTemplate.Overrides[1].LaunchTemplateSpecification = byID("lt-9", "1")
			return p
		}(), nil, "ValidationError"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, awssim.Options{})
			s.mixed()
			want := s.group("web")
			same(t, described(), want.MixedInstancesPolicy)
			if tt.change != nil {
				tt.change(want.MixedInstancesPolicy)
			}
			failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: tt.given}), tt.code, "")
			same(t, want, s.group("web"))
		})
	}
}

// A group has one source: the one given last.
func TestSourceChanges(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.mixed()
	type input = autoscaling.UpdateAutoScalingGroupInput
	policy := &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: byID("lt-1", "1")}}
	for _, in := range []input{
		{LaunchTemplate: byID("lt-1", "2")}, {MixedInstancesPolicy: policy}, {LaunchConfigurationName: aws.String("old")}, {MixedInstancesPolicy: policy}, {LaunchTemplate: byID("lt-1", "2")},
	} {
		in.AutoScalingGroupName = aws.String("web")
		if err := s.update(&in); err != nil {
			t.Fatal(err)
		}
		g := s.group("web")
		if (g.LaunchTemplate != nil) != (in.LaunchTemplate != nil) || (g.MixedInstancesPolicy != nil) != (in.MixedInstancesPolicy != nil) || (g.LaunchConfigurationName != nil) != (in.LaunchConfigurationName != nil) {
			t.Fatalf("after %+v: %+v", in, g)
		}
	}
	// The policy that was first is forgotten: the next begins with the defaults.
	if err := s.update(&input{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: policy}); err != nil {
		t.Fatal(err)
	}
	same(t, &types.InstancesDistribution{
		OnDemandAllocationStrategy: aws.String("prioritized"), OnDemandBaseCapacity: aws.Int32(0), OnDemandPercentageAboveBaseCapacity: aws.Int32(100),
		SpotAllocationStrategy: aws.String("lowest-price"), SpotInstancePools: aws.Int32(2),
	}, s.group("web").MixedInstancesPolicy.InstancesDistribution)
}

// Neither what a caller keeps of a request, nor what it got as an answer, is a way
// into the world.
func TestNothingIsShared(t *testing.T) {
	s := newScene(t, awssim.Options{})
	given := mixed()
	if err := s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: given}); err != nil {
		t.Fatal(err)
	}
	got := s.group("web").MixedInstancesPolicy
	kept, _ := s.sim.Group("web")
	for _, p := range []*types.MixedInstancesPolicy{given, got, kept.MixedInstancesPolicy} {
		*p.InstancesDistribution.OnDemandBaseCapacity = 77
		*p.LaunchTemplate.LaunchTemplateSpecification.Version = "77"
		*p.LaunchTemplate.Overrides[0].InstanceType = "changed"
		*p.LaunchTemplate.Overrides[1].LaunchTemplateSpecification.Version = "77"
		*p.LaunchTemplate.Overrides[2].InstanceRequirements.VCpuCount.Min = 77
		p.LaunchTemplate.Overrides[2].InstanceRequirements.ExcludedInstanceTypes[0] = "changed"
	}
	same(t, described(), s.group("web").MixedInstancesPolicy)
}
