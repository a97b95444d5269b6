package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
)

// droverRollout is our side: the whole program, in one process, with an automation for
// each group.
func droverRollout(more ...string) func(*rolloutPlay) (func(event.Event) error, error) {
	return func(p *rolloutPlay) (func(event.Event) error, error) {
		fleet, err := fleetfile.Parse("bench.yaml", []byte(p.stage.RollOutTo(p.crowd, more...)), app.Kinds())
		if err != nil {
			return nil, err
		}
		program := p.stage.App(fleet)
		var follow func(id string)
		follow = func(id string) {
			own := 0
			p.add(id, func() (time.Time, error) {
				before := p.calls
				run, err := program.Step(p.ctx, id)
				if err != nil {
					return time.Time{}, err
				}
				own += p.calls - before
				if run.Outcome == flow.NothingToDo {
					p.idle += own
				}
				if run.Live() && run.Until.After(run.Due) {
					return run.Until, nil
				}
				if !run.Live() && run.Outcome.Failed() {
					err = fmt.Errorf("run ended %s: %s", run.Outcome, run.Reason)
				}
				if !run.Live() && run.Next != "" {
					follow(run.Next)
				}
				return run.Due, err
			})
		}
		return func(e event.Event) error {
			matches, err := program.Route(e)
			if err != nil {
				return err
			}
			for _, m := range matches {
				id, err := program.Start(p.ctx, m, e)
				if err != nil {
					return err
				}
				run, err := program.Find(p.ctx, id)
				if err != nil {
					return err
				}
				if run.Live() {
					follow(id)
				}
			}
			return nil
		}, nil
	}
}

// clientsOf are those of a script.
type clientsOf struct {
	backup *backup.Client
	ec2    *ec2.Client
	groups *autoscaling.Client
	ssm    *ssm.Client
	sns    *sns.Client
}

func (p *rolloutPlay) clients() clientsOf {
	cfg := p.world.AWS()
	return clientsOf{backup.NewFromConfig(cfg), ec2.NewFromConfig(cfg), autoscaling.NewFromConfig(cfg), ssm.NewFromConfig(cfg), sns.NewFromConfig(cfg)}
}

// sourceRollout is the other side: the calls of the source document's state machine
// and of its functions, in their order, with its waits; the names of its states are in
// the comments. The document describes the functions and shows the machine as a figure
// alone: lengths of waits are those of the repository that it names
// (facts/awssamples.md 3.1 and 3.2). Of its executions, one for each change of each
// job, only that of the completed one counts. It loops for as long as the machine or
// the image is not ready, as that does; there the bench ends it.
func sourceRollout(p *rolloutPlay) (func(event.Event) error, error) {
	c := p.clients()
	return func(e event.Event) error {
		change, _, err := event.AsBackupJobStateChange(e)
		if err != nil {
			return err
		}
		p.script(change.Job, func(wait func(time.Duration) error) error { return p.source(c, change.Job, wait) })
		return nil
	}, nil
}

// mostLooks bounds the source's loops, which it does not.
const mostLooks = 100000

func (p *rolloutPlay) source(c clientsOf, id string, wait func(time.Duration) error) error {
	// get-asg-and-launch-template
	job, err := c.backup.DescribeBackupJob(p.ctx, &backup.DescribeBackupJobInput{BackupJobId: &id})
	if err != nil {
		return err
	}
	image := lastPart(*job.RecoveryPointArn)
	found, err := c.ec2.DescribeInstances(p.ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{lastPart(*job.ResourceArn)}})
	if err != nil {
		return err
	}
	backedUp := found.Reservations[0].Instances[0]
	i := slices.IndexFunc(backedUp.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == "aws:autoscaling:groupName" })
	if i < 0 {
		return errors.New("the instance is of no group")
	}
	name := backedUp.Tags[i].Value
	group, err := p.describe(c, *name) // for its launch template
	if err != nil {
		return err
	}
	if _, err := p.describe(c, *name); err != nil { // once more, for its capacity
		return err
	}
	_, err = c.groups.UpdateAutoScalingGroup(p.ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, MaxSize: group.DesiredCapacity})
	if err != nil {
		return err
	}
	// LaunchInstance
	builder, err := p.launch(c, image)
	if err != nil {
		return err
	}
	// WaitForInstanceToRun (240 s), CheckInstanceState, IsInstanceRunning
	for looks := 0; ; looks++ {
		if err := wait(240 * time.Second); err != nil {
			return err
		}
		out, err := c.ec2.DescribeInstanceStatus(p.ctx, &ec2.DescribeInstanceStatusInput{InstanceIds: []string{builder}})
		if err != nil {
			return err
		}
		if len(out.InstanceStatuses) > 0 && checked(out.InstanceStatuses[0]) {
			break
		}
		if looks == mostLooks {
			return errors.New("the builder's checks do not pass")
		}
	}
	// SysprepInstance, WaitForSysprep (60 s): nobody looks whether that is over.
	if err := p.sysprep(c, builder, 3600); err != nil {
		return err
	}
	if err := wait(60 * time.Second); err != nil {
		return err
	}
	// CreateAMI, WaitForAMICreation2 (5 s), CheckAMIState2, IsAMIAvailable2
	made, err := c.ec2.CreateImage(p.ctx, &ec2.CreateImageInput{InstanceId: &builder, Name: &builder})
	if err != nil {
		return err
	}
	for looks := 0; ; looks++ {
		if err := wait(5 * time.Second); err != nil {
			return err
		}
		out, err := c.ec2.DescribeImages(p.ctx, &ec2.DescribeImagesInput{ImageIds: []string{*made.ImageId}})
		if err != nil {
			return err
		}
		if out.Images[0].State == types.ImageStateAvailable {
			break
		}
		if looks == mostLooks {
			return errors.New("the image does not become available")
		}
	}
	// updateASG
	template := group.LaunchTemplate.LaunchTemplateId
	versions, err := c.ec2.DescribeLaunchTemplateVersions(p.ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: template})
	if err != nil {
		return err
	}
	number, err := p.version(c, template, *versions.LaunchTemplateVersions[0].VersionNumber, *made.ImageId)
	if err != nil {
		return err
	}
	_, err = c.ec2.ModifyLaunchTemplate(p.ctx, &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: template, DefaultVersion: &number})
	if err != nil {
		return err
	}
	_, err = c.groups.UpdateAutoScalingGroup(p.ctx, &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: name, LaunchTemplate: &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: group.LaunchTemplate.LaunchTemplateName, Version: &number},
	})
	if err != nil {
		return err
	}
	_, err = c.groups.UpdateAutoScalingGroup(p.ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, MaxSize: group.MaxSize})
	if err != nil {
		return err
	}
	// SNSPublish, cleanup
	if err := p.tell(c, *made.ImageId); err != nil {
		return err
	}
	if err := p.terminate(c, builder); err != nil {
		return err
	}
	_, err = c.ec2.DeregisterImage(p.ctx, &ec2.DeregisterImageInput{ImageId: &image})
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "AuthFailure" {
		return nil // AWS Backup owns it: the source's executions end as failed here, with everything done
	}
	return cmp.Or(err, errors.New("the backup's image could be deregistered"))
}
