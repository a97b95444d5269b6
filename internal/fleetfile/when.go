package fleetfile

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// narrow puts the user's pattern on an automation. If that cannot be done the
// problems are reported and the result is nil.
func narrow(a *automation.Automation, when *node, report *report) *automation.Automation {
	if when.refusals(report) {
		return nil
	}
	data, _ := json.Marshal(when.value) // what read makes can be written
	pattern, err := event.ParsePattern(data)
	if err != nil {
		for _, p := range refused(err) {
			at, path := when.locate(p.Path)
			report.add(at, printable(path), p.Got, p.Wanted)
		}
		return nil
	}
	narrowed, problems := a.Narrow(pattern)
	for _, p := range problems {
		at, path := when.locate(p.Path)
		report.add(at, printable(path), shorten(p.Got), p.Wanted)
	}
	return narrowed
}

// refusals reports what YAML a fleet file cannot have, anywhere below n, and
// says whether there was any. Elsewhere such a value is a null that no schema
// allows; a pattern can have nulls.
func (n *node) refusals(report *report) (found bool) {
	if n.refused != "" {
		report.add(n.at, n.path, n.refused, plainYAML)
		found = true
	}
	for _, child := range n.children {
		found = child.refusals(report) || found
	}
	return found
}

// printable keeps a path on one line: the names of fields in a pattern can be
// anything.
func printable(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return path
	}
	quoted := strconv.Quote(path)
	return quoted[1 : len(quoted)-1]
}

// refused are the things wrong with a pattern.
func refused(err error) []*event.ParseError {
	var all []*event.ParseError
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			all = append(all, refused(e)...)
		}
		return all
	}
	var one *event.ParseError
	if errors.As(err, &one) {
		all = append(all, one)
	}
	return all
}
