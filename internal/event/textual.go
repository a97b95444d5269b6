package event

import "strings"

// A textual compiles the operand of an operator that compares strings, in
// upper and lower case as they are unless it says otherwise. wanted is why it
// refuses one. Leaves that are no strings pass none of them.
//
// EventBridge's own matcher compares strings with the quotes around them, so
// that a quote in an operand can stand for the end, or the beginning, of the
// string: both forms are quoted here for the same reason.
type textual func(operand string) (passes func(quoted string) bool, wanted string)

const quote = `"`

func begins(operand string) (func(string) bool, string) {
	return func(quoted string) bool { return strings.HasPrefix(quoted, quote+operand) }, ""
}

func ends(operand string) (func(string) bool, string) {
	return func(quoted string) bool { return strings.HasSuffix(quoted, operand+quote) }, ""
}

// notEmpty refuses the empty string, of which nothing would be left to pass.
func notEmpty(t textual) textual {
	return func(operand string) (func(string) bool, string) {
		if operand == "" {
			return nil, "a string that is not empty"
		}
		return t(operand)
	}
}

// fits makes * stand for any characters, or none; \* is a star and \\ a
// backslash. EventBridge refuses stars next to each other and a backslash
// before anything else. It also refuses rules in which wildcards are too
// complex, by a measure that it does not publish: that is not refused here.
func fits(operand string) (func(string) bool, string) {
	var parts []string // what stands between the stars
	var part strings.Builder
	for i := 0; i < len(operand); i++ {
		next := byte(0)
		if i+1 < len(operand) {
			next = operand[i+1]
		}
		switch char := operand[i]; {
		case char == '*' && next == '*':
			return nil, "no two * next to each other"
		case char == '*':
			parts = append(parts, part.String())
			part.Reset()
		case char == '\\' && next != '*' && next != '\\':
			return nil, `* or \ after each \`
		case char == '\\':
			part.WriteByte(next)
			i++
		default:
			part.WriteByte(char)
		}
	}
	parts = append(parts, part.String())
	return func(quoted string) bool { return fitsParts(quoted[1:len(quoted)-1], parts) }, ""
}

// fitsParts says whether s is the parts, in order, with anything between them.
func fitsParts(s string, parts []string) bool {
	last := len(parts) - 1
	if last == 0 {
		return s == parts[0]
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		// The first place is as good as any: it leaves the most.
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return strings.HasSuffix(s, parts[last])
}

// onText makes an operator of one string.
func onText(t textual) operator {
	return func(c *compiler, operand node, path string) test { return c.compare(t, operand, path, "a string") }
}

// onTextOrFolded makes an operator of a string, or of one whose case does not
// matter.
func onTextOrFolded(t, folded textual) operator {
	ignoring := map[string]operator{"equals-ignore-case": onText(folded)}
	return func(c *compiler, operand node, path string) test {
		if _, ok := operand.value.(members); ok {
			return c.apply(ignoring, operand, path)
		}
		return c.compare(t, operand, path, "a string or the operator "+names(ignoring))
	}
}

// onTexts makes an operator of a string or several, any of which will do.
func onTexts(t textual) operator {
	return func(c *compiler, operand node, path string) test {
		list, ok := operand.value.(elements)
		if !ok {
			return c.compare(t, operand, path, "a string or a list of strings")
		}
		if len(list) == 0 {
			c.refuse(operand.start, path, operand.String(), "at least one string")
		}
		var tests []test
		for i, element := range list {
			tests = append(tests, c.compare(t, element, at(path, i), "a string"))
		}
		return func(leaf any) bool { return anyPasses(tests, leaf) }
	}
}

func (c *compiler) compare(t textual, operand node, path, wanted string) test {
	s, ok := operand.value.(string)
	if !ok {
		c.refuse(operand.start, path, operand.String(), wanted)
		return nil
	}
	passes, wanted := t(s)
	if wanted != "" {
		c.refuse(operand.start, path, operand.String(), wanted)
		return nil
	}
	return func(leaf any) bool { s, ok := leaf.(string); return ok && passes(quote+s+quote) }
}
