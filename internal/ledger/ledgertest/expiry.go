package ledgertest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/ledger"
)

// checkExpired looks at a record just before and at the moment of its expiry,
// and tries every condition on it.
func checkExpired(t *trial) {
	l, other := t.handle(), t.handle()
	value := json.RawMessage(`"again"`)
	mayfly := func(key string, expires time.Time) ledger.Write {
		return ledger.Create(key, json.RawMessage(`{}`), expires)
	}
	keys := []string{"created", "deleted", "expected", "read", "there", "updated"}
	for _, key := range keys {
		t.write(l, mayfly(key, start.Add(time.Minute)))
		t.write(l, ledger.Update(key, 1, json.RawMessage(`{}`), start.Add(time.Minute)))
	}
	t.clock.Advance(time.Minute - time.Nanosecond)
	t.list(l, "", "", 9, keys...)
	t.conflict(l, []string{"created"}, create("created"))
	t.write(l, ledger.Expect("expected", 2))

	t.clock.Advance(time.Nanosecond)
	t.absent(l, "read")
	t.absent(other, "read")
	t.list(l, "", "", 9)
	t.conflict(l, []string{"updated"}, ledger.Update("updated", 2, value, never))
	t.conflict(l, []string{"deleted"}, ledger.Delete("deleted", 2))
	t.conflict(l, []string{"there"}, ledger.Expect("there", 2))
	t.write(l, ledger.Expect("expected", 0))
	t.write(l, ledger.Create("created", value, never))
	t.present(other, ledger.Record{Key: "created", Version: 1, Value: value})
	t.list(l, "", "", 9, "created")

	// What has passed already is absent at once; 1970 is a moment, not "never".
	t.write(l, mayfly("late", t.clock.Now()), mayfly("long past", time.Unix(0, 0)))
	t.absent(l, "late")
	t.absent(l, "long past")
	t.write(l, create("late"), create("long past"))
	t.list(l, "", "", 9, "created", "late", "long past")
}

// checkExpiryKept reads expiries back, and changes them by updates.
func checkExpiryKept(t *trial) {
	l := t.handle()
	value := json.RawMessage(`{}`)
	moment := start.Add(time.Hour)
	var version int64
	for _, test := range []struct{ set, want time.Time }{
		{moment, moment},
		{never, never},
		{moment.Add(time.Nanosecond), moment.Add(time.Second)},
		{moment.Add(999 * time.Millisecond), moment.Add(time.Second)},
		{moment.In(time.FixedZone("", 3600)), moment},
		{start.AddDate(1000, 0, 0), start.AddDate(1000, 0, 0)},
	} {
		if version == 0 {
			t.write(l, ledger.Create("k", value, test.set))
		} else {
			t.write(l, ledger.Update("k", version, value, test.set))
		}
		version++
		got, err := l.Get(t.Context(), "k")
		if err != nil || got.Version != version || got.Expires != test.want { // ==: in UTC, too
			t.Errorf("set to expire at %v: got version %d, expiry %v, error %v; want %d, %v", test.set, got.Version, got.Expires, err, version, test.want)
		}
		if list := t.list(l, "", "", 1, "k"); len(list) == 1 && list[0].Expires != test.want {
			t.Errorf("set to expire at %v: listed with expiry %v, want %v", test.set, list[0].Expires, test.want)
		}
	}
}

// checkExpiredList has pages filled up with live records behind expired ones:
// a page that were cut first and filtered then would look like the last.
func checkExpiredList(t *trial) {
	l := t.handle()
	var live []string
	for i := range 12 {
		key, expires := fmt.Sprintf("k%02d", i), start.Add(time.Second)
		if i%4 == 3 {
			expires = never
			live = append(live, key)
		}
		t.write(l, ledger.Create(key, json.RawMessage(`{}`), expires))
	}
	t.clock.Advance(time.Second)
	for limit := 1; limit <= len(live)+1; limit++ {
		t.list(l, "k", "", limit, live[:min(limit, len(live))]...)
	}
	t.list(l, "k", "k04", 9, live[1:]...) // after a key that has expired
}
