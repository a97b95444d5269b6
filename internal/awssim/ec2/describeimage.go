package ec2

// DescribeImages. The key of an encrypted volume is not among what it shows (doc of
// ec2 types.EbsBlockDevice.KmsKeyId), DescribeSnapshots has it. Not modelled:
// everything about an image that imageOut does not set.

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

const imageTime = "2006-01-02T15:04:05.000Z"

var imageFilters = filters[image]{
	"image-id":                         field(image.key),
	"name":                             field(func(i image) string { return i.name }),
	"description":                      field(func(i image) string { return i.description }),
	"state":                            field(func(i image) string { return string(i.state) }),
	"owner-id":                         field(func(i image) string { return i.owner }),
	"owner-alias":                      field(func(i image) string { return i.alias }),
	"source-instance-id":               field(func(i image) string { return i.sourceInstance }),
	"source-image-id":                  field(func(i image) string { return i.sourceImage }),
	"creation-date":                    field(func(i image) string { return i.created.Format(imageTime) }),
	"is-public":                        field(func(i image) string { return strconv.FormatBool(i.public) }),
	"block-device-mapping.snapshot-id": func(_ *state, i image) []string { return i.snapshots() },
	"architecture":                     field(func(i image) string { return string(cmp.Or(i.architecture, types.ArchitectureValuesX8664)) }),
	"platform":                         field(func(i image) string { return strings.ToLower(string(i.platform())) }),
	"image-type":                       field(func(image) string { return string(types.ImageTypeValuesMachine) }),
	"root-device-type":                 field(func(image) string { return string(types.DeviceTypeEbs) }),
	"virtualization-type":              field(func(i image) string { return string(cmp.Or(i.virtualization, types.VirtualizationTypeHvm)) }),
}

// describeImages knows three answers to an id: the image, also for a while after it
// was deregistered; nothing; and, once no instance is left either, an error (doc
// of ec2 DescribeImages).
func describeImages(m *awssim.Moment, s *state, in *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
	q := listing{ids: in.ImageIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000}
	if err := q.check(); err != nil {
		return nil, err
	}
	for _, id := range in.ImageIds {
		if i, err := need(&s.images, "ami", &id); err != nil || !s.remembered(i) {
			return nil, notFound("ami", id)
		}
	}
	owns, err := owners(m, in.Owners)
	if err != nil {
		return nil, err
	}
	pass, err := matcher(m, s, q, imageFilters)
	if err != nil {
		return nil, err
	}
	rows := s.images.all(func(i image) bool {
		byID := slices.Contains(in.ImageIds, i.id)
		// facts/apis.md 1.3 DescribeImages
		hidden := !i.deprecated.IsZero() && i.deprecated.Before(m.Now) && i.owner != m.Account() && !byID && !aws.ToBool(in.IncludeDeprecated)
		return !i.forgotten && !hidden && (len(in.ImageIds) == 0 || byID) && owns(i.owner, i.alias) && pass(i)
	})
	var next *string
	if len(in.ImageIds) == 0 {
		if rows, next, err = awssim.Page(m, rows, image.key, in.MaxResults, in.NextToken); err != nil {
			return nil, err
		}
	}
	out := &ec2.DescribeImagesOutput{NextToken: next}
	for _, i := range rows {
		out.Images = append(out.Images, s.imageOut(m, i))
	}
	return out, nil
}

var account = regexp.MustCompile(`^\d{12}$`)

// owners makes a predicate of the owners that a listing of images or snapshots
// asks for: "self", accounts and aliases.
func owners(m *awssim.Moment, asked []string) (func(owner, alias string) bool, error) {
	for _, o := range asked {
		if !account.MatchString(o) && !slices.Contains([]string{"self", "amazon", "aws-marketplace", "aws-backup-vault"}, o) {
			return nil, m.NotModelled("owner %q", o)
		}
	}
	return func(owner, alias string) bool {
		return len(asked) == 0 || slices.ContainsFunc(asked, func(o string) bool {
			return o == owner || o == alias || o == "self" && owner == m.Account()
		})
	}, nil
}

func (s *state) imageOut(m *awssim.Moment, i image) types.Image {
	out := types.Image{
		ImageId:            aws.String(i.id),
		Name:               aws.String(i.name),
		ImageLocation:      aws.String(i.owner + "/" + i.name),
		OwnerId:            aws.String(i.owner),
		State:              i.state,
		CreationDate:       aws.String(i.created.Format(imageTime)),
		Public:             aws.Bool(i.public),
		Architecture:       cmp.Or(i.architecture, types.ArchitectureValuesX8664),
		ImageType:          types.ImageTypeValuesMachine,
		VirtualizationType: cmp.Or(i.virtualization, types.VirtualizationTypeHvm),
		RootDeviceType:     types.DeviceTypeEbs,
		RootDeviceName:     aws.String(i.devices[0].name),
		Platform:           i.platform(),
		PlatformDetails:    aws.String(platform(i.windows)),
		UsageOperation:     aws.String(usage(i.windows)),
		Tags:               s.tagSet(i.id),
	}
	optional := func(to **string, value string) {
		if value != "" {
			*to = aws.String(value)
		}
	}
	optional(&out.Description, i.description)
	optional(&out.ImageOwnerAlias, i.alias)
	optional(&out.SourceInstanceId, i.sourceInstance)
	if i.sourceImage != "" {
		out.SourceImageId, out.SourceImageRegion = aws.String(i.sourceImage), aws.String(m.Region())
	}
	if !i.deprecated.IsZero() {
		out.DeprecationTime = aws.String(i.deprecated.Format(imageTime))
	}
	if i.reason != "" {
		out.StateReason = &types.StateReason{Code: aws.String("Client.ImageFailed"), Message: aws.String(i.reason)} // code unverified
	}
	if i.state == types.ImageStateFailed {
		return out
	}
	for _, d := range i.devices {
		if d.snapshot == "" { // of somebody else
			continue
		}
		ebs := &types.EbsBlockDevice{
			SnapshotId: aws.String(d.snapshot), VolumeSize: aws.Int32(d.size), VolumeType: d.kind,
			DeleteOnTermination: aws.Bool(!d.stays), Encrypted: aws.Bool(d.kmsKey != ""),
		}
		if d.iops != 0 {
			ebs.Iops = aws.Int32(d.iops)
		}
		if d.throughput != 0 {
			ebs.Throughput = aws.Int32(d.throughput)
		}
		out.BlockDeviceMappings = append(out.BlockDeviceMappings, types.BlockDeviceMapping{DeviceName: aws.String(d.name), Ebs: ebs})
	}
	return out
}

func (i image) platform() types.PlatformValues {
	if i.windows {
		return types.PlatformValuesWindows
	}
	return ""
}
