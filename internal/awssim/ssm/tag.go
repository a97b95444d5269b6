package ssm

// Tags of parameters. Not modelled: tags of anything else, and reserved keys.

import (
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

const maxTags = 50 // doc of the exception

// tagged is tags with others added or in their place, in the order of keys.
func tagged(tags, added []types.Tag) ([]types.Tag, error) {
	tags = slices.Clone(tags)
	for _, t := range added {
		t = types.Tag{Key: aws.String(aws.ToString(t.Key)), Value: aws.String(aws.ToString(t.Value))}
		i, found := slices.BinarySearchFunc(tags, *t.Key, func(have types.Tag, key string) int { return strings.Compare(*have.Key, key) })
		if found {
			tags[i] = t
		} else {
			tags = slices.Insert(tags, i, t)
		}
	}
	if len(tags) > maxTags {
		return nil, awssim.FailAs(http.StatusBadRequest, &types.TooManyTagsError{})
	}
	return tags, nil
}

// resource is the parameter to tag: its name, not its ARN (doc of
// AddTagsToResourceInput). A parameter that is still being validated is not there
// (that follows from image.go; the error's code is that of the doc).
func (s *state) resource(m *awssim.Moment, kind types.ResourceTypeForTagging, name *string) (parameter, error) {
	if kind != types.ResourceTypeForTaggingParameter {
		return parameter{}, m.NotModelled("tags of a %s", kind)
	}
	p, ok := s.own(aws.ToString(name))
	if !ok {
		return p, awssim.FailAs(http.StatusBadRequest, &types.InvalidResourceId{})
	}
	return p, nil
}

func addTagsToResource(m *awssim.Moment, s *state, in *ssm.AddTagsToResourceInput) (*ssm.AddTagsToResourceOutput, error) {
	p, err := s.resource(m, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	if p.tags, err = tagged(p.tags, in.Tags); err != nil {
		return nil, err
	}
	s.put(p)
	return &ssm.AddTagsToResourceOutput{}, nil
}

func removeTagsFromResource(m *awssim.Moment, s *state, in *ssm.RemoveTagsFromResourceInput) (*ssm.RemoveTagsFromResourceOutput, error) {
	p, err := s.resource(m, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	p.tags = slices.DeleteFunc(slices.Clone(p.tags), func(t types.Tag) bool { return slices.Contains(in.TagKeys, *t.Key) })
	s.put(p)
	return &ssm.RemoveTagsFromResourceOutput{}, nil
}

func listTagsForResource(m *awssim.Moment, s *state, in *ssm.ListTagsForResourceInput) (*ssm.ListTagsForResourceOutput, error) {
	p, err := s.resource(m, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	tags, err := tagged(nil, p.tags) // the caller's own
	if err != nil {
		return nil, err
	}
	return &ssm.ListTagsForResourceOutput{TagList: tags}, nil
}
