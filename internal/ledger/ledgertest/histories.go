package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/ledger"
)

// checkHistories compares a ledger with the simplest one there could be, over
// random histories in which time passes, through two handles.
func checkHistories(t *trial) {
	rapid.Check(t.TB, func(r *rapid.T) {
		h := &history{trial: newTrial(t.TB, t.store), model: model{}}
		h.handles = []ledger.Ledger{handle(r, h.open), handle(r, h.open)}
		r.Repeat(map[string]func(*rapid.T){
			"write":     h.write,
			"get":       h.get,
			"list":      h.list,
			"time goes": h.wait,
			"":          h.compare,
		})
	})
}

// history is one random sequence of calls under way.
type history struct {
	*trial
	handles []ledger.Ledger
	model   model
	writes  int
}

var (
	historyKeys = []string{"a", "a/", "a/b", "a/b/c", "a0", "aé", "a\U0010ffff", "b"}
	anyKey      = rapid.SampledFrom(historyKeys)
	anyBound    = rapid.SampledFrom(append([]string{"", "a.", "c"}, historyKeys...))
	anyLife     = rapid.SampledFrom([]time.Duration{-time.Second, 0, time.Nanosecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 3 * time.Second})
	anyWait     = rapid.SampledFrom([]time.Duration{time.Nanosecond, 500 * time.Millisecond, time.Second, 2 * time.Second})
)

func (h *history) any(r *rapid.T) ledger.Ledger {
	return h.handles[rapid.IntRange(0, len(h.handles)-1).Draw(r, "handle")]
}

func (h *history) write(r *rapid.T) {
	keys := rapid.SliceOfNDistinct(anyKey, 1, 4, rapid.ID).Draw(r, "keys")
	var writes []ledger.Write
	for _, key := range keys {
		writes = append(writes, h.anyWrite(r, key))
	}
	got, err := conflicts(h.any(r).Write(r.Context(), writes...))
	if err != nil {
		r.Fatalf("write %s: %v", describe(writes), err)
	}
	if want := h.model.write(h.clock.Now(), writes); !slices.Equal(got, want) {
		r.Fatalf("write %s: conflicts %q, want %q", describe(writes), got, want)
	}
}

// anyWrite draws a write whose condition mostly holds, lest long transactions
// never succeed.
func (h *history) anyWrite(r *rapid.T, key string) ledger.Write {
	version := h.model[key].Version // of an expired record, too: that must not hold
	if !h.model.live(key, h.clock.Now()) && rapid.Bool().Draw(r, "knows it expired") {
		version = 0
	}
	if rapid.IntRange(0, 5).Draw(r, "stale") == 0 {
		version = rapid.Int64Range(0, 3).Draw(r, "version")
	}
	h.writes++
	value := json.RawMessage(fmt.Sprintf(`{"write":%d}`, h.writes))
	var expires time.Time
	if rapid.Bool().Draw(r, "expires") {
		expires = h.clock.Now().Add(anyLife.Draw(r, "life"))
	}
	switch op := rapid.IntRange(0, 5).Draw(r, "operation"); {
	case op == 0:
		return ledger.Expect(key, version)
	case version == 0:
		return ledger.Create(key, value, expires)
	case op == 1:
		return ledger.Delete(key, version)
	default:
		return ledger.Update(key, version, value, expires)
	}
}

func (h *history) get(r *rapid.T) {
	key := anyKey.Draw(r, "key")
	got, err := h.any(r).Get(r.Context(), key)
	if !h.model.live(key, h.clock.Now()) {
		if !errors.Is(err, ledger.ErrNotFound) {
			r.Fatalf("get %q: got %v and error %v, want ErrNotFound", key, got, err)
		}
		return
	}
	if err != nil {
		r.Fatalf("get %q: %v", key, err)
	}
	if diff := differ([]ledger.Record{got}, []ledger.Record{h.model[key]}); diff != "" {
		r.Fatalf("get %q: -got +want:\n%s", key, diff)
	}
}

func (h *history) list(r *rapid.T) {
	h.compareList(r, anyBound.Draw(r, "prefix"), anyBound.Draw(r, "after"), rapid.IntRange(1, len(historyKeys)).Draw(r, "limit"))
}

func (h *history) wait(r *rapid.T) {
	h.clock.Advance(anyWait.Draw(r, "span"))
}

// compare is what must hold after every call.
func (h *history) compare(r *rapid.T) {
	h.compareList(r, "", "", len(historyKeys)+1)
}

func (h *history) compareList(r *rapid.T, prefix, after string, limit int) {
	got, err := h.any(r).List(r.Context(), prefix, after, limit)
	if err != nil {
		r.Fatalf("list %q after %q, limit %d: %v", prefix, after, limit, err)
	}
	if diff := differ(got, h.model.list(h.clock.Now(), prefix, after, limit)); diff != "" {
		r.Fatalf("list %q after %q, limit %d: -got +want:\n%s", prefix, after, limit, diff)
	}
}

// model is the contract with nothing else in mind. It keeps expired records.
type model map[string]ledger.Record

func (m model) live(key string, now time.Time) bool {
	record, ok := m[key]
	return ok && !ledger.Expired(record.Expires, now)
}

// write returns the keys whose condition does not hold; if there are none, the
// writes are done.
func (m model) write(now time.Time, writes []ledger.Write) []string {
	var wrong []string
	for _, w := range writes {
		absent := !m.live(w.Key, now)
		if wantAbsent := w.Op == ledger.OpCreate || w.Version == 0; absent != wantAbsent || !absent && m[w.Key].Version != w.Version {
			wrong = append(wrong, w.Key)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return wrong
	}
	for _, w := range writes {
		switch w.Op {
		case ledger.OpExpect:
		case ledger.OpDelete:
			delete(m, w.Key)
		case ledger.OpCreate, ledger.OpUpdate:
			m[w.Key] = ledger.Record{Key: w.Key, Version: w.Version + 1, Value: w.Value, Expires: ledger.RoundExpiry(w.Expires)}
		}
	}
	return nil
}

func (m model) list(now time.Time, prefix, after string, limit int) []ledger.Record {
	var list []ledger.Record
	for key, record := range m {
		if m.live(key, now) && strings.HasPrefix(key, prefix) && key > after {
			list = append(list, record)
		}
	}
	slices.SortFunc(list, func(a, b ledger.Record) int { return strings.Compare(a.Key, b.Key) })
	return list[:min(limit, len(list))]
}
