package templatefollowsimage

import (
	"maps"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/iam"
)

// Describes have no resource-level permissions: only the region narrows those of
// EC2, and nothing those of Auto Scaling.
func observeNeeds(c Config) []iam.Need {
	here := []iam.Condition{{Operator: "StringEquals", Key: "ec2:Region", Values: []string{"${Region}"}}}
	needs := []iam.Need{
		{Actions: []string{"ec2:DescribeImages"}, Conditions: here, Why: "find the newest image"},
		{Actions: []string{"ec2:DescribeLaunchTemplateVersions"}, Conditions: here, Why: "see which image the template has, and which versions there are"},
		{Actions: []string{"ec2:DescribeInstances"}, Conditions: here, Why: "see which versions instances use"},
		{Actions: []string{"autoscaling:DescribeAutoScalingGroups"}, Why: "see which versions groups use"},
	}
	t := c.Template
	if len(t.Tags) > 0 {
		needs = append(needs, iam.Need{Actions: []string{"ec2:DescribeLaunchTemplates"}, Conditions: here, Why: "see the template's tags"})
	}
	if t.Parameter == "" {
		return needs
	}
	parameter := "arn:${Partition}:ssm:${Region}:${Account}:parameter/" + strings.TrimPrefix(t.Parameter, "/")
	needs = append(needs, iam.Need{Actions: []string{"ssm:GetParameter"}, Resources: []string{parameter}, Why: "read which template it is"})
	if t.Key != "" {
		// The key that AWS manages for Parameter Store lets everybody of the
		// account use it who may read the parameter. Parameter Store encrypts with
		// the parameter's ARN for a context:
		// https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
		needs = append(needs, iam.Need{
			Actions: []string{"kms:Decrypt"}, Resources: []string{t.Key},
			Conditions: []iam.Condition{
				{Operator: "StringEquals", Key: "kms:ViaService", Values: []string{"ssm.${Region}.amazonaws.com"}},
				{Operator: "StringLike", Key: "kms:EncryptionContext:PARAMETER_ARN", Values: []string{parameter}},
			},
			Why: "decrypt the parameter",
		})
	}
	return needs
}

func noNeeds(Config) []iam.Need { return nil }

func createNeeds(c Config) []iam.Need {
	return templateNeeds(c, "create a version, and take it back when the run fails", "ec2:CreateLaunchTemplateVersion", "ec2:DeleteLaunchTemplateVersions")
}

func defaultNeeds(c Config) []iam.Need {
	return templateNeeds(c, "make a version the default", "ec2:ModifyLaunchTemplate")
}

func pruneNeeds(c Config) []iam.Need {
	return templateNeeds(c, "delete old versions", "ec2:DeleteLaunchTemplateVersions")
}

// templateNeeds allows actions on the template alone if its id is known, and
// otherwise on those with its tags: a launch template's ARN has no name.
func templateNeeds(c Config, why string, actions ...string) []iam.Need {
	id := c.Template.ID
	if id == "" {
		id = "*"
	}
	need := iam.Need{Actions: actions, Resources: []string{"arn:${Partition}:ec2:${Region}:${Account}:launch-template/" + id}, Why: why}
	for _, k := range slices.Sorted(maps.Keys(c.Template.Tags)) {
		need.Conditions = append(need.Conditions, iam.Condition{
			Operator: "StringEquals", Key: "aws:ResourceTag/" + k, Values: []string{c.Template.Tags[k]},
		})
	}
	return []iam.Need{need}
}
