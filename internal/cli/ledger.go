package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/ledger/sqlite"
)

// memoryLedger is what --ledger means for none: what is remembered ends with
// the program. A file of that name is ./memory.
const memoryLedger = "memory"

// openLedger opens the ledger that a run writes to, and makes its file if there
// is none.
func (e *Env) openLedger(ctx context.Context, path string) (ledger.Ledger, error) {
	if path == memoryLedger {
		return memory.New(e.Clock), nil
	}
	return sqlite.Open(ctx, path, e.Clock)
}

// readLedger opens a ledger that is only read from: a file that is not there is
// not made.
func (e *Env) readLedger(ctx context.Context, path string) (ledger.Ledger, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path = memoryLedger
	}
	return e.openLedger(ctx, path)
}
