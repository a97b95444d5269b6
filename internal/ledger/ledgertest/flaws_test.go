package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf16"

	"github.com/droverhq/drover/internal/ledger"
)

// flaw is a way to get a ledger wrong, and the checks that must notice.
type flaw struct {
	name     string // continues "a ledger that …"
	caughtBy []string
	// breaks puts the flaw around one handle of a sound ledger, whose clock
	// can be held back.
	breaks func(l ledger.Ledger, lag *lagging) altered
	races  bool // shows only when several write at once
}

// handlesMade tells handles apart.
var handlesMade atomic.Int64

var flaws = []flaw{
	{
		name: "has the same identity as any other", caughtBy: []string{"identity"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, identity: func() string { return "ledger" }}
		},
	},
	{
		name: "has an identity for each handle", caughtBy: []string{"identity"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			name := "ledger " + time.Duration(handlesMade.Add(1)).String()
			return altered{Ledger: l, identity: func() string { return name }}
		},
	},
	{
		name: "reads each record once and remembers", caughtBy: []string{"life of a record", "random histories"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			known := map[string]ledger.Record{}
			return altered{Ledger: l, get: func(ctx context.Context, key string) (ledger.Record, error) {
				if record, ok := known[key]; ok {
					return record, nil
				}
				record, err := l.Get(ctx, key)
				if err == nil {
					known[key] = record
				}
				return record, err
			}}
		},
	},
	{
		name: "ignores versions", caughtBy: []string{"conditions", "all or nothing", "random histories"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				return force(ctx, l, writes)
			}}
		},
	},
	{
		name: "takes any version but 0 for any other", caughtBy: []string{"conditions", "expired is absent", "conflicts name the keys"},
		breaks: rewrite(func(ctx context.Context, l ledger.Ledger, w *ledger.Write) {
			if record, err := l.Get(ctx, w.Key); err == nil && w.Version > 0 {
				w.Version = record.Version
			} else if w.Op == ledger.OpExpect {
				w.Version = 0
			}
		}),
	},
	{
		name: "folds the case of keys", caughtBy: []string{"keys are told apart"},
		breaks: rewrite(func(_ context.Context, _ ledger.Ledger, w *ledger.Write) { w.Key = strings.ToLower(w.Key) }),
	},
	{
		name: "reads numbers as float64", caughtBy: []string{"values round trip"},
		breaks: rewrite(func(_ context.Context, _ ledger.Ledger, w *ledger.Write) {
			var v any
			if json.Unmarshal(w.Value, &v) == nil {
				w.Value, _ = json.Marshal(v)
			}
		}),
	},
	{
		name: "keeps the caller's bytes", caughtBy: []string{"values are copied"},
		breaks: func(l ledger.Ledger, _ *lagging) altered { return aliasing(l, false) },
	},
	{
		name: "hands out its own bytes", caughtBy: []string{"values are copied"},
		breaks: func(l ledger.Ledger, _ *lagging) altered { return aliasing(l, true) },
	},
	{
		name: "splits transactions that are too long", caughtBy: []string{"limits"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				for part := range slices.Chunk(writes, ledger.MaxWrites) {
					if err := l.Write(ctx, part...); err != nil {
						return err
					}
				}
				return nil
			}}
		},
	},
	{
		name: "leaves out writes that are invalid", caughtBy: []string{"invalid calls"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				return l.Write(ctx, slices.DeleteFunc(slices.Clone(writes), func(w ledger.Write) bool {
					return ledger.Validate([]ledger.Write{w}) != nil
				})...)
			}}
		},
	},
	{
		name: "lists nothing when asked for nothing", caughtBy: []string{"invalid calls"},
		breaks: lists(func(l listing, prefix, after string, limit int) ([]ledger.Record, error) {
			if limit < 1 {
				return nil, nil
			}
			return l(prefix, after, limit)
		}),
	},
	{
		name: "does not look at the context", caughtBy: []string{"ended contexts"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{
				Ledger: l,
				get: func(ctx context.Context, key string) (ledger.Record, error) {
					return l.Get(context.WithoutCancel(ctx), key)
				},
				write: func(ctx context.Context, writes []ledger.Write) error {
					return l.Write(context.WithoutCancel(ctx), writes...)
				},
			}
		},
	},
	{
		name: "hides why it gave up", caughtBy: []string{"ended contexts"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				if ctx.Err() != nil {
					return errors.New("given up")
				}
				return l.Write(ctx, writes...)
			}}
		},
	},
	{
		name: "counts an expectation as a change", caughtBy: []string{"all operations in one transaction", "random histories"},
		breaks: rewrite(func(ctx context.Context, l ledger.Ledger, w *ledger.Write) {
			if record, err := l.Get(ctx, w.Key); err == nil && w.Op == ledger.OpExpect && w.Version > 0 {
				*w = ledger.Update(w.Key, w.Version, record.Value, record.Expires)
			}
		}),
	},
	{
		name: "does half a transaction", caughtBy: []string{"all or nothing", "conflicts name the keys", "random histories"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				for _, w := range writes {
					if err := l.Write(ctx, w); err != nil {
						return err
					}
				}
				return nil
			}}
		},
	},
	{
		name: "does what it can of a transaction", caughtBy: []string{"all or nothing"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				keys, err := conflicts(l.Write(ctx, writes...))
				if err != nil || len(keys) == 0 {
					return err
				}
				for _, w := range writes {
					if !slices.Contains(keys, w.Key) {
						_ = l.Write(ctx, w)
					}
				}
				return &ledger.ConflictError{Keys: keys}
			}}
		},
	},
	{
		name: "names one key of a conflict", caughtBy: []string{"conflicts name the keys", "random histories"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return blaming(l, func(_ []ledger.Write, keys []string) []string { return keys[:1] })
		},
	},
	{
		name: "names all keys of a transaction in a conflict", caughtBy: []string{"conflicts name the keys"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return blaming(l, func(writes []ledger.Write, _ []string) []string {
				var keys []string
				for _, w := range writes {
					keys = append(keys, w.Key)
				}
				slices.Sort(keys)
				return keys
			})
		},
	},
	{
		name: "names the keys of a conflict in any order", caughtBy: []string{"conflicts name the keys"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return blaming(l, func(_ []ledger.Write, keys []string) []string { slices.Reverse(keys); return keys })
		},
	},
	{
		name: "gets expired records", caughtBy: []string{"expired is absent", "random histories"},
		breaks: func(l ledger.Ledger, lag *lagging) altered {
			return altered{Ledger: l, get: func(ctx context.Context, key string) (ledger.Record, error) {
				defer lag.hold()()
				return l.Get(ctx, key)
			}}
		},
	},
	{
		name: "lists expired records", caughtBy: []string{"expired is absent", "expired records leave no gaps in lists", "random histories"},
		breaks: func(l ledger.Ledger, lag *lagging) altered {
			return altered{Ledger: l, list: func(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
				defer lag.hold()()
				return l.List(ctx, prefix, after, limit)
			}}
		},
	},
	{
		name: "finds expired records when it writes", caughtBy: []string{"expired is absent", "random histories"},
		breaks: func(l ledger.Ledger, lag *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				defer lag.hold()()
				return l.Write(ctx, writes...)
			}}
		},
	},
	{
		name: "stores never as 1970", caughtBy: []string{"expired is absent"},
		breaks: rewrite(func(_ context.Context, _ ledger.Ledger, w *ledger.Write) {
			if w.Expires.Equal(time.Unix(0, 0)) {
				w.Expires = never
			}
		}),
	},
	{
		name: "rounds expiries down", caughtBy: []string{"expiry is kept", "random histories"},
		breaks: rewrite(func(_ context.Context, _ ledger.Ledger, w *ledger.Write) { w.Expires = w.Expires.Truncate(time.Second) }),
	},
	{
		name: "keeps an expiry that an update takes away", caughtBy: []string{"expiry is kept", "random histories"},
		breaks: rewrite(func(ctx context.Context, l ledger.Ledger, w *ledger.Write) {
			if record, err := l.Get(ctx, w.Key); err == nil && w.Op == ledger.OpUpdate && w.Expires.IsZero() {
				w.Expires = record.Expires
			}
		}),
	},
	{
		name: "cuts a page before it leaves out what expired", caughtBy: []string{"expired records leave no gaps in lists", "random histories"},
		breaks: func(l ledger.Ledger, lag *lagging) altered {
			return altered{Ledger: l, list: func(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
				release := lag.hold()
				records, err := l.List(ctx, prefix, after, limit)
				release()
				return slices.DeleteFunc(records, func(r ledger.Record) bool { return ledger.Expired(r.Expires, lag.Now()) }), err
			}}
		},
	},
	{
		name: "lists backwards", caughtBy: []string{"lists", "random histories"},
		breaks: ordered(func(a, b ledger.Record) int { return strings.Compare(b.Key, a.Key) }),
	},
	{
		name: "sorts by UTF-16", caughtBy: []string{"lists"},
		breaks: ordered(func(a, b ledger.Record) int {
			return slices.Compare(utf16.Encode([]rune(a.Key)), utf16.Encode([]rune(b.Key)))
		}),
	},
	{
		name: "lists the key it was to begin after", caughtBy: []string{"lists"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, list: func(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
				records, err := l.List(ctx, prefix, after, limit)
				if first, found := l.Get(ctx, after); found == nil && strings.HasPrefix(after, prefix) {
					records = slices.Insert(records, 0, first)
				}
				return records[:min(limit, len(records))], err
			}}
		},
	},
	{
		name: "takes a prefix for a folder", caughtBy: []string{"lists", "random histories"},
		breaks: lists(func(l listing, prefix, after string, limit int) ([]ledger.Record, error) {
			records, err := l(prefix, after, 1_000_000)
			records = slices.DeleteFunc(records, func(r ledger.Record) bool {
				return prefix != "" && !strings.HasSuffix(prefix, "/") && r.Key != prefix && r.Key[len(prefix)] != '/'
			})
			return records[:min(limit, len(records))], err
		}),
	},
	{
		name: "ends a page at a megabyte", caughtBy: []string{"lists of large records"},
		breaks: lists(func(l listing, prefix, after string, limit int) ([]ledger.Record, error) {
			records, err := l(prefix, after, limit)
			for i, size := 0, 0; i < len(records); i++ {
				if size += len(records[i].Value); size > 1<<20 {
					return records[:i], err
				}
			}
			return records, err
		}),
	},
	{
		name: "checks versions first and writes then", races: true,
		caughtBy: []string{"one of many creates wins", "counters lose nothing", "transfers keep the sum", "expectations hold at the write"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				if err := l.Write(ctx, expectations(writes)...); err != nil {
					return err
				}
				time.Sleep(time.Millisecond)
				return force(ctx, l, writes)
			}}
		},
	},
	{
		name: "checks expectations before it writes the rest", races: true,
		caughtBy: []string{"expectations hold at the write"},
		breaks: func(l ledger.Ledger, _ *lagging) altered {
			return altered{Ledger: l, write: func(ctx context.Context, writes []ledger.Write) error {
				if err := l.Write(ctx, expectations(writes)...); err != nil {
					return err
				}
				time.Sleep(time.Millisecond)
				return l.Write(ctx, slices.DeleteFunc(slices.Clone(writes), func(w ledger.Write) bool { return w.Op == ledger.OpExpect })...)
			}}
		},
	},
}
