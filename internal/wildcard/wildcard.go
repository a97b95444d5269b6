// Package wildcard matches names against patterns in which * stands for any
// characters, or none, and ? for any one: as IAM has it in resources, so that a
// pattern of a fleet file is a part of an ARN as it stands.
//
// Nothing is escaped. A name that holds one of the two itself can be written as
// it is, and then fits others too.
package wildcard

import "strings"

const wild = "*?"

// Literal says whether a pattern fits one name only: itself.
func Literal(pattern string) bool { return !strings.ContainsAny(pattern, wild) }

// Head is what every name that fits begins with.
func Head(pattern string) string {
	if i := strings.IndexAny(pattern, wild); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// Tail is what every name that fits ends with.
func Tail(pattern string) string { return pattern[strings.LastIndexAny(pattern, wild)+1:] }

// Match says whether a name fits a pattern.
func Match(pattern, name string) bool {
	p, n := []rune(pattern), []rune(name)
	star, from := -1, 0 // the last star, and where what follows it is being tried
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// Meet says whether some name fits both patterns, and gives a short one.
func Meet(a, b string) (name string, ok bool) {
	m := meeting{a: []rune(a), b: []rune(b), seen: map[[2]int]bool{}}
	return m.from(0, 0)
}

// filler stands in a name for a character that both patterns leave open.
const filler = 'x'

// meeting looks for a way through both patterns at once. A pair of places that
// has been looked at without success need not be looked at again.
type meeting struct {
	a, b []rune
	seen map[[2]int]bool
}

func (m *meeting) from(i, j int) (string, bool) {
	if i == len(m.a) && j == len(m.b) {
		return "", true
	}
	if m.seen[[2]int{i, j}] {
		return "", false
	}
	m.seen[[2]int{i, j}] = true
	// A star that stands for nothing first: that gives the shorter name.
	if i < len(m.a) && m.a[i] == '*' {
		if rest, ok := m.from(i+1, j); ok {
			return rest, true
		}
	}
	if j < len(m.b) && m.b[j] == '*' {
		if rest, ok := m.from(i, j+1); ok {
			return rest, true
		}
	}
	if i == len(m.a) || j == len(m.b) {
		return "", false
	}
	c, ok := common(m.a[i], m.b[j])
	if !ok {
		return "", false
	}
	rest, ok := m.from(after(m.a, i), after(m.b, j))
	return string(c) + rest, ok
}

// common is a character that both places stand for.
func common(a, b rune) (rune, bool) {
	open := func(c rune) bool { return c == '*' || c == '?' }
	switch {
	case open(a) && open(b):
		return filler, true
	case open(a):
		return b, true
	case open(b):
		return a, true
	}
	return a, a == b
}

// after is the place after one more character: a star goes on.
func after(pattern []rune, i int) int {
	if pattern[i] == '*' {
		return i
	}
	return i + 1
}
