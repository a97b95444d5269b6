package event

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/droverhq/drover/internal/failure"
)

// ParseError is one thing wrong with the text of an event or a pattern. An
// error of this package may join several; errors.As finds the first.
type ParseError struct {
	// Line and Column say where, within the whole input, counted from 1.
	// Columns count characters, as editors do. Both are 0 for the detail of an
	// event, whose text is no longer at hand.
	Line, Column int
	// Path names the member, such as "detail.state[0]". It is empty when the
	// whole is wrong.
	Path string
	// Got is what is there, Wanted what belongs there.
	Got, Wanted string
}

func (e *ParseError) Error() string {
	s := fmt.Sprintf("got %s, wanted %s", e.Got, e.Wanted)
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, s)
	}
	return s
}

// refusal is e as the rest of Drover sees it: a person has to look, and hint,
// if there is one, is what that person does next.
func refusal(e ParseError, hint string) error {
	return &failure.Error{Class: failure.Stop, Hint: hint, Err: &e}
}

// text is an input in which offsets have places.
type text []byte

// newText leaves out the byte order mark that some editors begin a file with.
func newText(data []byte) text {
	return bytes.TrimPrefix(data, []byte("\ufeff"))
}

// problem is e at an offset of the text.
func (t text) problem(offset int, e ParseError, hint string) error {
	e.Line, e.Column = t.place(offset)
	return refusal(e, hint)
}

func (t text) place(offset int) (line, column int) {
	before := t[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// short keeps quoted input within an error that is still a line.
func short(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
