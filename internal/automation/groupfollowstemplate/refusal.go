package groupfollowstemplate

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

// Auto Scaling says ValidationError of many different situations; the text tells
// them apart (shared/facts/apis.md 0, rule 2, and section 2).
func says(err error, text string) bool {
	return cloud.Code(err) == "ValidationError" && strings.Contains(err.Error(), text)
}

// gone says whether an update was refused because there is no such group.
func gone(err error) bool { return says(err, "AutoScalingGroup name not found") }

// refreshing says whether an update was refused because of an instance refresh
// (Amazon EC2 Auto Scaling User Guide, "Instance refresh", lib:70555057812).
func refreshing(err error) bool {
	return says(err, "active instance refresh with a desired configuration")
}

// advised adds the next thing to type to the refusal of an update.
func advised(err error, g types.AutoScalingGroup, version string) error {
	if failure.ClassOf(err) != failure.Stop {
		return err
	}
	if text := err.Error(); strings.Contains(text, "not authorized") && strings.Contains(text, "launch template") {
		// AWS does not name what is missing, but for ssm:GetParameters.
		return failure.WithHint(err, "AWS looks whether Drover might launch from the template itself: that takes ec2:RunInstances and, by what is in the template, "+
			"ec2:CreateTags, iam:PassRole and ssm:GetParameters; `drover render policy --fleet FILE` has them, as far as `uses` in the fleet file says what the template uses")
	}
	spec := launchtemplate.SpecOf(g)
	id := "--launch-template-id " + aws.ToString(spec.LaunchTemplateId)
	if aws.ToString(spec.LaunchTemplateId) == "" {
		id = "--launch-template-name " + aws.ToString(spec.LaunchTemplateName)
	}
	return failure.WithHint(err, "look at the version: aws ec2 describe-launch-template-versions %s --versions '%s'", id, version)
}
