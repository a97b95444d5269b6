package event_test

import (
	"os"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/event"
)

// apart are the patterns of testdata/event-ruler on which we differ from AWS's
// own matcher, and why. All but one are refused.
var apart = map[string]string{
	`{"a":[{"anything-but":{"prefix":["x","y"]}}]}`:                         "not implemented yet",
	`{"a":[{"anything-but":["x"]}], "b":[{"anything-but":{"suffix":"x"}}]}`: "not implemented yet",
	`{"a":[{"cidr":"10.0.0.0/24"}]}`:                                        "not implemented yet",
	`{"a":[{"wildcard":"x*"}]}`:                                             "not implemented yet",
	`{"a":[{"equals-ignore-case":"X"}]}`:                                    "not implemented yet",
	`{"a":[{"exactly":"x"}]}`:                                               "EventBridge does not document it",
	`{"a":[{"numeric":["=",6e9]}]}`:                                         "EventBridge documents -5e9 to 5e9",
	`{"$or":["x"]}`:                                                         "a field named $or",
	`{"$or":{"a":[1]}}`:                                                     "a field named $or",
	`{"a":[1],"$or":[{"a":[2]},{"b":[1]}]}`:                                 "heeds the last of two mentions, in an object without order",
	`{"$or":[{"a":[2]},{"b":[1]}],"a":[1]}`:                                 "heeds the last of two mentions, in an object without order",
	`{"a":[1],"a":[2]}`:                                                     "heeds the last of two mentions, in an object without order",
	`{"a":["1.2.3.4"]}`:                                                     "takes strings that are IP addresses for equal in any spelling",
	`{"a":{"":["x"]}}`:                                                      "loses a field without a name",
}

func TestVerdictsOfEventRuler(t *testing.T) {
	data, err := os.ReadFile("testdata/event-ruler/verdicts.tsv")
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		want, pattern, detail := parts[0], parts[1], parts[2]
		got := verdict(pattern, detail)
		if _, ok := apart[pattern]; ok {
			met[pattern] = met[pattern] || got != want
			continue
		}
		if got != want {
			t.Errorf("%s of %s: %s, event-ruler says %s", pattern, detail, got, want)
		}
	}
	for pattern, why := range apart {
		if !met[pattern] {
			t.Errorf("%s: not apart (any more): %s", pattern, why)
		}
	}
}

// verdict asks for a pattern and an event within a detail.
func verdict(pattern, detail string) string {
	p, err := event.ParsePattern([]byte(`{"detail":` + pattern + `}`))
	if err != nil {
		return "refused"
	}
	if p.Match(withDetail(detail)) {
		return "match"
	}
	return "no"
}
