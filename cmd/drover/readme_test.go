package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/app"
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

// Whole fleet files in the README and in the guides are valid.
func TestDocumentedFleetFilesAreValid(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "guide", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "```yaml\nversion: 1\n")[1:] {
			fleet, _, closed := strings.Cut(part, "```")
			if !closed {
				t.Fatalf("%s has a fleet file without an end", page)
			}
			found++
			file := filepath.Join(t.TempDir(), "fleet.yaml")
			if err := os.WriteFile(file, []byte("version: 1\n"+fleet), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			if code := cli.Main(t.Context(), cli.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}, []string{"check", file}); code != cli.ExitOK {
				t.Errorf("%s: exit %d:\n%s%s", page, code, stdout.String(), stderr.String())
			}
		}
	}
	if kinds := len(app.Kinds()); found < kinds+1 {
		t.Errorf("found %d fleet files, want at least one of each of %d kinds, and the README's", found, kinds)
	}
}
