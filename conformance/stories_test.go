//go:build conformance

package conformance

import (
	"testing"

	"github.com/droverhq/drover/internal/scenario"
)

// TestStories plays every story that moto can play. Those it cannot play are
// named with the reason, which README.md repeats.
func TestStories(t *testing.T) {
	t.Parallel()
	played := 0
	for _, sc := range scenario.Stories() {
		if sc.Simulated != "" {
			t.Logf("%s plays on simulated AWS only: %s", sc.Name, sc.Simulated)
			continue
		}
		played++
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			if err := scenario.Play(t.Context(), newWorld(t), sc); err != nil {
				t.Fatal(err)
			}
		})
	}
	if played == 0 {
		t.Fatal("no story was played")
	}
}
