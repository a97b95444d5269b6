package worker

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/flow/embedded"
)

// The guide lists the metrics that there are, and no others.
func TestGuideMetrics(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "guide", "worker.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(drover_[a-z_]+)` \\|").FindAllStringSubmatch(string(guide), -1) {
		listed = append(listed, row[1])
	}
	m := NewMetrics(clock.Real{}, "test")
	m.tend(func() embedded.Tended { return embedded.Tended{} })
	descriptions := make(chan *prometheus.Desc)
	go func() {
		m.registry.Describe(descriptions)
		close(descriptions)
	}()
	var described []string
	for d := range descriptions {
		if name := regexp.MustCompile(`fqName: "(drover_[a-z_]+)"`).FindStringSubmatch(d.String()); name != nil {
			described = append(described, name[1])
		}
	}
	slices.Sort(described)
	described = slices.Compact(described)
	slices.Sort(listed)
	if !slices.Equal(listed, described) {
		t.Errorf("the guide lists\n%q, there are\n%q", listed, described)
	}
}
