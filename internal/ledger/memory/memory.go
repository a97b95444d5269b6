// Package memory is a ledger that lives and dies with its process: for tests,
// simulations and `drover demo`.
//
// Records are kept as a slice sorted by key. Finding one and listing are
// binary searches; making one moves the pointers behind it, which for the
// thousands of records of a test costs less than a tree would. Records that
// have expired stay in the slice until their key is written again: hidden, not
// removed.
package memory

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
)

// Ledger is a ledger in memory. Everyone who shares the pointer shares the
// records: it is its own only handle.
type Ledger struct {
	clock    clock.Clock
	identity string

	mu sync.RWMutex
	// records is sorted by key. A record is never changed once it is in here,
	// only replaced.
	records []*ledger.Record
}

var _ ledger.Ledger = (*Ledger)(nil)

// New is an empty ledger with an identity that no other ledger has. Its
// records expire by clk.
func New(clk clock.Clock) *Ledger { return NewNamed(clk, "memory-"+rand.Text()) }

// NewNamed is an empty ledger with a given identity, for histories that must
// come out the same from the same seed. The caller sees to it that no two
// ledgers that could meet have the same.
func NewNamed(clk clock.Clock, identity string) *Ledger {
	return &Ledger{clock: clk, identity: identity}
}

// Identity implements [ledger.Ledger].
func (l *Ledger) Identity(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("identify ledger: %w", err)
	}
	return l.identity, nil
}

// Get implements [ledger.Ledger].
func (l *Ledger) Get(ctx context.Context, key string) (ledger.Record, error) {
	if err := ledger.ValidateKey(key); err != nil {
		return ledger.Record{}, err
	}
	if err := ctx.Err(); err != nil {
		return ledger.Record{}, fmt.Errorf("get ledger record %q: %w", key, err)
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	record := l.live(key, l.clock.Now())
	if record == nil {
		return ledger.Record{}, fmt.Errorf("get ledger record %q: %w", key, ledger.ErrNotFound)
	}
	return clone(record), nil
}

// List implements [ledger.Ledger].
func (l *Ledger) List(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
	if err := ledger.ValidateList(prefix, after, limit); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list ledger records %q: %w", prefix, err)
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	now := l.clock.Now()
	first, _ := l.find(max(prefix, after))
	var list []ledger.Record
	for _, record := range l.records[first:] {
		if len(list) == limit || !strings.HasPrefix(record.Key, prefix) {
			break
		}
		if record.Key != after && !ledger.Expired(record.Expires, now) {
			list = append(list, clone(record))
		}
	}
	return list, nil
}

// Write implements [ledger.Ledger].
func (l *Ledger) Write(ctx context.Context, writes ...ledger.Write) error {
	if err := ledger.Validate(writes); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now() // under the lock: writes happen in the order of their times
	var changed []string
	for _, w := range writes {
		if l.version(w.Key, now) != condition(w) {
			changed = append(changed, w.Key)
		}
	}
	if len(changed) > 0 {
		slices.Sort(changed)
		return &ledger.ConflictError{Keys: changed}
	}
	for _, w := range writes {
		l.apply(w)
	}
	return nil
}

// Close implements [ledger.Ledger]. There is nothing to release.
func (l *Ledger) Close() error { return nil }

// condition is the version that a write demands; 0 stands for absence.
func condition(w ledger.Write) int64 {
	if w.Op == ledger.OpCreate {
		return 0
	}
	return w.Version
}

// apply makes a change whose condition holds.
func (l *Ledger) apply(w ledger.Write) {
	i, found := l.find(w.Key)
	switch w.Op {
	case ledger.OpExpect:
	case ledger.OpDelete:
		l.records = slices.Delete(l.records, i, i+1)
	case ledger.OpCreate, ledger.OpUpdate:
		record := &ledger.Record{
			Key:     w.Key,
			Version: condition(w) + 1,
			Value:   bytes.Clone(w.Value),
			Expires: ledger.RoundExpiry(w.Expires),
		}
		if found { // updated, or expired and made again
			l.records[i] = record
		} else {
			l.records = slices.Insert(l.records, i, record)
		}
	}
}

// version is the version at a key, 0 if there is no record.
func (l *Ledger) version(key string, now time.Time) int64 {
	if record := l.live(key, now); record != nil {
		return record.Version
	}
	return 0
}

// live returns the record at a key, nil if it is absent or has expired.
func (l *Ledger) live(key string, now time.Time) *ledger.Record {
	i, found := l.find(key)
	if !found || ledger.Expired(l.records[i].Expires, now) {
		return nil
	}
	return l.records[i]
}

// find is where a key is, or would be, among the records.
func (l *Ledger) find(key string) (int, bool) {
	return slices.BinarySearchFunc(l.records, key, func(record *ledger.Record, key string) int {
		return strings.Compare(record.Key, key)
	})
}

func clone(record *ledger.Record) ledger.Record {
	c := *record
	c.Value = bytes.Clone(c.Value)
	return c
}
