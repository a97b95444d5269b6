// Package kindtest is what the tests of every automation kind need: a table of a
// kind says what it is given and what is wanted, and a line here asserts it. It is
// for tests in a kind's own folder.
//
// What is wanted of plans, problems and claims is text, a line for each thing that
// is said. Blanks around lines and empty lines do not count, so that a table can
// indent them.
package kindtest

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
)

// T is a test: a *testing.T, or a *rapid.T.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Imports fails unless a file of the kind, such as decide.go, imports nothing but
// the package automation and what is allowed.
func Imports(t T, name string, allowed ...string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if len(file.Imports) == 0 {
		t.Fatalf("%s imports nothing: is it the right file?", name)
	}
	allowed = append(allowed, "github.com/droverhq/drover/internal/automation")
	for _, i := range file.Imports {
		if path, _ := strconv.Unquote(i.Path.Value); !slices.Contains(allowed, path) {
			t.Errorf("%s imports %s", name, path)
		}
	}
}

// Sample is an event of internal/event/testdata/samples, by its name there without
// ".json".
func Sample(t T, name string) event.Event {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "event", "testdata", "samples", name+".json"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	e, err := event.Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// Env is that of a first attempt, which begins now, in the run run-1 of an
// automation of the fleet stage.
func Env(automationName string, clients *cloud.Clients, c clock.Clock, events ...event.Event) automation.Env {
	return automation.Env{
		Run:    automation.Identity{ID: "run-1", Fleet: "stage", Automation: automationName, Ledger: "ledger"},
		Events: events, Attempt: 1, Since: c.Now(), Values: map[string]string{}, Trying: map[string]bool{},
		AWS: clients, Clock: c, Log: slog.New(slog.DiscardHandler),
	}
}

// SurvivesTheLedger fails unless a configuration is the same after it was stored
// with a run.
func SurvivesTheLedger[C any](t T, c C) {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var back C
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Errorf("it became another (-was +is):\n%s", diff)
	}
}

// compare fails unless text says what is wanted, line by line.
func compare(t T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(lines(want), lines(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func lines(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
