package groupfollowstemplate

import (
	"maps"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/iam"
)

// Describes have no resource-level permissions, and those of Auto Scaling no
// condition keys either.
func observeNeeds(c Config) []iam.Need {
	needs := []iam.Need{{Actions: []string{"autoscaling:DescribeAutoScalingGroups"}, Why: "see which groups there are and what they launch from"}}
	if c.Version == NewestNumber {
		needs = append(needs, iam.Need{
			Actions:    []string{"ec2:DescribeLaunchTemplates"},
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "ec2:Region", Values: []string{"${Region}"}}},
			Why:        "see which version is the newest",
		})
	}
	return needs
}

// setNeeds are the update and what AWS asks of whoever makes it: it looks whether
// the caller might launch an instance from the template (shared/facts/iam.md 1;
// which actions, and that a network comes from the group and not from the
// template, was measured by lib:59008117641).
func setNeeds(c Config) []iam.Need {
	update := iam.Need{Actions: []string{"autoscaling:UpdateAutoScalingGroup"}, Why: "set the version of groups"}
	for _, name := range c.patterns() {
		update.Resources = append(update.Resources, "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:*:autoScalingGroupName/"+name)
	}
	for _, k := range slices.Sorted(maps.Keys(c.Tags)) {
		update.Conditions = append(update.Conditions, iam.Condition{
			Operator: "StringEquals", Key: "aws:ResourceTag/" + k, Values: []string{c.Tags[k]},
		})
	}
	return append([]iam.Need{update}, launchNeeds(c)...)
}

// launchNeeds let the templates be used, and nothing in place of what is in them:
// not another image, and of resources that are new or come from the group only
// together with a template.
func launchNeeds(c Config) []iam.Need {
	from := iam.Condition{Operator: "ArnLike", Key: "ec2:LaunchTemplate", Values: ec2ARNs("launch-template/", c.templateIDs())}
	const why = "AWS refuses the update to who might not launch from the template"
	needs := []iam.Need{
		{
			Actions:    []string{"ec2:RunInstances"},
			Resources:  []string{"arn:${Partition}:ec2:${Region}::image/*"},
			Conditions: []iam.Condition{from, {Operator: "Bool", Key: "ec2:IsLaunchTemplateResource", Values: []string{"true"}}},
			Why:        why + "; only images that the template names",
		},
		{
			Actions: []string{"ec2:RunInstances"},
			Resources: append(ec2ARNs("", []string{
				"capacity-reservation/*", "instance/*", "key-pair/*", "launch-template/*", "network-interface/*",
				"placement-group/*", "security-group/*", "subnet/*", "volume/*",
			}), "arn:${Partition}:ec2:${Region}::snapshot/*"),
			Conditions: []iam.Condition{from},
			Why:        why,
		},
		{
			Actions:    []string{"ec2:CreateTags"},
			Resources:  ec2ARNs("", []string{"instance/*", "network-interface/*", "volume/*"}),
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "ec2:CreateAction", Values: []string{"RunInstances"}}},
			Why:        why + ", if it tags what it launches",
		},
		{
			Actions:    []string{"iam:PassRole"},
			Resources:  c.roles(),
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{"ec2.amazonaws.com"}}},
			Why:        why + ", if it has an instance profile",
		},
	}
	if len(c.Uses.Parameters) == 0 {
		return needs
	}
	read := iam.Need{Actions: []string{"ssm:GetParameters"}, Why: why + ", if a parameter names its image"}
	for _, name := range c.Uses.Parameters {
		// The name of a parameter is a part of its ARN without its first slash.
		read.Resources = append(read.Resources, "arn:${Partition}:ssm:${Region}:${Account}:parameter/"+strings.TrimPrefix(name, "/"))
	}
	return append(needs, read)
}

// templateIDs are the templates that groups may launch from.
func (c Config) templateIDs() []string {
	if len(c.Templates) == 0 {
		return []string{"*"}
	}
	return c.Templates
}

func (c Config) roles() []string {
	names := c.Uses.Roles
	if len(names) == 0 {
		names = []string{"*"}
	}
	var arns []string
	for _, name := range names {
		arns = append(arns, "arn:${Partition}:iam::${Account}:role/"+strings.TrimPrefix(name, "/"))
	}
	return arns
}

func ec2ARNs(kind string, ids []string) []string {
	var arns []string
	for _, id := range ids {
		arns = append(arns, "arn:${Partition}:ec2:${Region}:${Account}:"+kind+id)
	}
	return arns
}
