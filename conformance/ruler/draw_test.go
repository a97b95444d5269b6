//go:build conformance

package ruler

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// draw draws an event and a pattern that wants what the event has, or nearly.
//
// It leaves out what the two are known to be apart on: one field in two places
// of a pattern, addresses beside numbers, numeric bounds beyond 5e9.
func draw(r *rand.Rand) pair {
	d := &drawer{Rand: r, addresses: r.IntN(4) == 0}
	detail := d.object(3)
	return pair{pattern: written(d.pattern(detail, 2)), detail: written(detail)}
}

type drawer struct {
	*rand.Rand
	// addresses are drawn instead of numbers.
	addresses bool
	absent    int // fields that were made up
}

func written(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // it consists of maps, lists, strings and valid numbers
	}
	return string(data)
}

func pick[T any](d *drawer, from []T) T { return from[d.IntN(len(from))] }

// chance is true once in n.
func (d *drawer) chance(n int) bool { return d.IntN(n) == 0 }

var fieldNames = []string{"a", "b", "c", "a.b", "Ä"}

func (d *drawer) object(depth int) map[string]any {
	o := map[string]any{}
	for range 1 + d.IntN(3) {
		o[pick(d, fieldNames)] = d.value(depth - 1)
	}
	return o
}

func (d *drawer) value(depth int) any {
	switch n := d.IntN(10); {
	case depth > 0 && n < 2:
		return d.object(depth)
	case depth > 0 && n < 4:
		list := []any{}
		for range d.IntN(4) {
			list = append(list, d.value(depth-1))
		}
		return list
	}
	return d.leaf()
}

const beyond = "123456789012" // such as the id of an account

var (
	texts = []string{
		"", "x", "xy", "XY", "xyx", "yx", "i-0abc", "web-Blue", "a*b", `a\b`, `a\*b`, "*", `\`, `x"`, `"`,
		"ß", "SS", "Straße", "é", "É", "大雨", "k", "\u212a", "Σς", "ŉ", "true", "null", "5", "<&>",
	}
	addresses = []string{
		"10.0.0.1", "10.0.0.0", "010.0.0.1", "10.0.0.255", "10.0.1.0", "0.0.0.0", "255.255.255.255", "10.0.0", "10.0.0.256",
		"::", "::1", "0:0:0:0:0:0:0:1", "2001:db8::", "2001:DB8::1", "2001:db8:0:0::ffff", "2001:db9::", "::ffff:a00:1", "a00:1::", "a00:1:0:0:0:0:0:1",
		"1::2::3", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8", "fe80::1%eth0", "a:b", ":",
	}
	ranges = []string{
		"10.0.0.0/24", "10.0.0.77/24", "10.0.0.0/31", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.0/13", "128.0.0.0/1",
		"2001:db8::/32", "2001:db8::/33", "2001:db8::/127", "::/0", "::1/127", "2000::/3", "::ffff:a00:0/24",
		"10.0.0.0/32", "::1/128", "10.0.0.0", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1", "/24", "10.0.0/24", "x/24", "", "10.0.0.0/24/24",
	}
	numbers = []json.Number{
		"0", "-0", "1", "1.0", "2", "300", "3.0e2", "300.5", "-3", "-3.5", "0.1", "5e9", "-5e9", "4999999999.5", "12345678901234567890",
		"1.2345678901234567890e19", "0.30000000000000004", "0.3", "1e-7", beyond,
	}
	invalidNumbers = []json.Number{"12345678901234567890", "0.1234567890123456789"}
)

func (d *drawer) leaf() any {
	switch n := d.IntN(12); {
	case n == 0:
		return nil
	case n == 1:
		return d.chance(2)
	case d.addresses && n < 9:
		return pick(d, addresses)
	case !d.addresses && n < 5:
		return pick(d, numbers)
	}
	return pick(d, texts)
}

// pattern wants some of what an object has.
func (d *drawer) pattern(object map[string]any, ors int) map[string]any {
	p := map[string]any{}
	names := slices.Sorted(maps.Keys(object))
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	if d.chance(8) {
		d.absent++
		p[fmt.Sprint("absent", d.absent)] = d.wanted(nil)
	}
	for i, name := range names {
		left := names[i:]
		if ors > 0 && len(left) > 1 && d.chance(4) {
			var either []any
			for _, name := range left {
				either = append(either, d.pattern(map[string]any{name: object[name]}, ors-1))
			}
			if d.chance(8) {
				either = append(either, map[string]any{pick(d, []string{"prefix", "cidr", "=", "x"}): []any{"x"}})
			}
			p["$or"] = either
			break
		}
		p[name] = d.member(object[name], ors)
		if d.chance(3) {
			break
		}
	}
	if len(p) == 0 || twice(p) {
		return map[string]any{"absent0": []any{map[string]any{"exists": false}}}
	}
	return p
}

// twice says whether a pattern has "a.b" as well as b in a: one field, twice.
func twice(p map[string]any) bool {
	text := written(p)
	return strings.Contains(text, `"a.b":`) && strings.Contains(text, `"a":`)
}

func (d *drawer) member(value any, ors int) any {
	switch v := value.(type) {
	case map[string]any:
		return d.pattern(v, ors)
	case []any:
		// Of objects in an array any may give each of the names: what is wanted
		// may then be spread over several elements.
		spread := map[string]any{}
		var leaves []any
		for _, element := range v {
			if o, ok := element.(map[string]any); ok {
				for name, inner := range o {
					if _, ok := spread[name]; !ok || d.chance(2) {
						spread[name] = inner
					}
				}
			} else if _, ok := element.([]any); !ok {
				leaves = append(leaves, element)
			}
		}
		if len(spread) > 0 && (len(leaves) == 0 || d.chance(2)) {
			return d.pattern(spread, ors)
		}
		if len(leaves) > 0 {
			return d.wanted(pick(d, leaves))
		}
		return d.wanted(nil)
	}
	return d.wanted(value)
}

// wanted is a list of values for a field whose value is near.
func (d *drawer) wanted(near any) any {
	if d.chance(80) {
		return pick(d, []any{[]any{}, "x", nil, []any{[]any{"x"}}})
	}
	list := []any{}
	for range 1 + d.IntN(3) {
		list = append(list, d.choice(near))
		near = d.leaf() // the first is what may match, the others only get in its way
	}
	return list
}
