package fleetfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/failure"
)

// Problem is one thing that is wrong with a fleet file.
type Problem struct {
	File string
	// Line and Column are where to look, counted from 1, in characters.
	Line, Column int
	// Path is what it is about, such as "automations.sdwan.members[1].interface".
	// It is empty for the file as a whole.
	Path   string
	Got    string
	Wanted string
}

// String is the problem in one line: file:line:column: path: got, wanted.
func (p Problem) String() string {
	var path string
	if p.Path != "" {
		path = p.Path + ": "
	}
	return fmt.Sprintf("%s:%d:%d: %sgot %s, wanted %s", p.File, p.Line, p.Column, path, p.Got, p.Wanted)
}

// Error is a fleet file that is not valid.
type Error struct {
	// Problems are sorted by position. There is at least one.
	Problems []Problem
}

// Error prints one problem per line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// position is a place in the file.
type position struct{ line, column int }

// report collects the problems of a file.
type report struct {
	file     string
	problems []Problem
}

func (r *report) add(at position, path, got, wanted string) {
	r.problems = append(r.problems, Problem{
		File: r.file, Line: at.line, Column: at.column, Path: path, Got: got, Wanted: wanted,
	})
}

// within says whether there is a problem with path or something below it.
func (r *report) within(path string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool {
		rest, found := strings.CutPrefix(p.Path, path)
		return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// err is nil if nothing was reported. A value that breaks several rules which
// read the same to a person is one problem.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			strings.Compare(a.Path, b.Path), strings.Compare(a.Got, b.Got), strings.Compare(a.Wanted, b.Wanted),
		)
	})
	return failure.As(failure.Stop, &Error{Problems: slices.Compact(r.problems)})
}
