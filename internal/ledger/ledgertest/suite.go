// Package ledgertest is the conformance suite that every ledger passes.
//
// What the contract in internal/ledger promises is checked here and nowhere
// else; an implementation's own tests hold only what is its own. That the
// suite can fail is tested too: each check is run against a ledger that was
// broken on purpose, and must notice.
package ledgertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
)

// Store makes a place where records can be kept, such as a map, a file or a
// table: a new and empty one each time, removed when t ends. What is opened on
// it judges expiry by clk, which the checks move, and by nothing else.
type Store func(t testing.TB, clk clock.Clock) Opener

// Opener opens a handle on one store, as one more process would. An
// implementation that cannot have several may return the same one again: the
// suite closes each as often as it was opened, when it is done with all.
type Opener func() (ledger.Ledger, error)

// Run holds an implementation against the contract. Run it with -race.
func Run(t *testing.T, store Store) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(newTrial(t, store)) })
	}
}

// check is one promise of the contract.
type check struct {
	name string
	run  func(*trial)
}

var checks = []check{
	{"identity", checkIdentity},
	{"life of a record", checkLife},
	{"conditions", checkConditions},
	{"keys are told apart", checkKeys},
	{"values round trip", checkValues},
	{"values are copied", checkCopies},
	{"limits", checkLimits},
	{"invalid calls", checkInvalid},
	{"ended contexts", checkContexts},
	{"all operations in one transaction", checkMixed},
	{"all or nothing", checkAtomic},
	{"conflicts name the keys", checkConflicts},
	{"expired is absent", checkExpired},
	{"expiry is kept", checkExpiryKept},
	{"expired records leave no gaps in lists", checkExpiredList},
	{"lists", checkLists},
	{"lists of large records", checkLargeList},
	{"one of many creates wins", checkCreateRace},
	{"counters lose nothing", checkCounters},
	{"transfers keep the sum", checkTransfers},
	{"expectations hold at the write", checkSkew},
	{"random histories", checkHistories},
}

// trial is a check under way: the test that it reports to, and a store.
type trial struct {
	testing.TB
	store Store
	clock *clock.Virtual
	open  Opener
}

// start is late, so that a service that removes expired records by its own
// clock finds none among those of a check.
var start = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func newTrial(tb testing.TB, store Store) *trial {
	clk := clock.NewVirtual(start)
	return &trial{TB: tb, store: store, clock: clk, open: store(tb, clk)}
}

// handle opens a handle that is closed when the test ends.
func (t *trial) handle() ledger.Ledger {
	t.Helper()
	return handle(t.TB, t.open)
}

// scope is a test, or one history of many in a test.
type scope interface {
	rapid.TB
	Cleanup(func())
}

// handle opens a handle that is closed when the scope ends.
func handle(t scope, open Opener) ledger.Ledger {
	t.Helper()
	l, err := open()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

// write wants a transaction to succeed.
func (t *trial) write(l ledger.Ledger, writes ...ledger.Write) {
	t.Helper()
	if err := l.Write(t.Context(), writes...); err != nil {
		t.Fatalf("write %s: %v", describe(writes), err)
	}
}

// conflict wants a transaction to be refused because of these keys.
func (t *trial) conflict(l ledger.Ledger, keys []string, writes ...ledger.Write) {
	t.Helper()
	got, err := conflicts(l.Write(t.Context(), writes...))
	if err != nil || !slices.Equal(got, keys) {
		t.Errorf("write %s: conflict about %q and error %v, want a conflict about %q", describe(writes), got, err, keys)
	}
}

// invalid wants an error to be an InvalidError.
func (t *trial) invalid(what string, err error) {
	t.Helper()
	var invalid *ledger.InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("%s: got error %v, want an InvalidError", what, err)
	}
}

// present wants a record to read as this one.
func (t *trial) present(l ledger.Ledger, want ledger.Record) {
	t.Helper()
	got, err := l.Get(t.Context(), want.Key)
	if err != nil {
		t.Errorf("get %q: %v", want.Key, err)
	} else if diff := differ([]ledger.Record{got}, []ledger.Record{want}); diff != "" {
		t.Errorf("get %q: -got +want:\n%s", want.Key, diff)
	}
}

// absent wants Get to find nothing.
func (t *trial) absent(l ledger.Ledger, key string) {
	t.Helper()
	if got, err := l.Get(t.Context(), key); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("get %q: got %v and error %v, want ErrNotFound", key, got, err)
	}
}

// list wants a listing to hold these keys, and returns it.
func (t *trial) list(l ledger.Ledger, prefix, after string, limit int, want ...string) []ledger.Record {
	t.Helper()
	records, err := l.List(t.Context(), prefix, after, limit)
	if err != nil {
		t.Fatalf("list %q after %q, limit %d: %v", prefix, after, limit, err)
	}
	if got := keysOf(records); !slices.Equal(got, want) {
		t.Errorf("list %q after %q, limit %d:\ngot  %q\nwant %q", prefix, after, limit, got, want)
	}
	return records
}

// ended is a context that has ended, and the error it ended with.
func (t *trial) ended() (context.Context, error) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, ctx.Err()
}

// conflicts returns the keys of a ConflictError, and any other error as it is.
func conflicts(err error) ([]string, error) {
	var c *ledger.ConflictError
	if errors.As(err, &c) {
		return c.Keys, nil
	}
	return nil, err
}

// differ compares records as the contract does, and tells how they differ.
func differ(got, want []ledger.Record) string {
	if slices.EqualFunc(got, want, sameRecord) {
		return ""
	}
	return cmp.Diff(got, want, cmp.Comparer(sameJSON))
}

func sameRecord(a, b ledger.Record) bool {
	return a.Key == b.Key && a.Version == b.Version && a.Expires.Equal(b.Expires) && sameJSON(a.Value, b.Value)
}

func sameJSON(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || reflect.DeepEqual(decode(a), decode(b))
}

// decode keeps numbers as they are written: float64 would forgive lost digits.
func decode(value json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	return v
}

func keysOf(records []ledger.Record) []string {
	var keys []string
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	return keys
}

var operations = map[ledger.Op]string{
	ledger.OpCreate: "create",
	ledger.OpUpdate: "update",
	ledger.OpDelete: "delete",
	ledger.OpExpect: "expect",
}

// describe names the first few writes of a transaction; their values may be large.
func describe(writes []ledger.Write) string {
	var parts []string
	for _, w := range writes[:min(len(writes), 5)] {
		parts = append(parts, fmt.Sprintf("%s %.40q@%d", operations[w.Op], w.Key, w.Version))
	}
	if len(writes) > len(parts) {
		parts = append(parts, fmt.Sprintf("… %d in all", len(writes)))
	}
	return strings.Join(parts, ", ")
}

// create is the shortest write that makes a record.
func create(key string) ledger.Write {
	return ledger.Create(key, json.RawMessage(`{}`), time.Time{})
}

// text is a JSON value of exactly n bytes.
func text(n int) json.RawMessage {
	return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`)
}
