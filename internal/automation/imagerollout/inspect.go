package imagerollout

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/cloud/filter"
)

// inspect looks, before anything is begun, at what a rollout could not do without. It
// asks for nothing if there is none.
func (s *State) inspect(ctx context.Context, t *turn) error {
	p := decide(t.Config, *s, t.Clock.Now())
	if len(p.Changes) == 0 {
		return nil
	}
	image, _ := s.image(source(p))
	// Each looks by itself, so that what they find keeps one order.
	var places, kinds, keys State
	places.Group, kinds.Group, keys.Group = s.Group, s.Group, s.Group
	together, ctx := errgroup.WithContext(ctx)
	if t.Config.Builder != nil {
		together.Go(func() error { return places.missingPlaces(ctx, t) })
		together.Go(func() error { return kinds.missingTypes(ctx, t, s.types(t.Config, p), image) })
	}
	together.Go(func() error { return keys.missingKeys(ctx, t, image) })
	if err := together.Wait(); err != nil {
		return err
	}
	for _, found := range []State{places, kinds, keys} {
		s.Missing = append(s.Missing, found.Missing...)
		s.Unread = append(s.Unread, found.Unread...)
	}
	return nil
}

// missingPlaces looks at where machines are launched.
func (s *State) missingPlaces(ctx context.Context, t *turn) error {
	b := t.Config.Builder
	vpc := ""
	subnets, err := t.AWS.EC2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter.By("subnet-id", b.Subnet)}})
	if err != nil {
		return fmt.Errorf("describe subnet %s: %w", b.Subnet, err)
	}
	if len(subnets.Subnets) == 0 {
		s.miss(b.Subnet, "does not exist; builder.subnet names it")
	} else {
		vpc = aws.ToString(subnets.Subnets[0].VpcId)
	}
	found := map[string]string{}
	pages := ec2.NewDescribeSecurityGroupsPaginator(t.AWS.EC2, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter.By("group-id", b.SecurityGroups...)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe security groups %s: %w", strings.Join(b.SecurityGroups, ", "), err)
		}
		for _, g := range page.SecurityGroups {
			found[aws.ToString(g.GroupId)] = aws.ToString(g.VpcId)
		}
	}
	for _, id := range b.SecurityGroups {
		switch in, ok := found[id]; {
		case !ok:
			s.miss(id, "does not exist; builder.security-groups names it")
		case vpc != "" && in != vpc:
			s.miss(id, fmt.Sprintf("is of %s, and %s of %s: builder.security-groups and builder.subnet are to be of one VPC", in, b.Subnet, vpc))
		}
	}
	if b.Key == "" {
		return nil
	}
	keys, err := t.AWS.EC2.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{Filters: []types.Filter{filter.By("key-name", filter.Literal(b.Key))}})
	if err != nil {
		return fmt.Errorf("describe key pair %s: %w", b.Key, err)
	}
	if len(keys.KeyPairs) == 0 {
		s.miss("key pair "+b.Key, "does not exist; builder.key names it")
	}
	return nil
}
