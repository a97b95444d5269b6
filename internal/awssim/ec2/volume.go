package ec2

// The volumes of instances, which are made and go with them. Not modelled: volumes
// by themselves, how they are attached in their listing, sizes that a type of volume
// does not have, encryption by default, instance store.

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// device is a volume as an image or a launch describes it.
type device struct {
	name, snapshot   string // snapshot: empty if the volume begins empty
	kmsKey           string // the ARN of its key; empty if it is not encrypted
	kind             types.VolumeType
	size             int32 // GiB
	iops, throughput int32 // 0: what the type has
	stays            bool  // when the instance is terminated
}

type volume struct {
	device
	id, instance string // instance: empty once it is attached to nothing
	attached     time.Time
}

func (v volume) key() string { return v.id }

const (
	rootDevice        = "/dev/xvda"
	rootDeviceWindows = "/dev/sda1"
	rootSize          = 8  // GiB
	rootSizeWindows   = 30 // GiB
)

// DefaultKey is the id of the key that AWS manages for volumes whose encryption
// names no key, whose alias is alias/aws/ebs.
const DefaultKey = "00000000-0000-4000-8000-0000000aeb50"

// rootOf is the root volume of an image of which nothing else is known.
func rootOf(windows bool) device {
	if windows {
		return device{name: rootDeviceWindows, kind: types.VolumeTypeGp2, size: rootSizeWindows}
	}
	return device{name: rootDevice, kind: types.VolumeTypeGp2, size: rootSize}
}

// devicesOf are the volumes of a launch: those of the image, the root volume
// first, changed and added to by what the request says of each (doc of ec2
// RunInstancesInput.BlockDeviceMappings; that what it does not say of a volume
// stays as the image has it is unverified).
func devicesOf(m *awssim.Moment, i image, mappings []types.BlockDeviceMapping) ([]device, error) {
	devices := slices.Clone(i.devices)
	for _, given := range mappings {
		name := aws.ToString(given.DeviceName)
		at := slices.IndexFunc(devices, func(d device) bool { return d.name == name })
		if given.NoDevice != nil {
			if at > 0 {
				devices = slices.Delete(devices, at, at+1)
			}
			continue
		}
		if given.Ebs == nil || name == "" {
			return nil, invalid("MissingParameter", "A block device mapping needs a device name and a volume") // unverified
		}
		d := device{name: name, kind: types.VolumeTypeGp2}
		if at >= 0 {
			d = devices[at]
		}
		d, err := d.with(m, *given.Ebs)
		if err != nil {
			return nil, err
		}
		if at >= 0 {
			devices[at] = d
		} else {
			devices = append(devices, d)
		}
	}
	return devices, nil
}

// with is a device with what a request says of it.
func (d device) with(m *awssim.Moment, ebs types.EbsBlockDevice) (device, error) {
	if ebs.VolumeSize != nil {
		if *ebs.VolumeSize < d.size && d.snapshot != "" { // unverified
			return d, invalid("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", *ebs.VolumeSize, d.snapshot, d.size)
		}
		d.size = *ebs.VolumeSize
	}
	if d.size < 1 {
		return d, invalid("MissingParameter", "The request must contain the parameter size or snapshotId") // unverified
	}
	if ebs.SnapshotId != nil && *ebs.SnapshotId != d.snapshot {
		return d, m.NotModelled("a volume from %s", *ebs.SnapshotId)
	}
	if ebs.KmsKeyId != nil && !aws.ToBool(ebs.Encrypted) && d.kmsKey == "" {
		return d, invalid("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.") // unverified
	}
	switch { // "In no case can you remove encryption" (doc of ec2 types.EbsBlockDevice.Encrypted)
	case ebs.KmsKeyId != nil:
		d.kmsKey = keyARN(m, *ebs.KmsKeyId)
	case aws.ToBool(ebs.Encrypted) && d.kmsKey == "":
		d.kmsKey = keyARN(m, DefaultKey)
	}
	d.kind = cmp.Or(ebs.VolumeType, d.kind)
	d.iops = cmp.Or(aws.ToInt32(ebs.Iops), d.iops)
	d.throughput = cmp.Or(aws.ToInt32(ebs.Throughput), d.throughput)
	if ebs.DeleteOnTermination != nil {
		d.stays = !*ebs.DeleteOnTermination
	}
	return d, nil
}

// keyARN is a key as snapshots and volumes show it, whichever way it was named. An
// alias is left to be an alias.
func keyARN(m *awssim.Moment, key string) string {
	switch {
	case strings.HasPrefix(key, "arn:"):
		return key
	case strings.HasPrefix(key, "alias/"):
		return m.ARN("kms", key)
	}
	return m.ARN("kms", "key/"+key)
}

// provision makes the volumes of an instance.
func (s *state) provision(m *awssim.Moment, instance string, devices []device, tags []types.Tag) {
	for _, d := range devices {
		v := volume{device: d, id: m.ID("vol"), instance: instance, attached: seconds(m)}
		s.volumes.put(v)
		s.tag(v.id, tags)
	}
}

// volumesOf are the volumes of an instance, the root volume first.
func (s *state) volumesOf(instance string) []volume {
	return s.volumes.all(func(v volume) bool { return v.instance == instance }) // ids ascend as they were made
}

// releaseVolumes happens at termination: a volume goes with its instance or
// survives it, by its DeleteOnTermination (doc of ec2 types.EbsBlockDevice).
func (s *state) releaseVolumes(instance string) {
	for _, v := range s.volumesOf(instance) {
		if v.stays {
			v.instance = ""
			s.volumes.put(v)
			continue
		}
		s.volumes.remove(v.id)
		s.tags.remove(v.id)
	}
}

// keepVolumes says which volumes of an instance survive it. What it answers for a device
// that the instance does not have is unverified.
func (s *state) keepVolumes(instance string, devices []types.InstanceBlockDeviceMappingSpecification) (*ec2.ModifyInstanceAttributeOutput, error) {
	for _, d := range devices {
		n := slices.IndexFunc(s.volumesOf(instance), func(v volume) bool { return v.name == aws.ToString(d.DeviceName) })
		if n < 0 || d.Ebs == nil || d.Ebs.DeleteOnTermination == nil {
			return nil, invalid("InvalidInstanceAttributeValue", "No device is currently mapped at %s", aws.ToString(d.DeviceName))
		}
		v := s.volumesOf(instance)[n]
		v.stays = !*d.Ebs.DeleteOnTermination
		s.volumes.put(v)
	}
	return &ec2.ModifyInstanceAttributeOutput{}, nil
}

func (s *state) volumesOut(instance string) []types.InstanceBlockDeviceMapping {
	var out []types.InstanceBlockDeviceMapping
	for _, v := range s.volumesOf(instance) {
		out = append(out, types.InstanceBlockDeviceMapping{DeviceName: aws.String(v.name), Ebs: &types.EbsInstanceBlockDevice{
			VolumeId: aws.String(v.id), AttachTime: aws.Time(v.attached), DeleteOnTermination: aws.Bool(!v.stays), Status: types.AttachmentStatusAttached,
		}})
	}
	return out
}

func (v volume) state() types.VolumeState {
	if v.instance == "" {
		return types.VolumeStateAvailable
	}
	return types.VolumeStateInUse
}

var volumeFilters = filters[volume]{
	"volume-id":              field(volume.key),
	"status":                 field(func(v volume) string { return string(v.state()) }),
	"snapshot-id":            field(func(v volume) string { return v.snapshot }),
	"attachment.instance-id": field(func(v volume) string { return v.instance }),
}

func describeVolumes(m *awssim.Moment, s *state, in *ec2.DescribeVolumesInput) (*ec2.DescribeVolumesOutput, error) {
	page, next, err := list(m, s, &s.volumes, "vol", listing{ids: in.VolumeIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000}, volumeFilters) // the limit is unverified
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeVolumesOutput{NextToken: next}
	for _, v := range page {
		out.Volumes = append(out.Volumes, types.Volume{
			VolumeId: aws.String(v.id), State: v.state(), Size: aws.Int32(v.size), VolumeType: v.kind,
			Encrypted: aws.Bool(v.kmsKey != ""), Tags: s.tagSet(v.id),
		})
	}
	return out, nil
}
