package memory_test

import (
	"testing"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/ledgertest"
	"github.com/droverhq/drover/internal/ledger/memory"
)

func TestConformance(t *testing.T) {
	ledgertest.Run(t, func(_ testing.TB, clk clock.Clock) ledgertest.Opener {
		shared := memory.New(clk)
		return func() (ledger.Ledger, error) { return shared, nil }
	})
}

func TestIdentityCanBeGiven(t *testing.T) {
	got, err := memory.NewNamed(clock.Real{}, "seed-7").Identity(t.Context())
	if err != nil || got != "seed-7" {
		t.Errorf("Identity = %q, %v", got, err)
	}
}
