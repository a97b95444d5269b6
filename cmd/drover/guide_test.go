package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cli"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/render"
)

// The policy in a kind's guide is what the program prints for the guide's fleet
// file.
func TestGuidePolicy(t *testing.T) {
	for _, kind := range app.Kinds() {
		t.Run(kind.Name, func(t *testing.T) { guidePolicy(t, kind.Name) })
	}
}

func guidePolicy(t *testing.T, kind string) {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide", kind+".md"))
	if err != nil {
		t.Fatal(err)
	}
	fleet, ok := block(string(guide), "## The fleet file", "yaml")
	if !ok {
		t.Fatal("the guide has no fleet file")
	}
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	if err := os.WriteFile(file, []byte(fleet), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := cli.Main(t.Context(), cli.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr},
		[]string{"render", "policy", "--fleet", file, "--account", "123456789012"})
	if code != cli.ExitOK {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	policy, ok := block(string(guide), "<!-- policy -->", "json")
	if !ok {
		t.Fatalf("the guide shows no policy; it is:\n%s", stdout.String())
	}
	if diff := cmp.Diff(stdout.String(), policy); diff != "" {
		t.Errorf("the guide shows another policy:\n%s", diff)
	}
}

// The diagram in a kind's guide is what the program draws.
func TestGuideDiagram(t *testing.T) {
	drawn := 0
	for _, kind := range app.Kinds() {
		guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide", kind.Name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		diagram, ok := block(string(guide), "<!-- output of: drover render diagram --kind "+kind.Name+" -->", "mermaid")
		if !ok {
			continue
		}
		drawn++
		if diff := cmp.Diff(render.Diagram(kind), diagram); diff != "" {
			t.Errorf("the guide to %s shows another diagram:\n%s", kind.Name, diff)
		}
	}
	if drawn == 0 {
		t.Error("no guide shows a diagram")
	}
}

// What the guide to runs shows of status is what status prints of such a run.
func TestGuideStatus(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide", "runs.md"))
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	run := &flow.Run{
		Identity: automation.Identity{ID: "20260301-120000-3f82f094", Fleet: "backup", Automation: "images"},
		Kind:     "template-follows-image", Revision: 1, Region: "us-west-1", Created: noon,
		Step: "await-image", Act: automation.Do, Since: noon.Add(2 * time.Second), Due: noon.Add(222 * time.Second),
		Waiting: "ami-0bd3e5a1c97f24680 to be available",
	}
	now := noon.Add(212 * time.Second)
	status := view.Status{At: now, Runs: []view.Brief{view.OfBrief(run, app.Kinds(), now)}}
	var want strings.Builder
	status.Text(&want)
	if got, _ := block(string(guide), "## What status says", "text"); got != want.String() {
		t.Errorf("the guide shows\n%s\nstatus prints\n%s", got, want.String())
	}
}

// block is the fenced block of a language that follows a line, before the next
// heading.
func block(text, line, language string) (string, bool) {
	_, text, found := strings.Cut(text, line+"\n")
	if !found {
		return "", false
	}
	text, _, _ = strings.Cut(text, "\n## ")
	_, text, found = strings.Cut(text, "```"+language+"\n")
	text, _, closed := strings.Cut(text, "```")
	return text, found && closed
}
