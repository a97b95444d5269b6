// Package sqlite is the ledger in one file: what `drover run` and `drover
// worker` keep their memory in when nothing else is said.
//
// Callers may rely on this:
//
//   - Several processes use one file at the same time, and any of them may be
//     killed at any instruction. What another one had written stays, what it
//     had begun to write is gone, and nobody waits for the dead.
//   - A write that has returned survives the loss of power. That is why
//     synchronous is FULL, which flushes the log at every commit; with NORMAL
//     a commit is ten times faster and the last ones may be lost.
//   - A call waits for other processes at most ten seconds, or until its
//     context ends. Writers hold the file for the length of one transaction,
//     readers never hold up writers nor the other way round.
//   - Only the user who made the ledger reads it: its files have mode 0600.
//
// The file must be on a local disk, because the processes share memory beside
// it (FILE-shm). FILE and FILE-wal, the log, are one: copy or move both, while
// nobody has the ledger open. It never shrinks; room is used again. A process
// that has it open must not open the file in any other way: when it closed
// that, POSIX would take its locks away (see touch).
//
// A handle has one connection, so calls on one handle wait for one another, in
// the order in which they came. Open several for more.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
)

// Ledger is a handle on a file. Make one with [Open].
type Ledger struct {
	path     string
	clock    clock.Clock
	db       *sql.DB
	prepared map[string]*sql.Stmt // all statements, by their text
	identity string
}

var _ ledger.Ledger = (*Ledger)(nil)

// Identity implements [ledger.Ledger].
func (l *Ledger) Identity(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("identify ledger: %w", err)
	}
	return l.identity, nil
}

// live is the condition under which a record is there.
const live = `(expires IS NULL OR expires > :now)`

const selectOne = `SELECT key, version, value, expires FROM record WHERE key = :key AND ` + live

// Get implements [ledger.Ledger].
func (l *Ledger) Get(ctx context.Context, key string) (ledger.Record, error) {
	if err := ledger.ValidateKey(key); err != nil {
		return ledger.Record{}, err
	}
	var record ledger.Record
	err := patiently(ctx, func() (err error) {
		row := l.prepared[selectOne].QueryRowContext(ctx, sql.Named("key", []byte(key)), l.now())
		record, err = scan(row.Scan)
		return err
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ledger.Record{}, fmt.Errorf("get ledger record %q: %w", key, ledger.ErrNotFound)
	case err != nil:
		return ledger.Record{}, explain(ctx, "read", l.path, err)
	}
	return record, nil
}

const selectRange = `SELECT key, version, value, expires FROM record
	WHERE key >= :first AND key < :end AND ` + live + ` ORDER BY key`

// List implements [ledger.Ledger]. What it returns was there at one moment.
func (l *Ledger) List(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
	if err := ledger.ValidateList(prefix, after, limit); err != nil {
		return nil, err
	}
	first, end := bounds(prefix, after)
	var list []ledger.Record
	err := patiently(ctx, func() error {
		list = nil
		rows, err := l.prepared[selectRange].QueryContext(ctx, sql.Named("first", first), sql.Named("end", end), l.now())
		if err != nil {
			return err
		}
		defer rows.Close()                     //nolint:errcheck // rows.Err below is what counts; it reports this one, too
		for len(list) < limit && rows.Next() { // SQLite finds a row when it is asked for the next
			record, err := scan(rows.Scan)
			if err != nil {
				return err
			}
			list = append(list, record)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, explain(ctx, "read", l.path, err)
	}
	return list, nil
}

// Close implements [ledger.Ledger].
func (l *Ledger) Close() error {
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("close ledger %s: %w", l.path, err)
	}
	return nil
}

// bounds are the first key a list may hold and the first one beyond it. In
// byte order a zero byte makes the next string after one; and a prefix, being
// UTF-8, never ends in the byte 0xff, so that one more than its last byte is
// beyond all that begin with it.
func bounds(prefix, after string) (first, end []byte) {
	first = []byte(max(prefix, after+"\x00"))
	if prefix == "" {
		return first, []byte{0xff}
	}
	end = []byte(prefix)
	end[len(end)-1]++
	return first, end
}

// now is the time by which a statement tells what has expired. Expiries are
// whole seconds, so one has passed when the whole seconds of now reach it.
func (l *Ledger) now() sql.NamedArg { return sql.Named("now", l.clock.Now().Unix()) }

// scan makes a record of a row. The driver copies: nothing is shared with it.
func scan(row func(...any) error) (ledger.Record, error) {
	var (
		key, value []byte
		version    int64
		expires    sql.Null[int64]
	)
	if err := row(&key, &version, &value, &expires); err != nil {
		return ledger.Record{}, err
	}
	record := ledger.Record{Key: string(key), Version: version, Value: value}
	if expires.Valid {
		record.Expires = time.Unix(expires.V, 0).UTC()
	}
	return record, nil
}
