package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// detailReader reads members of an event's detail and keeps every problem.
type detailReader struct {
	event    Event
	at       string // where members are within the detail, with a dot at its end
	members  members
	problems []error
}

func readDetail(e Event) *detailReader {
	r := &detailReader{event: e}
	n, err := text(e.Detail).value(0)
	all, ok := n.value.(members)
	if err != nil || !ok {
		r.refuse("detail", "what is not an object", "an object")
		return r
	}
	r.members = all
	return r
}

func (r *detailReader) refuse(path, got, wanted string) {
	r.problems = append(r.problems, refusal(ParseError{Path: path, Got: got, Wanted: wanted}, ""))
}

// word reads a string that is not blank. Blanks around it are left out:
// a published sample has some.
func (r *detailReader) word(name, wanted string) string {
	if r.members == nil {
		return "" // refused already
	}
	path := "detail." + r.at + name
	n, ok := r.members.get(name)
	if !ok {
		r.refuse(path, "no such member", wanted)
		return ""
	}
	s, _ := n.value.(string)
	s = strings.TrimSpace(s)
	if s == "" {
		r.refuse(path, n.String(), wanted)
	}
	return s
}

// oneOf reads one of some words, in upper or lower case.
func (r *detailReader) oneOf(name string, words []string) string {
	wanted := "one of " + strings.Join(words, ", ")
	s := strings.ToLower(r.word(name, wanted))
	if s != "" && !slices.Contains(words, s) {
		r.refuse("detail."+r.at+name, fmt.Sprintf("%q", short(s)), wanted)
	}
	return s
}

// err is all that was wrong.
func (r *detailReader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return fmt.Errorf("read %q: %w", r.event.DetailType, errors.Join(r.problems...))
}
