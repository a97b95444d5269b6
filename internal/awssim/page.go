package awssim

import (
	"net/http"
	"slices"
	"strings"
)

const tokenPrefix = "after-"

// Page cuts a page from items, which ascend by key: at most most of them, if
// that is set, and at most [Options].PageSize. A token marks the last item
// before the page by its key, so what comes and goes between two pages neither
// repeats nor hides anything else. Not modelled: tokens that expire, or belong
// to a query.
func Page[T any](m *Moment, items []T, key func(T) string, most *int32, token *string) ([]T, *string, error) {
	if token != nil {
		after, ok := strings.CutPrefix(*token, tokenPrefix)
		if !ok {
			return nil, nil, Fail(http.StatusBadRequest, "InvalidNextToken", "The token is not valid") // facts/apis.md 11 has the code for other services; for EC2 unverified
		}
		first := slices.IndexFunc(items, func(item T) bool { return key(item) > after })
		if first < 0 {
			return nil, nil, nil
		}
		items = items[first:]
	}
	size := m.world.options.PageSize
	if most != nil {
		size = min(size, int(*most))
	}
	if len(items) <= size {
		return items, nil, nil
	}
	next := tokenPrefix + key(items[size-1])
	return items[:size], &next, nil
}
