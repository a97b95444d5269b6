package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	lib "modernc.org/sqlite/lib"

	"github.com/droverhq/drover/internal/failure"
)

var errIrregular = errors.New("not a regular file")

// explain makes `open ledger PATH: cause` of a failure, with its class and the
// next thing to do where a person can do something.
func explain(ctx context.Context, verb, path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) && at.Path == path {
		err = at.Err // it would name the path again
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err) // the driver may say only that it was interrupted
	}
	err = fmt.Errorf("%s ledger %s: %w", verb, path, err)
	class, hint := advise(err)
	if class != failure.Retry {
		err = failure.As(class, err)
	}
	if hint != "" {
		err = failure.WithHint(err, "%s", hint)
	}
	return err
}

// advise knows the failures that a person can end.
func advise(err error) (failure.Class, string) {
	var newer *newerError
	switch code := primary(err); {
	case errors.As(err, &newer):
		return failure.Stop, "use the version of drover that has changed the file, or a later one"
	case errors.Is(err, errForeign), errors.Is(err, errIrregular), code == lib.SQLITE_NOTADB:
		return failure.Stop, "name another file, or move this one away"
	case code == lib.SQLITE_CORRUPT:
		return failure.Stop, "move the file and those beside it (-wal, -shm) away and restore a copy; without one a new ledger begins, which knows of no run"
	case errors.Is(err, errors.ErrUnsupported):
		return failure.Stop, "keep the ledger on a local disk"
	case errors.Is(err, fs.ErrPermission), code == lib.SQLITE_CANTOPEN, code == lib.SQLITE_PERM, code == lib.SQLITE_READONLY:
		return failure.Stop, "see that you may write the file and its directory, or name another file"
	case code == lib.SQLITE_FULL:
		return failure.Retry, "make room on the disk of the ledger"
	case code == lib.SQLITE_BUSY:
		return failure.Retry, fmt.Sprintf("another process has kept the ledger locked for %v; see whether it hangs", patience)
	}
	return failure.Retry, ""
}
