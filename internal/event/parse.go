package event

import (
	"errors"
	"fmt"
	"io"
)

// Parse reads exactly one event. All that is wrong with its envelope is
// reported together; see [ParseError]. Unknown members are ignored, and a
// byte order mark at the beginning is accepted.
func Parse(data []byte) (Event, error) {
	t := newText(data)
	n, err := t.only("event")
	if err != nil {
		return Event{}, err
	}
	return t.envelope(n)
}

// only reads the one value that the text must hold.
func (t text) only(what string) (node, error) {
	n, err := t.value(0)
	if errors.Is(err, io.EOF) {
		return node{}, t.empty(what)
	}
	if err != nil {
		return node{}, err
	}
	if end := n.end + blanks(t[n.end:]); end < len(t) {
		return node{}, t.problem(end, ParseError{
			Got:    fmt.Sprintf("more text after the %s", what),
			Wanted: "nothing but blanks",
		}, "")
	}
	return n, nil
}

func (t text) empty(what string) error {
	return t.problem(len(t), ParseError{Got: "an empty text", Wanted: "an " + what}, "")
}

// Decoder reads a sequence of events: one, or one per line, or JSON values
// one after the other in any layout.
type Decoder struct {
	r    io.Reader
	text text
	next int   // offset of what is not yet read
	some bool  // there was one
	err  error // ends the sequence
}

// NewDecoder reads events from r, which it reads to its end before it returns
// the first: places are counted from the beginning of the input. It is meant
// for files and pipes, not for a stream without end.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: r} }

// Next returns the next event, and io.EOF after the last. An input without any
// event is an error. Where only the envelope of an event is wrong, a further
// call goes on with the next one; where the text is not JSON, or cannot be
// read, every further call returns the same error.
func (d *Decoder) Next() (Event, error) {
	if d.err != nil {
		return Event{}, d.err
	}
	if d.r != nil {
		data, err := io.ReadAll(d.r)
		if err != nil {
			d.err = err
			return Event{}, err
		}
		d.r, d.text = nil, newText(data)
	}
	n, err := d.text.value(d.next)
	if errors.Is(err, io.EOF) && !d.some {
		err = d.text.empty("event")
	}
	if err != nil {
		d.err = err
		return Event{}, err
	}
	d.next, d.some = n.end, true
	return d.text.envelope(n)
}
