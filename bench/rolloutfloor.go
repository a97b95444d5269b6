package main

import (
	"cmp"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/event"
)

// floorRollout knows when to look: it makes each call that changes something once, and
// sees the end of each wait with one more.
func floorRollout(replaces bool) func(*rolloutPlay) (func(event.Event) error, error) {
	return func(p *rolloutPlay) (func(event.Event) error, error) {
		c := p.clients()
		return func(e event.Event) error {
			i, image, err := p.group(e)
			if err != nil {
				return err
			}
			p.script(e.ID, func(wait func(time.Duration) error) error {
				return p.floor(c, p.crowd.Groups[i], image, replaces, wait)
			})
			return nil
		}, nil
	}
}

func (p *rolloutPlay) floor(c clientsOf, name, image string, replaces bool, wait func(time.Duration) error) error {
	until := func(so func() bool) error {
		for !so() {
			if err := wait(time.Second); err != nil {
				return err
			}
		}
		return nil
	}
	group, err := p.describe(c, name)
	if err != nil {
		return err
	}
	_, err = c.groups.UpdateAutoScalingGroup(p.ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &name, MaxSize: group.DesiredCapacity})
	if err != nil {
		return err
	}
	builder, err := p.launch(c, image)
	if err != nil {
		return err
	}
	if err := wait(p.times.Pending + p.times.Checks + time.Second); err != nil {
		return err
	}
	status := &ec2.DescribeInstanceStatusInput{InstanceIds: []string{builder}, IncludeAllInstances: aws.Bool(true)}
	if out, err := c.ec2.DescribeInstanceStatus(p.ctx, status); err != nil || !checked(out.InstanceStatuses[0]) {
		return cmp.Or(err, errors.New("the floor looks too early"))
	}
	if err := p.sysprep(c, builder, 3600); err != nil {
		return err
	}
	err = until(func() bool {
		for _, i := range p.world.EC2.Instances() {
			if i.ID == builder {
				return i.State == types.InstanceStateNameStopped
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	if _, err := c.ec2.DescribeInstanceStatus(p.ctx, status); err != nil {
		return err
	}
	made, err := c.ec2.CreateImage(p.ctx, &ec2.CreateImageInput{InstanceId: &builder, Name: &builder})
	if err != nil {
		return err
	}
	if err := wait(p.times.Image + time.Second); err != nil {
		return err
	}
	images, err := c.ec2.DescribeImages(p.ctx, &ec2.DescribeImagesInput{ImageIds: []string{*made.ImageId}})
	if err != nil || images.Images[0].State != types.ImageStateAvailable {
		return cmp.Or(err, errors.New("the floor looks too early"))
	}
	template := group.LaunchTemplate.LaunchTemplateId
	number, err := p.version(c, template, 1, *made.ImageId)
	if err != nil {
		return err
	}
	to := &asgtypes.LaunchTemplateSpecification{LaunchTemplateId: template, Version: &number}
	release := &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &name, MaxSize: group.MaxSize}
	if !replaces {
		release.LaunchTemplate = to
	}
	if _, err := c.groups.UpdateAutoScalingGroup(p.ctx, release); err != nil {
		return err
	}
	if err := p.terminate(c, builder); err != nil {
		return err
	}
	if replaces {
		_, err := c.groups.StartInstanceRefresh(p.ctx, &autoscaling.StartInstanceRefreshInput{
			AutoScalingGroupName: &name, DesiredConfiguration: &asgtypes.DesiredConfiguration{LaunchTemplate: to},
			Preferences: &asgtypes.RefreshPreferences{MinHealthyPercentage: aws.Int32(50)},
		})
		if err != nil {
			return err
		}
		err = until(func() bool {
			return p.world.AutoScaling.Refreshes(name)[0].Status == asgtypes.InstanceRefreshStatusSuccessful
		})
		if err != nil {
			return err
		}
		if _, err := c.groups.DescribeInstanceRefreshes(p.ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &name, MaxRecords: aws.Int32(1)}); err != nil {
			return err
		}
	}
	return p.tell(c, *made.ImageId)
}
