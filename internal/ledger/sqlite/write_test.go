package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
)

var never time.Time

func TestExpiredRecordsGo(t *testing.T) {
	clk := clock.NewVirtual(time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC))
	l, err := Open(t.Context(), file(t), clk)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // TestReopen tests closing
	var heap []ledger.Write
	for i := range ledger.MaxWrites {
		heap = append(heap, ledger.Create(fmt.Sprintf("old/%02d", i), json.RawMessage(`{}`), clk.Now().Add(time.Duration(i)*time.Second)))
	}
	if err := l.Write(t.Context(), append(heap[1:], create("kept"))...); err != nil {
		t.Fatal(err)
	}
	clk.Advance(time.Hour)
	for n := 1; ; n++ {
		left := ask[int](t, l, "SELECT count(*) FROM record WHERE expires IS NOT NULL")
		if want := max(0, 99-2*(n-1)); left != want {
			t.Fatalf("before write %d there are %d expired records, want %d", n, left, want)
		}
		if left == 0 {
			break
		}
		oldest := ask[int64](t, l, "SELECT min(expires) FROM record")
		if err := l.Write(t.Context(), create(fmt.Sprintf("new/%02d", n))); err != nil {
			t.Fatal(err)
		}
		if gone := ask[int](t, l, fmt.Sprintf("SELECT count(*) FROM record WHERE expires = %d", oldest)); gone != 0 {
			t.Fatal("the oldest was not among those removed")
		}
	}
	if _, err := l.Get(t.Context(), "kept"); err != nil {
		t.Error(err)
	}
}

func TestNoStatementReadsAllRecords(t *testing.T) {
	l := handle(t, file(t))
	var args []any
	for _, name := range []string{"key", "version", "value", "expires", "first", "end", "most", "now"} {
		args = append(args, sql.Named(name, 7))
	}
	for _, query := range slices.Sorted(maps.Keys(l.prepared)) {
		rows, err := l.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(detail, "SCAN record") || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s\nis run as: %s", query, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkWrite is one acknowledged write of what a small run stores, to the
// disk on which temporary files are.
func BenchmarkWrite(b *testing.B) {
	l := handle(b, file(b))
	value := text(2000)
	if err := l.Write(b.Context(), ledger.Create("k", value, never)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	version := int64(0)
	for b.Loop() {
		version++
		if err := l.Write(b.Context(), ledger.Update("k", version, value, never)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	l := handle(b, file(b))
	if err := l.Write(b.Context(), ledger.Create("k", text(2000), never)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Get(b.Context(), "k"); err != nil {
			b.Fatal(err)
		}
	}
}
