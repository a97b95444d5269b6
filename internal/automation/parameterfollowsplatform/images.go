package parameterfollowsplatform

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
)

// describeImages finds images by id, whoever owns them, with the virtualisation
// types that are known of them already. It filters, since to ask for ids fails as a
// whole once one of them is forgotten (shared/facts/apis.md 1.3).
func describeImages(ctx context.Context, t *turn, listed map[string]string) ([]Image, error) {
	if len(listed) == 0 {
		return nil, nil
	}
	ids := slices.Sorted(maps.Keys(listed))
	found, err := allImages(ctx, t, "describe images "+strings.Join(ids, ", "), &ec2.DescribeImagesInput{
		Filters: []types.Filter{filter("image-id", ids...)}, IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(1000),
	})
	if err != nil {
		return nil, err
	}
	var images []Image
	for _, id := range ids {
		i := slices.IndexFunc(found, func(i types.Image) bool { return aws.ToString(i.ImageId) == id })
		if i < 0 {
			images = append(images, Image{ID: id, State: stateGone, Virtualization: listed[id]})
			continue
		}
		image, err := imageOf(found[i])
		if err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	return images, nil
}

// observeImages looks for the newest image of certain ones. The owner is always
// asked for. AWS's own images leave this list when they are deprecated.
func observeImages(ctx context.Context, t *turn, s *State) error {
	source := t.Config.Source.Images
	filters := []types.Filter{
		filter("architecture", string(t.Config.Architecture)),
		filter("virtualization-type", string(t.Config.Virtualization)),
	}
	if source.Name != "" {
		filters = append(filters, filter("name", source.Name))
	}
	for _, k := range slices.Sorted(maps.Keys(source.Tags)) {
		filters = append(filters, filter("tag:"+k, literal(source.Tags[k])))
	}
	found, err := allImages(ctx, t, "describe the "+t.Config.Source.String(), &ec2.DescribeImagesInput{
		Owners: source.Owners, Filters: filters, MaxResults: aws.Int32(1000),
	})
	if err != nil {
		return err
	}
	var all []Candidate
	for _, i := range found {
		image, err := imageOf(i)
		if err != nil {
			return err
		}
		name, owner := aws.ToString(i.Name), aws.ToString(i.OwnerId)
		all = append(all, Candidate{
			Name: "image " + name + " of " + owner, Origin: "image " + owner + "/" + name, Images: []Image{image}, Passed: true,
		})
	}
	if len(all) == 0 {
		s.Missing = fmt.Sprintf("there are no %s that are %s and %s", t.Config.Source, t.Config.Architecture, t.Config.Virtualization)
		return nil
	}
	slices.SortFunc(all, func(a, b Candidate) int { return newestFirst(a.Images[0], b.Images[0]) })
	failed := 0
	for _, of := range all {
		if of.Images[0].State != stateAvailable {
			if failed++; failed > maxCandidates {
				continue
			}
		}
		settles := t.Config.settles(of, s.Parameter.Value, s.Observed)
		if settles || len(s.Candidates) < 2*maxCandidates {
			s.Candidates = append(s.Candidates, of)
		}
		if settles {
			break
		}
	}
	return nil
}

func allImages(ctx context.Context, t *turn, what string, in *ec2.DescribeImagesInput) ([]types.Image, error) {
	var all []types.Image
	pages := ec2.NewDescribeImagesPaginator(t.AWS.EC2, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, page.Images...)
	}
	return all, nil
}

func imageOf(i types.Image) (Image, error) {
	image := Image{
		ID: aws.ToString(i.ImageId), State: string(i.State),
		Architecture: string(i.Architecture), Virtualization: string(i.VirtualizationType),
	}
	created, err := time.Parse(time.RFC3339, aws.ToString(i.CreationDate))
	if err != nil {
		return Image{}, fmt.Errorf("read the creation date of %s: %w", image.ID, err)
	}
	image.Created = created.UTC()
	return image, nil
}

// literal takes wildcards in a value for what they are.
func literal(value string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(value)
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}
