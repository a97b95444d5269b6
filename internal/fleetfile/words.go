package fleetfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// describe says what the value is.
func (n *node) describe() string {
	if n.refused != "" {
		return n.refused
	}
	switch v := n.value.(type) {
	case nil:
		return "nothing"
	case bool:
		return n.text
	case string:
		return strconv.Quote(shorten(v))
	case []any:
		return "a list of " + count(len(v), "item")
	case map[string]any:
		return "a mapping of " + count(len(v), "key")
	}
	return "the number " + shorten(n.text)
}

// wants says what the schema allows.
func (s *schema) wants() string {
	switch {
	case len(s.Enum) > 0:
		return oneOf(s.choices())
	case s.words != "" && len(s.Examples) > 0:
		return s.words + " such as " + plain(s.Examples[0])
	case s.words != "":
		return s.words
	}
	switch s.Type {
	case "string":
		return "text" + limits("", s.MaxLength, "character")
	case "integer":
		return "a whole number" + limits(s.Minimum, s.Maximum, "")
	case "number":
		return "a number" + limits(s.Minimum, s.Maximum, "")
	case "boolean":
		return "true or false"
	case "array":
		return "a list" + limits(s.MinItems, s.MaxItems, "item")
	}
	if keys := s.Properties.keys(); len(keys) > 0 {
		return "a mapping with the " + plural(strconv.Itoa(len(keys)), "key") + " " + strings.Join(keys, ", ")
	}
	return "a mapping"
}

// plain is a value the way it is written in a file.
func plain(v any) string {
	text, ok := v.(string)
	if ok && json.Valid([]byte(text)) { // YAML would take it for a number or so
		return strconv.Quote(text)
	}
	return fmt.Sprint(v)
}

// wantsInstead is what the schema allows, and how to get there from the value.
func (s *schema) wantsInstead(n *node) string {
	wanted := s.wants()
	switch v := n.value.(type) {
	case nil:
		if n.refused != "" {
			return plainYAML
		}
	case string:
		if n.quoted && s.Type != "string" && json.Valid([]byte(v)) {
			return wanted + " without quotes"
		}
		return wanted + didYouMean(v, s.choices())
	case []any, map[string]any:
	default:
		if s.accepts(n.text) {
			return fmt.Sprintf("%s: write %q", wanted, n.text)
		}
	}
	return wanted
}

// wantsKey says what is wrong with a key that the schema does not allow.
func (s *schema) wantsKey(key string) (got, wanted string) {
	if s.names != nil {
		return strconv.Quote(shorten(key)), s.names.wants()
	}
	keys := s.Properties.keys()
	return "an unknown key", oneOf(keys) + didYouMean(key, keys)
}

// accepts says whether the schema is about text and has no objection to this one.
func (s *schema) accepts(text string) bool {
	matched, err := regexp.MatchString(s.Pattern, text)
	return s.Type == "string" && err == nil && matched && (len(s.Enum) == 0 || slices.Contains(s.choices(), text))
}

func (s *schema) choices() []string {
	choices := make([]string, len(s.Enum))
	for i, v := range s.Enum {
		choices[i] = fmt.Sprint(v)
	}
	return choices
}

func oneOf(choices []string) string {
	if len(choices) == 1 {
		return choices[0]
	}
	return "one of " + strings.Join(choices, ", ")
}

func limits(least, most json.Number, unit string) string {
	var text string
	last := most
	switch {
	case least == "" && most == "":
		return ""
	case least == "":
		text = fmt.Sprintf("at most %s", most)
	case most == "":
		text, last = fmt.Sprintf("at least %s", least), least
	default:
		text = fmt.Sprintf("%s to %s", least, most)
	}
	if unit != "" {
		text += " " + plural(last.String(), unit)
	}
	return " (" + text + ")"
}

func count(n int, unit string) string {
	return fmt.Sprintf("%d %s", n, plural(strconv.Itoa(n), unit))
}

func plural(n, unit string) string {
	if n == "1" {
		return unit
	}
	return unit + "s"
}

// shorten keeps problems on a line that can be read.
func shorten(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// didYouMean is a question to end a problem with, if one of the choices is
// close to what was written.
func didYouMean(written string, choices []string) string {
	best, least := "", 3
	for _, choice := range choices {
		if d := distance(strings.ToLower(written), strings.ToLower(choice)); d < least && 2*d < len(choice) {
			best, least = choice, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance counts the characters to insert, delete or replace to make b of a.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range to {
			replaced := diagonal
			if r != s {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
