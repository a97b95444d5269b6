package scenario_test

import (
	"testing"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/scenario"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func simulated() *scenario.Simulated {
	return scenario.NewSimulated(clock.NewVirtual(start), awssim.Options{})
}

func TestStories(t *testing.T) {
	t.Parallel()
	for _, sc := range scenario.Stories() {
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			if err := scenario.Play(t.Context(), simulated(), sc); err != nil {
				t.Fatal(err)
			}
		})
	}
}
