package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/droverhq/drover/internal/clock"
)

// How long a call waits for other processes, in all and between two looks. A
// transaction takes well under a millisecond, some more on a slow disk; who
// holds the file for longer was stopped in the middle of one.
const (
	patience     = 10 * time.Second
	longestPause = 16 * time.Millisecond
)

// patiently makes a call again as long as somebody else has the file locked.
// It stands in for SQLite's own busy timeout, which does not hold everywhere
// (not while the journal mode changes, nor during recovery) and waits with
// locks of the library held, so that it cannot be used in virtual time.
//
// The time spent is of the wall, whatever clock the ledger has: a virtual one
// does not make another process go on.
func patiently(ctx context.Context, call func() error) error {
	var waited time.Duration
	for pause := time.Millisecond; ; pause = min(2*pause, longestPause) {
		err := call()
		if primary(err) != lib.SQLITE_BUSY || waited >= patience {
			return err
		}
		if err := (clock.Real{}).Sleep(ctx, pause); err != nil {
			return err
		}
		waited += pause
	}
}

// transact runs f in a transaction that has the file to itself from the
// beginning (see dsn), so that what it reads holds until it commits. It may
// run f more than once; only the last time has an effect.
func transact(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	return patiently(ctx, func() error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := f(tx); err != nil {
			_ = tx.Rollback() // why f failed is what counts
			return err
		}
		return tx.Commit()
	})
}

// primary is SQLite's primary result code in an error's chain, 0 if there is none.
func primary(err error) int {
	var e *driver.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}
