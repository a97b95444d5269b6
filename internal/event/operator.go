package event

import (
	"encoding/json"
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
	"anything-but":       anythingBut,
	"cidr":               cidr,
	"equals-ignore-case": onText(equalsFolded),
	"exists":             exists,
	"numeric":            numeric,
	"prefix":             onTextOrFolded(begins, beginsFolded),
	"suffix":             onTextOrFolded(ends, endsFolded),
	"wildcard":           onText(fits),
}

// excludable are the operators that anything-but can turn round, each with one
// operand or a list of them.
var excludable = map[string]operator{
	"equals-ignore-case": onTexts(equalsFolded),
	"prefix":             onTexts(notEmpty(begins)),
	"suffix":             onTexts(notEmpty(ends)),
	"wildcard":           onTexts(fits),
}

// names lists operators, for errors.
func names(of map[string]operator) string {
	return strings.Join(slices.Sorted(maps.Keys(of)), " or ")
}

// equals passes what a value of a field chooses: leaves of the same type and
// value, and addresses in any spelling.
func equals(value any) test {
	if s, ok := value.(string); ok {
		if s, ok := parseSpan(s, false); ok {
			return s.passes
		}
	}
	return same(value)
}

// same passes leaves of the same type and value. Numbers that are not
// comparable are the same when they are written alike.
func same(value any) test {
	if n, ok := numberOf(value); ok {
		return func(leaf any) bool { m, ok := numberOf(leaf); return ok && n == m }
	}
	return func(leaf any) bool { return leaf == value }
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
	return func(leaf any) bool { return leaf != missing{} && !anyPasses(excluded, leaf) }
}

func anyPasses(tests []test, leaf any) bool {
	return slices.ContainsFunc(tests, func(passes test) bool { return passes(leaf) })
}

// exclude compiles a list of values: all of them strings, or all numbers.
// Strings that are addresses are excluded in this spelling only.
func (c *compiler) exclude(values elements, operand node, path string) []test {
	var tests []test
	texts, numbers := 0, 0
	for _, v := range values {
		switch value := v.value.(type) {
		case string:
			texts++
		case json.Number:
			numbers++
			if _, ok := numberOf(value); !ok {
				c.refuse(v.start, path, v.String(), comparableNumber)
			}
		}
		tests = append(tests, same(v.value))
	}
	if len(values) == 0 || texts != len(values) && numbers != len(values) {
		c.refuse(operand.start, path, short(c.text.written(operand)),
			"strings only, numbers only, or the operator "+names(excludable))
	}
	return tests
}
