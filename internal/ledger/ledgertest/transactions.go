package ledgertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/ledger"
)

// checkLimits goes to every limit, and one step past it.
func checkLimits(t *trial) {
	l := t.handle()
	creates := func(prefix string, n, size int) []ledger.Write {
		var writes []ledger.Write
		for i := range n {
			writes = append(writes, ledger.Create(fmt.Sprintf("%s%03d", prefix, i), text(size), never))
		}
		return writes
	}
	longest := strings.Repeat("k", ledger.MaxKey)
	for _, test := range []struct {
		what          string
		within, above []ledger.Write
	}{
		{"longest key", []ledger.Write{create(longest)}, []ledger.Write{create(longest + "k")}},
		{"largest value", creates("v", 1, ledger.MaxValue), creates("w", 1, ledger.MaxValue+1)},
		{"most writes", creates("m", ledger.MaxWrites, 2), creates("n", ledger.MaxWrites+1, 2)},
		{
			"largest transaction", creates("t", ledger.MaxTotal/ledger.MaxValue, ledger.MaxValue),
			append(creates("u", ledger.MaxTotal/ledger.MaxValue, ledger.MaxValue), create("u999")),
		},
	} {
		t.write(l, test.within...)
		for _, w := range test.within {
			t.present(l, ledger.Record{Key: w.Key, Version: 1, Value: w.Value})
		}
		t.invalid("above the "+test.what, l.Write(t.Context(), test.above...))
		for _, w := range test.above {
			if len(w.Key) <= ledger.MaxKey {
				t.absent(l, w.Key)
			}
		}
	}
}

// checkInvalid breaks the rules one by one; each time a write that would be
// right stands beside, and must not happen.
func checkInvalid(t *trial) {
	l := t.handle()
	value := json.RawMessage(`{}`)
	t.write(l, create("there"))
	t.invalid("no write", l.Write(t.Context()))
	for what, w := range map[string]ledger.Write{
		"empty key":        create(""),
		"control in a key": create("a\nb"),
		"key not UTF-8":    create("a\xff"),
		"not JSON":         ledger.Create("k", json.RawMessage(`{`), never),
		"no value":         ledger.Create("k", nil, never),
		"value not UTF-8":  ledger.Create("k", json.RawMessage("\"\xff\""), never),
		"update of 0":      ledger.Update("there", 0, value, never),
		"delete of 0":      ledger.Delete("there", 0),
		"negative version": ledger.Expect("k", -1),
		"zero write":       {Key: "k"},
		"key twice":        ledger.Expect("beside", 0),
	} {
		t.invalid(what, l.Write(t.Context(), create("beside"), w))
	}
	t.list(l, "", "", 9, "there")

	get := func(key string) error { _, err := l.Get(t.Context(), key); return err }
	list := func(prefix, after string, limit int) error {
		_, err := l.List(t.Context(), prefix, after, limit)
		return err
	}
	t.invalid("get an empty key", get(""))
	t.invalid("get a key not UTF-8", get("\xff"))
	t.invalid("list no records", list("", "", 0))
	t.invalid("list fewer than none", list("", "", -1))
	t.invalid("list a prefix not UTF-8", list("there\xff", "", 1))
	t.invalid("list after a key not UTF-8", list("", "there\xff", 1))
}

func checkMixed(t *trial) {
	l := t.handle()
	value := json.RawMessage(`"new"`)
	t.write(l, create("updated"), create("deleted"), create("expected"))
	t.write(l,
		ledger.Delete("deleted", 1),
		ledger.Expect("missing", 0),
		ledger.Create("created", value, never),
		ledger.Expect("expected", 1),
		ledger.Update("updated", 1, value, never),
	)
	got := t.list(l, "", "", 9, "created", "expected", "updated")
	want := []ledger.Record{
		{Key: "created", Version: 1, Value: value},
		{Key: "expected", Version: 1, Value: json.RawMessage(`{}`)},
		{Key: "updated", Version: 2, Value: value},
	}
	if diff := differ(got, want); diff != "" {
		t.Errorf("after the transaction: -got +want:\n%s", diff)
	}
}

// checkAtomic puts the one write whose condition does not hold at every place
// among writes that would be right.
func checkAtomic(t *trial) {
	l := t.handle()
	t.write(l, create("deleted"), create("updated"))
	before := t.list(l, "", "", 9, "deleted", "updated")
	right := []ledger.Write{
		create("created"),
		ledger.Update("updated", 1, json.RawMessage(`"new"`), never),
		ledger.Delete("deleted", 1),
	}
	for _, wrong := range []ledger.Write{
		ledger.Update("wrong", 1, json.RawMessage(`{}`), never),
		ledger.Delete("wrong", 1),
		ledger.Expect("wrong", 1),
	} {
		for i := range len(right) + 1 {
			t.conflict(l, []string{"wrong"}, slices.Insert(slices.Clone(right), i, wrong)...)
			after := t.list(l, "", "", 9, "deleted", "updated")
			if diff := differ(after, before); diff != "" {
				t.Fatalf("a refused transaction left -got +want:\n%s", diff)
			}
		}
	}
}

// checkConflicts expects all the keys that are at fault, sorted, and no others.
func checkConflicts(t *trial) {
	l := t.handle()
	t.write(l, create("a"), create("b"), create("c"), create("d"))
	t.conflict(l, []string{"a", "b", "c", "d", "x"},
		ledger.Delete("x", 1),
		ledger.Expect("d", 0),
		ledger.Expect("unmade", 0),
		ledger.Expect("c", 2),
		ledger.Update("b", 2, json.RawMessage(`{}`), never),
		create("a"),
	)
	t.conflict(l, []string{"b"}, ledger.Delete("a", 1), create("b"), ledger.Expect("c", 1))
	t.list(l, "", "", 9, "a", "b", "c", "d")
}
