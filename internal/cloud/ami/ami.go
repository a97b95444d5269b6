// Package ami reads Amazon machine images from EC2.
package ami

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud/filter"
)

// page is the largest page of images: fewest calls.
const page = 1000

// Describe returns all images that are asked for, in EC2's order.
func Describe(ctx context.Context, client *ec2.Client, in ec2.DescribeImagesInput) ([]types.Image, error) {
	in.MaxResults = aws.Int32(page)
	var all []types.Image
	pages := ec2.NewDescribeImagesPaginator(client, &in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Images...)
	}
	return all, nil
}

// ByID returns those of some images that EC2 shows, whoever owns them, deprecated or
// not. It filters, since to ask for ids fails as a whole once one of them is forgotten
// (shared/facts/apis.md 1.3).
func ByID(ctx context.Context, client *ec2.Client, ids []string) ([]types.Image, error) {
	all, err := Describe(ctx, client, ec2.DescribeImagesInput{
		Filters: []types.Filter{filter.By("image-id", ids...)}, IncludeDeprecated: aws.Bool(true),
	})
	if err != nil {
		return nil, fmt.Errorf("describe images %s: %w", strings.Join(ids, ", "), err)
	}
	return all, nil
}

// Created is when an image was made. EC2 says so in text.
func Created(i types.Image) (time.Time, error) {
	created, err := time.Parse(time.RFC3339, aws.ToString(i.CreationDate))
	if err != nil {
		return time.Time{}, fmt.Errorf("read the creation date of %s: %w", aws.ToString(i.ImageId), err)
	}
	return created.UTC(), nil
}
