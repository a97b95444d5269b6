//go:build conformance

package conformance

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
)

// validator asks asl-validator which of some state machines it does not take, and
// returns what it says of each of those. It is asked about all at once, since it
// takes a second to start.
func validator(t *testing.T) func(documents map[string]string) map[string]string {
	t.Helper()
	path := os.Getenv("DROVER_ASL_VALIDATOR")
	if path == "" {
		t.Skip("skipped: DROVER_ASL_VALIDATOR is not set; `make conformance` sets it, and installs asl-validator where there is npm")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: there is no asl-validator here (%v); it takes node and npm", err)
	}
	return func(documents map[string]string) map[string]string {
		t.Helper()
		dir, files := t.TempDir(), map[string]string{}
		var args []string
		for name, document := range documents {
			file := filepath.Join(dir, fmt.Sprintf("%d.json", len(files)))
			if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
				t.Fatal(err)
			}
			files[file], args = name, append(args, "--json-path", file)
		}
		refused := map[string]string{}
		out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
		judged := aVerdict.FindAllStringSubmatch(string(out), -1)
		for _, v := range judged {
			if v[2] == "invalid" {
				refused[files[v[1]]] = v[3]
			}
		}
		// Its exit code is 1 if it refuses any.
		var exit *exec.ExitError
		code := 0
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		if len(judged) != len(documents) || code != min(1, len(refused)) {
			t.Fatalf("asl-validator: %v: it has judged %d of %d documents:\n%s", err, len(judged), len(documents), out)
		}
		return refused
	}
}

// aVerdict is what it says of one document: its file, and what is wrong with it.
var aVerdict = regexp.MustCompile(`State machine definition "([^"]+)" is (valid|invalid)(?::\s*(.*))?`)

// documents are the state machines of all kinds that have one, and of the toy,
// by the kind's name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, k := range append(app.Kinds(), automation.Define(toy)) {
		if !k.Waits() {
			continue
		}
		document, err := stepfunctions.Document(k, lambdaARN)
		if err != nil {
			t.Fatal(err)
		}
		found[k.Name] = string(document)
	}
	return found
}

// TestDocumentsAreValid: somebody who knows the Amazon States Language takes
// every state machine that Drover renders.
func TestDocumentsAreValid(t *testing.T) {
	t.Parallel()
	ask := validator(t)
	all := documents(t)
	for name, why := range ask(all) {
		t.Errorf("%s: %s", name, why)
	}
	t.Logf("asl-validator was asked about %s", strings.Join(slices.Sorted(maps.Keys(all)), ", "))
}

// TestValidatorRefuses shows that its word is worth something: it refuses what
// is broken in ways in which our documents could be.
func TestValidatorRefuses(t *testing.T) {
	t.Parallel()
	ask := validator(t)
	document := documents(t)["toy"]
	broken := map[string]string{}
	for name, parts := range map[string][2]string{
		"a start that is not there":   {`"StartAt": "(begin)"`, `"StartAt": "begin"`},
		"a way that leads nowhere":    {`"Next": "build: where to"`, `"Next": "build: where from"`},
		"a Wait for no known time":    {`"SecondsPath": "$.turn.seconds"`, `"SecondsOn": "$.turn.seconds"`},
		"a path that is none":         {`"Variable": "$.turn.go"`, `"Variable": "turn go"`},
		"a Choice by no comparison":   {`"IsPresent": true`, `"IsThere": true`},
		"a Choice with Next":          {`"Default": "(give up)",`, `"Default": "(give up)", "Next": "hold",`},
		"a time-out below zero":       {`"TimeoutSeconds": 15`, `"TimeoutSeconds": -15`},
		"an unknown type":             {`"Type": "Fail"`, `"Type": "Failure"`},
		"a retrier without its error": {`"ErrorEquals"`, `"ErrorIs"`},
	} {
		if !strings.Contains(document, parts[0]) {
			t.Errorf("%s: the document has no %s", name, parts[0])
		}
		broken[name] = strings.Replace(document, parts[0], parts[1], 1)
	}
	refused := ask(broken)
	for name := range broken {
		if refused[name] == "" {
			t.Errorf("%s was not refused", name)
		}
	}
}
