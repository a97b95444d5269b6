//go:build conformance

package ruler

import (
	"encoding/json"
	"fmt"
	"strings"
)

// choice chooses near, or just not.
func (d *drawer) choice(near any) any {
	if d.chance(5) {
		near = d.leaf()
	}
	op := func(name string, operand any) any { return map[string]any{name: operand} }
	switch near := near.(type) {
	case string:
		switch d.IntN(10) {
		case 0, 1:
			return near
		case 2:
			return op("prefix", d.folding(cut(d, near, true)))
		case 3:
			return op("suffix", d.folding(cut(d, near, false)))
		case 4:
			return op("equals-ignore-case", d.flip(near))
		case 5:
			return op("wildcard", d.wild(near))
		case 6, 7:
			return op("anything-but", d.but(near))
		case 8:
			if d.addresses {
				return op("cidr", pick(d, ranges))
			}
			return op("exists", d.chance(2))
		}
		if d.chance(6) {
			return d.odd(near)
		}
		return near
	case json.Number:
		switch d.IntN(6) {
		case 0, 1:
			return near
		case 2:
			return op("anything-but", near)
		case 3:
			return op("anything-but", []any{pick(d, numbers), near})
		case 4:
			return op("numeric", []any{pick(d, []string{"=", "<", "<=", ">", ">="}), bound(near)})
		}
		low, high := bound(near), bound(pick(d, numbers))
		return op("numeric", []any{pick(d, []string{">", ">="}), low, pick(d, []string{"<", "<="}), high})
	}
	switch d.IntN(6) {
	case 0:
		return op("exists", d.chance(2))
	case 1:
		return op("anything-but", pick(d, []any{"x", "xy", json.Number("5"), []any{"x", "y"}}))
	case 2:
		return op("anything-but", op(pick(d, []string{"prefix", "suffix", "wildcard", "equals-ignore-case"}), "x"))
	}
	return near
}

// bound keeps a numeric bound within what EventBridge documents.
func bound(n json.Number) json.Number {
	if n == beyond {
		return "5e9"
	}
	return n
}

// folding is an operand, perhaps one whose case does not matter.
func (d *drawer) folding(s string) any {
	if d.chance(3) {
		return map[string]any{"equals-ignore-case": d.flip(s)}
	}
	return s
}

// but is an operand of anything-but around s.
func (d *drawer) but(s string) any {
	several := func(s string) any {
		switch d.IntN(3) {
		case 0:
			return s
		case 1:
			return []any{s}
		}
		return []any{pick(d, texts), s}
	}
	switch d.IntN(6) {
	case 0:
		return map[string]any{"prefix": several(cut(d, s, true))}
	case 1:
		return map[string]any{"suffix": several(cut(d, s, false))}
	case 2:
		return map[string]any{"equals-ignore-case": several(d.flip(s))}
	case 3:
		return map[string]any{"wildcard": several(d.wild(s))}
	}
	return several(s)
}

// cut is a beginning or an end of s, now and then with a letter changed.
func cut(d *drawer, s string, head bool) string {
	runes := []rune(s)
	n := d.IntN(len(runes) + 1)
	if head {
		runes = runes[:n]
	} else {
		runes = runes[n:]
	}
	if d.chance(6) {
		return string(runes) + pick(d, []string{`"`, "x", "*"})
	}
	return string(runes)
}

// flip changes the case of some letters.
func (d *drawer) flip(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch d.IntN(3) {
		case 0:
			b.WriteString(strings.ToUpper(string(r)))
		case 1:
			b.WriteString(strings.ToLower(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// wild replaces parts of s by stars. Now and then it forgets to escape.
func (d *drawer) wild(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case (r == '*' || r == '\\') && !d.chance(8):
			b.WriteString(`\` + string(r))
		case d.chance(4):
			b.WriteRune('*')
		case d.chance(6):
			b.WriteString("*" + string(r))
		default:
			b.WriteRune(r)
		}
	}
	if d.chance(4) {
		b.WriteRune('*')
	}
	text := b.String()
	if !d.chance(8) {
		for strings.Contains(text, "**") && !strings.Contains(text, `\`) {
			text = strings.ReplaceAll(text, "**", "*")
		}
	}
	return text
}

// odd is mostly refused.
func (d *drawer) odd(s string) any {
	one := func(name string, operand any) any { return map[string]any{name: operand} }
	return pick(d, []any{
		map[string]any{},
		map[string]any{"prefix": s, "suffix": s},
		one("regex", s), one("prefix", []any{s}), one("suffix", nil),
		one("prefix", one("wildcard", s)), one("suffix", one("equals-ignore-case", []any{s})), one("equals-ignore-case", []any{s}),
		one("wildcard", []any{s}), one("cidr", nil), one("cidr", []any{"10.0.0.0/8"}), one("exists", fmt.Sprint(true)), one("numeric", []any{"<"}),
		one("numeric", []any{"=", s}), one("numeric", []any{"=", pick(d, invalidNumbers)}), one("numeric", []any{"<", json.Number("1"), ">", json.Number("0")}),
		one("anything-but", nil), one("anything-but", true), one("anything-but", []any{}), one("anything-but", []any{s, nil}), one("anything-but", []any{s, json.Number("1")}),
		one("anything-but", pick(d, invalidNumbers)), one("anything-but", one("prefix", "")), one("anything-but", one("suffix", []any{s, ""})),
		one("anything-but", one("numeric", []any{"=", json.Number("1")})), one("anything-but", one("exists", true)),
		one("anything-but", map[string]any{"prefix": "x", "suffix": "x"}), one("anything-but", map[string]any{}), one("anything-but", one("cidr", "10.0.0.0/8")),
		one("anything-but", one("wildcard", json.Number("1"))), one("anything-but", one("equals-ignore-case", []any{nil})),
	})
}
