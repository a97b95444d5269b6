package ec2_test

import (
	"encoding/json"
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

func (s *scene) createImage(instance, name string) (string, error) {
	s.t.Helper()
	out, err := s.client.CreateImage(s.t.Context(), &ec2.CreateImageInput{InstanceId: &instance, Name: &name})
	if err != nil {
		return "", err
	}
	return *out.ImageId, nil
}

// newImage makes an image of a running instance; it is pending.
func (s *scene) newImage(name string) string {
	s.t.Helper()
	instance, _ := s.running()
	id, err := s.createImage(instance, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *scene) image(id string) types.Image {
	s.t.Helper()
	out, err := s.client.DescribeImages(s.t.Context(), &ec2.DescribeImagesInput{ImageIds: []string{id}})
	return must(s.t, out, err).Images[0]
}

// imageEvents keeps the events about images, in short: when, state, error.
func (s *scene) imageEvents() *[]string {
	var list []string
	s.world.Subscribe(func(e event.Event) {
		if e.DetailType != "EC2 AMI State Change" {
			return
		}
		var d struct{ RequestID, ImageID, State, ErrorMessage string }
		if err := json.Unmarshal(e.Detail, &d); err != nil || d.RequestID == "" || e.Source != "aws.ec2" ||
			!slices.Equal(e.Resources, []string{"arn:aws:ec2:us-west-1::image/" + d.ImageID}) {
			s.t.Errorf("event %+v, %v", e, err)
		}
		list = append(list, strings.TrimSpace(e.Time.Sub(dawn).String()+" "+d.State+" "+d.ErrorMessage))
	})
	return &list
}

func TestImageInTime(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	events := s.imageEvents()
	instance, _ := s.running() // a minute has passed
	out, err := s.client.CreateImage(ctx, &ec2.CreateImageInput{
		InstanceId: &instance, Name: aws.String("web 1"), Description: aws.String("golden"), NoReboot: aws.Bool(true),
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeImage, Tags: []types.Tag{{Key: aws.String("of"), Value: aws.String("image")}}},
			{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String("of"), Value: aws.String("snapshot")}}},
		},
	})
	id := *must(t, out, err).ImageId
	state := func() string {
		i := s.image(id)
		snapshots, err := s.client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{Filters: filter("tag:of", "snapshot"), OwnerIds: []string{"self"}})
		snap := must(t, snapshots, err).Snapshots[0]
		if *snap.SnapshotId != *i.BlockDeviceMappings[0].Ebs.SnapshotId {
			t.Errorf("the image has %s, not %s", *i.BlockDeviceMappings[0].Ebs.SnapshotId, *snap.SnapshotId)
		}
		return string(i.State) + " " + string(snap.State) + " " + *snap.Progress
	}
	wantEqual(t, "at first", state(), "pending pending 0%")
	s.clock.Advance(4*time.Minute - 1)
	wantEqual(t, "just before", state(), "pending pending 0%")
	s.clock.Advance(1)
	wantEqual(t, "then", state(), "available completed 100%")
	i := s.image(id)
	wantEqual(t, "image", []string{*i.Name, *i.Description, *i.SourceInstanceId, *i.OwnerId, *i.CreationDate, *i.Tags[0].Value},
		[]string{"web 1", "golden", instance, "123456789012", "2026-01-02T03:05:05.000Z", "image"})
	wantEqual(t, "events", *events, []string{"5m0s available"})
}

func TestImageThatFails(t *testing.T) {
	s := newScene(t)
	events := s.imageEvents()
	id := s.newImage("web")
	s.clock.Advance(time.Minute)
	if err := s.sim.FailImage(id, "Insufficient permissions"); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Hour)
	i := s.image(id)
	if i.State != types.ImageStateFailed || *i.StateReason.Message != "Insufficient permissions" {
		t.Errorf("state %s, %s", i.State, text(i.StateReason))
	}
	wantEqual(t, "events", *events, []string{"2m0s failed Insufficient permissions"})
	if s.sim.FailImage(id, "again") == nil || s.sim.FailImage("ami-9", "") == nil {
		t.Error("what is not pending failed")
	}
	_, err := s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: &id, SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	wantCode(t, err, "InvalidAMIID.Unavailable")
}

// TestNextImageFails: the one that is begun next fails when it would be available, and
// no other.
func TestNextImageFails(t *testing.T) {
	s := newScene(t)
	events := s.imageEvents()
	before := s.newImage("before")
	s.sim.FailNextImage("The snapshot failed")
	s.clock.Advance(time.Minute)
	doomed, after := s.newImage("doomed"), s.newImage("after")
	s.clock.Advance(time.Hour)
	wantEqual(t, "states", []types.ImageState{s.image(before).State, s.image(doomed).State, s.image(after).State},
		[]types.ImageState{types.ImageStateAvailable, types.ImageStateFailed, types.ImageStateAvailable})
	wantEqual(t, "failures", slices.DeleteFunc(*events, func(e string) bool { return !strings.Contains(e, "failed") }), []string{"7m0s failed The snapshot failed"})
	for _, i := range s.sim.Images() {
		if failed := i.State == types.ImageStateFailed; failed != (i.ID == doomed) || failed != (i.Reason != "") {
			t.Errorf("%+v", i)
		}
	}
	if loose := s.sim.LooseSnapshots(); len(loose) > 0 {
		t.Errorf("%v belong to images", loose)
	}
	_, err := s.client.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: &after})
	if loose := s.sim.LooseSnapshots(); err != nil || len(loose) != 1 {
		t.Errorf("left of an image: %v, %v", loose, err)
	}
}

// TestCreateImageRefuses what facts/apis.md 1.3 lists.
func TestCreateImageRefuses(t *testing.T) {
	s := newScene(t)
	s.newImage("taken")
	running, _ := s.running()
	stopping, _ := s.running()
	out, err := s.client.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{stopping}})
	must(t, out, err)
	for _, c := range []struct{ want, instance, name string }{
		{"InvalidAMIName.Duplicate", running, "taken"},
		{"InvalidAMIName.Malformed", running, "ab"},
		{"InvalidAMIName.Malformed", running, strings.Repeat("a", 129)},
		{"InvalidAMIName.Malformed", running, "web:1"},
		{"IncorrectInstanceState", stopping, "web"},
		{"InvalidInstanceID.NotFound", "i-0000000000000000f", "web"},
		{"InvalidInstanceID.Malformed", "x", "web"},
		{"", running, "web (1) [x] ./-'@_"},
	} {
		_, err := s.createImage(c.instance, c.name)
		wantCode(t, err, c.want)
	}
}

// TestDeregisteredImage goes through the answers that an id gets then.
func TestDeregisteredImage(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	events := s.imageEvents()
	id := s.newImage("web")
	deregister := func() (*ec2.DeregisterImageOutput, error) {
		return s.client.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &id, DeleteAssociatedSnapshots: aws.Bool(true)})
	}
	_, err := deregister()
	wantCode(t, err, "InvalidAMIID.Unavailable") // pending
	s.clock.Advance(4 * time.Minute)
	user := *s.run(func(in *ec2.RunInstancesInput) { in.ImageId = &id }).InstanceId
	snap := s.image(id).BlockDeviceMappings[0].Ebs.SnapshotId
	_, err = s.client.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: snap})
	wantCode(t, err, "InvalidSnapshot.InUse")

	out, err := deregister()
	results := must(t, out, err).DeleteSnapshotResults
	if len(results) != 1 || *results[0].SnapshotId != *snap || results[0].ReturnCode != types.SnapshotReturnCodesSuccess {
		t.Errorf("snapshots %+v", results)
	}
	_, err = s.client.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: snap})
	wantCode(t, err, "InvalidSnapshot.NotFound")
	if got := s.image(id).State; got != types.ImageStateDeregistered {
		t.Errorf("shown as %s", got)
	}
	_, err = s.createImage(user, "web")
	wantCode(t, err, "IncorrectInstanceState") // pending, and the name is looked at later
	s.clock.Advance(time.Minute)
	_, err = s.createImage(user, "web")
	wantCode(t, err, "InvalidAMIName.Duplicate")

	s.clock.Advance(5 * time.Minute)
	described, err := s.client.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{id}})
	if n := len(must(t, described, err).Images); n != 0 {
		t.Errorf("%d images, though an instance still refers to it", n)
	}
	_, err = deregister()
	wantCode(t, err, "InvalidAMIID.Unavailable")
	_, err = s.createImage(user, "web")
	wantCode(t, err, "")
	s.terminate(user)
	_, err = s.client.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{id}})
	wantCode(t, err, "InvalidAMIID.NotFound")
	_, err = deregister()
	wantCode(t, err, "InvalidAMIID.NotFound")
	_, err = s.client.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: &id, SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	wantCode(t, err, "InvalidAMIID.NotFound")
	wantEqual(t, "events", *events, []string{"5m0s available", "5m0s deregistered"})
}

func TestWhoseImages(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	mine := s.sim.AddImage(ec2sim.Image{Name: "mine", Tags: map[string]string{"role": "web"}, Deprecated: dawn.Add(-time.Hour)})
	theirs := s.sim.AddImage(ec2sim.Image{Name: "theirs", Owner: "999999999999"})
	old := s.sim.AddImage(ec2sim.Image{Name: "amzn-2", Owner: "137112412989", Alias: "amazon", Public: true, Deprecated: dawn.Add(-time.Hour)})
	young := s.sim.AddImage(ec2sim.Image{Name: "amzn-3", Owner: "137112412989", Alias: "amazon", Public: true, Deprecated: dawn.Add(time.Hour), Created: dawn.Add(-48 * time.Hour)})
	kept := s.sim.AddImage(ec2sim.Image{Name: "kept", Managed: true, SourceInstance: "i-1"})
	pending := s.newImage("mine-2") // the clock is a minute on
	for _, c := range []struct {
		name string
		in   ec2.DescribeImagesInput
		want []string
	}{
		{"all", ec2.DescribeImagesInput{}, []string{mine, theirs, young, kept, pending}},
		{"with the deprecated", ec2.DescribeImagesInput{IncludeDeprecated: aws.Bool(true)}, []string{mine, theirs, old, young, kept, pending}},
		{"a deprecated one by id", ec2.DescribeImagesInput{ImageIds: []string{old}}, []string{old}},
		{"own", ec2.DescribeImagesInput{Owners: []string{"self"}}, []string{mine, kept, pending}},
		{"of an account", ec2.DescribeImagesInput{Owners: []string{"999999999999", "123456789012"}}, []string{mine, theirs, kept, pending}},
		{"of an alias", ec2.DescribeImagesInput{Owners: []string{"amazon"}}, []string{young}},
		{"of the wrong owner, by id", ec2.DescribeImagesInput{Owners: []string{"self"}, ImageIds: []string{theirs}}, nil},
		{"by name", ec2.DescribeImagesInput{Filters: filter("name", "mine*")}, []string{mine, pending}},
		{"by tag", ec2.DescribeImagesInput{Filters: filter("tag:role", "web")}, []string{mine}},
		{"by state", ec2.DescribeImagesInput{Filters: filter("state", "pending")}, []string{pending}},
		{"by source", ec2.DescribeImagesInput{Filters: filter("source-instance-id", "i-1")}, []string{kept}},
		{"by snapshot", ec2.DescribeImagesInput{Filters: filter("block-device-mapping.snapshot-id", *s.image(kept).BlockDeviceMappings[0].Ebs.SnapshotId)}, []string{kept}},
		{"by source image", ec2.DescribeImagesInput{Filters: filter("source-image-id", "ami-1")}, []string{pending}},
		{"public ones", ec2.DescribeImagesInput{Filters: filter("is-public", "true")}, []string{young}},
		{"by id, alias and kind", ec2.DescribeImagesInput{Filters: slices.Concat(filter("image-id", young, mine), filter("owner-alias", "amazon"), filter("owner-id", "137*"),
			filter("architecture", "x86_64"), filter("image-type", "machine"), filter("root-device-type", "ebs"), filter("virtualization-type", "hvm"))}, []string{young}},
		{"by day", ec2.DescribeImagesInput{Filters: filter("creation-date", "2025-12-31T*")}, []string{young}},
	} {
		var got []string
		for p := ec2.NewDescribeImagesPaginator(s.client, &c.in); p.HasMorePages(); {
			out, err := p.NextPage(ctx)
			for _, i := range must(t, out, err).Images {
				got = append(got, *i.ImageId)
			}
		}
		wantEqual(t, c.name, got, c.want)
	}
	for id, want := range map[string]string{theirs: "AuthFailure", kept: "AuthFailure", "ami-9": "InvalidAMIID.NotFound"} {
		_, err := s.client.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &id})
		wantCode(t, err, want)
	}
	_, err := s.client.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{mine, "ami-9"}})
	wantCode(t, err, "InvalidAMIID.NotFound")
	_, err = s.client.DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"me"}})
	if err == nil || !strings.Contains(err.Error(), `owner "me" is not modelled`) {
		t.Errorf("got %v", err)
	}
	if views := s.sim.Images(); len(views) != 6 || views[0].ID != mine || views[5].State != types.ImageStatePending {
		t.Errorf("inspection: %+v", views)
	}
}

func TestCopyImage(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	source := s.sim.AddImage(ec2sim.Image{Name: "web", Owner: "999999999999", Tags: map[string]string{"role": "web"}})
	in := &ec2.CopyImageInput{SourceImageId: &source, SourceRegion: aws.String("us-west-1"), Name: aws.String("copy"), ClientToken: aws.String("t"), CopyImageTags: aws.Bool(true)}
	first, err := s.client.CopyImage(ctx, in)
	id := *must(t, first, err).ImageId
	again, err := s.client.CopyImage(ctx, in)
	if got := *must(t, again, err).ImageId; got != id {
		t.Errorf("the token made %s and %s", id, got)
	}
	in.Name = aws.String("other")
	_, err = s.client.CopyImage(ctx, in)
	wantCode(t, err, "IdempotentParameterMismatch")
	s.clock.Advance(4 * time.Minute)
	i := s.image(id)
	wantEqual(t, "copy", []string{string(i.State), *i.OwnerId, *i.SourceImageId, *i.Tags[0].Value}, []string{"available", "123456789012", source, "web"})
	for want, change := range map[string]func(*ec2.CopyImageInput){
		"InvalidAMIID.NotFound":    func(in *ec2.CopyImageInput) { in.SourceImageId = aws.String("ami-9") },
		"InvalidAMIName.Malformed": func(in *ec2.CopyImageInput) { in.Name = aws.String("a") },
	} {
		in := &ec2.CopyImageInput{SourceImageId: &source, SourceRegion: aws.String("us-west-1"), Name: aws.String("copy")}
		change(in)
		_, err := s.client.CopyImage(ctx, in)
		wantCode(t, err, want)
	}
	_, err = s.client.CopyImage(ctx, &ec2.CopyImageInput{SourceImageId: &source, SourceRegion: aws.String("eu-west-1"), Name: aws.String("far")})
	if err == nil || !strings.Contains(err.Error(), `source region "eu-west-1" is not modelled`) {
		t.Errorf("got %v", err)
	}
}

func TestDeprecation(t *testing.T) {
	s := newScene(t)
	id := s.sim.AddImage(ec2sim.Image{Name: "web"})
	deprecate := func(at time.Time) error {
		_, err := s.client.EnableImageDeprecation(t.Context(), &ec2.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: &at})
		return err
	}
	wantCode(t, deprecate(dawn.Add(-time.Hour)), "InvalidParameterValue")
	wantCode(t, deprecate(dawn.AddDate(11, 0, 0)), "InvalidParameterValue")
	for _, in := range []time.Duration{time.Hour, 2 * time.Hour} { // the second overwrites
		if err := deprecate(dawn.Add(in)); err != nil {
			t.Fatal(err)
		}
	}
	if got := *s.image(id).DeprecationTime; got != "2026-01-02T05:04:00.000Z" {
		t.Errorf("deprecated at %s", got)
	}
}

// TestImagePermissions: every resource type that the reference requires is asked
// for, what is yet to be made with the tags of the request.
func TestImagePermissions(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	instance, _ := s.running()
	lt := s.newTemplate(types.RequestLaunchTemplateData{})
	own := s.sim.AddImage(ec2sim.Image{Name: "own", Tags: map[string]string{"role": "web"}})
	var asked []string
	s.world.Authorize(func(action, resource string, context map[string][]string) bool {
		line := action + " " + strings.TrimPrefix(resource, "arn:aws:ec2:us-west-1:")
		for _, key := range []string{"aws:ResourceTag/role", "aws:RequestTag/of", "aws:TagKeys", "ec2:Owner", "ec2:InstanceID", "ec2:SnapshotID"} {
			if v, ok := context[key]; ok {
				line += " " + key + "=" + strings.Join(v, ",")
			}
		}
		asked = append(asked, line)
		return true
	})
	made, err := s.client.CreateImage(ctx, &ec2.CreateImageInput{InstanceId: &instance, Name: aws.String("web"), TagSpecifications: []types.TagSpecification{
		{ResourceType: types.ResourceTypeImage, Tags: []types.Tag{{Key: aws.String("of"), Value: aws.String("image")}}},
	}})
	must(t, made, err)
	copied, err := s.client.CopyImage(ctx, &ec2.CopyImageInput{SourceImageId: &own, SourceRegion: aws.String("us-west-1"), Name: aws.String("copy")})
	must(t, copied, err)
	later, err := s.client.EnableImageDeprecation(ctx, &ec2.EnableImageDeprecationInput{ImageId: &own, DeprecateAt: aws.Time(dawn.Add(time.Hour))})
	must(t, later, err)
	gone, err := s.client.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &own})
	must(t, gone, err)
	snap := s.sim.Images()[0].Snapshot
	dropped, err := s.client.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: &snap})
	must(t, dropped, err)
	s.version(lt, "ami-2")
	s.setDefault(lt, "2")
	deleted, err := s.client.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("web"), Versions: []string{"1"}})
	must(t, deleted, err)
	wantEqual(t, "asked", asked, []string{
		"ec2:CreateImage :image/* aws:RequestTag/of=image aws:TagKeys=of",
		"ec2:CreateImage 123456789012:instance/" + instance + " ec2:InstanceID=" + instance,
		"ec2:CreateImage :snapshot/*",
		"ec2:CreateTags :image/* aws:RequestTag/of=image aws:TagKeys=of",
		"ec2:CopyImage :image/*",
		"ec2:CopyImage :snapshot/*",
		"ec2:EnableImageDeprecation :image/" + own + " aws:ResourceTag/role=web ec2:Owner=123456789012",
		"ec2:DeregisterImage :image/" + own + " aws:ResourceTag/role=web ec2:Owner=123456789012",
		"ec2:DeleteSnapshot :snapshot/" + snap + " ec2:Owner=123456789012 ec2:SnapshotID=" + snap,
		"ec2:CreateLaunchTemplateVersion 123456789012:launch-template/" + lt,
		"ec2:ModifyLaunchTemplate 123456789012:launch-template/" + lt,
		"ec2:DeleteLaunchTemplateVersions 123456789012:launch-template/" + lt,
	})
}

// TestStaleTemplate: a reader may not yet see the newest version.
func TestStaleTemplate(t *testing.T) {
	s := newScene(t)
	id := s.newTemplate(types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")})
	s.world.StaleReads(func(awssim.Call) time.Duration { return 5 * time.Second })
	s.clock.Advance(time.Minute)
	s.version(id, "ami-2")
	in := &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id}
	wantEqual(t, "stale", s.versions(in), []string{"1 ami-1 *"})
	s.clock.Advance(6 * time.Second)
	wantEqual(t, "later", s.versions(in), []string{"2 ami-2", "1 ami-1 *"})
}

func TestSnapshots(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	id := s.newImage("web")
	s.clock.Advance(4 * time.Minute)
	s.sim.AddImage(ec2sim.Image{Name: "other"})
	source := *s.image(id).SourceInstanceId
	filters := slices.Concat(filter("description", "Created by CreateImage("+source+") for "+id), filter("status", "completed"),
		filter("progress", "100%"), filter("volume-id", "vol-*"), filter("owner-id", "123456789012"))
	out, err := s.client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{Filters: filters})
	found := must(t, out, err).Snapshots
	if len(found) != 1 || !found[0].CompletionTime.Equal(dawn.Add(5*time.Minute)) {
		t.Errorf("found %s", text(found))
	}
	out, err = s.client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"amazon"}})
	if n := len(must(t, out, err).Snapshots); n != 0 {
		t.Errorf("%d snapshots of Amazon", n)
	}
	_, err = s.client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"me"}})
	if err == nil || !strings.Contains(err.Error(), `owner "me" is not modelled`) {
		t.Errorf("got %v", err)
	}
}

// What AWS Backup manages goes only when AWS Backup lets it go: then with its snapshot.
func TestManagedImageGoesByBackupOnly(t *testing.T) {
	s := newScene(t)
	events := s.imageEvents()
	id := s.sim.AddImage(ec2sim.Image{Name: "AwsBackup_i-1_1", Managed: true})
	other := s.sim.AddImage(ec2sim.Image{Name: "mine"})
	snapshot := *s.image(id).BlockDeviceMappings[0].Ebs.SnapshotId
	if _, err := s.client.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: &id}); code(err) != "AuthFailure" {
		t.Errorf("by EC2: %v", err)
	}
	if err := s.sim.DeregisterManaged(id); err != nil {
		t.Fatal(err)
	}
	_, err := s.client.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{SnapshotIds: []string{snapshot}})
	if got := s.image(id).State; got != types.ImageStateDeregistered || code(err) != "InvalidSnapshot.NotFound" || !slices.Equal(*events, []string{"0s deregistered"}) {
		t.Errorf("%s, %v, %s", got, err, *events)
	}
	for _, id := range []string{id, other, "ami-none"} {
		if err := s.sim.DeregisterManaged(id); err == nil {
			t.Errorf("deregistered %s", id)
		}
	}
}
