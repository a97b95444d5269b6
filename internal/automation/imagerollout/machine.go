package imagerollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/filter"
	"github.com/droverhq/drover/internal/failure"
)

// A builder is a copy of a machine that works, and so is an instance that tries the
// new image: they get nothing but what the fleet file says, their groups, their
// profile, their key.

// launch launches the builder.
func launch(ctx context.Context, t *turn) error {
	for _, c := range t.Plan.For(stepLaunch) {
		if t.State.LetGo { // the run is tried again, for what comes after
			return nil
		}
		b := t.Config.Builder
		id, err := run(ctx, t, machine{step: stepLaunch, what: "builder", image: c.Resource, source: c.Resource, kind: cmp.Or(b.Type, target(t).Type)})
		if err != nil {
			return err
		}
		t.Provide(stepLaunch, valueBuilder, id)
	}
	return nil
}

// try launches an instance from the new image.
func try(ctx context.Context, t *turn) error {
	for _, c := range t.Plan.For(stepTry) {
		if t.State.LetGo {
			return nil
		}
		b := t.Config.Builder
		id, err := run(ctx, t, machine{step: stepTry, what: "trial", image: c.Resource, source: source(t.Plan), kind: cmp.Or(t.Config.Try.Type, b.Type, target(t).Type)})
		if err != nil {
			return err
		}
		t.Provide(stepTry, valueInstance, id)
		if t.Config.Try.Verify != nil {
			arm(t, id, 1, 1) // the next step's first attempt sends it
		}
	}
	return nil
}

// machine is what a run launches for a while.
type machine struct {
	step, what    string
	image, source string
	kind          string // its instance type
}

// run launches a machine. The token makes every attempt of the run launch one.
func run(ctx context.Context, t *turn, m machine) (id string, err error) {
	b := t.Config.Builder
	tags := signed(t.Run, map[string]string{tagName: fmt.Sprintf("drover %s for %s", m.what, t.Config.Group), tagTemporary: m.what, tagSource: m.source})
	in := &ec2.RunInstancesInput{
		ClientToken: aws.String(t.Run.Token(m.step, t.State.Terminated)),
		ImageId:     aws.String(m.image), InstanceType: types.InstanceType(m.kind),
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: aws.String(b.Subnet), SecurityGroupIds: b.SecurityGroups, KeyName: optional(b.Key),
		MetadataOptions: &types.InstanceMetadataOptionsRequest{
			HttpTokens: types.HttpTokensStateRequired, HttpEndpoint: types.InstanceMetadataEndpointStateEnabled,
		},
		InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorStop, // sysprep shuts it down, and it is still needed
		TagSpecifications:                 specify(tags, types.ResourceTypeInstance, types.ResourceTypeVolume, types.ResourceTypeNetworkInterface),
	}
	if b.Profile != "" {
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String(b.Profile)}
	}
	out, err := t.AWS.EC2.RunInstances(ctx, in)
	switch {
	case cloud.Code(err) == "IdempotentInstanceTerminated": // facts/apis.md 1.2
		return "", failure.Stopf("launch a %s from %s: the one that this run has launched was terminated by somebody else", m.what, m.image)
	case err != nil:
		return "", fmt.Errorf("launch a %s from %s: %w", m.what, m.image, err)
	}
	return aws.ToString(out.Instances[0].InstanceId), nil
}

// terminate ends every machine of the run.
func terminate(ctx context.Context, t *turn) error {
	if err := terminateAll(ctx, t); err != nil {
		return err
	}
	// Also after one was terminated: a call that is late may launch another.
	if err := t.Absent("machine that this run has launched"); err != nil {
		return err
	}
	t.State.Terminated++
	return nil
}

// terminateAll waits until no machine of the run is left.
func terminateAll(ctx context.Context, t *turn) error {
	left, stays, err := ownMachines(ctx, t)
	if err != nil || len(left) == 0 {
		return err
	}
	for _, id := range left {
		if err := dropVolumes(ctx, t, id, stays[id]); err != nil {
			return err
		}
		if _, err := t.AWS.EC2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
			return failure.WithHint(fmt.Errorf("terminate %s: %w", id, err), "aws ec2 terminate-instances --instance-ids %s", id)
		}
	}
	return failure.Waitf(t.Clock.Now().Add(lookAgain), "%s to be terminated", strings.Join(left, " and "))
}

// dropVolumes has the volumes of a machine go with it that would stay: its image, which
// is made by now, is to be as the one that it comes from.
func dropVolumes(ctx context.Context, t *turn, id string, devices []string) error {
	if len(devices) == 0 {
		return nil
	}
	in := &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(id)}
	for _, name := range devices {
		in.BlockDeviceMappings = append(in.BlockDeviceMappings, types.InstanceBlockDeviceMappingSpecification{
			DeviceName: aws.String(name), Ebs: &types.EbsInstanceBlockDeviceSpecification{DeleteOnTermination: aws.Bool(true)},
		})
	}
	if _, err := t.AWS.EC2.ModifyInstanceAttribute(ctx, in); err != nil {
		return fmt.Errorf("have the volumes %s of %s go with it: %w", strings.Join(devices, ", "), id, err)
	}
	return nil
}

// ownMachines are those that the run has launched and that are not on their way out,
// and those of their devices whose volumes would stay behind.
func ownMachines(ctx context.Context, t *turn) (left []string, stays map[string][]string, err error) {
	stays = map[string][]string{}
	pages := ec2.NewDescribeInstancesPaginator(t.AWS.EC2, &ec2.DescribeInstancesInput{
		Filters: append(ownedBy(t.Run), filter.By("instance-state-name", "pending", "running", "stopping", "stopped")),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("find the machines of the run: %w", err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if tagsOf(i.Tags)[tagTemporary] == "" {
					continue
				}
				id := aws.ToString(i.InstanceId)
				left = append(left, id)
				for _, b := range i.BlockDeviceMappings {
					if b.Ebs != nil && b.Ebs.DeleteOnTermination != nil && !*b.Ebs.DeleteOnTermination {
						stays[id] = append(stays[id], aws.ToString(b.DeviceName))
					}
				}
			}
		}
	}
	slices.Sort(left)
	return left, stays, nil
}

// boot waits until the builder's status checks pass. Documents for it are made ready
// to be sent.
func boot(ctx context.Context, t *turn) error {
	id := t.Values[stepLaunch+"."+valueBuilder]
	if id == "" {
		return nil
	}
	arm(t, id, len(t.Config.Builder.Prepare), 1) // the next step's first attempt sends them
	if err := superseded(ctx, t); err != nil {
		return err
	}
	return booted(ctx, t, id, "builder")
}

// booted says whether the status checks of a machine have passed.
func booted(ctx context.Context, t *turn, id, what string) error {
	now := t.Clock.Now()
	lasted := now.Sub(t.Since)
	s, shown, err := statusOf(ctx, t, id)
	switch {
	case err != nil:
		return fmt.Errorf("look how %s %s is: %w", what, id, err)
	case !shown && lasted < settling:
		return failure.Waitf(now.Add(lookAgain), "%s to be shown by EC2", id)
	case !shown:
		return failure.Stopf("%s %s is gone: somebody else has terminated it", what, id)
	case s.State == types.InstanceStateNameRunning && s.Passed:
		return nil
	case s.State != types.InstanceStateNameRunning && s.State != types.InstanceStateNamePending:
		return failure.WithHint(failure.Stopf("%s %s is %s before its status checks have passed", what, id, s.State),
			"look at its console output while EC2 still shows it: aws ec2 get-console-output --instance-id %s", id)
	case lasted >= time.Duration(t.Config.Builder.Boot):
		return failure.Stopf("the status checks of %s %s have not passed within %s", what, id, t.Config.Builder.Boot)
	}
	return failure.Waitf(now.Add(patience(lasted)), "the status checks of %s %s to pass", what, id)
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
