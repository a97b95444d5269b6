package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/ledger"
)

// conditional are the statements behind the operations. Each does its change
// only under its condition, and returns a row if that held.
var conditional = map[ledger.Op]string{
	ledger.OpCreate: `INSERT INTO record (key, version, value, expires) VALUES (:key, 1, :value, :expires)
		ON CONFLICT (key) DO UPDATE SET version = 1, value = :value, expires = :expires
		WHERE NOT ` + live + ` RETURNING 1`,
	ledger.OpUpdate: `UPDATE record SET version = version + 1, value = :value, expires = :expires
		WHERE key = :key AND version = :version AND ` + live + ` RETURNING 1`,
	ledger.OpDelete: `DELETE FROM record
		WHERE key = :key AND version = :version AND ` + live + ` RETURNING 1`,
	ledger.OpExpect: `SELECT 1
		WHERE :version = ifnull((SELECT version FROM record WHERE key = :key AND ` + live + `), 0)`,
}

// Write implements [ledger.Ledger].
//
// Besides its own work it removes records that have expired, the oldest
// first: at most two for each of its writes. So no call is held up by a heap
// that piled up while nobody wrote, and every heap goes, because a write
// removes more records than it can have made.
func (l *Ledger) Write(ctx context.Context, writes ...ledger.Write) error {
	if err := ledger.Validate(writes); err != nil {
		return err
	}
	err := transact(ctx, l.db, func(tx *sql.Tx) error {
		now := l.now() // under the lock: writes happen in the order of their times
		var changed []string
		for _, w := range writes {
			switch held, err := l.apply(ctx, tx, w, now); {
			case err != nil:
				return err
			case !held:
				changed = append(changed, w.Key)
			}
		}
		if len(changed) > 0 {
			slices.Sort(changed)
			return &ledger.ConflictError{Keys: changed}
		}
		return l.purge(ctx, tx, 2*len(writes), now)
	})
	if err == nil || ledger.IsConflict(err) {
		return err
	}
	return explain(ctx, "write", l.path, err)
}

// apply does one write and says whether its condition held. No key appears
// twice in a transaction, so no write changes the condition of another.
func (l *Ledger) apply(ctx context.Context, tx *sql.Tx, w ledger.Write, now sql.NamedArg) (held bool, err error) {
	err = tx.StmtContext(ctx, l.prepared[conditional[w.Op]]).QueryRowContext(ctx,
		sql.Named("key", []byte(w.Key)),
		sql.Named("version", w.Version),
		sql.Named("value", []byte(w.Value)),
		sql.Named("expires", seconds(w.Expires)),
		now,
	).Scan(new(int))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// seconds is how an expiry is stored: since 1970, NULL for never.
func seconds(expires time.Time) sql.Null[int64] {
	rounded := ledger.RoundExpiry(expires)
	return sql.Null[int64]{V: rounded.Unix(), Valid: !rounded.IsZero()}
}

const deleteExpired = `DELETE FROM record WHERE rowid IN
	(SELECT rowid FROM record WHERE expires <= :now ORDER BY expires LIMIT :most)`

func (l *Ledger) purge(ctx context.Context, tx *sql.Tx, most int, now sql.NamedArg) error {
	_, err := tx.StmtContext(ctx, l.prepared[deleteExpired]).ExecContext(ctx, sql.Named("most", most), now)
	return err
}
