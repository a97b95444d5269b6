package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/cli"
)

// What the README shows of the demo is a part of what the demo prints.
func TestReadmeShowsRealOutput(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := cli.Main(t.Context(), cli.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}, []string{"demo"}); code != cli.ExitOK {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	parts := strings.Split(string(readme), "<!-- output of: drover demo -->\n```text\n")
	if len(parts) < 2 {
		t.Fatal("the README shows nothing of the demo")
	}
	for _, part := range parts[1:] {
		shown, _, closed := strings.Cut(part, "```\n")
		if !closed || !strings.Contains(stdout.String(), shown) {
			t.Errorf("the demo does not print this part of the README:\n%s", shown)
		}
	}
}

// The fleet file of the README is valid, and the guide's too.
func TestDocumentedFleetFilesAreValid(t *testing.T) {
	for path, heading := range map[string]string{"README.md": "## A one-minute tour", "docs/guide/route-failover.md": "## The fleet file"} {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		fleet, ok := block(string(text), heading, "yaml")
		if !ok {
			t.Fatalf("%s has no fleet file below %q", path, heading)
		}
		file := filepath.Join(t.TempDir(), "fleet.yaml")
		if err := os.WriteFile(file, []byte(fleet), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		if code := cli.Main(t.Context(), cli.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}, []string{"check", file}); code != cli.ExitOK {
			t.Errorf("%s: exit %d:\n%s%s", path, code, stdout.String(), stderr.String())
		}
	}
}
