package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// notJSON explains what encoding/json says about the value after offset.
func (t text) notJSON(offset int, err error) error {
	begin := offset + blanks(t[offset:])
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		line, column := t.place(begin)
		return t.problem(len(bytes.TrimRight(t, space)), ParseError{
			Got:    "the end of the text",
			Wanted: fmt.Sprintf("the rest of the JSON value that begins at line %d, column %d", line, column),
		}, "the text was cut off; copy all of it")
	}
	at := begin
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = offset + int(syntax.Offset) - 1 // Offset counts the bytes up to and with the wrong one
	}
	for _, look := range lookalikes {
		if bytes.HasPrefix(t[at:], []byte(look.begins)) {
			return t.problem(at, ParseError{Got: look.got, Wanted: look.wanted}, look.hint)
		}
	}
	return t.problem(at, ParseError{Got: err.Error(), Wanted: "JSON"}, "")
}

// notUTF8 refuses the first byte after offset that is no part of a character.
// There must be one.
func (t text) notUTF8(offset int) error {
	for {
		r, size := utf8.DecodeRune(t[offset:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		offset += size
	}
	return t.problem(offset, ParseError{Got: fmt.Sprintf("the byte 0x%02X, which is not UTF-8", t[offset]), Wanted: "UTF-8"}, "convert the file: iconv -f WINDOWS-1252 -t UTF-8 FILE")
}

const pythonHint = `replace every ' by " and None, True, False by null, true, false; or write print(json.dumps(event)) in the Lambda function and copy what that prints`

// lookalikes are texts that people take for JSON, told by what the parser
// stumbles over first.
var lookalikes = []struct{ begins, got, wanted, hint string }{
	{"'", "a single quote: this is Python's way of printing a dict, not JSON", "a double quote", pythonHint},
	{"None", "None: this is Python's way of printing a dict, not JSON", "null", pythonHint},
	{"True", "True: this is Python's way of printing a dict, not JSON", "true", pythonHint},
	{"False", "False: this is Python's way of printing a dict, not JSON", "false", pythonHint},
	{"“", "a typographic quote", "a double quote", `replace “ and ” by "`},
	{"”", "a typographic quote", "a double quote", `replace “ and ” by "`},
}
