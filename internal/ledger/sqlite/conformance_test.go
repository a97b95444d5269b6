package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/ledgertest"
)

// Every handle is one more connection to the file, as another process has it.
func TestConformance(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB, clk clock.Clock) ledgertest.Opener {
		path := filepath.Join(t.TempDir(), "ledger.db")
		return func() (ledger.Ledger, error) { return Open(t.Context(), path, clk) }
	})
}
