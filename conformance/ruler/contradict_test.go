//go:build conformance

package ruler

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// contradicts says whether event-ruler's answer is not what it says itself when
// it is asked for one value of each field at a time: the values of a field are
// alternatives, so a pattern matches if one of those matches. The library puts
// all values of a field into one automaton, and a few combinations get in each
// other's way there, depending on the addresses of objects: asked again it may
// answer otherwise. What a rule on AWS does then nobody can know.
func contradicts(t *testing.T, o *oracle, p pair, theirs verdict) bool {
	t.Helper()
	var pattern map[string]any
	lines := json.NewDecoder(strings.NewReader(p.pattern))
	lines.UseNumber()
	if theirs.Verdict == "refused" || ours(p).Verdict == "refused" || lines.Decode(&pattern) != nil {
		return false
	}
	var alone []pair
	for _, single := range singles(pattern) {
		alone = append(alone, pair{written(single), p.detail})
	}
	matches := false
	for i, v := range o.ask(t, alone) {
		if v.Verdict != ours(alone[i]).Verdict {
			return false // of this too we have different opinions
		}
		matches = matches || v.Verdict == "match"
	}
	return matches != (theirs.Verdict == "match")
}

// singles are the patterns that have one value for each field of a pattern, and
// one alternative of each $or, whose fields are none of the others.
func singles(pattern map[string]any) []map[string]any {
	all := []map[string]any{{}}
	for _, name := range slices.Sorted(maps.Keys(pattern)) {
		var choices []map[string]any
		switch value := pattern[name].(type) {
		case map[string]any:
			for _, inner := range singles(value) {
				choices = append(choices, map[string]any{name: inner})
			}
		case []any:
			for _, v := range value {
				if name == "$or" {
					choices = append(choices, singles(v.(map[string]any))...)
				} else {
					choices = append(choices, map[string]any{name: []any{v}})
				}
			}
		}
		var both []map[string]any
		for _, a := range all {
			for _, b := range choices {
				c := maps.Clone(a)
				maps.Copy(c, b)
				both = append(both, c)
			}
		}
		all = both
	}
	return all
}
