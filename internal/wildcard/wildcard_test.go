package wildcard_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/wildcard"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"web", "web", true},
		{"web", "web-1", false},
		{"web-*", "web-", true},
		{"web-*", "web-1", true},
		{"web-*", "Web-1", false},
		{"*-web", "eu-web", true},
		{"*-web", "eu-web-2", false},
		{"a*b*c", "a1b2b3c", true},
		{"a*b*c", "a1c", false},
		{"web-?", "web-", false},
		{"web-?", "web-1", true},
		{"web-?", "web-12", false},
		{"*", "", true},
		{"", "", true},
		{"größe-?", "größe-ß", true},
	} {
		if got := wildcard.Match(test.pattern, test.name); got != test.want {
			t.Errorf("Match(%q, %q) = %t", test.pattern, test.name, got)
		}
	}
}

func TestMeet(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want string
		ok   bool
	}{
		{"web", "web", "web", true},
		{"web", "api", "", false},
		{"web-*", "web-1", "web-1", true},
		{"web-*", "*-1", "web-1", true},
		{"web-*", "api-*", "", false},
		{"*", "*", "", true},
		{"a*", "*b", "ab", true},
		{"a*c", "ab*", "abc", true},
		{"web-?", "web-??", "", false},
		{"?", "*", "x", true},
		{"a*b", "b*a", "", false},
	} {
		name, ok := wildcard.Meet(test.a, test.b)
		if ok != test.ok || name != test.want && ok {
			t.Errorf("Meet(%q, %q) = %q, %t; want %q, %t", test.a, test.b, name, ok, test.want, test.ok)
		}
	}
}

// TestMeetAgreesWithMatch: what is said to fit both does, and whatever fits both
// is proof that they meet.
func TestMeetAgreesWithMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,6}`)
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		witness, ok := wildcard.Meet(a, b)
		if ok && (!wildcard.Match(a, witness) || !wildcard.Match(b, witness)) {
			t.Fatalf("Meet says that %q fits %q and %q", witness, a, b)
		}
		if name := rapid.StringMatching(`[abx]{0,6}`).Draw(t, "name"); !ok && wildcard.Match(a, name) && wildcard.Match(b, name) {
			t.Fatalf("%q fits %q and %q, which are said not to meet", name, a, b)
		}
	})
}

// TestHeadAndTail: whatever fits begins and ends with them.
func TestHeadAndTail(t *testing.T) {
	for pattern, want := range map[string][2]string{
		"web": {"web", "web"}, "web-*": {"web-", ""}, "*-web": {"", "-web"}, "a?b*c": {"a", "c"}, "*": {"", ""},
	} {
		if head, tail := wildcard.Head(pattern), wildcard.Tail(pattern); head != want[0] || tail != want[1] {
			t.Errorf("%q begins with %q and ends with %q, want %q", pattern, head, tail, want)
		}
		if wildcard.Literal(pattern) != !strings.ContainsAny(pattern, "*?") {
			t.Errorf("Literal(%q) = %t", pattern, wildcard.Literal(pattern))
		}
	}
}
