package event

import (
	"maps"
	"slices"
	"strings"
)

// A test says whether a leaf of an event passes: a string, json.Number, bool
// or nil, or missing where the event has no such leaf. An object is no leaf,
// so a field that holds one is missing, and so is one that holds an empty array.
type test func(leaf any) bool

type missing struct{}

// An operator compiles its operand. To add one, add a line to the table.
type operator func(c *compiler, operand node, path string) test

var operators = map[string]operator{
	"anything-but": anythingBut,
	"exists":       exists,
	"numeric":      numeric,
	"prefix":       onText(strings.HasPrefix),
	"suffix":       onText(strings.HasSuffix),
}

// excludable are the operators that anything-but can turn round.
var excludable = map[string]operator{
	"prefix": notEmpty(onText(strings.HasPrefix)),
}

// names lists operators, for errors.
func names(of map[string]operator) string {
	return strings.Join(slices.Sorted(maps.Keys(of)), " or ")
}

// equals passes leaves of the same type and value.
func equals(value any) test {
	if n, ok := numberOf(value); ok {
		return func(leaf any) bool { m, ok := numberOf(leaf); return ok && n.compare(m) == 0 }
	}
	return func(leaf any) bool { return leaf == value }
}

// onText makes an operator that compares strings, in upper and lower case as
// they are. Leaves of other types do not pass.
func onText(passes func(leaf, operand string) bool) operator {
	return func(c *compiler, operand node, path string) test {
		wanted, ok := operand.value.(string)
		if !ok {
			c.refuse(operand.start, path, operand.String(), "a string")
			return nil
		}
		return func(leaf any) bool { s, ok := leaf.(string); return ok && passes(s, wanted) }
	}
}

// notEmpty refuses the empty string, of which nothing would be left to pass.
func notEmpty(o operator) operator {
	return func(c *compiler, operand node, path string) test {
		if operand.value == "" {
			c.refuse(operand.start, path, "an empty string", "a string that is not empty")
		}
		return o(c, operand, path)
	}
}

func exists(c *compiler, operand node, path string) test {
	wanted, ok := operand.value.(bool)
	if !ok {
		c.refuse(operand.start, path, operand.String(), "true or false")
	}
	return func(leaf any) bool { return (leaf != missing{}) == wanted }
}

// anythingBut passes every leaf, of any type, that is there and is not excluded.
func anythingBut(c *compiler, operand node, path string) test {
	var excluded []test
	switch value := operand.value.(type) {
	case members:
		excluded = append(excluded, c.apply(excludable, operand, path))
	case elements:
		excluded = c.exclude(value, operand, path)
	default:
		excluded = c.exclude(elements{operand}, operand, path)
	}
	return func(leaf any) bool {
		for _, passes := range excluded {
			if passes(leaf) {
				return false
			}
		}
		return leaf != missing{}
	}
}

// exclude compiles a list of values: all of them strings, or all numbers.
func (c *compiler) exclude(values elements, operand node, path string) []test {
	var tests []test
	texts, numbers := 0, 0
	for _, v := range values {
		if _, ok := v.value.(string); ok {
			texts++
		} else if _, ok := numberOf(v.value); ok {
			numbers++
		}
		tests = append(tests, equals(v.value))
	}
	if len(values) == 0 || texts != len(values) && numbers != len(values) {
		c.refuse(operand.start, path, short(c.text.written(operand)),
			"strings only, numbers only, or the operator "+names(excludable))
	}
	return tests
}
