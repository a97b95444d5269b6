package parameterfollowsplatform

import (
	"strings"

	"github.com/droverhq/drover/internal/iam"
)

// The lists of Elastic Beanstalk and those of images are not narrowed by what they
// list; the region narrows those of EC2. A version of a branch is taken to have the
// branch's name in its ARN, as all have that are known here.
func observeNeeds(c Config) []iam.Need {
	needs := []iam.Need{
		{Actions: []string{"ssm:GetParameter", "ssm:ListTagsForResource"}, Resources: []string{parameterARN(c.Parameter)}, Why: "see what the parameter holds, and its tags"},
		describeImagesNeed("see whether the image is available, and what it is"),
	}
	s := c.Source
	switch {
	case s.Platform != "":
		needs = append(needs, iam.Need{Actions: []string{"elasticbeanstalk:DescribePlatformVersion"}, Resources: []string{s.Platform}, Why: "see the images of the platform version"})
	case s.Branch != "":
		needs = append(needs, iam.Need{
			Actions:   []string{"elasticbeanstalk:DescribePlatformVersion"},
			Resources: []string{"arn:${Partition}:elasticbeanstalk:${Region}::platform/" + s.Branch + "/*"}, Why: "see the images of the branch's versions",
		})
	case s.Parameter != "":
		needs = append(needs, iam.Need{Actions: []string{"ssm:GetParameter"}, Resources: []string{parameterARN(s.Parameter)}, Why: "read which image it is"})
	}
	if s.Platform != "" || s.Branch != "" {
		needs = append(needs, iam.Need{Actions: []string{"elasticbeanstalk:ListPlatformVersions"}, Why: "find the newest version of the branch"})
	}
	return needs
}

// Parameter Store looks at the image with the permissions of whoever writes it
// (https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-ec2-aliases.html).
func publishNeeds(c Config) []iam.Need {
	return []iam.Need{
		{Actions: []string{"ssm:PutParameter"}, Resources: []string{parameterARN(c.Parameter)}, Why: "write the image into the parameter"},
		describeImagesNeed("have Parameter Store validate the image"),
	}
}

func tagNeeds(c Config) []iam.Need {
	return []iam.Need{{Actions: []string{"ssm:AddTagsToResource"}, Resources: []string{parameterARN(c.Parameter)}, Why: "write on the parameter where its image is from"}}
}

func describeImagesNeed(why string) iam.Need {
	return iam.Need{
		Actions:    []string{"ec2:DescribeImages"},
		Conditions: []iam.Condition{{Operator: "StringEquals", Key: "ec2:Region", Values: []string{"${Region}"}}},
		Why:        why,
	}
}

// parameterARN is that of a parameter. Those of AWS belong to no account, which the
// asterisk stands for; nobody else can have their names.
func parameterARN(name string) string {
	if strings.HasPrefix(name, "/aws/") {
		return "arn:${Partition}:ssm:${Region}:*:parameter" + name
	}
	return "arn:${Partition}:ssm:${Region}:${Account}:parameter/" + bare(name)
}
