package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Pattern chooses events by the values of their fields, in the language of
// EventBridge. All fields of a pattern must match, each with any of its values.
// A field whose value in the event is an array matches with any element; of an
// array of objects, all fields must match within one element.
//
// A pattern is made by [ParsePattern], [MustPattern] or [PatternFor], narrowed
// by [Pattern.Narrow], [Pattern.Where] and others, and never changes. The zero
// Pattern is not valid: it matches nothing and cannot be written as JSON.
//
// The operators are those that EventBridge documents for rules: exact values
// (strings, numbers, booleans, null), prefix, suffix, equals-ignore-case, also
// within these two, wildcard, cidr, numeric, exists, anything-but with each of
// its operands, and $or. Others are refused by name.
//
// The meaning is that of AWS's own matcher, aws/event-ruler, which conformance
// holds this one against; where the documentation is silent that decides. So a
// string that is an IP address matches the same address in any spelling, in an
// exact value and in cidr, but nowhere else; and numbers are compared as
// float64, unless they have more digits than that tells apart. What differs is
// in testdata/event-ruler/apart.tsv. Beyond that, an event's time is seen as
// encoding/json writes it, so without zeros at the end of a fraction.
//
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
type Pattern struct {
	canonical    []byte // the pattern as JSON, sorted by field
	alternatives []alternative
}

// ParsePattern reads a pattern. What EventBridge refuses is refused, all of it
// in one error, see [ParseError]. So is what EventBridge accepts with a
// surprising meaning: a field named twice, of which it heeds the last only, and
// $or as the name of a field.
func ParsePattern(data []byte) (Pattern, error) {
	t := newText(data)
	n, err := t.only("event pattern")
	if err != nil {
		return Pattern{}, err
	}
	c := compiler{text: t}
	alternatives := c.pattern(n)
	if len(c.problems) > 0 {
		return Pattern{}, errors.Join(c.problems...)
	}
	written, err := canonical(t[n.start:n.end])
	return Pattern{canonical: written, alternatives: alternatives}, err
}

// MustPattern is [ParsePattern] for patterns that are part of the program. It
// panics if the pattern is not valid.
func MustPattern(data string) Pattern {
	p, err := ParsePattern([]byte(data))
	if err != nil {
		panic(fmt.Sprintf("event: %v in %s", err, data))
	}
	return p
}

// PatternFor chooses the events of one type from one source.
func PatternFor(source, detailType string) Pattern {
	return build(map[string]any{"source": []string{source}, "detail-type": []string{detailType}})
}

// Where narrows p to events whose field at path, such as "detail.state", has
// one of these values. It panics if there are none, for then nothing would
// match, and if p says something about the field already.
func (p Pattern) Where(path string, oneOf ...string) Pattern {
	v, err := decode(p.canonical)
	fields, _ := v.(map[string]any)
	if err != nil || len(oneOf) == 0 || !put(fields, path, oneOf) {
		panic(fmt.Sprintf("event: pattern %s where %s is one of %q", p, path, oneOf))
	}
	return build(fields)
}

// Lists says whether value is among those that p wants at the top-level field.
func (p Pattern) Lists(field, value string) bool {
	v, err := decode(p.canonical)
	fields, _ := v.(map[string]any)
	wanted, _ := fields[field].([]any)
	return err == nil && slices.Contains(wanted, any(value))
}

func build(fields map[string]any) Pattern {
	data, err := json.Marshal(fields)
	if err != nil {
		panic(err) // maps and strings are always JSON
	}
	return MustPattern(string(data))
}

// Match says whether p chooses e.
func (p Pattern) Match(e Event) bool {
	_, ok := p.Explain(Flatten(e))
	return ok
}

// Explain says whether p chooses e and if not, why: what the first field that
// does not match has and what was wanted. Where $or gives alternatives, it
// says so for each.
func (p Pattern) Explain(e Flat) (why string, ok bool) {
	if len(p.alternatives) == 0 {
		return "the pattern is empty", false
	}
	if e.err != nil {
		return fmt.Sprintf("the event is not valid: %v", e.err), false
	}
	var reasons []string
	for _, a := range p.alternatives {
		why, ok := a.explain(e.leaves)
		if ok {
			return "", true
		}
		if !slices.Contains(reasons, why) {
			reasons = append(reasons, why)
		}
	}
	return strings.Join(reasons, "; and "), false
}

// MarshalJSON writes p for an EventBridge rule, sorted by field: equal
// patterns are written equally.
func (p Pattern) MarshalJSON() ([]byte, error) {
	if p.canonical == nil {
		return nil, errors.New("write event pattern: it is empty")
	}
	return slices.Clone(p.canonical), nil
}

// String is p as JSON.
func (p Pattern) String() string { return string(p.canonical) }

// canonical writes JSON with its members sorted. Elements stay in their order,
// and numbers as they were written.
func canonical(data []byte) ([]byte, error) {
	v, err := decode(data)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // comparisons stay readable
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// decode reads JSON and keeps its numbers as they were written.
func decode(data []byte) (any, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err := dec.Decode(&v)
	return v, err
}
