package imagerollout

import (
	"cmp"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/iam"
)

// here narrows what has no resource-level permissions: only the region does.
var here = []iam.Condition{{Operator: "StringEquals", Key: "ec2:Region", Values: []string{"${Region}"}}}

// ours narrows to what this automation has made, by the tags that it has from the
// beginning.
var ours = iam.Condition{Operator: "Null", Key: "aws:ResourceTag/" + tagRun, Values: []string{"false"}}

func observeNeeds(c Config) []iam.Need {
	needs := []iam.Need{
		{Actions: []string{"autoscaling:DescribeAutoScalingGroups"}, Why: "see what the group launches from"},
		{Actions: []string{"ec2:DescribeLaunchTemplateVersions"}, Conditions: here, Why: "see which image the group has, and which versions there are"},
		{Actions: []string{"ec2:DescribeImages"}, Conditions: here, Why: "find the image that is rolled out, and those that were made"},
		{Actions: []string{"ec2:DescribeInstances"}, Conditions: here, Why: "see whose backups count, which versions instances use, and how many run"},
		{Actions: []string{"ec2:DescribeSnapshots"}, Conditions: here, Why: "see with which keys the image is encrypted"},
		{Actions: []string{"kms:DescribeKey", "kms:ListGrants", "kms:GetKeyPolicy"}, Resources: []string{"arn:${Partition}:kms:${Region}:${Account}:key/*"}, Why: "see whether the group may use those keys"},
	}
	if c.Refresh != nil {
		needs = append(needs, iam.Need{Actions: []string{"autoscaling:DescribeInstanceRefreshes"}, Why: "see whether and how the group is being refreshed"})
	}
	if b := c.Builder; b != nil {
		needs = append(needs,
			iam.Need{Actions: []string{"ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeInstanceTypes"}, Conditions: here, Why: "see that a builder can be launched before anything is begun"},
			iam.Need{Actions: []string{"servicequotas:GetServiceQuota"}, Resources: []string{"arn:${Partition}:servicequotas:${Region}:${Account}:ec2/" + standardInstances}, Why: "see that the account may run a builder"})
		if b.Key != "" {
			needs = append(needs, iam.Need{Actions: []string{"ec2:DescribeKeyPairs"}, Conditions: here, Why: "see that the key pair exists"})
		}
	}
	return needs
}

func noNeeds(Config) []iam.Need { return nil }

func holdNeeds(c Config) []iam.Need {
	need := iam.Need{Resources: []string{c.groupARN()}, Why: "keep the group from growing meanwhile"}
	switch c.Hold {
	case HoldProcesses:
		need.Actions = []string{"autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses"}
	case HoldMaxSize:
		need.Actions = []string{"autoscaling:UpdateAutoScalingGroup"}
	case HoldNone:
		return nil
	}
	return []iam.Need{need}
}

// launchNeeds allow machines that are tagged as the run's own, in the places that the
// fleet file names. The tags can only be given at the launch.
func launchNeeds(c Config) []iam.Need {
	b := c.Builder
	if b == nil {
		return nil
	}
	const why = "launch the builder"
	tagged := iam.Condition{Operator: "Null", Key: "aws:RequestTag/" + tagRun, Values: []string{"false"}}
	needs := []iam.Need{
		{Actions: []string{"ec2:RunInstances"}, Resources: ec2ARNs("instance/*", "volume/*", "network-interface/*"), Conditions: []iam.Condition{tagged}, Why: why},
		{Actions: []string{"ec2:RunInstances"}, Resources: append(ec2ARNs(append([]string{"subnet/" + b.Subnet}, prefixed("security-group/", b.SecurityGroups)...)...),
			"arn:${Partition}:ec2:${Region}::image/*", "arn:${Partition}:ec2:${Region}::snapshot/*"), Why: why},
		{
			Actions: []string{"ec2:CreateTags"}, Resources: ec2ARNs("instance/*", "volume/*", "network-interface/*"),
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "ec2:CreateAction", Values: []string{"RunInstances"}}}, Why: "say on the builder whose it is",
		},
		{Actions: []string{"ec2:TerminateInstances", "ec2:ModifyInstanceAttribute"}, Resources: ec2ARNs("instance/*"), Conditions: []iam.Condition{ours}, Why: "terminate the builder, with all its volumes"},
		{Actions: []string{"ec2:DescribeInstanceStatus"}, Conditions: here, Why: "see whether the builder's status checks pass"},
	}
	if b.Key != "" {
		needs = append(needs, iam.Need{Actions: []string{"ec2:RunInstances"}, Resources: ec2ARNs("key-pair/" + b.Key), Why: why})
	}
	if len(b.Keys) > 0 {
		const why = "launch the builder from an encrypted image"
		via := iam.Condition{Operator: "StringEquals", Key: "kms:ViaService", Values: []string{"ec2.${Region}.amazonaws.com"}}
		needs = append(needs,
			iam.Need{
				Actions: []string{"kms:CreateGrant"}, Resources: slices.Clone(b.Keys), Why: why,
				Conditions: []iam.Condition{{Operator: "Bool", Key: "kms:GrantIsForAWSResource", Values: []string{"true"}}, via},
			},
			iam.Need{
				Actions: []string{"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"}, Resources: slices.Clone(b.Keys),
				Conditions: []iam.Condition{via}, Why: why,
			})
	}
	if b.Profile != "" {
		needs = append(needs, iam.Need{
			Actions: []string{"iam:PassRole"}, Resources: []string{"arn:${Partition}:iam::${Account}:role/" + strings.TrimPrefix(cmp.Or(b.Role, "*"), "/")},
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{"ec2.amazonaws.com"}}},
			Why:        "give the builder its instance profile",
		})
	}
	return needs
}

func prepareNeeds(c Config) []iam.Need {
	b := c.Builder
	if b == nil {
		return nil
	}
	var needs []iam.Need
	if !b.stopsItself() {
		needs = append(needs, iam.Need{Actions: []string{"ec2:StopInstances"}, Resources: ec2ARNs("instance/*"), Conditions: []iam.Condition{ours}, Why: "stop the builder before its image is made"})
	}
	return append(needs, sendNeeds(b.Prepare, "run the documents on the builder")...)
}

func verifyNeeds(c Config) []iam.Need {
	if c.Try == nil || c.Try.Verify == nil {
		return nil
	}
	return sendNeeds([]Document{*c.Try.Verify}, "try the new image")
}

// sendNeeds let documents be run on the run's own machines, and on no other.
func sendNeeds(all []Document, why string) []iam.Need {
	if len(all) == 0 {
		return nil
	}
	var documents []string
	for _, d := range all {
		arn := d.Name
		if !strings.HasPrefix(arn, "arn:") {
			// AWS's own documents belong to no account.
			arn = "arn:${Partition}:ssm:${Region}:*:document/" + d.Name
		}
		documents = append(documents, arn)
	}
	slices.Sort(documents)
	tagged := iam.Condition{Operator: "StringLike", Key: "ssm:resourceTag/" + tagRun, Values: []string{"*"}}
	return []iam.Need{
		{Actions: []string{"ssm:SendCommand"}, Resources: slices.Compact(documents), Why: why},
		{Actions: []string{"ssm:SendCommand"}, Resources: ec2ARNs("instance/*"), Conditions: []iam.Condition{tagged}, Why: why},
		{Actions: []string{"ssm:DescribeInstanceInformation", "ssm:GetCommandInvocation", "ssm:ListCommands"}, Why: "see how the documents go"},
	}
}

func imageNeeds(c Config) []iam.Need {
	if c.Builder == nil {
		return nil
	}
	const image, snapshot = "arn:${Partition}:ec2:${Region}::image/*", "arn:${Partition}:ec2:${Region}::snapshot/*"
	images := []string{image, snapshot}
	return []iam.Need{
		{Actions: []string{"ec2:CreateImage"}, Resources: ec2ARNs("instance/*"), Conditions: []iam.Condition{ours}, Why: "make an image of the builder"},
		{Actions: []string{"ec2:CreateImage"}, Resources: images, Why: "make an image of the builder"},
		{Actions: []string{"ec2:CreateTags"}, Resources: images, Conditions: []iam.Condition{{Operator: "StringEquals", Key: "ec2:CreateAction", Values: []string{"CreateImage"}}}, Why: "say on the image what it was made from"},
		{Actions: []string{"ec2:DeregisterImage"}, Resources: []string{image}, Conditions: []iam.Condition{ours}, Why: "take the image back when the run fails"},
		{Actions: []string{"ec2:DeleteSnapshot"}, Resources: []string{snapshot}, Conditions: []iam.Condition{ours}, Why: "take its snapshots back too"},
	}
}

func templateNeeds(Config) []iam.Need {
	return []iam.Need{{Actions: []string{"ec2:CreateLaunchTemplateVersion", "ec2:DeleteLaunchTemplateVersions"}, Resources: ec2ARNs("launch-template/*"), Why: "make a version with the image, and delete it when the run fails, or old ones"}}
}

// moveNeeds are the update of a group, or of the default of its template, and what AWS
// asks of whoever makes it.
func moveNeeds(c Config) []iam.Need {
	if c.Refresh != nil && c.Refresh.Floating == FloatingRefuse {
		return nil
	}
	needs := []iam.Need{{Actions: []string{"autoscaling:UpdateAutoScalingGroup"}, Resources: []string{c.groupARN()}, Why: "have the group launch from the version"}}
	if c.Refresh != nil {
		return needs
	}
	needs = append(needs, iam.Need{Actions: []string{"ec2:ModifyLaunchTemplate"}, Resources: ec2ARNs("launch-template/*"), Why: "make the version the default, for a group on $Default"})
	return append(needs, useNeeds()...)
}

func refreshNeeds(c Config) []iam.Need {
	if c.Refresh == nil {
		return nil
	}
	return append([]iam.Need{{
		Actions: []string{"autoscaling:StartInstanceRefresh", "autoscaling:RollbackInstanceRefresh"}, Resources: []string{c.groupARN()},
		Why: "replace the group's instances, and take that back",
	}}, useNeeds()...)
}

// useNeeds are what AWS asks of whoever has a group launch from a template: whether
// they might launch an instance from it (shared/facts/iam.md 1; for a refresh that is
// expected, not verified).
func useNeeds() []iam.Need {
	from := iam.Condition{Operator: "ArnLike", Key: "ec2:LaunchTemplate", Values: ec2ARNs("launch-template/*")}
	const why = "AWS refuses a group the template of who might not launch from it"
	return []iam.Need{
		{
			Actions: []string{"ec2:RunInstances"}, Resources: []string{"arn:${Partition}:ec2:${Region}::image/*"},
			Conditions: []iam.Condition{from, {Operator: "Bool", Key: "ec2:IsLaunchTemplateResource", Values: []string{"true"}}}, Why: why + "; only images that the template names",
		},
		{
			Actions: []string{"ec2:RunInstances"},
			Resources: append(ec2ARNs("capacity-reservation/*", "instance/*", "key-pair/*", "launch-template/*", "network-interface/*",
				"placement-group/*", "security-group/*", "subnet/*", "volume/*"), "arn:${Partition}:ec2:${Region}::snapshot/*"),
			Conditions: []iam.Condition{from}, Why: why,
		},
		{
			Actions: []string{"ec2:CreateTags"}, Resources: ec2ARNs("instance/*", "network-interface/*", "volume/*"),
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "ec2:CreateAction", Values: []string{"RunInstances"}}}, Why: why + ", if it tags what it launches",
		},
		{
			Actions: []string{"iam:PassRole"}, Resources: []string{"arn:${Partition}:iam::${Account}:role/*"},
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{"ec2.amazonaws.com"}}}, Why: why + ", if it has an instance profile",
		},
	}
}

func cleanUpNeeds(c Config) []iam.Need {
	if c.Recovery != RecoveryDelete {
		return nil
	}
	return []iam.Need{
		{Actions: []string{"backup:ListRecoveryPointsByResource"}, Why: "find the recovery point of the image"},
		{Actions: []string{"backup:DeleteRecoveryPoint"}, Resources: []string{"arn:${Partition}:ec2:${Region}::image/*"}, Why: "delete it once its image is rolled out"},
	}
}

func (c Config) groupARN() string {
	return "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:*:autoScalingGroupName/" + c.Group
}

func prefixed(prefix string, ids []string) []string {
	var all []string
	for _, id := range ids {
		all = append(all, prefix+id)
	}
	return all
}

func ec2ARNs(rest ...string) []string {
	return prefixed("arn:${Partition}:ec2:${Region}:${Account}:", rest)
}
