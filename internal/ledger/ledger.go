// Package ledger is the small memory that everything in Drover shares: claims,
// runs with their plan, state and audit, what later runs must still know.
//
// A ledger holds records. A record has a key, a version and a JSON value.
// Every write is conditional: it says what must be there for it to happen
// (nothing, or a certain version), so that nothing is ever read, modified and
// written back over somebody else's change. Several writes go together or not
// at all. Records are listed by prefix in the order of their keys, which is
// why due times are written so that they sort.
//
// A record past its Expires is absent, everywhere and at once, whether or not
// the implementation has removed it yet. The clock that judges this is the one
// an implementation is opened with, so that tests and simulations can move it.
//
// The implementations are tested by one suite, internal/ledger/ledgertest.
package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Record is one entry.
type Record struct {
	Key string
	// Version is 1 when the record is made and one more after each update, so
	// that whoever writes knows it without reading.
	//
	// A record that is made again after it was deleted, or has expired, starts
	// over at 1: a version tells apart the states of one life, not those of
	// two. Do not delete, nor let expire, what somebody may still be about to
	// update by a version of its former life.
	Version int64
	// Value is the JSON that was written: the same members with the same
	// values, every digit of a number included. White space and the order of
	// members may differ.
	Value json.RawMessage
	// Expires is when the record ceases to exist; zero means never. It is kept
	// to the second, rounded up, and read back in UTC.
	Expires time.Time
}

// Ledger is the contract.
//
// Implementations are safe for concurrent use, by several processes where the
// implementation is shared between processes. Once a write has returned, every
// read that begins afterwards, through whichever handle, sees it. Values are
// copied on their way in and out: a caller may change what it passed or got.
//
// A call that breaks a limit or a rule returns an [InvalidError]. A context
// that has ended gives an error that wraps ctx.Err(); if it had ended before
// the call, nothing is written. A write whose error is neither nil, a
// [ConflictError] nor an [InvalidError] may or may not have happened.
type Ledger interface {
	// Identity names this ledger: the same for everyone who opens it, for as
	// long as it exists, and different from every other ledger's. It marks
	// what this ledger's runs created.
	Identity(ctx context.Context) (string, error)
	// Get returns the record, or an error that wraps [ErrNotFound].
	Get(ctx context.Context, key string) (Record, error)
	// List returns up to limit records whose keys begin with prefix and come
	// after the key `after`, sorted by key in byte order. An empty prefix takes
	// all, an empty after begins at the start; neither need be the key of a
	// record. Fewer than limit means that there are no more. It is no snapshot:
	// of what is written during the call, any part may be seen.
	List(ctx context.Context, prefix, after string, limit int) ([]Record, error)
	// Write does all the writes, or none and returns a [ConflictError].
	// No key may appear twice.
	Write(ctx context.Context, writes ...Write) error
	// Close releases what the handle holds open. The handle is not used
	// afterwards; other handles on the same ledger are not affected.
	Close() error
}

// ErrNotFound is what Get's error wraps for a key that is absent or expired.
var ErrNotFound = errors.New("no such record")

// ConflictError means that a condition did not hold: nothing was written.
// Read again and decide again.
type ConflictError struct {
	Keys []string // all those whose condition did not hold, and no others; sorted
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("write ledger: changed meanwhile: %s", strings.Join(e.Keys, ", "))
}

// IsConflict says whether err is a [ConflictError].
func IsConflict(err error) bool {
	var c *ConflictError
	return errors.As(err, &c)
}

// InvalidError means that a call breaks the contract: nothing was written and
// nothing would be, however often it is repeated.
type InvalidError struct {
	Key    string // the key that is at fault; empty when it is not one key's
	Reason string
}

func (e *InvalidError) Error() string {
	if e.Key == "" {
		return "ledger: " + e.Reason
	}
	return fmt.Sprintf("ledger record %.80q: %s", e.Key, e.Reason)
}

// Expired says whether a record with this expiry is absent at now: from the
// very moment of its expiry on.
func Expired(expires, now time.Time) bool {
	return !expires.IsZero() && !now.Before(expires)
}

// RoundExpiry rounds an expiry up to the whole second in UTC, the precision
// that every implementation keeps. Zero stays zero.
func RoundExpiry(t time.Time) time.Time {
	whole := t.Truncate(time.Second)
	if whole.Before(t) {
		whole = whole.Add(time.Second)
	}
	return whole.UTC()
}
