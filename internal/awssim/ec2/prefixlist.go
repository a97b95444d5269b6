package ec2

// Customer-managed prefix lists, as destinations of routes. Not modelled:
// modification, versions, their weight in route quotas, AWS-managed lists.

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

type prefixList struct {
	id, name, family string
	most             int32
}

func (p prefixList) key() string { return p.id }

func createManagedPrefixList(m *awssim.Moment, s *state, in *ec2.CreateManagedPrefixListInput) (*ec2.CreateManagedPrefixListOutput, error) {
	plain := *in
	plain.ClientToken = nil
	id, done, err := s.once(in.ClientToken, "CreateManagedPrefixList", plain)
	if err != nil {
		return nil, err
	}
	if !done {
		tags, err := tagsFor(in.TagSpecifications, types.ResourceTypePrefixList)
		if err != nil {
			return nil, err
		}
		id = m.ID("pl")
		s.prefixLists.put(prefixList{id: id, name: aws.ToString(in.PrefixListName), family: aws.ToString(in.AddressFamily), most: aws.ToInt32(in.MaxEntries)})
		s.tag(id, tags[types.ResourceTypePrefixList])
		s.remember(in.ClientToken, "CreateManagedPrefixList", plain, id)
	}
	p, err := need(&s.prefixLists, "pl", &id)
	if err != nil {
		return nil, err
	}
	return &ec2.CreateManagedPrefixListOutput{PrefixList: new(s.prefixListOut(m, p))}, nil
}

func (s *state) prefixListOut(m *awssim.Moment, p prefixList) types.ManagedPrefixList {
	return types.ManagedPrefixList{
		PrefixListId:   aws.String(p.id),
		PrefixListArn:  aws.String(m.ARN("ec2", "prefix-list/"+p.id)),
		PrefixListName: aws.String(p.name),
		AddressFamily:  aws.String(p.family),
		MaxEntries:     aws.Int32(p.most),
		OwnerId:        aws.String(m.Account()),
		State:          types.PrefixListStateCreateComplete,
		Version:        aws.Int64(1),
		Tags:           s.tagSet(p.id),
	}
}

var prefixListFilters = filters[prefixList]{
	"prefix-list-id":   field(prefixList.key),
	"prefix-list-name": field(func(p prefixList) string { return p.name }),
}

func describeManagedPrefixLists(m *awssim.Moment, s *state, in *ec2.DescribeManagedPrefixListsInput) (*ec2.DescribeManagedPrefixListsOutput, error) {
	page, next, err := list(m, s, &s.prefixLists, "pl", listing{ids: in.PrefixListIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 100}, prefixListFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeManagedPrefixListsOutput{NextToken: next}
	for _, p := range page {
		out.PrefixLists = append(out.PrefixLists, s.prefixListOut(m, p))
	}
	return out, nil
}
