package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	driver "modernc.org/sqlite"

	"github.com/droverhq/drover/internal/clock"
)

// Open opens the ledger in a file. If there is none it makes one, and the
// directories above it, which only the user may read; any number of processes
// may do so at once and share it. Records expire by clk.
//
// A file that is not a ledger, or one with a newer schema than this program
// knows, is refused and left as it is.
func Open(ctx context.Context, path string, clk clock.Clock) (*Ledger, error) {
	l, err := open(ctx, path, clk)
	if err != nil {
		return nil, explain(ctx, "open", path, err)
	}
	return l, nil
}

func open(ctx context.Context, path string, clk clock.Clock) (_ *Ledger, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The connection is made anew after a call was interrupted; the working
	// directory may be another one by then.
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := touch(path); err != nil {
		return nil, err
	}
	connector, err := driver.NewConnector(dsn(path))
	if err != nil {
		return nil, err
	}
	l := &Ledger{path: path, clock: clk, db: sql.OpenDB(connector)}
	l.db.SetMaxOpenConns(1)
	defer func() {
		if err != nil {
			err = errors.Join(err, l.db.Close())
		}
	}()
	if err := transact(ctx, l.db, func(tx *sql.Tx) (err error) {
		l.identity, err = establish(ctx, tx)
		return err
	}); err != nil {
		return nil, err
	}
	if err := useLog(ctx, l.db); err != nil {
		return nil, err
	}
	return l, patiently(ctx, func() error { return l.prepare(ctx) })
}

// prepare parses the statements once, which takes longer than to run them.
func (l *Ledger) prepare(ctx context.Context) (err error) {
	l.prepared = map[string]*sql.Stmt{}
	for _, query := range append(slices.Collect(maps.Values(conditional)), selectOne, selectRange, deleteExpired) {
		if l.prepared[query], err = l.db.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// dsn says how every connection to the file is made.
func dsn(path string) string {
	settings := url.Values{
		"_pragma": {
			"synchronous(FULL)", // see the package's documentation
			"fullfsync(1)",      // macOS only: there, fsync leaves data in the drive's cache
		},
		// Transactions take the write lock when they begin. One that took it at
		// its first write would find its reading out of date, and fail.
		"_txlock": {"immediate"},
		// Texts of errors tell of this call, not of the one before.
		"_error_rc": {"1"},
	}
	path = "/" + strings.TrimPrefix(filepath.ToSlash(path), "/") // so, too, when it begins with C:
	return (&url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}).String()
}

// useLog sets the file to write-ahead logging, which it then keeps: readers go
// on while somebody writes.
func useLog(ctx context.Context, db *sql.DB) error {
	var mode string
	err := patiently(ctx, func() error {
		return db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
	})
	if err == nil && mode != "wal" {
		err = fmt.Errorf("processes cannot share memory there: %w", errors.ErrUnsupported)
	}
	return err
}

// touching is held while a file is made. POSIX takes all locks that a process
// has on a file away when it closes any descriptor of it. With this lock none
// of our handles can be using a file that touch is about to close.
var touching sync.Mutex

// touch makes the file unless it is there, because SQLite would make it
// readable for others. An empty file is an empty database. Files that SQLite
// puts beside it get the same mode.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	touching.Lock()
	defer touching.Unlock()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return file.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errIrregular
	}
	return err
}
