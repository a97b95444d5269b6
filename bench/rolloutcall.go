package main

import (
	"fmt"
	"path"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// The calls that scripts of rollouts have in common.

func lastPart(arn string) string { return path.Base(arn) }

func checked(s types.InstanceStatus) bool {
	return s.InstanceStatus.Status == types.SummaryStatusOk && s.SystemStatus.Status == types.SummaryStatusOk
}

func (p *rolloutPlay) describe(c clientsOf, name string) (g asgtypes.AutoScalingGroup, err error) {
	out, err := c.groups.DescribeAutoScalingGroups(p.ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err == nil && len(out.AutoScalingGroups) != 1 {
		err = fmt.Errorf("no group %s", name)
	}
	if err != nil {
		return g, err
	}
	return out.AutoScalingGroups[0], nil
}

func (p *rolloutPlay) launch(c clientsOf, image string) (id string, err error) {
	out, err := c.ec2.RunInstances(p.ctx, &ec2.RunInstancesInput{
		ImageId: &image, InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: &p.stage.Subnets[0], SecurityGroupIds: []string{p.crowd.Security}, IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: aws.String("builder")},
	})
	if err != nil {
		return "", err
	}
	return *out.Instances[0].InstanceId, nil
}

func (p *rolloutPlay) sysprep(c clientsOf, instance string, timeout int32) error {
	_, err := c.ssm.SendCommand(p.ctx, &ssm.SendCommandInput{DocumentName: aws.String("AWSEC2-RunSysprep"), InstanceIds: []string{instance}, TimeoutSeconds: &timeout})
	return err
}

func (p *rolloutPlay) version(c clientsOf, template *string, from int64, image string) (number string, err error) {
	out, err := c.ec2.CreateLaunchTemplateVersion(p.ctx, &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: template, SourceVersion: aws.String(strconv.FormatInt(from, 10)), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: &image},
	})
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(*out.LaunchTemplateVersion.VersionNumber, 10), nil
}

func (p *rolloutPlay) tell(c clientsOf, image string) error {
	_, err := c.sns.Publish(p.ctx, &sns.PublishInput{TopicArn: &p.stage.Topic, Subject: aws.String("new image"), Message: &image})
	return err
}

func (p *rolloutPlay) terminate(c clientsOf, instance string) error {
	_, err := c.ec2.TerminateInstances(p.ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{instance}})
	return err
}
