package ec2

// Filters, lists by id and pages, as all Describe operations share them.

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// filters are the filters that a listing models, each with the values that a
// row has for it. A row passes a filter if any of its values is any of those
// wanted, and a list of filters if it passes all of them.
type filters[T row] map[string]func(*state, T) []string

// field makes a filter of a single value; a row whose value is "" has none.
func field[T row](of func(T) string) func(*state, T) []string {
	return func(_ *state, r T) []string {
		if v := of(r); v != "" {
			return []string{v}
		}
		return nil
	}
}

// listing is what the inputs of Describe operations have in common.
type listing struct {
	ids     []string
	filters []types.Filter
	most    *int32
	token   *string
	limit   int32 // the largest MaxResults
	least   int32 // the smallest, if it is not 5
	bare    bool  // the rows are no resources: they have no tags to filter by
}

// list returns the page of rows that a Describe operation asks for. Rows asked
// for by id must all exist and come in one page, in the order of their ids.
func list[T row](m *awssim.Moment, s *state, t *table[T], prefix string, q listing, known filters[T]) ([]T, *string, error) {
	if err := q.check(); err != nil {
		return nil, nil, err
	}
	for _, id := range q.ids {
		if _, ok := t.get(id); !ok {
			return nil, nil, notFound(prefix, id)
		}
	}
	pass, err := matcher(m, s, q, known)
	if err != nil {
		return nil, nil, err
	}
	rows := t.all(func(r T) bool {
		return (len(q.ids) == 0 || slices.Contains(q.ids, r.key())) && pass(r)
	})
	if len(q.ids) > 0 {
		return rows, nil, nil
	}
	return awssim.Page(m, rows, T.key, q.most, q.token)
}

// check holds MaxResults against its limits (GH aws/aws-sdk-ruby#2575) and
// against ids, beside which it is not allowed (GH getmoto/moto#6282; documented
// for instances and interfaces, taken to hold for all).
func (q listing) check() error {
	switch {
	case q.most == nil:
		return nil
	case len(q.ids) > 0:
		return invalid("InvalidParameterCombination", "A list of ids cannot be used with the parameter maxResults")
	case *q.most < cmp.Or(q.least, 5):
		return invalid("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than %d.", *q.most, cmp.Or(q.least, 5))
	case *q.most > q.limit:
		return invalid("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value less than or equal to %d.", *q.most, q.limit)
	}
	return nil
}

// matcher makes one predicate of filters. "tag:K" and "tag-key" work for every
// resource.
func matcher[T row](m *awssim.Moment, s *state, q listing, known filters[T]) (func(T) bool, error) {
	passes := make([]func(T) bool, 0, len(q.filters))
	for _, f := range q.filters {
		name := aws.ToString(f.Name)
		values := known[name]
		if key, ok := strings.CutPrefix(name, "tag:"); ok && !q.bare {
			values = func(s *state, r T) []string { return s.tagValues(r.key(), key) }
		}
		if name == "tag-key" && !q.bare {
			values = func(s *state, r T) []string { return s.tagKeys(r.key()) }
		}
		if values == nil {
			return nil, m.NotModelled("filter %q", name)
		}
		if len(f.Values) == 0 {
			return nil, invalid("InvalidParameterValue", "The filter '%s' has no values", name)
		}
		patterns := make([]func(string) bool, len(f.Values))
		for i, v := range f.Values {
			patterns[i] = glob(v)
		}
		passes = append(passes, func(r T) bool {
			return slices.ContainsFunc(values(s, r), func(v string) bool {
				return slices.ContainsFunc(patterns, func(match func(string) bool) bool { return match(v) })
			})
		})
	}
	return func(r T) bool {
		return !slices.ContainsFunc(passes, func(pass func(T) bool) bool { return !pass(r) })
	}, nil
}

// glob is a filter value: * is any text, ? any one character, and a backslash
// takes the next character as it is (doc of ec2 types.Filter; EC2 User Guide,
// "Filtering resources").
func glob(pattern string) func(string) bool {
	if !strings.ContainsAny(pattern, `*?\`) {
		return func(v string) bool { return v == pattern }
	}
	var text strings.Builder
	text.WriteString(`(?s)^`)
	escaped := false
	for _, r := range pattern {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '*':
			text.WriteString(`.*`)
		case !escaped && r == '?':
			text.WriteString(`.`)
		default:
			text.WriteString(regexp.QuoteMeta(string(r)))
		}
		escaped = false
	}
	text.WriteString(`$`)
	return regexp.MustCompile(text.String()).MatchString
}
