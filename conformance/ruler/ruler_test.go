//go:build conformance

package ruler

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write event-ruler's verdicts into the table")

const (
	table = "../../internal/event/testdata/event-ruler/verdicts.tsv"
	apart = "../../internal/event/testdata/event-ruler/apart.tsv"
)

func TestRuler(t *testing.T) {
	o := start(t)
	t.Run("table", func(t *testing.T) { testTable(t, o) })
	t.Run("pairs", func(t *testing.T) { testPairs(t, o) })
}

// testTable: the recorded verdicts are those of the library, and ours, but for
// the patterns that are listed as apart; and these are apart.
func testTable(t *testing.T, o *oracle) {
	var pairs []pair
	var recorded []string
	for _, row := range rows(t, table) {
		recorded = append(recorded, row[0])
		pairs = append(pairs, pair{row[1], row[2]})
	}
	why := map[string]string{}
	for _, row := range rows(t, apart) {
		why[row[1]] = row[0]
	}
	met := map[string]bool{}
	var b strings.Builder
	for i, theirs := range o.ask(t, pairs) {
		p := pairs[i]
		fmt.Fprintf(&b, "%s\t%s\t%s\n", theirs.Verdict, p.pattern, p.detail)
		if recorded[i] != theirs.Verdict && !*update {
			t.Errorf("%s of %s: recorded %s, event-ruler says %s", p.pattern, p.detail, recorded[i], theirs)
		}
		us := ours(p)
		if _, ok := why[p.pattern]; ok {
			met[p.pattern] = met[p.pattern] || us.Verdict != theirs.Verdict
		} else if us.Verdict != theirs.Verdict {
			t.Errorf("%s of %s: %s, event-ruler says %s", p.pattern, p.detail, us, theirs)
		}
	}
	for pattern, reason := range why {
		if !met[pattern] {
			t.Errorf("%s: not apart (any more): %s", pattern, reason)
		}
	}
	if *update {
		if err := os.WriteFile(table, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// testPairs: we agree on pairs that are drawn at random, or the library does
// not agree with itself.
func testPairs(t *testing.T, o *oracle) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("DROVER_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("DROVER_SEED: %v", err)
		}
	}
	t.Logf("DROVER_SEED=%d draws these pairs again", seed)
	const drawn = 8000
	pairs := make([]pair, drawn)
	for i := range pairs {
		pairs[i] = draw(rand.New(rand.NewPCG(seed, uint64(i))))
	}
	count := map[string]int{}
	for i, theirs := range o.ask(t, pairs) {
		us := ours(pairs[i])
		count[us.Verdict]++
		switch {
		case us.Verdict == theirs.Verdict:
		case contradicts(t, o, pairs[i], theirs):
			count["no sense"]++
			t.Logf("%s\t%s: %s; event-ruler says %s, but not of each value alone", pairs[i].pattern, pairs[i].detail, us, theirs)
		default:
			t.Errorf("%s\t%s: %s, event-ruler says %s", pairs[i].pattern, pairs[i].detail, us, theirs)
		}
	}
	t.Logf("%d pairs: %v", drawn, count)
	for _, verdict := range []string{"match", "no", "refused"} {
		if count[verdict] < drawn/20 {
			t.Errorf("%d pairs with the verdict %s: too few to tell", count[verdict], verdict)
		}
	}
	if n := count["no sense"]; n > drawn/500 {
		t.Errorf("event-ruler contradicts itself about %d pairs: too many to believe", n)
	}
}

// rows reads a table; fields are separated by tabs.
func rows(t *testing.T, path string) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for line := range strings.Lines(string(data)) {
		all = append(all, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return all
}
