package launchtemplate

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// several launches from lt-1 by its policy, and by overrides from lt-2, by name from
// three, and once more from lt-1.
func several() types.AutoScalingGroup {
	spec := func(id, name, version string) *types.LaunchTemplateSpecification {
		s := &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String(name), Version: aws.String(version)}
		if id != "" {
			s.LaunchTemplateId = aws.String(id)
		}
		return s
	}
	return types.AutoScalingGroup{
		AutoScalingGroupName: aws.String("web"), LaunchTemplate: spec("lt-9", "nine", "9"),
		MixedInstancesPolicy: &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{
			LaunchTemplateSpecification: spec("lt-1", "one", "1"),
			Overrides: []types.LaunchTemplateOverrides{
				{InstanceType: aws.String("a"), LaunchTemplateSpecification: spec("lt-2", "two", "2")},
				{InstanceType: aws.String("b")},
				{InstanceType: aws.String("c"), LaunchTemplateSpecification: spec("", "three", "3")},
				{InstanceType: aws.String("d"), LaunchTemplateSpecification: spec("lt-1", "one", "4")},
			},
		}},
	}
}

func specsText(all []*types.LaunchTemplateSpecification) string {
	var parts []string
	for _, s := range all {
		parts = append(parts, strings.TrimSpace(aws.ToString(s.LaunchTemplateId)+" "+aws.ToString(s.LaunchTemplateName))+" "+aws.ToString(s.Version))
	}
	return strings.Join(parts, ", ")
}

func TestSpecs(t *testing.T) {
	plain := types.AutoScalingGroup{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-9"), Version: aws.String("$Latest")}}
	overridden := several()
	overridden.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification = nil
	for _, test := range []struct {
		name  string
		group types.AutoScalingGroup
		want  string
	}{
		{"nothing", types.AutoScalingGroup{LaunchConfigurationName: aws.String("old")}, ""},
		{"a template", plain, "lt-9 $Latest"},
		{"a policy", several(), "lt-1 one 1, lt-2 two 2, three 3, lt-1 one 4"},
		{"overrides alone", overridden, "lt-2 two 2, three 3, lt-1 one 4"},
		{"a policy without a template", types.AutoScalingGroup{MixedInstancesPolicy: &types.MixedInstancesPolicy{}}, ""},
	} {
		if got := specsText(Specs(test.group)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
