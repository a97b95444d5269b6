package ec2

// Images in time. Not modelled: the reboot of the instance, which no call shows;
// other volumes than the instance has; snapshots that images share, as no modelled
// operation makes them do; disabled images, deregistration protection, recycle
// bin, permissions of other accounts, and public images of our own.

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

type image struct {
	id, name, description      string
	owner, alias               string // alias: "amazon" and the like, or ""
	sourceInstance             string
	sourceImage                string
	devices                    []device // the root volume first
	windows                    bool
	request                    string // the call that made it
	state                      types.ImageState
	reason                     string // why it failed
	created, deprecated        time.Time
	architecture               types.ArchitectureValues // "" if it is not known
	virtualization             types.VirtualizationType // "" is hvm
	public, managed, forgotten bool                     // managed: by AWS Backup; forgotten: deregistered and no longer shown
}

func (i image) key() string { return i.id }

var imageName = regexp.MustCompile(`^[0-9A-Za-z()\[\] ./\-'@_]{3,128}$`) // doc of ec2 CreateImageInput.Name

// become puts an image into a state and sends the event. There is none for
// pending (facts/events.md 3).
func (s *state) become(m *awssim.Moment, i image, into types.ImageState, request string) {
	i.state = into
	s.images.put(i)
	if into == types.ImageStatePending {
		return
	}
	detail, err := json.Marshal(map[string]string{"RequestId": request, "ImageId": i.id, "State": string(into), "ErrorMessage": i.reason})
	if err != nil {
		panic(err) // strings can always be written
	}
	m.Emit(event.Event{
		Version: "0", ID: m.UUID("event"), DetailType: "EC2 AMI State Change", Source: event.SourceEC2,
		Account: m.Account(), Time: seconds(m), Region: m.Region(),
		Resources: []string{"arn:aws:ec2:" + m.Region() + "::image/" + i.id}, Detail: detail,
	})
}

// snapshots are those of the image's volumes, the root volume's first.
func (i image) snapshots() []string {
	var ids []string
	for _, d := range i.devices {
		if d.snapshot != "" {
			ids = append(ids, d.snapshot)
		}
	}
	return ids
}

// newImage begins an image of devices that are volumes, by their ids, which will be
// available if nothing happens to it, and its snapshots with it.
func (s *state) newImage(m *awssim.Moment, i image, devices []device, volumes []string, description string, tags map[types.ResourceType][]types.Tag) image {
	i.id, i.owner, i.created, i.request = m.ID("ami"), m.Account(), m.Now.UTC(), m.RequestID
	i.devices = slices.Clone(devices)
	for n, d := range i.devices {
		snap := snapshot{
			id: m.ID("snap"), volume: volumes[n], owner: m.Account(), started: m.Now.UTC(), state: types.SnapshotStatePending,
			description: fmt.Sprintf(description, i.id), size: d.size, kmsKey: d.kmsKey,
		}
		i.devices[n].snapshot = snap.id
		s.snapshots.put(snap)
		s.tag(snap.id, tags[types.ResourceTypeSnapshot])
	}
	s.tag(i.id, tags[types.ResourceTypeImage])
	s.become(m, i, types.ImageStatePending, i.request)
	doom := s.doomed
	s.doomed = ""
	m.After(s.times.Image, func(m *awssim.Moment) {
		if then, ok := s.images.get(i.id); ok && then.state == types.ImageStatePending {
			if doom != "" {
				s.failImage(m, then, doom)
				return
			}
			s.finishSnapshots(m, then, types.SnapshotStateCompleted)
			s.become(m, then, types.ImageStateAvailable, then.request)
		}
	})
	return i
}

// nameFree checks the name of a new image. A name stays taken for as long as a
// deregistered image is shown (facts/apis.md 1.3 CreateImage: "a while").
func (s *state) nameFree(m *awssim.Moment, name string) error {
	if !imageName.MatchString(name) {
		return invalid("InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '[', ']', ' ', '.', '-', '/', ''', '@' and '_'") // code unverified
	}
	taken, found := s.images.first(func(i image) bool { return i.name == name && i.owner == m.Account() && !i.forgotten })
	if found {
		return invalid("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", name, taken.id)
	}
	return nil
}

func createImage(m *awssim.Moment, s *state, in *ec2.CreateImageInput) (*ec2.CreateImageOutput, error) {
	all, err := s.named([]string{aws.ToString(in.InstanceId)})
	if err != nil {
		return nil, err
	}
	from := all[0]
	if from.state != types.InstanceStateNameRunning && from.state != types.InstanceStateNameStopped { // facts/apis.md 1.3 CreateImage
		return nil, invalid("IncorrectInstanceState", "Instance is not in state 'running' or 'stopped': %s is %s.", from.id, from.state)
	}
	if err := s.nameFree(m, aws.ToString(in.Name)); err != nil {
		return nil, err
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeImage, types.ResourceTypeSnapshot)
	if err != nil {
		return nil, err
	}
	i := image{
		name: *in.Name, description: aws.ToString(in.Description), sourceInstance: from.id, sourceImage: from.image,
		architecture: from.made.architecture, windows: from.made.windows,
	}
	var devices []device
	var volumes []string
	for _, v := range s.volumesOf(from.id) {
		devices, volumes = append(devices, v.device), append(volumes, v.id)
	}
	i = s.newImage(m, i, devices, volumes, "Created by CreateImage("+from.id+") for %s", tags)
	return &ec2.CreateImageOutput{ImageId: aws.String(i.id)}, nil
}

// copyImage copies within the region. A copy may have the name of another image
// (unverified).
func copyImage(m *awssim.Moment, s *state, in *ec2.CopyImageInput) (*ec2.CopyImageOutput, error) {
	if region := aws.ToString(in.SourceRegion); region != m.Region() {
		return nil, m.NotModelled("source region %q", region)
	}
	plain := *in
	plain.ClientToken = nil
	id, done, err := s.once(in.ClientToken, "CopyImage", plain) // facts/apis.md 1.2
	if err != nil {
		return nil, err
	}
	if done {
		return &ec2.CopyImageOutput{ImageId: aws.String(id)}, nil
	}
	source, err := s.usable(in.SourceImageId)
	if err != nil {
		return nil, err
	}
	if !imageName.MatchString(aws.ToString(in.Name)) {
		return nil, invalid("InvalidAMIName.Malformed", "The AMI name %q is not valid", aws.ToString(in.Name)) // code unverified
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeImage, types.ResourceTypeSnapshot)
	if err != nil {
		return nil, err
	}
	if aws.ToBool(in.CopyImageTags) {
		tags[types.ResourceTypeImage] = append(s.tagSet(source.id), tags[types.ResourceTypeImage]...)
	}
	i := image{
		name: *in.Name, description: aws.ToString(in.Description), sourceImage: source.id,
		architecture: source.architecture, virtualization: source.virtualization, windows: source.windows,
	}
	volumes := slices.Repeat([]string{noVolume}, len(source.devices))
	i = s.newImage(m, i, source.devices, volumes, "Copied for DestinationAmi %s from SourceAmi "+source.id, tags)
	s.remember(in.ClientToken, "CopyImage", plain, i.id)
	return &ec2.CopyImageOutput{ImageId: aws.String(i.id)}, nil
}

// usable is an image that can be launched, copied or changed. One that is pending,
// failed or deregistered is unavailable, for as long as anything remembers it
// (facts/apis.md 1.3 DeregisterImage and DescribeImages).
func (s *state) usable(id *string) (image, error) {
	i, err := need(&s.images, "ami", id)
	if err != nil {
		return i, err
	}
	if !s.remembered(i) {
		return i, notFound("ami", i.id)
	}
	if i.state != types.ImageStateAvailable {
		return i, unavailable(i)
	}
	return i, nil
}

func unavailable(i image) error {
	return invalid("InvalidAMIID.Unavailable", "The image ID '%s' is not available: it is %s", i.id, i.state)
}

// launchable is an image that instances can be made of.
func (s *state) launchable(m *awssim.Moment, id string) (image, error) {
	if strings.HasPrefix(id, "resolve:ssm:") {
		return image{}, m.NotModelled("image %q", id)
	}
	if _, known := s.images.get(id); !known {
		return s.imageOf(id), nil
	}
	return s.usable(&id)
}

// imageOf is an image by its id. One that this world has never heard of is somebody
// else's and in order, and runs on any type of instance.
func (s *state) imageOf(id string) image {
	if i, known := s.images.get(id); known {
		return i
	}
	return image{id: id, devices: []device{rootOf(false)}}
}

// remembered says whether the id of an image still means something: it does until
// a deregistered image is no longer shown and no instance is left that was made
// of it (doc of ec2 DescribeImages).
func (s *state) remembered(i image) bool {
	if !i.forgotten {
		return true
	}
	_, used := s.instances.first(func(n instance) bool { return n.image == i.id && n.state != types.InstanceStateNameTerminated })
	return used
}

// owned is an image that is ours to change.
func (s *state) owned(m *awssim.Moment, id *string) (image, error) {
	i, err := need(&s.images, "ami", id)
	switch {
	case err != nil:
		return i, err
	case !s.remembered(i):
		return i, notFound("ami", i.id)
	case i.owner != m.Account(): // unverified
		return i, invalid("AuthFailure", "Not authorized for image:%s", i.id)
	}
	return i, nil
}

func deregisterImage(m *awssim.Moment, s *state, in *ec2.DeregisterImageInput) (*ec2.DeregisterImageOutput, error) {
	i, err := s.owned(m, in.ImageId)
	if err != nil {
		return nil, err
	}
	switch i.state { // facts/apis.md 1.3 DeregisterImage; that a failed image can go is unverified
	case types.ImageStateAvailable, types.ImageStateFailed:
	default:
		return nil, unavailable(i)
	}
	if i.managed {
		return nil, invalid("AuthFailure", "This image is managed by AWS Backup and cannot be deleted via EC2 APIs. To delete this image, please go via the Backup console.")
	}
	s.deregister(m, i)
	out := &ec2.DeregisterImageOutput{Return: aws.Bool(true)}
	if aws.ToBool(in.DeleteAssociatedSnapshots) {
		for _, id := range i.snapshots() {
			out.DeleteSnapshotResults = append(out.DeleteSnapshotResults, types.DeleteSnapshotReturnCode{SnapshotId: aws.String(id), ReturnCode: s.dropSnapshot(m, id)})
		}
	}
	return out, nil
}

// deregister ends an image, which is shown for a while yet.
func (s *state) deregister(m *awssim.Moment, i image) {
	i.reason = ""
	s.become(m, i, types.ImageStateDeregistered, m.RequestID)
	m.After(deregisteredShown, func(*awssim.Moment) {
		then, _ := s.images.get(i.id)
		then.forgotten = true
		s.images.put(then)
		s.tags.remove(i.id)
	})
}

// enableImageDeprecation follows facts/apis.md 1.3; the code for a date that is not
// allowed is unverified.
func enableImageDeprecation(m *awssim.Moment, s *state, in *ec2.EnableImageDeprecationInput) (*ec2.EnableImageDeprecationOutput, error) {
	i, err := s.owned(m, in.ImageId)
	if err != nil {
		return nil, err
	}
	if i.state != types.ImageStateAvailable { // unverified
		return nil, unavailable(i)
	}
	at := aws.ToTime(in.DeprecateAt).UTC().Round(time.Minute)
	if at.Before(m.Now) || at.After(m.Now.AddDate(10, 0, 0)) {
		return nil, invalid("InvalidParameterValue", "The date to deprecate an AMI at must not be in the past nor more than 10 years ahead: %s", at.Format(time.RFC3339))
	}
	i.deprecated = at
	s.images.put(i)
	return &ec2.EnableImageDeprecationOutput{Return: aws.Bool(true)}, nil
}
