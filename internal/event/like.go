package event

import (
	"fmt"

	"github.com/droverhq/drover/internal/wildcard"
)

// WhereLike narrows p to events whose field at path may fit one of some patterns
// with * and ?, see the package wildcard: it looks at what is before the first
// of these or, where there is nothing, after the last. So it lets more through
// than fits, and everything for a pattern that has neither. It panics as Where
// does.
//
// EventBridge has an operator for wildcards too, but refuses rules in which they
// are too complex, and has none for a single character.
func (p Pattern) WhereLike(path string, oneOf ...string) Pattern {
	var values []any
	for _, pattern := range oneOf {
		head, tail := wildcard.Head(pattern), wildcard.Tail(pattern)
		switch {
		case wildcard.Literal(pattern):
			values = append(values, pattern)
		case head != "":
			values = append(values, map[string]any{"prefix": head})
		case tail != "":
			values = append(values, map[string]any{"suffix": tail})
		default:
			return p
		}
	}
	v, err := decode(p.canonical)
	fields, _ := v.(map[string]any)
	if err != nil || len(values) == 0 || !put(fields, path, values) {
		panic(fmt.Sprintf("event: pattern %s where %s is like one of %q", p, path, oneOf))
	}
	return build(fields)
}
