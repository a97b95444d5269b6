package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/ledger"
)

var never time.Time

func checkIdentity(t *trial) {
	identity := func(l ledger.Ledger) string {
		name, err := l.Identity(t.Context())
		if err != nil || name == "" {
			t.Fatalf("Identity = %q, %v", name, err)
		}
		return name
	}
	l := t.handle()
	before := identity(l)
	t.write(l, create("k"))
	if after, other := identity(l), identity(t.handle()); after != before || other != before {
		t.Errorf("one ledger has the identities %q, later %q, through another handle %q", before, after, other)
	}
	if stranger := identity(newTrial(t.TB, t.store).handle()); stranger == before {
		t.Errorf("two ledgers have the identity %q", before)
	}
}

// checkLife writes through one handle and reads through another.
func checkLife(t *trial) {
	w, r := t.handle(), t.handle()
	first, second := json.RawMessage(`{"n":1}`), json.RawMessage(`{"n":2}`)
	t.absent(r, "k")
	t.write(w, ledger.Create("k", first, never))
	t.present(r, ledger.Record{Key: "k", Version: 1, Value: first})
	t.write(w, ledger.Update("k", 1, second, never))
	t.present(r, ledger.Record{Key: "k", Version: 2, Value: second})
	t.write(w, ledger.Update("k", 2, second, never)) // counts though nothing changes
	t.present(r, ledger.Record{Key: "k", Version: 3, Value: second})
	t.write(w, ledger.Delete("k", 3))
	t.absent(r, "k")
	t.write(w, ledger.Create("k", first, never))
	t.present(r, ledger.Record{Key: "k", Version: 1, Value: first})
}

// checkConditions tries every operation on a record that is absent and on one
// that is at version 2.
func checkConditions(t *trial) {
	value := json.RawMessage(`{}`)
	for i, test := range []struct {
		there bool
		write func(key string) ledger.Write
		holds bool
	}{
		{false, create, true},
		{false, func(k string) ledger.Write { return ledger.Update(k, 1, value, never) }, false},
		{false, func(k string) ledger.Write { return ledger.Delete(k, 1) }, false},
		{false, func(k string) ledger.Write { return ledger.Expect(k, 0) }, true},
		{false, func(k string) ledger.Write { return ledger.Expect(k, 1) }, false},
		{true, create, false},
		{true, func(k string) ledger.Write { return ledger.Update(k, 1, value, never) }, false},
		{true, func(k string) ledger.Write { return ledger.Update(k, 2, value, never) }, true},
		{true, func(k string) ledger.Write { return ledger.Update(k, 3, value, never) }, false},
		{true, func(k string) ledger.Write { return ledger.Delete(k, 1) }, false},
		{true, func(k string) ledger.Write { return ledger.Delete(k, 2) }, true},
		{true, func(k string) ledger.Write { return ledger.Delete(k, 3) }, false},
		{true, func(k string) ledger.Write { return ledger.Expect(k, 0) }, false},
		{true, func(k string) ledger.Write { return ledger.Expect(k, 1) }, false},
		{true, func(k string) ledger.Write { return ledger.Expect(k, 2) }, true},
		{true, func(k string) ledger.Write { return ledger.Expect(k, 3) }, false},
	} {
		l, key := t.handle(), fmt.Sprintf("k%d", i)
		if test.there {
			t.write(l, create(key))
			t.write(l, ledger.Update(key, 1, value, never))
		}
		if test.holds {
			t.write(l, test.write(key))
			continue
		}
		t.conflict(l, []string{key}, test.write(key))
		if test.there {
			t.present(l, ledger.Record{Key: key, Version: 2, Value: value})
		} else {
			t.absent(l, key)
		}
	}
}

// checkKeys makes a record under each of several keys that a careless store
// takes for the same, or for more than a key.
func checkKeys(t *trial) {
	l := t.handle()
	keys := []string{
		"a", "A", "a ", " a", "a/", "a//b", "a/../a", "a.", "%", "_", "*", "?", "'", `"`, `\`, "${a}",
		"\u00e9", "e\u0301", "\u20ac", "\U0001f600", "\U0010ffff", "\u00a0", strings.Repeat("k", ledger.MaxKey),
	}
	value := func(i int) json.RawMessage { return json.RawMessage(fmt.Sprint(i)) }
	for i, key := range keys {
		t.write(l, ledger.Create(key, value(i), never))
	}
	for i, key := range keys {
		t.present(l, ledger.Record{Key: key, Version: 1, Value: value(i)})
	}
}

func checkValues(t *trial) {
	l := t.handle()
	for i, value := range []string{
		`null`, `true`, `""`, `[]`, `{}`, `0`, `-0.5`,
		`12345678901234567890`, `0.12345678901234567890123456789`, `1e400`, `1.50`,
		`"\u0000\u001f\"\\/"`, `"<a>&'é€😀\u2028"`,
		`{"b":[1,{"c":null}],"a":"","":" "}`,
		" {\n\t\"spaced\" : [ 1 , 2 ] } ",
	} {
		key := fmt.Sprintf("k%d", i)
		t.write(l, ledger.Create(key, json.RawMessage(value), never))
		t.present(l, ledger.Record{Key: key, Version: 1, Value: json.RawMessage(value)})
	}
}

// checkCopies scribbles over what it passed and what it got.
func checkCopies(t *trial) {
	l := t.handle()
	want := ledger.Record{Key: "k", Version: 1, Value: json.RawMessage(`"original"`)}
	scribble := func(value json.RawMessage) { copy(value, `"changed!"`) }

	passed := json.RawMessage(`"original"`)
	t.write(l, ledger.Create("k", passed, never))
	scribble(passed)
	t.present(l, want)

	got, err := l.Get(t.Context(), "k")
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	scribble(got.Value)
	t.present(l, want)

	for _, record := range t.list(l, "", "", 1, "k") {
		scribble(record.Value)
	}
	t.present(l, want)

	passed = json.RawMessage(`"original"`)
	t.write(l, ledger.Update("k", 1, passed, never))
	scribble(passed)
	want.Version = 2
	t.present(l, want)
}

// checkContexts expects of an ended context an error that says so, and no write.
func checkContexts(t *trial) {
	l := t.handle()
	t.write(l, create("k"))
	ctx, cause := t.ended()
	_, identity := l.Identity(ctx)
	_, get := l.Get(ctx, "k")
	_, list := l.List(ctx, "", "", 1)
	write := l.Write(ctx, ledger.Delete("k", 1), create("l"))
	for call, err := range map[string]error{"identity": identity, "get": get, "list": list, "write": write} {
		if !errors.Is(err, cause) {
			t.Errorf("%s with an ended context: got error %v, want %v", call, err, cause)
		}
	}
	t.list(l, "", "", 2, "k")
}
