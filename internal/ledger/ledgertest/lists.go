package ledgertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/ledger"
)

// checkLists tries every prefix, every start and several limits on keys that
// lie at the edges: a prefix that is a key itself, slashes and what sorts next
// to them, bytes above 0x7f, a prefix whose last byte is the last there is,
// and characters that sort differently in UTF-16.
func checkLists(t *trial) {
	l := t.handle()
	keys := []string{
		"A", "a", "a b", "a!", "a.b", "a/", "a/b", "a/b/c", "a/b0", "a0", "a~", "aé", "aéb", "a€", "a\uffee",
		"a😀", "a\U0010ffff", "a\U0010ffffb", "a\U0010ffff\U0010ffff", "b", "é", "\U0010ffff",
	}
	slices.Sort(keys) // byte order
	for _, i := range []int{4, 1, 0, 3, 2} {
		for ; i < len(keys); i += 5 { // not in order
			t.write(l, create(keys[i]))
		}
	}
	bounds := append([]string{"", "@", "a/a", "a/c", "b/", "zz", "€"}, keys...)
	for _, prefix := range bounds {
		for _, after := range bounds {
			var want []string
			for _, key := range keys {
				if strings.HasPrefix(key, prefix) && key > after {
					want = append(want, key)
				}
			}
			for _, limit := range []int{1, 2, len(keys), 1_000_000} {
				t.list(l, prefix, after, limit, want[:min(limit, len(want))]...)
			}
		}
	}
	for _, limit := range []int{1, 2, 3} {
		if got := walk(t, l, "", limit, len(keys)); !slices.Equal(got, keys) {
			t.Errorf("pages of %d hold together:\ngot  %q\nwant %q", limit, got, keys)
		}
	}
}

// walk reads all pages, as callers do; more than there can be, if they do not end.
func walk(t *trial, l ledger.Ledger, prefix string, limit, most int) []string {
	var all []string
	after := ""
	for len(all) <= most {
		page, err := l.List(t.Context(), prefix, after, limit)
		if err != nil {
			t.Fatalf("list %q after %q, limit %d: %v", prefix, after, limit, err)
		}
		all = append(all, keysOf(page)...)
		if len(page) < limit {
			return all
		}
		after = page[len(page)-1].Key
	}
	return all
}

// checkLargeList lists more bytes than services return at a time: DynamoDB
// ends a page at 1 MB, and a short page would look like the last.
func checkLargeList(t *trial) {
	l := t.handle()
	var want []string
	for i := range 6 {
		key := fmt.Sprintf("k%d", i)
		t.write(l, ledger.Create(key, text(ledger.MaxValue), never))
		want = append(want, key)
	}
	t.list(l, "k", "", 9, want...)
}
