package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

func TestReopen(t *testing.T) {
	path := file(t)
	first, err := Open(t.Context(), path, clock.Real{})
	if err != nil {
		t.Fatal(err)
	}
	value := json.RawMessage(` {"kept" : [1.50, "é"]} `)
	if err := errors.Join(first.Write(t.Context(), ledger.Create("k", value, never)), first.Close()); err != nil {
		t.Fatal(err)
	}
	again := handle(t, path)
	if again.identity != first.identity {
		t.Errorf("the identity became %s, was %s", again.identity, first.identity)
	}
	if got, err := again.Get(t.Context(), "k"); err != nil || got.Version != 1 || !bytes.Equal(got.Value, value) {
		t.Errorf("read again: %d %s, %v", got.Version, got.Value, err)
	}
}

func TestManyMakeOneLedger(t *testing.T) {
	path := file(t)
	var identities [8]string
	var wg sync.WaitGroup
	for i := range identities {
		wg.Go(func() {
			l, err := Open(t.Context(), path, clock.Real{})
			if err != nil {
				t.Error(err)
				return
			}
			identities[i] = l.identity
			if err := l.Close(); err != nil { // the last one removes the log
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, identity := range identities {
		if identity != identities[0] || !strings.HasPrefix(identity, "sqlite-") {
			t.Errorf("identities %q", identities)
		}
	}
}

func TestOnlyTheUserReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "drover")
	l := handle(t, filepath.Join(dir, "ledger.db"))
	if err := l.Write(t.Context(), create("k")); err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{
		"..": fs.ModeDir | 0o700, ".": fs.ModeDir | 0o700,
		"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600,
	}
	for name, mode := range want {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, error %v; want %v", name, info.Mode(), err, mode)
		}
	}
}

func TestEveryConnectionIsDurable(t *testing.T) {
	path := file(t)
	t.Chdir(filepath.Dir(path))
	l := handle(t, filepath.Base(path))
	t.Chdir(t.TempDir())     // a relative path means what it meant when it was opened
	l.db.SetMaxIdleConns(-1) // the next one is another connection
	if got := ask[int](t, l, "PRAGMA synchronous"); got != 2 {
		t.Errorf("synchronous is %d, want 2 (FULL)", got)
	}
	if got := ask[string](t, l, "PRAGMA journal_mode"); got != "wal" {
		t.Errorf("journal mode is %s", got)
	}
	if err := l.Write(t.Context(), create("k")); err != nil {
		t.Error(err)
	}
	if _, err := handle(t, path).Get(t.Context(), "k"); err != nil {
		t.Errorf("written to another file: %v", err)
	}
}

func TestNamesAreTakenAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"with space", "a?b=c&mode=memory", "#%41%", "ü", ":memory:", "file:x"} {
		handle(t, filepath.Join(dir, name))
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestEndedContextMakesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "dir", "ledger.db")
	if _, err := Open(ctx, path, clock.Real{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
}

// What is not a ledger of this program is refused, with the reason and the
// next thing to do, and stays as it was, byte by byte.
func TestRefused(t *testing.T) {
	const move = "name another file, or move this one away"
	for _, test := range []struct {
		name    string
		make    func(t *testing.T, path string)
		want    string
		hint    string
		removed bool // there is no file to compare
	}{
		{name: "text", want: "file is not a database", hint: move, make: func(t *testing.T, path string) {
			keep(t, path, []byte(strings.Repeat("version: 1\n", 1000)))
		}},
		{name: "a word", want: "file is not a database", hint: move, make: func(t *testing.T, path string) {
			keep(t, path, []byte("yes\n"))
		}},
		{name: "another program's", want: "an SQLite database, but not a Drover ledger", hint: move, make: func(t *testing.T, path string) {
			alter(t, path, "CREATE TABLE ledger (identity TEXT)")
		}},
		{name: "another program's, empty", want: "not a Drover ledger", hint: move, make: func(t *testing.T, path string) {
			alter(t, path, "PRAGMA application_id = 7")
		}},
		{name: "a newer schema", want: "it has schema 2, this program knows schema 1", hint: "or a later one", make: func(t *testing.T, path string) {
			made(t, path)
			alter(t, path, "PRAGMA user_version = 2")
		}},
		{name: "damaged", want: "database disk image is malformed", hint: "restore a copy", make: func(t *testing.T, path string) {
			made(t, path)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			const page = 4096 // the first one, with the header and the schema, stays
			keep(t, path, append(content[:page], bytes.Repeat([]byte{0xaa}, len(content)-page)...))
		}},
		{name: "a directory", want: "not a regular file", hint: move, removed: true, make: func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a dangling link", want: "no such file or directory", removed: true, make: func(t *testing.T, path string) {
			if err := os.Symlink("nowhere", path); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := file(t)
			test.make(t, path)
			before, _ := os.ReadFile(path)
			l, err := Open(t.Context(), path, clock.Real{})
			if err == nil {
				t.Fatalf("opened: %v", l.Close())
			}
			if got := err.Error(); !strings.HasPrefix(got, "open ledger "+path+": ") || !strings.Contains(got, test.want) || strings.Count(got, path) != 1 {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if hints := strings.Join(failure.Hints(err), "; "); !strings.Contains(hints, test.hint) {
				t.Errorf("hints %q, want %q", hints, test.hint)
			}
			if test.hint != "" && failure.ClassOf(err) != failure.Stop {
				t.Errorf("class %v: trying again does not help", failure.ClassOf(err))
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestNotAllowed(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may do everything")
	}
	for _, test := range []struct {
		name      string
		file, dir fs.FileMode
	}{
		{"file cannot be read", 0, 0o700},
		{"file cannot be written", 0o400, 0o700},
		{"log cannot be made", 0o600, 0o500},
		{"directory cannot be entered", 0o600, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := file(t)
			made(t, path)
			dir := filepath.Dir(path)
			if err := errors.Join(os.Chmod(path, test.file), os.Chmod(dir, test.dir)); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(dir, 0o700) //nolint:errcheck // so that it can be removed
			_, err := Open(t.Context(), path, clock.Real{})
			if err == nil || failure.ClassOf(err) != failure.Stop || !strings.Contains(strings.Join(failure.Hints(err), ""), "see that you may write") {
				t.Errorf("Open = %v, class %v, hints %q", err, failure.ClassOf(err), failure.Hints(err))
			}
		})
	}
}

func TestDirectoryCannotBeMade(t *testing.T) {
	path := file(t)
	keep(t, path, nil)
	_, err := Open(t.Context(), filepath.Join(path, "ledger.db"), clock.Real{})
	if err == nil || !strings.Contains(err.Error(), "mkdir "+path+": not a directory") {
		t.Errorf("Open = %v", err)
	}
}

func TestEmptyFileBecomesALedger(t *testing.T) {
	path := file(t)
	keep(t, path, nil) // as a process leaves it that is killed just after it made the file
	if err := handle(t, path).Write(t.Context(), create("k")); err != nil {
		t.Error(err)
	}
}

func keep(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// made leaves a ledger that nobody has open.
func made(t *testing.T, path string) {
	t.Helper()
	l, err := Open(t.Context(), path, clock.Real{})
	if err == nil {
		err = errors.Join(l.Write(t.Context(), create("k")), l.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// alter changes a database behind our back.
func alter(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.ExecContext(t.Context(), statement)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}
