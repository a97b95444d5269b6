package event_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/event"
)

// TestVerdictsOfEventRuler holds us against what AWS's own matcher said, and
// against the list of what we are apart on, see testdata/event-ruler/README.md.
func TestVerdictsOfEventRuler(t *testing.T) {
	apart := map[string]string{}
	for _, row := range table(t, "apart.tsv") {
		apart[row[1]] = row[0]
	}
	met := map[string]bool{}
	for _, row := range table(t, "verdicts.tsv") {
		want, pattern, detail := row[0], row[1], row[2]
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

// table reads a file whose fields are separated by tabs.
func table(t *testing.T, name string) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "event-ruler", name))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(data)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
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
