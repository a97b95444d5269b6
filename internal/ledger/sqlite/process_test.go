package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
)

// parts is what other processes do in the tests of this file.
var parts = map[string]func(ctx context.Context, path string) error{
	"counter": countTogether,
	"writer":  writeForEver,
	"holder":  holdForEver,
}

const increments = 100 // by each of the processes that count together

// countTogether says the identity, waits for a word, and counts.
func countTogether(ctx context.Context, path string) error {
	l, err := Open(ctx, path, clock.Real{})
	if err != nil {
		return err
	}
	fmt.Println(l.identity)
	if !bufio.NewScanner(os.Stdin).Scan() {
		return errors.New("nobody gave the word")
	}
	for n := 0; n < increments; {
		count, version, err := number(ctx, l, "count")
		if err != nil {
			return err
		}
		err = l.Write(ctx, set("count", version, count+1), create(fmt.Sprintf("note/%d/%d", os.Getpid(), n)))
		switch {
		case err == nil:
			n++
		case !ledger.IsConflict(err):
			return err
		}
	}
	return l.Close()
}

func TestProcessesTogether(t *testing.T) {
	path := file(t)
	crew := []*process{start(t, "counter", path), start(t, "counter", path)} // both make the file
	identity := crew[0].hear()
	if other := crew[1].hear(); other != identity {
		t.Errorf("two processes made one ledger with the identities %s and %s", identity, other)
	}
	for _, p := range crew {
		p.tell("go")
	}
	for _, p := range crew {
		if err := p.cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	l, want := handle(t, path), increments*len(crew)
	if l.identity != identity {
		t.Errorf("the identity became %s, was %s", l.identity, identity)
	}
	if count, version, err := number(t.Context(), l, "count"); count != want || version != int64(want) || err != nil {
		t.Errorf("counted to %d at version %d, error %v; want %d", count, version, err, want)
	}
	if notes, err := l.List(t.Context(), "note/", "", want+1); len(notes) != want || err != nil {
		t.Errorf("%d notes, error %v; want %d", len(notes), err, want)
	}
}

// A deed of the writer is this many records in one transaction, on several
// pages each, so that a kill mostly strikes in the middle of one.
const (
	deedRecords = 6
	deedBytes   = 10_000
)

func deedKey(deed, i int) string { return fmt.Sprintf("deed/%06d/%d", deed, i) }

// writeForEver does one deed after another and says the number of each when it
// is done.
func writeForEver(ctx context.Context, path string) error {
	l, err := Open(ctx, path, clock.Real{})
	if err != nil {
		return err
	}
	for {
		deed, version, err := number(ctx, l, "deeds")
		if err != nil {
			return err
		}
		deed++
		writes := []ledger.Write{set("deeds", version, deed)}
		for i := range deedRecords {
			writes = append(writes, ledger.Create(deedKey(deed, i), text(deedBytes), time.Time{}))
		}
		if err := l.Write(ctx, writes...); err != nil {
			return err
		}
		fmt.Println(deed)
	}
}

func TestKilledWriterLosesNothing(t *testing.T) {
	path := file(t)
	identity := handle(t, path).identity // stays open: the survivor of some rounds
	for round := range 8 {
		p := start(t, "writer", path)
		said := p.hear()
		for range round * 5 % 7 {
			said = p.hear()
		}
		if last := p.kill(); last != "" {
			said = last
		}
		acknowledged, err := strconv.Atoi(said)
		if err != nil {
			t.Fatal(err)
		}
		l := handle(t, path)
		if l.identity != identity {
			t.Fatalf("round %d: the identity became %s, was %s", round, l.identity, identity)
		}
		checkDeeds(t, l, acknowledged)
	}
}

// checkDeeds wants every acknowledged deed, perhaps the one that was under way,
// and nothing of any other.
func checkDeeds(t *testing.T, l *Ledger, acknowledged int) {
	t.Helper()
	if verdict := ask[string](t, l, "PRAGMA integrity_check"); verdict != "ok" {
		t.Fatalf("the file is damaged: %s", verdict)
	}
	done, _, err := number(t.Context(), l, "deeds")
	if err != nil || done < acknowledged || done > acknowledged+1 {
		t.Fatalf("%d deeds done, error %v; %d were acknowledged", done, err, acknowledged)
	}
	records, err := l.List(t.Context(), "deed/", "", (done+1)*deedRecords)
	if err != nil || len(records) != done*deedRecords {
		t.Fatalf("%d records of %d deeds, error %v", len(records), done, err)
	}
	for i, record := range records {
		if want := deedKey(1+i/deedRecords, i%deedRecords); record.Key != want || len(record.Value) != deedBytes {
			t.Fatalf("record %d is %s with %d bytes, want %s", i, record.Key, len(record.Value), want)
		}
	}
}

// holdForEver says so in the middle of a transaction that has outgrown the
// page cache, so that much of it stands in the log already.
func holdForEver(ctx context.Context, path string) error {
	l, err := Open(ctx, path, clock.Real{})
	if err != nil {
		return err
	}
	return transact(ctx, l.db, func(tx *sql.Tx) error {
		for i := range ledger.MaxTotal / ledger.MaxValue {
			w := ledger.Create(fmt.Sprintf("half/%d", i), text(ledger.MaxValue), time.Time{})
			if held, err := l.apply(ctx, tx, w, l.now()); !held || err != nil {
				return fmt.Errorf("%v, %w", held, err)
			}
		}
		fmt.Println("holding")
		bufio.NewScanner(os.Stdin).Scan() // never comes
		return errors.New("left alone")
	})
}

func TestKilledInTheMiddleOfATransaction(t *testing.T) {
	path := file(t)
	l := handle(t, path)
	p := start(t, "holder", path)
	p.hear()
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() < ledger.MaxValue {
		t.Errorf("nothing of the transaction is in the log yet (error %v): this test tests too little", err)
	}
	if _, err := l.db.BeginTx(t.Context(), nil); primary(err) != lib.SQLITE_BUSY {
		t.Errorf("beside another process's transaction one begins with error %v", err)
	}
	if _, err := l.Get(t.Context(), "half/0"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("a reader beside an open transaction: %v", err)
	}
	p.kill()
	if err := l.Write(t.Context(), create("after")); err != nil {
		t.Errorf("nobody holds the file any more, but: %v", err)
	}
	for _, l := range []*Ledger{l, handle(t, path)} {
		if records, err := l.List(t.Context(), "", "", 9); len(records) != 1 || err != nil {
			t.Errorf("%d records, error %v; want the one that was written", len(records), err)
		}
	}
	if verdict := ask[string](t, l, "PRAGMA integrity_check"); verdict != "ok" {
		t.Errorf("the file is damaged: %s", verdict)
	}
}

// number reads a record that holds a number; an absent one is 0 at version 0.
func number(ctx context.Context, l *Ledger, key string) (n int, version int64, err error) {
	record, err := l.Get(ctx, key)
	if errors.Is(err, ledger.ErrNotFound) {
		return 0, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(record.Value, &n)
	}
	return n, record.Version, err
}

// set writes a number over the version that was read.
func set(key string, version int64, n int) ledger.Write {
	value := json.RawMessage(strconv.Itoa(n))
	if version == 0 {
		return ledger.Create(key, value, time.Time{})
	}
	return ledger.Update(key, version, value, time.Time{})
}
