package stepfunctions_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
)

var update = flag.Bool("update", false, "write the golden files")

func TestDocument(t *testing.T) {
	got, err := stepfunctions.Document((&play{}).kind(), function)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "play.asl.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the document has changed; -update if it was meant to:\n%s", diff)
	}
}

// TestNothingButRunAndStepIsCarried: state, plan and secrets never pass
// through an execution's history.
func TestNothingButRunAndStepIsCarried(t *testing.T) {
	kind := (&play{}).kind()
	data, err := stepfunctions.Document(kind, function)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		States map[string]struct {
			Type           string
			TimeoutSeconds int
			Parameters     struct{ Payload map[string]string }
			ResultSelector map[string]string
		}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&document); err != nil {
		t.Fatal(err)
	}
	attempts := map[string]time.Duration{automation.StepPlan: automation.PlanAttempt, stepfunctions.StepUnwind: automation.PlanAttempt, stepfunctions.StepGiveUp: automation.PlanAttempt}
	for _, s := range kind.Steps {
		attempts[s.Name] = s.Attempt
	}
	tasks := 0
	for name, s := range document.States {
		if s.Type != "Task" {
			continue
		}
		tasks++
		if diff := cmp.Diff(map[string]string{"run.$": "$.run", "step": name}, s.Parameters.Payload); diff != "" {
			t.Errorf("%s sends:\n%s", name, diff)
		}
		if diff := cmp.Diff(map[string]string{"go.$": "$.Payload.go", "seconds.$": "$.Payload.seconds"}, s.ResultSelector); diff != "" {
			t.Errorf("%s keeps:\n%s", name, diff)
		}
		// The Task is over when the attempt has ceased to own the run, not later.
		if got, want := time.Duration(s.TimeoutSeconds)*time.Second, attempts[name]+flow.Slack; got != want {
			t.Errorf("%s times out after %s, want %s", name, got, want)
		}
	}
	if tasks != len(kind.Steps)+3 {
		t.Errorf("%d Tasks for %d steps", tasks, len(kind.Steps))
	}
}
