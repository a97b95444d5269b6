package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/cli"
)

// The policy in the guide is what the program prints for the guide's fleet
// file.
func TestGuidePolicy(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide", "route-failover.md"))
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
