package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// hold begins a transaction, as another process would, and returns its end.
func hold(t *testing.T, l *Ledger) (release func()) {
	t.Helper()
	tx, err := l.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// The waits are in virtual time. That they can be is tested here, too.
func TestWaiting(t *testing.T) {
	path := file(t)
	pair := func(t *testing.T) (holder, writer *Ledger) { return handle(t, path), handle(t, path) }

	t.Run("until the file is free", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			holder, writer := pair(t)
			time.AfterFunc(patience/2, hold(t, holder))
			start := time.Now()
			if err := writer.Write(t.Context(), create("k")); err != nil {
				t.Error(err)
			}
			if waited := time.Since(start); waited < patience/2 || waited > patience/2+longestPause {
				t.Errorf("waited %v", waited)
			}
		})
	})
	t.Run("not for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			holder, writer := pair(t)
			defer hold(t, holder)()
			start := time.Now()
			err := writer.Write(t.Context(), create("never"))
			if waited := time.Since(start); waited < patience || waited > patience+longestPause {
				t.Errorf("waited %v", waited)
			}
			if primary(err) != lib.SQLITE_BUSY || failure.ClassOf(err) != failure.Retry || !strings.HasPrefix(err.Error(), "write ledger "+path+": database is locked") {
				t.Errorf("Write = %v, class %v", err, failure.ClassOf(err))
			}
			if hints := failure.Hints(err); len(hints) != 1 || !strings.Contains(hints[0], "locked for 10s") {
				t.Errorf("hints %q", hints)
			}
			if _, err := writer.Get(t.Context(), "k"); err != nil {
				t.Errorf("a reader beside a writer: %v", err)
			}
		})
	})
	t.Run("while the context lasts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			holder, writer := pair(t)
			defer hold(t, holder)()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			if err := writer.Write(ctx, create("never")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Write = %v", err)
			}
			if _, err := Open(ctx, path, clock.Real{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open = %v", err)
			}
			if waited := time.Since(start); waited != time.Second {
				t.Errorf("waited %v", waited)
			}
		})
	})
	if _, err := handle(t, path).Get(t.Context(), "never"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("what failed was written: %v", err)
	}
}

// A call that ends in the middle of its work leaves the handle usable and
// nothing half done.
func TestContextEndsInsideATransaction(t *testing.T) {
	l := handle(t, file(t))
	ctx, cancel := context.WithCancel(t.Context())
	err := transact(ctx, l.db, func(tx *sql.Tx) error {
		if held, err := l.apply(ctx, tx, create("k"), l.now()); !held || err != nil {
			t.Errorf("apply = %v, %v", held, err)
		}
		cancel()
		return nil
	})
	if err := explain(ctx, "write", l.path, err); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := l.Write(t.Context(), ledger.Expect("k", 0), create("l")); err != nil {
		t.Error(err)
	}
}

func TestDiskFull(t *testing.T) {
	l := handle(t, file(t))
	ask[int](t, l, "PRAGMA max_page_count = 20")
	err := l.Write(t.Context(), create("small"), ledger.Create("large", text(ledger.MaxValue), never))
	if err == nil || !strings.HasPrefix(err.Error(), "write ledger "+l.path+": database or disk is full") {
		t.Errorf("Write = %v", err)
	}
	if hints := failure.Hints(err); len(hints) != 1 || !strings.Contains(hints[0], "make room") {
		t.Errorf("hints %q", hints)
	}
	if err := l.Write(t.Context(), create("small")); err != nil {
		t.Errorf("after one that was too large: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	l := handle(t, file(t))
	if _, err := l.db.ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	err := l.Write(t.Context(), create("k"))
	if primary(err) != lib.SQLITE_READONLY || failure.ClassOf(err) != failure.Stop {
		t.Errorf("Write = %v, class %v", err, failure.ClassOf(err))
	}
	if hints := failure.Hints(err); len(hints) != 1 || !strings.Contains(hints[0], "see that you may write the file") {
		t.Errorf("hints %q", hints)
	}
}

// A context that has ended is always told, whatever the driver says then.
func TestExplainEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for err, want := range map[error]string{
		sql.ErrTxDone:    "read ledger /l: context canceled: sql: transaction has already been committed or rolled back",
		context.Canceled: "read ledger /l: context canceled",
	} {
		if got := explain(ctx, "read", "/l", err); got.Error() != want || !errors.Is(got, context.Canceled) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	twice := func(err error) error { return fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)) }
	for _, test := range []struct {
		err   error
		want  string
		class failure.Class
		hint  string
	}{
		{&fs.PathError{Op: "open", Path: "/l", Err: fs.ErrPermission}, "open ledger /l: permission denied", failure.Stop, "see that you may write"},
		{&fs.PathError{Op: "mkdir", Path: "/", Err: fs.ErrPermission}, "open ledger /l: mkdir /: permission denied", failure.Stop, "see that you may write"},
		{twice(&newerError{9}), "open ledger /l: a: b: it has schema 9, this program knows schema 1", failure.Stop, "or a later one"},
		{twice(errors.ErrUnsupported), "open ledger /l: a: b: unsupported operation", failure.Stop, "local disk"},
		{errors.New("other"), "open ledger /l: other", failure.Retry, ""},
	} {
		err := explain(t.Context(), "open", "/l", test.err)
		if err.Error() != test.want || failure.ClassOf(err) != test.class {
			t.Errorf("got %q, class %v; want %q, class %v", err, failure.ClassOf(err), test.want, test.class)
		}
		if hints := strings.Join(failure.Hints(err), "; "); (hints == "") != (test.hint == "") || !strings.Contains(hints, test.hint) {
			t.Errorf("%q: hints %q, want %q", err, hints, test.hint)
		}
	}
}
