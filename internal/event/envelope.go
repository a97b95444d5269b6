package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// envelope makes an event of the value n of the text.
func (t text) envelope(n node) (Event, error) {
	all, ok := n.value.(members)
	if !ok {
		return Event{}, t.misfit(n, notObject(n))
	}
	if m, ok := recognise(all); ok {
		return Event{}, t.misfit(n, m)
	}
	r := envelopeReader{text: t, start: n.start, members: all}
	e := Event{
		Version:    r.str("version"),
		ID:         r.str("id"),
		DetailType: r.required("detail-type"),
		Source:     r.required("source"),
		Account:    r.str("account"),
		Time:       r.time("time"),
		Region:     r.str("region"),
		Resources:  r.strs("resources"),
		Detail:     r.object("detail"),
	}
	if len(r.problems) > 0 {
		return Event{}, errors.Join(r.problems...)
	}
	return e, nil
}

// envelopeReader reads members by name and type and keeps every problem. What
// cannot be read is returned as zero.
type envelopeReader struct {
	text     text
	start    int // where the envelope begins
	members  members
	problems []error
}

func (r *envelopeReader) refuse(at int, path, got, wanted string) {
	r.problems = append(r.problems, r.text.problem(at, ParseError{Path: path, Got: got, Wanted: wanted}, ""))
}

// find finds a member. Of a member that is there twice it is unknown which is
// meant, and readers of JSON differ in which they take.
func (r *envelopeReader) find(name string) (n node, ok bool) {
	for _, m := range r.members {
		switch {
		case m.name != name:
		case ok:
			r.refuse(m.start, name, "the member a second time", "it once")
		default:
			n, ok = m.value, true
		}
	}
	return n, ok
}

func (r *envelopeReader) missing(name, wanted string) {
	r.refuse(r.start, name, "no such member", wanted)
}

func (r *envelopeReader) str(name string) string {
	n, ok := r.find(name)
	if !ok {
		return ""
	}
	s, ok := n.value.(string)
	if !ok {
		r.refuse(n.start, name, n.String(), "a string")
	}
	return s
}

func (r *envelopeReader) required(name string) string {
	const wanted = "a string that is not empty"
	n, ok := r.find(name)
	if !ok {
		r.missing(name, wanted)
		return ""
	}
	s, _ := n.value.(string)
	if s == "" {
		r.refuse(n.start, name, n.String(), wanted)
	}
	return s
}

func (r *envelopeReader) time(name string) (at time.Time) {
	n, ok := r.find(name)
	if !ok {
		return at
	}
	s, ok := n.value.(string)
	// UnmarshalText is stricter than time.Parse: what it accepts can be written again.
	if !ok || at.UnmarshalText([]byte(s)) != nil {
		r.refuse(n.start, name, n.String(), "a time such as 2017-12-22T18:43:48Z (RFC 3339)")
	}
	return at
}

func (r *envelopeReader) strs(name string) []string {
	n, ok := r.find(name)
	if !ok {
		return nil
	}
	list, ok := n.value.(elements)
	if !ok {
		r.refuse(n.start, name, n.String(), "an array of strings")
		return nil
	}
	var all []string
	for i, element := range list {
		s, ok := element.value.(string)
		if !ok {
			r.refuse(element.start, fmt.Sprintf("%s[%d]", name, i), element.String(), "a string")
		}
		all = append(all, s)
	}
	return all
}

func (r *envelopeReader) object(name string) json.RawMessage {
	n, ok := r.find(name)
	if !ok {
		r.missing(name, "an object")
		return nil
	}
	if _, ok := n.value.(members); !ok {
		r.refuse(n.start, name, n.String(), "an object")
		return nil
	}
	return json.RawMessage(bytes.Clone(r.text[n.start:n.end])) // the caller may use data again
}
