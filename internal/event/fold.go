package event

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// letter is how one letter of an operand may be written.
type letter []string

// folded are the ways to write s when case does not matter. As in EventBridge's
// matcher a letter of the operand stands for its lower and its upper case, which
// can be several letters: ß stands for ß and SS, though SS does not stand for ß.
//
// That matcher looks at UTF-16 units and takes half a character for a question
// mark. Such characters, emoji above all, have no case that anyone would want
// to ignore; they are refused.
func folded(s string) (letters []letter, wanted string) {
	lower, upper := cases.Lower(language.Und, cases.HandleFinalSigma(false)), cases.Upper(language.Und)
	for _, r := range s {
		if r > 0xFFFF {
			return nil, "no characters beyond U+FFFF, such as emoji: EventBridge does not find them when it ignores case"
		}
		letters = append(letters, letter{lower.String(string(r)), upper.String(string(r))})
	}
	return letters, ""
}

// through consumes the letters from the beginning of s, in any of the ways
// there are, and hands over what remains.
func through(letters []letter, s string, then func(rest string) bool) bool {
	if len(letters) == 0 {
		return then(s)
	}
	for i, form := range letters[0] {
		if i > 0 && form == letters[0][0] {
			continue
		}
		if rest, ok := strings.CutPrefix(s, form); ok && through(letters[1:], rest, then) {
			return true
		}
	}
	return false
}

func equalsFolded(operand string) (func(string) bool, string) {
	letters, wanted := folded(quote + operand + quote)
	return func(quoted string) bool {
		return through(letters, quoted, func(rest string) bool { return rest == "" })
	}, wanted
}

func beginsFolded(operand string) (func(string) bool, string) {
	letters, wanted := folded(quote + operand)
	return func(quoted string) bool {
		return through(letters, quoted, func(string) bool { return true })
	}, wanted
}

func endsFolded(operand string) (func(string) bool, string) {
	letters, wanted := folded(operand + quote)
	return func(quoted string) bool {
		for i := range quoted {
			if through(letters, quoted[i:], func(rest string) bool { return rest == "" }) {
				return true
			}
		}
		return false
	}, wanted
}
