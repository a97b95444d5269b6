package ledgertest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
)

// altered is a ledger some of whose calls go another way.
type altered struct {
	ledger.Ledger
	identity func() string
	get      func(ctx context.Context, key string) (ledger.Record, error)
	list     func(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error)
	write    func(ctx context.Context, writes []ledger.Write) error
}

func (a altered) Identity(ctx context.Context) (string, error) {
	if a.identity == nil {
		return a.Ledger.Identity(ctx)
	}
	return a.identity(), nil
}

func (a altered) Get(ctx context.Context, key string) (ledger.Record, error) {
	if a.get == nil {
		return a.Ledger.Get(ctx, key)
	}
	return a.get(ctx, key)
}

func (a altered) List(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
	if a.list == nil {
		return a.Ledger.List(ctx, prefix, after, limit)
	}
	return a.list(ctx, prefix, after, limit)
}

func (a altered) Write(ctx context.Context, writes ...ledger.Write) error {
	if a.write == nil {
		return a.Ledger.Write(ctx, writes...)
	}
	return a.write(ctx, writes)
}

// lagging is a clock that can be held at the beginning of a check, so that
// nothing seems to have expired.
type lagging struct {
	clock.Clock
	held atomic.Int64
}

func (c *lagging) Now() time.Time {
	if c.held.Load() > 0 {
		return start
	}
	return c.Clock.Now()
}

func (c *lagging) hold() (release func()) {
	c.held.Add(1)
	return func() { c.held.Add(-1) }
}

// rewrite breaks a ledger by changing each write before it is done.
func rewrite(change func(context.Context, ledger.Ledger, *ledger.Write)) func(ledger.Ledger, *lagging) altered {
	return func(l ledger.Ledger, _ *lagging) altered {
		return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
			writes = slices.Clone(writes)
			for i := range writes {
				change(ctx, l, &writes[i])
			}
			return l.Write(ctx, writes...)
		}}
	}
}

// listing is List without its context.
type listing func(prefix, after string, limit int) ([]ledger.Record, error)

// lists breaks a ledger by another way to list.
func lists(other func(l listing, prefix, after string, limit int) ([]ledger.Record, error)) func(ledger.Ledger, *lagging) altered {
	return func(l ledger.Ledger, _ *lagging) altered {
		return altered{Ledger: l, list: func(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
			return other(func(prefix, after string, limit int) ([]ledger.Record, error) {
				return l.List(ctx, prefix, after, limit)
			}, prefix, after, limit)
		}}
	}
}

// ordered breaks a ledger by listing in another order.
func ordered(compare func(a, b ledger.Record) int) func(ledger.Ledger, *lagging) altered {
	return lists(func(l listing, prefix, after string, limit int) ([]ledger.Record, error) {
		records, err := l(prefix, "", 1_000_000)
		slices.SortFunc(records, compare)
		if i := slices.IndexFunc(records, func(r ledger.Record) bool { return r.Key == after }); i >= 0 {
			records = records[i+1:]
		}
		return records[:min(limit, len(records))], err
	})
}

// blaming breaks a ledger by naming other keys in a conflict.
func blaming(l ledger.Ledger, name func(writes []ledger.Write, keys []string) []string) altered {
	return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
		keys, err := conflicts(l.Write(ctx, writes...))
		if err != nil || len(keys) == 0 {
			return err
		}
		return &ledger.ConflictError{Keys: name(writes, keys)}
	}}
}

// aliasing keeps values beside the ledger: as they were passed, or so that
// every reader gets the same bytes.
func aliasing(l ledger.Ledger, handsOut bool) altered {
	var mu sync.Mutex
	kept := map[string]json.RawMessage{}
	return altered{
		Ledger: l,
		write: func(ctx context.Context, writes []ledger.Write) error {
			mu.Lock()
			defer mu.Unlock()
			for _, w := range writes {
				kept[w.Key] = w.Value
				if handsOut {
					kept[w.Key] = slices.Clone(w.Value)
				}
			}
			return l.Write(ctx, writes...)
		},
		get: func(ctx context.Context, key string) (ledger.Record, error) {
			mu.Lock()
			defer mu.Unlock()
			record, err := l.Get(ctx, key)
			record.Value = kept[key]
			if !handsOut {
				record.Value = slices.Clone(record.Value)
			}
			return record, err
		},
	}
}

// expectations demand what writes demand, and change nothing.
func expectations(writes []ledger.Write) []ledger.Write {
	var all []ledger.Write
	for _, w := range writes {
		all = append(all, ledger.Expect(w.Key, w.Version))
	}
	return all
}

// force does writes whatever is there.
func force(ctx context.Context, l ledger.Ledger, writes []ledger.Write) error {
	if err := ledger.Validate(writes); err != nil {
		return err
	}
	for {
		var forced []ledger.Write
		for _, w := range writes {
			record, err := l.Get(ctx, w.Key)
			switch there := err == nil; {
			case w.Op == ledger.OpExpect:
				continue
			case w.Op == ledger.OpDelete && !there:
				continue
			case there && w.Op != ledger.OpDelete:
				w = ledger.Update(w.Key, record.Version, w.Value, w.Expires)
			case there:
				w.Version = record.Version
			default:
				w = ledger.Create(w.Key, w.Value, w.Expires)
			}
			forced = append(forced, w)
		}
		if len(forced) == 0 {
			return nil
		}
		if err := l.Write(ctx, forced...); !ledger.IsConflict(err) {
			return err
		}
	}
}
