package render_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/render"
)

func TestDiagram(t *testing.T) {
	d := automation.Definition{Name: "play", Steps: []automation.StepInfo{
		{Name: "hold", Title: "hold it", Releases: true},
		{Name: "build", Title: "build it", Limit: time.Hour, Poll: 15 * time.Second, Undoes: true},
		{Name: "swap", Title: "swap it", Limit: 24 * time.Hour, Poll: time.Minute, Asks: true, Commit: true},
		{Name: "prune", Title: "remove the old"},
	}}
	want := `flowchart TD
  event([an event, or a sweep]) --> plan[plan: observe and decide]
  plan -->|nothing to do| nothing([nothing-to-do])
  plan --> s0["hold: hold it"]
  s0 --> s1["build: build it<br/>looks every 15s, for up to 1h0m0s"]
  s1 --> s2["swap: swap it<br/>looks every 1m0s, for up to 24h0m0s<br/>may wait for drover approve<br/>from then on nothing is undone"]
  s2 --> s3["prune: remove the old"]
  s3 --> b0
  s0 -.->|fails or is cancelled| b0
  s1 -.->|fails or is cancelled| b1
  s2 -.->|fails or is cancelled| b1
  s3 -.->|fails or is cancelled| b0
  b1["undo build, if the run failed"] --> b0
  b0["release hold"] --> ending
  ending{how did it go?} --> succeeded & rolledback & stuck
  succeeded([succeeded])
  rolledback([rolled-back])
  stuck([stuck: a person must look])
`
	if diff := cmp.Diff(want, render.Diagram(d)); diff != "" {
		t.Error(diff)
	}
}

// TestDiagramsAreWhole checks of all kinds that what an arrow leads to is drawn.
func TestDiagramsAreWhole(t *testing.T) {
	named := regexp.MustCompile(`(\w+)[\[({]`)
	for _, k := range app.Kinds() {
		text := render.Diagram(k)
		var boxes []string
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			boxes = append(boxes, m[1])
		}
		for line := range strings.Lines(text) {
			if _, to, ok := strings.Cut(strings.TrimSpace(line), "--> "); ok {
				for name := range strings.SplitSeq(to, " & ") {
					if id := regexp.MustCompile(`^\w+`).FindString(name); !slices.Contains(boxes, id) {
						t.Errorf("%s: an arrow leads to %q, which is not drawn:\n%s", k.Name, id, text)
					}
				}
			}
		}
	}
}
