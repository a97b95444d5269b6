package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// page is how many records are read at once.
const page = 100

// Live lists the runs that have not ended, by when their next turn is due.
func (x *Executor) Live(ctx context.Context) ([]*Run, error) {
	var runs []*Run
	err := x.each(ctx, "due/", "", func(rec ledger.Record) error {
		_, id, err := parseDue(rec.Key)
		if err != nil {
			return failure.As(failure.Stop, err)
		}
		run, err := x.Load(ctx, id)
		if errors.Is(err, ledger.ErrNotFound) {
			return nil
		}
		if err == nil && run.Live() {
			runs = append(runs, run)
		}
		return err
	})
	return runs, err
}

// History lists all runs that were begun since then, oldest first. Ended runs
// are kept for 90 days, and those that had nothing to do for seven.
func (x *Executor) History(ctx context.Context, since time.Time) ([]*Run, error) {
	var runs []*Run
	// A run's id begins with the second in which it was begun.
	err := x.each(ctx, "runs/", runKey(since.UTC().Format(idTime)), func(rec ledger.Record) error {
		var r Run
		if err := decode(rec.Value, &r); err != nil {
			return failure.Stopf("read run %s: %w", strings.TrimPrefix(rec.Key, "runs/"), err)
		}
		r.version = rec.Version
		if !r.Created.Before(since) {
			runs = append(runs, &r)
		}
		return nil
	})
	return runs, err
}

// each goes through the records of a prefix, page by page.
func (x *Executor) each(ctx context.Context, prefix, after string, do func(ledger.Record) error) error {
	for {
		records, err := x.Ledger.List(ctx, prefix, after, page)
		if err != nil {
			return fmt.Errorf("list %s in the ledger: %w", strings.TrimSuffix(prefix, "/"), err)
		}
		for _, rec := range records {
			if err := do(rec); err != nil {
				return err
			}
			after = rec.Key
		}
		if len(records) < page {
			return nil
		}
	}
}
