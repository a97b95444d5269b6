package ec2

// Not modelled: keys reserved by AWS, lengths, ConcurrentTagAccess.

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

const maxTags = 50 // facts/apis.md 1.3 CreateTags

// tagged is the tags of one resource, sorted by key.
type tagged struct {
	resource string
	tags     []tag
}

type tag struct{ key, value string }

func (t tagged) key() string { return t.resource }

func (s *state) tagValues(resource, key string) []string {
	row, _ := s.tags.get(resource)
	for _, t := range row.tags {
		if t.key == key {
			return []string{t.value}
		}
	}
	return nil
}

func (s *state) tagKeys(resource string) []string {
	row, _ := s.tags.get(resource)
	var keys []string
	for _, t := range row.tags {
		keys = append(keys, t.key)
	}
	return keys
}

func (s *state) tagSet(resource string) []types.Tag {
	row, _ := s.tags.get(resource)
	var set []types.Tag
	for _, t := range row.tags {
		set = append(set, types.Tag{Key: aws.String(t.key), Value: aws.String(t.value)})
	}
	return set
}

// withTags is the tags of a resource after some more were set.
func (s *state) withTags(resource string, more []types.Tag) (tagged, error) {
	row, _ := s.tags.get(resource)
	set := slices.Clone(row.tags)
	for _, t := range more {
		set = slices.DeleteFunc(set, func(old tag) bool { return old.key == aws.ToString(t.Key) })
		set = append(set, tag{aws.ToString(t.Key), aws.ToString(t.Value)})
	}
	if len(set) > maxTags {
		return tagged{}, invalid("TagLimitExceeded", "The maximum number of tags per resource is %d: %s", maxTags, resource) // facts/apis.md 1.3 CreateTags
	}
	slices.SortFunc(set, func(a, b tag) int { return cmp.Compare(a.key, b.key) })
	return tagged{resource, set}, nil
}

// tagsFor are the tags that a creation specifies for each type of resource it
// makes. Other types are an error, as are too many tags.
func tagsFor(specs []types.TagSpecification, made ...types.ResourceType) (map[types.ResourceType][]types.Tag, error) {
	tags := map[types.ResourceType][]types.Tag{}
	for _, spec := range specs {
		if !slices.Contains(made, spec.ResourceType) {
			return nil, invalid("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", spec.ResourceType)
		}
		tags[spec.ResourceType] = append(tags[spec.ResourceType], spec.Tags...)
		if len(tags[spec.ResourceType]) > maxTags {
			return nil, invalid("TagLimitExceeded", "The maximum number of tags per resource is %d", maxTags)
		}
	}
	return tags, nil
}

// tag gives a resource that was just made the tags that tagsFor returned.
func (s *state) tag(resource string, tags []types.Tag) {
	if row, err := s.withTags(resource, tags); err == nil && len(row.tags) > 0 {
		s.tags.put(row)
	}
}

func createTags(_ *awssim.Moment, s *state, in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
	var rows []tagged
	for _, id := range in.Resources {
		if err := s.exists(id); err != nil {
			return nil, err
		}
		row, err := s.withTags(id, in.Tags)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		s.tags.put(row)
	}
	return &ec2.CreateTagsOutput{}, nil
}

// deleteTags removes tags by key, and only those with an equal value where one
// is given; no tags at all means all of them (doc of ec2 DeleteTagsInput).
func deleteTags(_ *awssim.Moment, s *state, in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
	for _, id := range in.Resources {
		if err := s.exists(id); err != nil {
			return nil, err
		}
	}
	for _, id := range in.Resources {
		row, _ := s.tags.get(id)
		row.tags = slices.DeleteFunc(slices.Clone(row.tags), func(t tag) bool {
			return len(in.Tags) == 0 || slices.ContainsFunc(in.Tags, func(gone types.Tag) bool {
				return aws.ToString(gone.Key) == t.key && (gone.Value == nil || *gone.Value == t.value)
			})
		})
		row.resource = id
		s.tags.put(row)
	}
	return &ec2.DeleteTagsOutput{}, nil
}

// exists says whether there is a taggable resource of an id.
func (s *state) exists(id string) error {
	var found bool
	switch resourceType(id) {
	case "vpc":
		_, found = s.vpcs.get(id)
	case "subnet":
		_, found = s.subnets.get(id)
	case "internet-gateway":
		_, found = s.gateways.get(id)
	case "route-table":
		_, found = s.routeTables.get(id)
	case "prefix-list":
		_, found = s.prefixLists.get(id)
	case "instance":
		_, found = s.instances.get(id)
	case "network-interface":
		_, found = s.interfaces.get(id)
	case "elastic-ip":
		_, found = s.addresses.get(id)
	case "launch-template":
		_, found = s.templates.get(id)
	case "image":
		i, known := s.images.get(id)
		found = known && !i.forgotten
	case "snapshot":
		_, found = s.snapshots.get(id)
	case "security-group":
		_, found = s.groups.get(id)
	case "volume":
		_, found = s.volumes.get(id)
	default:
		return invalid("InvalidID", "The ID '%s' is not valid", id) // unverified
	}
	if !found {
		prefix, _, _ := strings.Cut(id, "-")
		return notFound(prefix, id)
	}
	return nil
}

// oneTag is a row of DescribeTags.
type oneTag struct {
	resource string
	tag
}

func (t oneTag) key() string { return t.resource + "/" + t.tag.key }

var tagFilters = filters[oneTag]{
	"key":           field(func(t oneTag) string { return t.tag.key }),
	"value":         field(func(t oneTag) string { return t.value }),
	"resource-id":   field(func(t oneTag) string { return t.resource }),
	"resource-type": field(func(t oneTag) string { return resourceType(t.resource) }),
}

func describeTags(m *awssim.Moment, s *state, in *ec2.DescribeTagsInput) (*ec2.DescribeTagsOutput, error) {
	var all table[oneTag]
	for _, row := range s.tags.rows {
		for _, t := range row.tags {
			all.put(oneTag{row.resource, t})
		}
	}
	q := listing{filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000, bare: true}
	page, next, err := list(m, s, &all, "", q, tagFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeTagsOutput{NextToken: next}
	for _, t := range page {
		out.Tags = append(out.Tags, types.TagDescription{
			ResourceId:   aws.String(t.resource),
			ResourceType: types.ResourceType(resourceType(t.resource)),
			Key:          aws.String(t.tag.key),
			Value:        aws.String(t.value),
		})
	}
	return out, nil
}
