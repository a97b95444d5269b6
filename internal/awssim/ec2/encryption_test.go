package ec2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/event"
)

// TestLaunchWithoutTheKey: RunInstances succeeds, and then the instance ends; one that
// was stopped is stopped again.
func TestLaunchWithoutTheKey(t *testing.T) {
	const key = "arn:aws:kms:us-west-1:123456789012:key/k-1"
	s := newScene(t)
	image := s.windows()
	var states []string
	s.world.Subscribe(func(e event.Event) {
		if e.DetailType == event.TypeInstanceStateChange {
			_, state, _ := strings.Cut(string(e.Detail), `"state":"`)
			states = append(states, strings.TrimRight(state, `"}`))
		}
	})
	launch := func() string {
		states = nil
		id := *s.run(func(in *ec2.RunInstancesInput) { in.ImageId = &image }).InstanceId
		s.clock.Advance(time.Minute)
		s.world.Settle()
		return id
	}
	well := []string{"pending", "running"}
	failed := []string{"pending", "shutting-down", "terminated"}
	id := launch()
	wantEqual(t, "without anybody to ask", states, well)

	var asked []string
	allowed := true
	s.sim.UseKeys(func(_ *awssim.Moment, key, principal string) bool {
		asked = append(asked, key+" "+principal)
		return allowed
	})
	launch()
	wantEqual(t, "with the key", states, well)
	wantEqual(t, "asked", asked, []string{key + " arn:aws:sts::123456789012:assumed-role/drover/session"})
	allowed = false
	lost := launch()
	wantEqual(t, "without the key", states, failed)
	wantEqual(t, "reason", *s.instance(lost).StateReason.Message, "Client.InternalError: Client error on launch")
	s.stop(id)
	s.start(id)
	wantEqual(t, "started", s.instance(id).State.Name, types.InstanceStateNameStopped)
	wantEqual(t, "reason", *s.instance(id).StateReason.Code, "Client.InternalError")

	allowed = true
	s.world.Authorize(func(action, resource string, context map[string][]string) bool {
		return action != "kms:CreateGrant" || resource != key || !slices.Contains(context["kms:GrantIsForAWSResource"], "true")
	})
	launch()
	wantEqual(t, "without the permission", states, failed)
}

// TestImageOfBuilder: an image keeps what its instance has: platform, architecture,
// volumes and their keys.
func TestImageOfBuilder(t *testing.T) {
	const key = "arn:aws:kms:us-west-1:123456789012:key/k-1"
	s := newScene(t)
	ctx := t.Context()
	source := s.windows()
	instance := *s.run(func(in *ec2.RunInstancesInput) { in.ImageId, in.InstanceType = &source, types.InstanceTypeM5Large }).InstanceId
	s.clock.Advance(time.Minute)
	s.stop(instance)
	out, err := s.client.CreateImage(ctx, &ec2.CreateImageInput{
		InstanceId: &instance, Name: aws.String("golden"),
		TagSpecifications: []types.TagSpecification{tagged(types.ResourceTypeImage, "1"), tagged(types.ResourceTypeSnapshot, "2")},
	})
	id := *must(t, out, err).ImageId
	s.clock.Advance(5 * time.Minute)
	copied, err := s.client.CopyImage(ctx, &ec2.CopyImageInput{SourceImageId: &id, SourceRegion: aws.String("us-west-1"), Name: aws.String("copy")})
	second := *must(t, copied, err).ImageId
	s.clock.Advance(5 * time.Minute)
	for _, id := range []string{id, second} {
		i := s.image(id)
		var devices []string
		for _, d := range i.BlockDeviceMappings {
			devices = append(devices, fmt.Sprint(*d.DeviceName, " ", *d.Ebs.VolumeSize, d.Ebs.VolumeType, " ", *d.Ebs.Encrypted))
		}
		wantEqual(t, "image", fmt.Sprint(i.State, " ", i.Platform, " ", i.Architecture, " ", *i.RootDeviceName, " ", devices),
			"available Windows x86_64 /dev/sda1 [/dev/sda1 50gp3 false xvdb 10gp2 true]")
	}
	volumes := s.sim.Volumes()
	snapshots, err := s.client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{Filters: slices.Concat(filter("tag:run", "2"), filter("status", "completed"))})
	var got []string
	for _, r := range must(t, snapshots, err).Snapshots {
		got = append(got, fmt.Sprint(*r.VolumeId, " ", *r.VolumeSize, " ", *r.Encrypted, " ", aws.ToString(r.KmsKeyId)))
	}
	wantEqual(t, "snapshots", got, []string{volumes[0].ID + " 50 false ", volumes[1].ID + " 10 true " + key})
	clear, err := s.client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{Filters: slices.Concat(filter("encrypted", "false"), filter("tag:run", "2"))})
	if n := len(must(t, clear, err).Snapshots); n != 1 {
		t.Errorf("%d snapshots without encryption, want 1", n)
	}
	wantEqual(t, "of Windows", s.images(filter("platform", "windows")), []string{source, id, second})
	if again := s.instance(*s.run(func(in *ec2.RunInstancesInput) { in.ImageId = &id }).InstanceId); again.Platform != types.PlatformValuesWindows || len(again.BlockDeviceMappings) != 2 {
		t.Errorf("launched %s", text(again))
	}
}

// TestVolumesThatStay: as the image says, unless it is said of the instance since; and an
// image of that has it as the instance did when it was made.
func TestVolumesThatStay(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	source := s.sim.AddImage(ec2sim.Image{Name: "data", Devices: []ec2sim.Device{{}, {Name: "/dev/sdf", Stays: true}, {Name: "/dev/sdg"}}})
	id := *s.run(func(in *ec2.RunInstancesInput) { in.ImageId = &source }).InstanceId
	s.clock.Advance(time.Minute)
	s.stop(id)
	shown := func() (all []string) {
		for _, b := range s.instance(id).BlockDeviceMappings {
			all = append(all, fmt.Sprint(*b.DeviceName, " ", *b.Ebs.DeleteOnTermination))
		}
		return all
	}
	wantEqual(t, "as the image says", shown(), []string{"/dev/xvda true", "/dev/sdf false", "/dev/sdg true"})
	out, err := s.client.CreateImage(ctx, &ec2.CreateImageInput{InstanceId: &id, Name: aws.String("again")})
	image := *must(t, out, err).ImageId

	goes := func(name string, with bool) types.InstanceBlockDeviceMappingSpecification {
		return types.InstanceBlockDeviceMappingSpecification{DeviceName: &name, Ebs: &types.EbsInstanceBlockDeviceSpecification{DeleteOnTermination: &with}}
	}
	modify := func(in ec2.ModifyInstanceAttributeInput) error {
		in.InstanceId = &id
		_, err := s.client.ModifyInstanceAttribute(ctx, &in)
		return err
	}
	wantCode(t, modify(ec2.ModifyInstanceAttributeInput{BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{goes("/dev/sdx", true)}}), "InvalidInstanceAttributeValue")
	wantCode(t, modify(ec2.ModifyInstanceAttributeInput{
		BlockDeviceMappings:               []types.InstanceBlockDeviceMappingSpecification{goes("/dev/sdf", true)},
		InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: aws.String("stop")},
	}), "InvalidParameterCombination")
	for range 2 { // again is as once
		if err := modify(ec2.ModifyInstanceAttributeInput{BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{goes("/dev/sdf", true), goes("/dev/sdg", false)}}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "as was said since", shown(), []string{"/dev/xvda true", "/dev/sdf true", "/dev/sdg false"})
	}
	s.clock.Advance(5 * time.Minute)
	s.terminate(id)
	s.clock.Advance(time.Minute)
	var left []string
	for _, v := range s.sim.Volumes() {
		left = append(left, v.Device)
	}
	wantEqual(t, "left", left, []string{"/dev/sdg"})
	var imaged []string
	for _, b := range s.image(image).BlockDeviceMappings {
		imaged = append(imaged, fmt.Sprint(*b.DeviceName, " ", *b.Ebs.DeleteOnTermination))
	}
	wantEqual(t, "imaged", imaged, []string{"/dev/xvda true", "/dev/sdf false", "/dev/sdg true"})
}

// images are the images that pass filters.
func (s *scene) images(filters []types.Filter) []string {
	s.t.Helper()
	var ids []string
	for p := ec2.NewDescribeImagesPaginator(s.client, &ec2.DescribeImagesInput{Filters: filters}); p.HasMorePages(); {
		out, err := p.NextPage(s.t.Context())
		for _, i := range must(s.t, out, err).Images {
			ids = append(ids, *i.ImageId)
		}
	}
	return ids
}

// TestDeregisterWithSnapshots: what becomes of each snapshot is told one by one. One
// that may not be deleted stays, and the image goes all the same.
func TestDeregisterWithSnapshots(t *testing.T) {
	s := newScene(t)
	id := s.windows()
	kept := *s.image(id).BlockDeviceMappings[0].Ebs.SnapshotId
	gone := *s.image(id).BlockDeviceMappings[1].Ebs.SnapshotId
	s.world.Authorize(func(action, resource string, _ map[string][]string) bool {
		return action != "ec2:DeleteSnapshot" || resource != "arn:aws:ec2:us-west-1::snapshot/"+kept
	})
	out, err := s.client.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: &id, DeleteAssociatedSnapshots: aws.Bool(true)})
	var codes []string
	for _, r := range must(t, out, err).DeleteSnapshotResults {
		codes = append(codes, *r.SnapshotId+" "+string(r.ReturnCode))
	}
	wantEqual(t, "results", codes, []string{kept + " missing-permissions", gone + " success"})
	wantEqual(t, "image", s.image(id).State, types.ImageStateDeregistered)
	left, err := s.client.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{})
	if found := must(t, left, err).Snapshots; len(found) != 1 || *found[0].SnapshotId != kept {
		t.Errorf("left %s", text(found))
	}
}
