package ec2

// The permissions of calls about images, snapshots and launch templates, in the
// manner of permission.go. Not modelled: ec2:Attribute of ModifyLaunchTemplate, and
// keys about volumes. For ec2:DeleteSnapshot, which deregistering an image with its
// snapshots takes too, see dropSnapshot.

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

func (s *state) templatePermissions(m *awssim.Moment, id, name *string) []awssim.Request {
	of := aws.ToString(orElse(id, name)) // that an unknown template appears as it was named is unverified
	if t, err := s.template(id, name); err == nil {
		of = t.id
	}
	return []awssim.Request{{Resource: m.ARN("ec2", "launch-template/"+of), Context: s.conditions(m, of)}}
}

func createLaunchTemplateVersionPermissions(m *awssim.Moment, s *state, in *ec2.CreateLaunchTemplateVersionInput) []awssim.Request {
	return s.templatePermissions(m, in.LaunchTemplateId, in.LaunchTemplateName)
}

func modifyLaunchTemplatePermissions(m *awssim.Moment, s *state, in *ec2.ModifyLaunchTemplateInput) []awssim.Request {
	return s.templatePermissions(m, in.LaunchTemplateId, in.LaunchTemplateName)
}

func deleteLaunchTemplateVersionsPermissions(m *awssim.Moment, s *state, in *ec2.DeleteLaunchTemplateVersionsInput) []awssim.Request {
	return s.templatePermissions(m, in.LaunchTemplateId, in.LaunchTemplateName)
}

// ownerless is the ARN of an image or a snapshot, which has no account.
func ownerless(m *awssim.Moment, resource string) string {
	return "arn:aws:ec2:" + m.Region() + "::" + resource
}

// creation is the request for what is yet to be made: it has no id and no tags but
// those that come with the call.
func creation(m *awssim.Moment, kind types.ResourceType, specs []types.TagSpecification) awssim.Request {
	keys := map[string][]string{"ec2:Region": {m.Region()}}
	for _, spec := range specs {
		if spec.ResourceType != kind {
			continue
		}
		for _, t := range spec.Tags {
			keys["aws:RequestTag/"+aws.ToString(t.Key)] = []string{aws.ToString(t.Value)}
			keys["aws:TagKeys"] = append(keys["aws:TagKeys"], aws.ToString(t.Key))
		}
	}
	return awssim.Request{Resource: ownerless(m, string(kind)+"/*"), Context: keys}
}

func createImagePermissions(m *awssim.Moment, s *state, in *ec2.CreateImageInput) []awssim.Request {
	id := aws.ToString(in.InstanceId)
	keys := s.conditions(m, id)
	keys["ec2:InstanceID"] = []string{id}
	if i, ok := s.instances.get(id); ok {
		keys["ec2:AvailabilityZone"] = []string{i.zone}
		keys["ec2:InstanceType"] = []string{string(i.kind)}
	}
	return slices.Concat([]awssim.Request{
		creation(m, types.ResourceTypeImage, in.TagSpecifications),
		{Resource: m.ARN("ec2", "instance/"+id), Context: keys},
		creation(m, types.ResourceTypeSnapshot, in.TagSpecifications),
	}, taggingImage(m, in.TagSpecifications, "CreateImage"))
}

func copyImagePermissions(m *awssim.Moment, _ *state, in *ec2.CopyImageInput) []awssim.Request {
	return slices.Concat([]awssim.Request{
		creation(m, types.ResourceTypeImage, in.TagSpecifications),
		creation(m, types.ResourceTypeSnapshot, in.TagSpecifications),
	}, taggingImage(m, in.TagSpecifications, "CopyImage"))
}

// taggingImage is ec2:CreateTags for a new image and its snapshots (facts/iam.md 1,
// "Tag-on-create").
func taggingImage(m *awssim.Moment, specs []types.TagSpecification, by string) []awssim.Request {
	return slices.Concat(tagging(m, types.ResourceTypeImage, specs, by), tagging(m, types.ResourceTypeSnapshot, specs, by))
}

func (s *state) imagePermissions(m *awssim.Moment, image *string) []awssim.Request {
	id := aws.ToString(image)
	keys := s.conditions(m, id)
	keys["ec2:ImageID"] = []string{id}
	if i, ok := s.images.get(id); ok {
		keys["ec2:Owner"] = []string{i.owner}
		keys["ec2:Public"] = []string{strconv.FormatBool(i.public)}
		keys["ec2:ImageType"] = []string{string(types.ImageTypeValuesMachine)}
		keys["ec2:RootDeviceType"] = []string{string(types.DeviceTypeEbs)}
	}
	return []awssim.Request{{Resource: ownerless(m, "image/"+id), Context: keys}}
}

func deregisterImagePermissions(m *awssim.Moment, s *state, in *ec2.DeregisterImageInput) []awssim.Request {
	return s.imagePermissions(m, in.ImageId)
}

func enableImageDeprecationPermissions(m *awssim.Moment, s *state, in *ec2.EnableImageDeprecationInput) []awssim.Request {
	return s.imagePermissions(m, in.ImageId)
}

func deleteSnapshotPermissions(m *awssim.Moment, s *state, in *ec2.DeleteSnapshotInput) []awssim.Request {
	return s.snapshotPermissions(m, aws.ToString(in.SnapshotId))
}

func (s *state) snapshotPermissions(m *awssim.Moment, id string) []awssim.Request {
	keys := s.conditions(m, id)
	keys["ec2:SnapshotID"] = []string{id}
	if r, ok := s.snapshots.get(id); ok {
		keys["ec2:Owner"] = []string{r.owner}
		keys["ec2:VolumeSize"] = []string{strconv.Itoa(int(r.size))}
	}
	return []awssim.Request{{Resource: ownerless(m, "snapshot/"+id), Context: keys}}
}
