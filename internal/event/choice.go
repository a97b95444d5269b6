package event

import (
	"encoding/json"
	"slices"
	"strings"
)

// choice is one of the values of a field, taken apart: a literal value, or an
// operator with its operand.
type choice struct {
	json     string
	test     test
	operator string // empty for a literal value
	operand  any    // or the literal value
	// span is set for cidr and for a literal address, which is any spelling of
	// itself.
	span *span
}

func newChoice(written string, test test) choice {
	v, _ := decode([]byte(written)) // it has been read before
	c := choice{json: written, test: test, operand: v}
	if object, ok := v.(map[string]any); ok {
		for name, operand := range object { // there is one
			c.operator, c.operand = name, operand
		}
	}
	if s, ok := c.operand.(string); ok && (c.operator == "" || c.operator == "cidr") {
		if s, ok := parseSpan(s, c.operator == "cidr"); ok {
			c.span = &s
		}
	}
	return c
}

// how says what two choices have in common.
type how int

const (
	some      how = iota // something that can be written
	nothing              // no leaf is chosen by both
	unsayable            // something that cannot be written, as far as we know
)

// and is what both choose.
func (c choice) and(d choice) (string, how) {
	switch {
	case c.span != nil && d.span != nil:
		return c.andSpan(d)
	case c.operator == "" && c.span == nil:
		return c.passing(d)
	case d.operator == "" && d.span == nil:
		return d.passing(c)
	// What exists:false chooses, nothing else does.
	case c.test(missing{}) != d.test(missing{}):
		return "", nothing
	case c.operator == "exists":
		return d.json, some
	case d.operator == "exists":
		return c.json, some
	case c.operator == "numeric" && d.textual(), c.textual() && d.operator == "numeric":
		return "", nothing
	case c.operator == d.operator:
		return c.andSame(d)
	}
	return "", unsayable
}

// passing is a literal value, if the other choice chooses it.
func (c choice) passing(d choice) (string, how) {
	if d.test(c.operand) {
		return c.json, some
	}
	return "", nothing
}

// textual says whether only strings are chosen.
func (c choice) textual() bool {
	return c.span != nil || slices.Contains([]string{"equals-ignore-case", "prefix", "suffix", "wildcard"}, c.operator)
}

// andSpan compares ranges of addresses, of which one contains the other or they
// have nothing in common. What addresses of both families have in common is the
// matcher's secret, see [span.contains].
func (c choice) andSpan(d choice) (string, how) {
	a, b := *c.span, *d.span
	switch {
	case len(a.bottom) != len(b.bottom):
		return "", unsayable
	case a.bottom >= b.bottom && a.top <= b.top:
		return c.json, some
	case b.bottom >= a.bottom && b.top <= a.top:
		return d.json, some
	}
	return "", nothing
}

// andSame joins operands of one operator.
func (c choice) andSame(d choice) (string, how) {
	if c.operator == "anything-but" {
		return excludeBoth(c.operand, d.operand)
	}
	x, ok := c.operand.(string)
	y, valid := d.operand.(string)
	contains := map[string]func(s, part string) bool{"prefix": strings.HasPrefix, "suffix": strings.HasSuffix}[c.operator]
	switch {
	case !ok || !valid || contains == nil:
		return "", unsayable
	case contains(x, y):
		return c.json, some
	case contains(y, x):
		return d.json, some
	}
	return "", nothing
}

// excludeBoth excludes what either operand of anything-but does, which can be
// written if both are strings or both are numbers.
func excludeBoth(x, y any) (string, how) {
	var all []any
	texts := 0
	for _, operand := range []any{x, y} {
		values, ok := operand.([]any)
		if !ok {
			values = []any{operand}
		}
		for _, v := range values {
			switch v.(type) {
			case string:
				texts++
			case json.Number:
			default:
				return "", unsayable
			}
		}
		all = append(all, values...)
	}
	if texts != 0 && texts != len(all) {
		return "", unsayable
	}
	data, err := json.Marshal(map[string]any{"anything-but": all})
	if err != nil {
		return "", unsayable
	}
	written, err := canonical(data)
	if err != nil {
		return "", unsayable
	}
	return string(written), some
}
