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

// TestNothingButRunAndStepIsCarried: state, plan and secrets never pass through
// an execution's history. The execution of a run carries its id and step only;
// one that hands over an event carries that, and leads to no other Task.
func TestNothingButRunAndStepIsCarried(t *testing.T) {
	kind := (&play{}).kind()
	data, err := stepfunctions.Document(kind, function)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		States map[string]struct {
			Type, Next, Default string
			TimeoutSeconds      int
			Parameters          struct {
				Payload map[string]string
				Whole   string `json:"Payload.$"`
			}
			ResultSelector map[string]string
			ResultPath     string
			Choices        []struct {
				Variable, Next string
				IsPresent      bool
			}
			Catch []any
		}
		StartAt string
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&document); err != nil {
		t.Fatal(err)
	}
	attempts := map[string]time.Duration{automation.StepPlan: automation.PlanAttempt, stepfunctions.StepUnwind: automation.PlanAttempt, stepfunctions.StepGiveUp: automation.PlanAttempt}
	for _, s := range kind.Steps {
		attempts[s.Name] = s.Attempt
	}
	begin := document.States[document.StartAt]
	if c := begin.Choices; len(c) != 1 || c[0].Variable != "$.run" || !c[0].IsPresent || c[0].Next != automation.StepPlan {
		t.Errorf("an execution begins with %+v, wanted a run to go to its plan", begin)
	}
	over := document.States[begin.Default]
	if over.Parameters.Whole != "$.event" || over.ResultPath != "$" || len(over.Catch) > 0 || document.States[over.Next].Type != "Succeed" {
		t.Errorf("an event is handed over by %+v, wanted it to be sent, forgotten, and the end", over)
	}
	tasks := 0
	for name, s := range document.States {
		if s.Type != "Task" || name == begin.Default {
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
