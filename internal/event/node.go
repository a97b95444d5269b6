package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is a JSON value that remembers where in its text it stands.
type node struct {
	start, end int
	// value is a string, json.Number, bool or nil, or else members or elements.
	value any
}

type members []member

type member struct {
	name  string
	start int
	value node
}

type elements []node

// get finds a member by name.
func (m members) get(name string) (node, bool) {
	for _, x := range m {
		if x.name == name {
			return x.value, true
		}
	}
	return node{}, false
}

// String says what the value is, for errors.
func (n node) String() string {
	switch v := n.value.(type) {
	case members:
		if len(v) == 0 {
			return "an empty object"
		}
		return "an object"
	case elements:
		if len(v) == 0 {
			return "an empty array"
		}
		return "an array"
	case string:
		return strconv.Quote(short(v))
	case nil:
		return "null"
	default:
		return short(fmt.Sprint(v))
	}
}

// value reads the first JSON value at or after an offset. It returns io.EOF if
// only blanks are left.
func (t text) value(offset int) (node, error) {
	// The value is read twice: first as a whole, which finds every mistake and
	// bounds the depth, then by its parts, which can then no longer fail.
	dec := json.NewDecoder(bytes.NewReader(t[offset:]))
	var whole json.RawMessage
	if err := dec.Decode(&whole); err != nil {
		return node{}, t.notJSON(offset, err)
	}
	end := offset + int(dec.InputOffset())
	if !utf8.Valid(t[offset:end]) {
		return node{}, t.notUTF8(offset)
	}
	r := tree{text: t, base: offset, dec: json.NewDecoder(bytes.NewReader(t[offset:end]))}
	r.dec.UseNumber()
	return r.node()
}

// tree reads the parts of a JSON value that is known to be correct.
type tree struct {
	text text
	base int // offset in text at which dec began
	dec  *json.Decoder
}

func (r *tree) offset() int { return r.base + int(r.dec.InputOffset()) }

// next is the offset of the next token; what separates tokens is skipped.
func (r *tree) next() int {
	at := r.offset()
	for at < len(r.text) && strings.IndexByte(space+",:", r.text[at]) >= 0 {
		at++
	}
	return at
}

func (r *tree) node() (node, error) {
	n := node{start: r.next()}
	token, err := r.dec.Token()
	if err != nil {
		return node{}, err
	}
	switch token {
	case json.Delim('{'):
		n.value, err = r.members()
	case json.Delim('['):
		n.value, err = r.elements()
	default:
		n.value = token
	}
	n.end = r.offset()
	return n, err
}

func (r *tree) members() (members, error) {
	all := members{}
	for r.dec.More() {
		at := r.next()
		name, err := r.dec.Token()
		if err != nil {
			return nil, err
		}
		value, err := r.node()
		if err != nil {
			return nil, err
		}
		all = append(all, member{name: name.(string), start: at, value: value})
	}
	_, err := r.dec.Token()
	return all, err
}

func (r *tree) elements() (elements, error) {
	all := elements{}
	for r.dec.More() {
		value, err := r.node()
		if err != nil {
			return nil, err
		}
		all = append(all, value)
	}
	_, err := r.dec.Token()
	return all, err
}

// written is n as [Pattern.MarshalJSON] writes it.
func (t text) written(n node) string {
	data, err := canonical(t[n.start:n.end])
	if err != nil {
		return n.String()
	}
	return string(data)
}

// space is what JSON allows between tokens.
const space = " \t\r\n"

// blanks counts the blanks that data begins with.
func blanks(data []byte) int { return len(data) - len(bytes.TrimLeft(data, space)) }
