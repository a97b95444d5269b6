package event

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// alternative is one way to match: all of its fields, sorted by path. A
// pattern is its alternatives; without $or it has one.
type alternative []field

// field wants a leaf that passes one of its tests.
type field struct {
	path   string
	tests  []test
	values []string // what each test is for, as canonical JSON
	start  int      // offset of the values in the pattern
}

// mostAlternatives bounds what several $or multiply to. EventBridge refuses a
// pattern that could give "over 1000 rule combinations".
const mostAlternatives = 1000

// compiler turns the text of a pattern into its alternatives and keeps every
// problem. What it returns after a problem is meaningless.
type compiler struct {
	text     text
	problems []error
}

func (c *compiler) refuse(at int, path, got, wanted string) {
	c.problems = append(c.problems, c.text.problem(at, ParseError{Path: path, Got: got, Wanted: wanted}, ""))
}

// pattern compiles a whole pattern.
func (c *compiler) pattern(n node) []alternative {
	alternatives := c.object(n, "", false)
	for _, a := range alternatives {
		slices.SortFunc(a, func(x, y field) int { return cmp.Compare(x.path, y.path) })
		for i := 1; i < len(a); i++ {
			// EventBridge heeds the one that is written last, but JSON objects have no order.
			if a[i-1].path == a[i].path {
				c.refuse(max(a[i-1].start, a[i].start), a[i].path, "the field a second time", "it once")
				return nil
			}
		}
	}
	return alternatives
}

// object compiles the fields below path. Within $or some names are reserved.
func (c *compiler) object(n node, path string, within bool) []alternative {
	fields, _ := n.value.(members)
	if len(fields) == 0 {
		c.refuse(n.start, path, n.String(), "an object with at least one field")
		return nil
	}
	all := []alternative{nil}
	for _, m := range fields {
		below := join(path, m.name)
		if m.name == "$or" {
			all = c.both(m, below, all, c.or(m.value, path, below))
			continue
		}
		var some []alternative
		switch m.value.value.(type) {
		case elements:
			some = []alternative{{c.field(m.value, below)}}
		case members:
			some = c.object(m.value, below, within)
		default:
			c.refuse(m.value.start, below, m.value.String(), fmt.Sprintf("an array such as [%s]", m.value))
		}
		if within && slices.Contains(reserved, m.name) {
			c.refuse(m.start, below, "the name of an operator", "the name of a field, as a field within $or")
		}
		all = c.both(m, below, all, some)
	}
	return all
}

// or compiles the alternatives that n lists for the fields below path.
func (c *compiler) or(n node, path, below string) []alternative {
	choices, _ := n.value.(elements)
	if len(choices) < 2 {
		c.refuse(n.start, below, n.String(), "an array of two objects or more")
		return nil
	}
	var all []alternative
	for i, choice := range choices {
		if fields, _ := choice.value.(members); len(fields) == 0 {
			c.refuse(choice.start, at(below, i), choice.String(), "an object with at least one field")
			continue
		}
		all = append(all, c.object(choice, path, true)...)
	}
	return all
}

// both combines every way to match the fields before m with every way to match m.
func (c *compiler) both(m member, path string, before, some []alternative) []alternative {
	if n := len(before) * len(some); n > mostAlternatives {
		c.refuse(m.start, path, fmt.Sprintf("%d combinations of alternatives", n), fmt.Sprintf("at most %d", mostAlternatives))
		return nil
	}
	var all []alternative
	for _, a := range before {
		for _, b := range some {
			all = append(all, slices.Concat(a, b))
		}
	}
	return all
}

// field compiles the values of one field.
func (c *compiler) field(n node, path string) field {
	values := n.value.(elements)
	f := field{path: path, start: n.start}
	if len(values) == 0 {
		c.refuse(n.start, path, n.String(), "at least one value")
		return f
	}
	for i, v := range values {
		at := at(path, i)
		switch value := v.value.(type) {
		case members:
			f.tests = append(f.tests, c.apply(operators, v, at))
		case elements:
			c.refuse(v.start, at, v.String(), "a string, a number, true, false, null or an operator")
		default:
			f.tests = append(f.tests, equals(value))
		}
		f.values = append(f.values, c.text.written(v))
	}
	return f
}

// apply compiles the operator that the object n names, if it is one of these.
func (c *compiler) apply(known map[string]operator, n node, path string) test {
	all := n.value.(members)
	if len(all) != 1 {
		c.refuse(n.start, path, fmt.Sprintf("%d operators in one object", len(all)), "one operator")
		return nil
	}
	m := all[0]
	compile, ok := known[m.name]
	if !ok {
		c.refuse(m.start, path, fmt.Sprintf("the unknown operator %q", m.name), names(known))
		return nil
	}
	return compile(c, m.value, path+"."+m.name)
}

// at names an element of the array that path names.
func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// join names the member of what path names; at the top path is empty.
func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

// reserved are the names that EventBridge takes for operators within $or,
// present and future.
//
// https://github.com/aws/event-ruler#the-or-primitive
var reserved = []string{
	"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr",
	"=", "<", "<=", ">", ">=",
	"regex", "not-wildcard", "not-equals-ignore-case",
	"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
	"ip-address-in-range", "ip-address-not-in-range",
}
