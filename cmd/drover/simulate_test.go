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

// simulate runs `drover simulate` in a directory and returns what it prints.
func simulate(t *testing.T, dir string, args ...string) string {
	t.Helper()
	t.Chdir(dir)
	var stdout, stderr bytes.Buffer
	env := cli.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}
	if code := cli.Main(t.Context(), env, append([]string{"simulate"}, args...)); code != cli.ExitOK {
		t.Fatalf("exit %d:\n%s%s", code, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// What the guide shows of its scenario is what the program prints.
func TestGuideScenario(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile(filepath.Join(root, "docs", "guide", "simulate.md"))
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := os.ReadFile(filepath.Join(root, "examples", "fleets", "edge.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	scenario, ok := block(string(guide), "# Rehearsing a fleet file", "yaml")
	if !ok {
		t.Fatal("the guide has no scenario")
	}
	shown, ok := block(string(guide), "<!-- output of: drover simulate scenario.yaml -->", "text")
	if !ok {
		t.Fatal("the guide shows no output")
	}
	dir := t.TempDir()
	for name, data := range map[string]string{"scenario.yaml": scenario, "fleet.yaml": string(fleet)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(simulate(t, dir, "scenario.yaml"), shown); diff != "" {
		t.Errorf("the guide shows something else (-printed +shown):\n%s", diff)
	}
}

// What the README shows of an example is a part of what that prints.
func TestReadmeScenario(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	const example = "examples/image-and-gateway.yaml"
	shown, ok := block(string(readme), "<!-- output of: drover simulate "+example+" -->", "text")
	if !ok {
		t.Fatalf("the README shows nothing of %s", example)
	}
	if printed := simulate(t, root, example); !strings.Contains(printed, shown) {
		t.Errorf("the README shows\n%s\nwhich is no part of\n%s", shown, printed)
	}
}
