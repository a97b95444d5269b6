package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// mostLength is the length of a rule's pattern
// (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html).
const mostLength = 4096

// ConflictError is why a pattern cannot be narrowed by another: what the two
// want of one field.
type ConflictError struct {
	Path      string
	Has, When string // the values as JSON, joined by "or"
	// Never says that no value is among both, so that nothing would match.
	// Otherwise one rule cannot ask for both.
	Never bool
}

func (e *ConflictError) Error() string {
	if e.Never {
		return fmt.Sprintf("%s: nothing is %s as well as %s", e.Path, short(e.When), short(e.Has))
	}
	return fmt.Sprintf("%s: one rule cannot ask for %s as well as %s", e.Path, short(e.When), short(e.Has))
}

// Narrow is p with what when wants in addition, as if both were written in one
// rule. It matches the events that both match; but where an event has an array,
// one element of it has to do for both.
//
// A field that only one of them speaks of is kept. Of a field in both, the
// values that both choose remain: literal values that are in both or that an
// operator chooses; of two operators the narrower, or both at once where one
// operator can say that. Where there is no such value, or no way to write it,
// the error is a [*ConflictError]. A result that EventBridge would refuse is
// refused too.
func (p Pattern) Narrow(when Pattern) (Pattern, error) {
	var all []alternative
	var conflict *ConflictError
	for _, a := range p.alternatives {
		for _, b := range when.alternatives {
			both, err := a.narrow(b)
			switch {
			case err == nil:
				all = append(all, both)
			case !err.Never:
				return Pattern{}, err
			case conflict == nil:
				conflict = err
			}
		}
	}
	if len(all) == 0 {
		if conflict == nil {
			return Pattern{}, errors.New("narrow event pattern: it is empty")
		}
		return Pattern{}, conflict
	}
	data, err := json.Marshal(merge(all))
	if err != nil {
		return Pattern{}, err
	}
	narrow, err := ParsePattern(data)
	if n := utf8.RuneCount(narrow.canonical); err == nil && n > mostLength {
		err = refusal(ParseError{
			Got:    fmt.Sprintf("a pattern that makes a rule of %d characters", n),
			Wanted: fmt.Sprintf("a rule of at most %d", mostLength),
		}, "")
	}
	if err != nil {
		return Pattern{}, err
	}
	return narrow, nil
}

// narrow has the fields of both.
func (a alternative) narrow(b alternative) (alternative, *ConflictError) {
	all := slices.Clone(a)
	for _, g := range b {
		i := slices.IndexFunc(all, func(f field) bool { return f.path == g.path })
		if i < 0 {
			all = append(all, g)
			continue
		}
		values, ok := all[i].narrow(g)
		if len(values) == 0 || !ok {
			return nil, &ConflictError{Path: g.path, Has: all[i].wanted(), When: g.wanted(), Never: ok}
		}
		all[i] = field{path: g.path, values: values}
	}
	return all, nil
}

// narrow lists the values that choose what both fields choose. It is not ok if
// they cannot be written.
func (f field) narrow(g field) (values []string, ok bool) {
	for i, x := range f.values {
		if slices.Contains(g.values, x) {
			values = append(values, x)
			continue
		}
		for j, y := range g.values {
			if slices.Contains(f.values, y) {
				continue // all that it chooses, f chooses too
			}
			both, how := newChoice(x, f.tests[i]).and(newChoice(y, g.tests[j]))
			if how == unsayable {
				return nil, false
			}
			if how == some && !slices.Contains(values, both) {
				values = append(values, both)
			}
		}
	}
	for _, y := range g.values {
		if slices.Contains(f.values, y) && !slices.Contains(values, y) {
			values = append(values, y)
		}
	}
	return values, true
}

// merge writes alternatives as the members of a pattern: what all of them want
// alike, and beside it the rest as $or.
func merge(all []alternative) map[string]any {
	alike := slices.DeleteFunc(slices.Clone(all[0]), func(f field) bool {
		return slices.ContainsFunc(all, func(a alternative) bool { return !a.has(f) })
	})
	fields := nest(alike)
	var rest []map[string]any
	var written []string
	for _, a := range all {
		own := slices.DeleteFunc(slices.Clone(a), func(f field) bool { return alike.has(f) })
		if len(own) == 0 {
			return fields // it chooses whatever the others do
		}
		members := nest(own)
		if text := fmt.Sprint(members); !slices.Contains(written, text) {
			rest, written = append(rest, members), append(written, text)
		}
	}
	fields["$or"] = rest
	return fields
}

func (a alternative) has(f field) bool {
	return slices.ContainsFunc(a, func(g field) bool { return g.path == f.path && slices.Equal(g.values, f.values) })
}

// nest writes fields as objects within objects. Where a field and a field below
// it are both wanted the second is written by its path, which means the same.
func nest(fields alternative) map[string]any {
	all := map[string]any{}
	for _, f := range fields {
		values := make([]json.RawMessage, len(f.values))
		for i, v := range f.values {
			values[i] = json.RawMessage(v)
		}
		if !put(all, f.path, values) {
			all[f.path] = values
		}
	}
	return all
}

// put sets the field at path, unless there is one already.
func put(fields map[string]any, path string, values any) bool {
	name, rest, deeper := strings.Cut(path, ".")
	within, taken := fields[name]
	if !deeper {
		if !taken {
			fields[name] = values
		}
		return !taken
	}
	if !taken {
		within = map[string]any{}
		fields[name] = within
	}
	inner, ok := within.(map[string]any)
	return ok && put(inner, rest, values)
}
