package templatefollowsimage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud/ami"
	"github.com/droverhq/drover/internal/cloud/filter"
	"github.com/droverhq/drover/internal/wildcard"
)

// describeMatching are the images that are followed, newest first. The owner is
// always asked for. EC2 narrows down what it can say exactly; whether an image
// matches is decided here.
func describeMatching(ctx context.Context, t *turn) ([]Image, error) {
	found, err := ami.Describe(ctx, t.AWS.EC2, ec2.DescribeImagesInput{Owners: t.Config.Images.owners(), Filters: filtersFor(t.Config.Images)})
	if err != nil {
		return nil, fmt.Errorf("describe the images that %s follows: %w", t.Config.Template, err)
	}
	var all []Image
	for _, i := range found {
		if !t.Config.Images.match(i) {
			continue
		}
		image, err := imageOf(i)
		if err != nil {
			return nil, err
		}
		all = append(all, image)
	}
	slices.SortFunc(all, newestFirst)
	return all, nil
}

func filtersFor(i Images) []types.Filter {
	var filters []types.Filter
	if i.Name != "" {
		filters = append(filters, filter.By("name", i.Name))
	}
	if i.Instance != "" {
		filters = append(filters, filter.By("source-instance-id", i.Instance))
	}
	return append(filters, filter.Tags(i.Tags)...)
}

// match says whether an image is one of those that are followed. Who "self" is
// EC2 alone knows; an account that is listed is looked at here too.
func (i Images) match(image types.Image) bool {
	if !slices.Contains(i.owners(), self) && !slices.Contains(i.owners(), aws.ToString(image.OwnerId)) {
		return false
	}
	for k, v := range i.Tags {
		if !slices.ContainsFunc(image.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == k && aws.ToString(t.Value) == v }) {
			return false
		}
	}
	return strings.Contains(aws.ToString(image.Description), i.Description) &&
		(i.Name == "" || wildcard.Match(i.Name, aws.ToString(image.Name))) &&
		(i.Instance == "" || aws.ToString(image.SourceInstanceId) == i.Instance)
}

// describeOthers finds images by id, whoever owns them.
func describeOthers(ctx context.Context, t *turn, ids []string, found map[string]Image) error {
	all, err := ami.ByID(ctx, t.AWS.EC2, ids)
	if err != nil {
		return err
	}
	for _, i := range all {
		image, err := imageOf(i)
		if err != nil {
			return err
		}
		found[image.ID] = image
	}
	return nil
}

func imageOf(i types.Image) (Image, error) {
	created, err := ami.Created(i)
	image := Image{ID: aws.ToString(i.ImageId), State: string(i.State), Created: created}
	if i.StateReason != nil {
		image.Why = aws.ToString(i.StateReason.Message)
	}
	return image, err
}

// upToAvailable keeps, of images ordered newest first, those down to the first
// that is available: none after it can be chosen. Of those before it, which may be
// many where images keep failing, it keeps the newest, and every one that is
// pending.
func upToAvailable(images []Image) []Image {
	var kept []Image
	unusable := 0
	for _, i := range images {
		if !i.usable() {
			if unusable++; unusable > maxUnusable {
				continue
			}
		}
		kept = append(kept, i)
		if i.State == stateAvailable {
			break
		}
	}
	return kept
}

func isImage(id string) bool { return strings.HasPrefix(id, "ami-") }
