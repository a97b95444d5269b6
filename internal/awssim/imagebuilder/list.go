package imagebuilder

// Lists and tags.

import (
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"

	"github.com/droverhq/drover/internal/awssim"
)

// filtered are the rows that pass all filters; one passes if it has any of the values.
func filtered[T any](m *awssim.Moment, rows table[T], filters []types.Filter, read map[string]func(T) *string) (table[T], error) {
	for _, f := range filters {
		value := read[aws.ToString(f.Name)]
		if value == nil {
			return nil, m.NotModelled("filter %q", aws.ToString(f.Name))
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(r row[T]) bool {
			have := value(*r.value)
			return have == nil || !slices.Contains(f.Values, *have)
		})
	}
	return rows, nil
}

// paged is a page of copies.
func paged[T any](m *awssim.Moment, rows table[T], most *int32, token *string) (page []T, next *string, err error) {
	const largest = 25 // doc of ListImageRecipes
	if most != nil && (*most < 1 || *most > largest) {
		return nil, nil, refused("The value supplied for parameter 'maxResults' is not valid.")
	}
	cut, next, err := awssim.Page(m, rows, func(r row[T]) string { return r.key }, most, token)
	if err != nil { // facts/apis.md 11, ListImagePipelineImages
		return nil, nil, awssim.FailAs(http.StatusBadRequest, &types.InvalidPaginationTokenException{Message: aws.String("The pagination token is not valid.")})
	}
	for _, r := range cut {
		page = append(page, deep(*r.value))
	}
	return page, next, nil
}

func listTagsForResource(_ *awssim.Moment, s *state, in *imagebuilder.ListTagsForResourceInput) (*imagebuilder.ListTagsForResourceOutput, error) {
	tags, ok := s.tags(aws.ToString(in.ResourceArn))
	if !ok {
		return nil, missingTyped(aws.ToString(in.ResourceArn))
	}
	return &imagebuilder.ListTagsForResourceOutput{Tags: orEmpty(deep(tags))}, nil
}

// tags are those of a recipe, a pipeline or an image.
func (s *state) tags(arn string) (map[string]string, bool) {
	if r, ok := s.recipes.get(arn); ok {
		return r.Tags, true
	}
	if p, ok := s.pipelines.get(arn); ok {
		return p.Tags, true
	}
	i, ok := s.build(arn)
	return i.Tags, ok
}
