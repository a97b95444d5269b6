package parameterfollowsplatform

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud/ami"
	"github.com/droverhq/drover/internal/cloud/filter"
)

// describeImages finds images by id, whoever owns them, with the virtualisation
// types that are known of them already.
func describeImages(ctx context.Context, t *turn, listed map[string]string) ([]Image, error) {
	if len(listed) == 0 {
		return nil, nil
	}
	ids := slices.Sorted(maps.Keys(listed))
	found, err := ami.ByID(ctx, t.AWS.EC2, ids)
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
		filter.By("architecture", string(t.Config.Architecture)),
		filter.By("virtualization-type", string(t.Config.Virtualization)),
	}
	if source.Name != "" {
		filters = append(filters, filter.By("name", source.Name))
	}
	filters = append(filters, filter.Tags(source.Tags)...)
	found, err := ami.Describe(ctx, t.AWS.EC2, ec2.DescribeImagesInput{Owners: source.Owners, Filters: filters})
	if err != nil {
		return fmt.Errorf("describe the %s: %w", t.Config.Source, err)
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

func imageOf(i types.Image) (Image, error) {
	created, err := ami.Created(i)
	image := Image{
		ID: aws.ToString(i.ImageId), State: string(i.State), Created: created,
		Architecture: string(i.Architecture), Virtualization: string(i.VirtualizationType),
	}
	return image, err
}
