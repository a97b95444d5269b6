package templatefollowsimage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/wildcard"
)

// describeMatching are the images that are followed, newest first. The owner is
// always asked for. EC2 narrows down what it can say exactly; whether an image
// matches is decided here.
func describeMatching(ctx context.Context, t *turn) ([]Image, error) {
	in := &ec2.DescribeImagesInput{Owners: t.Config.Images.owners(), Filters: filtersFor(t.Config.Images), MaxResults: aws.Int32(1000)}
	var all []Image
	pages := ec2.NewDescribeImagesPaginator(t.AWS.EC2, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe the images that %s follows: %w", t.Config.Template, err)
		}
		for _, i := range page.Images {
			if !t.Config.Images.match(i) {
				continue
			}
			image, err := imageOf(i)
			if err != nil {
				return nil, err
			}
			all = append(all, image)
		}
	}
	slices.SortFunc(all, newestFirst)
	return all, nil
}

func filtersFor(i Images) []types.Filter {
	var filters []types.Filter
	if i.Name != "" {
		filters = append(filters, filter("name", i.Name))
	}
	if i.Instance != "" {
		filters = append(filters, filter("source-instance-id", i.Instance))
	}
	return append(filters, tagFilters(i.Tags)...)
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

// describeOthers finds images by id, whoever owns them. It filters, since to ask
// for ids fails as a whole once one of them is forgotten (shared/facts/apis.md
// 1.3).
func describeOthers(ctx context.Context, t *turn, ids []string, found map[string]Image) error {
	pages := ec2.NewDescribeImagesPaginator(t.AWS.EC2, &ec2.DescribeImagesInput{
		Filters: []types.Filter{filter("image-id", ids...)}, IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(1000),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe images %s: %w", strings.Join(ids, ", "), err)
		}
		for _, i := range page.Images {
			image, err := imageOf(i)
			if err != nil {
				return err
			}
			found[image.ID] = image
		}
	}
	return nil
}

func imageOf(i types.Image) (Image, error) {
	image := Image{ID: aws.ToString(i.ImageId), State: string(i.State)}
	if i.StateReason != nil {
		image.Why = aws.ToString(i.StateReason.Message)
	}
	created, err := time.Parse(time.RFC3339, aws.ToString(i.CreationDate))
	if err != nil {
		return Image{}, fmt.Errorf("read the creation date of %s: %w", image.ID, err)
	}
	image.Created = created.UTC()
	return image, nil
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

func tagFilters(tags map[string]string) []types.Filter {
	var filters []types.Filter
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		filters = append(filters, filter("tag:"+k, literal(tags[k])))
	}
	return filters
}

// literal takes wildcards in a value for what they are.
func literal(value string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(value)
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}
