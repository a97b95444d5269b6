package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
)

// What the header of the file says about it. A schema that an older program
// would damage, or misread, gets the next number.
const (
	application = 0x44525652 // "DRVR": a ledger of ours
	schema      = 1
)

// Keys are BLOBs since those compare byte by byte, whatever the encoding of
// the database and the collation; values are BLOBs since they come back as
// they were. Expiries are seconds since 1970, NULL for never.
const tables = `
CREATE TABLE ledger (
	identity TEXT NOT NULL
) STRICT;
CREATE TABLE record (
	key     BLOB    NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL,
	value   BLOB    NOT NULL,
	expires INTEGER
) STRICT;
CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;
`

var errForeign = errors.New("an SQLite database, but not a Drover ledger")

// newerError is a file that a later program has made or changed.
type newerError struct{ schema int }

func (e *newerError) Error() string {
	return fmt.Sprintf("it has schema %d, this program knows schema %d", e.schema, schema)
}

// establish makes a ledger of an empty file, refuses what is neither empty nor
// a ledger that this program knows, and returns the identity.
func establish(ctx context.Context, tx *sql.Tx) (identity string, err error) {
	var app, version, objects int
	err = tx.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&app, &version, &objects)
	switch {
	case err != nil:
		return "", err
	case app == 0 && version == 0 && objects == 0:
		identity = "sqlite-" + rand.Text()
		return identity, makeTables(ctx, tx, identity)
	case app != application:
		return "", errForeign
	case version > schema:
		return "", &newerError{version}
	}
	// SQLite opens a file that may only be read, and would not say so before the
	// first change. This is one that changes nothing.
	if _, err := tx.ExecContext(ctx, `DELETE FROM record WHERE FALSE`); err != nil {
		return "", err
	}
	err = tx.QueryRowContext(ctx, `SELECT identity FROM ledger`).Scan(&identity)
	return identity, err
}

func makeTables(ctx context.Context, tx *sql.Tx, identity string) error {
	header := fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d;`, application, schema)
	if _, err := tx.ExecContext(ctx, tables+header); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO ledger (identity) VALUES (?)`, identity)
	return err
}
