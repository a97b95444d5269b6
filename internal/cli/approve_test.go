package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cli"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/ledger/sqlite"
	"github.com/droverhq/drover/internal/schedule"
)

type nothing struct{}

// asking is a kind whose only step asks. The program does not know it, which is how
// it also meets the runs of a newer one.
var asking = automation.Define(automation.Kind[nothing, nothing]{
	Name: "asking", Title: "asks", Since: "0.1", Revision: 1,
	Claims:  func(nothing) []automation.Claim { return nil },
	Listen:  func(nothing) []automation.Trigger { return nil },
	Sweep:   func(nothing) schedule.Schedule { return schedule.Every(time.Hour) },
	About:   func(nothing, event.Event) (automation.Subject, bool) { return automation.Subject{}, false },
	Needs:   func(nothing) []iam.Need { return nil },
	Observe: func(context.Context, *automation.Turn[nothing, nothing]) error { return nil },
	Decide: func(nothing, nothing, time.Time) automation.Plan {
		return automation.Plan{Changes: []automation.Change{{Step: "act", Operation: "toy:Act", Resource: "r", To: "x", Why: "w"}}}
	},
	Steps: []automation.Step[nothing, nothing]{{
		Name: "act", Title: "act", Attempt: 10 * time.Second, Limit: 48 * time.Hour, Poll: 10 * time.Minute, Asks: true,
		Needs: func(nothing) []iam.Need { return nil },
		Do: func(_ context.Context, t *automation.Turn[nothing, nothing]) error {
			return t.Approved("the act", 24*time.Hour)
		},
	}},
})

// TestApprove has people approve a run that a process of another program is at.
func TestApprove(t *testing.T) {
	clk := clock.NewVirtual(time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
	path := filepath.Join(t.TempDir(), "ledger.db")
	kept, err := sqlite.Open(t.Context(), path, clk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	x := &flow.Executor{
		Ledger: kept, Kinds: []automation.Definition{asking}, Clients: func(string) *cloud.Clients { return nil },
		Clock: clk, Log: slog.New(slog.DiscardHandler), Owner: "worker/1",
	}
	auto, _, err := asking.Configure("edge", "golden", "us-west-1", json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	start := func(key string) flow.Started {
		started, err := x.Start(t.Context(), auto, "", automation.Subject{Key: key, Mode: automation.Latest}, event.Sweep("golden", clk.Now()))
		if err != nil {
			t.Fatal(err)
		}
		return started
	}
	started := start("k")
	turn := func() (run *flow.Run) {
		for range 2 { // to plan and to act
			if run, err = x.Turn(t.Context(), started.Run); err != nil {
				t.Fatal(err)
			}
		}
		return run
	}
	turn()
	drover := func(args ...string) string {
		t.Helper()
		var out, trouble bytes.Buffer
		env := cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &trouble, Clock: clk, User: "jo@laptop"}
		if code := cli.Main(t.Context(), env, append(args, "--ledger", path)); code != cli.ExitOK || trouble.Len() > 0 {
			t.Fatalf("drover %s exits %d: %s", strings.Join(args, " "), code, &trouble)
		}
		return strings.NewReplacer(started.Run, "RUN", path, "FILE").Replace(out.String())
	}
	has := func(got string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	}
	const (
		next = "  next: drover approve RUN --ledger FILE, to have it go on; or drover cancel RUN --ledger FILE\n"
		by   = "approved by release-desk at 2026-03-01T03:00:00Z: looks well\n"
	)
	has(drover("status"), "  waiting for a person to approve the act: drover approve RUN\n", next)
	has(drover("show", started.Run), "  waiting for a person to approve the act: drover approve RUN\n", next, "gives up at 2026-03-02T03:00:00Z")
	has(drover("approve", started.Run, "--by", "release-desk", "--why", "looks well"),
		"edge/golden (asking, us-west-1): "+by, "  it goes on with the act at 2026-03-01T03:10:00Z at the latest\n")
	for _, verb := range [][]string{{"status"}, {"show", started.Run}} {
		got := drover(verb...)
		has(got, "  "+by)
		if strings.Contains(got, next) {
			t.Errorf("what is approved is still to be approved:\n%s", got)
		}
	}
	has(drover("approve", started.Run), "edge/golden (asking, us-west-1): already "+by)
	has(drover("approve", started.Run, "--json"), `"by": "release-desk"`, `"earlier": true`, `"asks": "the act"`)
	if run := turn(); run.Outcome != flow.Succeeded {
		t.Errorf("approved, the run is %s at %s: %s", run.Outcome, run.Step, run.Reason)
	}
	has(drover("show", started.Run), ": succeeded\n", "  "+by)

	// Before it asks, and by whoever types it.
	started = start("other")
	has(drover("approve", started.Run), "approved by jo@laptop at 2026-03-01T03:00:00Z\n", "  it does not wait for that now\n")
	if run := turn(); run.Outcome != flow.Succeeded {
		t.Errorf("approved ahead, the run is %s at %s: %s", run.Outcome, run.Step, run.Reason)
	}
}
