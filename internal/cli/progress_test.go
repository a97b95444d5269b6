package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/cli"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/scenario"
)

// slowWorld has a gateway that has stopped, and calls that take their time or
// go wrong for some, once ready is called.
type slowWorld struct {
	*scenario.Simulated
	fleet, event string // files
	latency      time.Duration
	down         time.Duration // for how long calls fail
	state        string        // the XDG state directory; empty: nothing is kept
}

func newSlowWorld(t *testing.T) *slowWorld {
	t.Helper()
	w := &slowWorld{}
	w.Simulated = scenario.NewSimulated(clock.Real{}, awssim.Options{Latency: func(awssim.Call) time.Duration { return w.latency }})
	s := scenario.NewStage(t.Context(), w)
	s.Set(scenario.Layout{Gateways: 2})
	s.Route(0, "10.1.0.0/16", s.Gateways[0].Interfaces[0])
	events := s.Stop(0)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	stopped, err := json.Marshal(events[len(events)-1])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w.fleet, w.event = filepath.Join(dir, "fleet.yaml"), filepath.Join(dir, "event.json")
	for file, text := range map[string]string{w.fleet: s.Failover(), w.event: string(stopped)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *slowWorld) drover(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	if w.down > 0 {
		up := time.Now().Add(w.down)
		w.Intercept(func(awssim.Call) awssim.Fault {
			if time.Now().Before(up) {
				return awssim.FailBefore(awssim.InternalError())
			}
			return awssim.Fault{}
		})
	}
	var out, err bytes.Buffer
	args = append(args, "--fleet", w.fleet, "--event", w.event)
	if w.state == "" {
		args = append(args, "--ledger", "memory")
	}
	code = cli.Main(ctx, cli.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err,
		AWS:    func(context.Context, string) (aws.Config, error) { return w.AWS(), nil },
		Clock:  clock.Real{},
		Getenv: func(name string) string { return map[string]string{"XDG_STATE_HOME": w.state}[name] },
	}, args)
	return code, out.String(), err.String()
}

func TestProgress(t *testing.T) {
	for _, test := range []struct {
		name          string
		latency, down time.Duration
		want          []string // on standard error, in this order
	}{
		{name: "fast calls: nothing", latency: 100 * time.Millisecond},
		{name: "slow calls: what for, every two seconds", latency: 5 * time.Second, want: []string{
			" is stopped: waiting for AWS (2s)", " is stopped: waiting for AWS (4s)",
		}},
		{name: "trouble: the error", down: 20 * time.Second, want: []string{
			"drover: gateways: observe and decide: waiting for another attempt: ", "InternalError", ", until ", " at the latest",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSlowWorld(t)
				w.latency, w.down = test.latency, test.down
				code, stdout, stderr := w.drover(t.Context(), "run", "--json")
				if code != cli.ExitOK {
					t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
				}
				var report any
				if err := json.Unmarshal([]byte(stdout), &report); err != nil {
					t.Errorf("standard output is not one JSON value: %v\n%s", err, stdout)
				}
				if len(test.want) == 0 && stderr != "" {
					t.Errorf("on standard error: %s", stderr)
				}
				rest := stderr
				for _, want := range test.want {
					_, after, found := strings.Cut(rest, want)
					if !found {
						t.Fatalf("no %q in this order on standard error:\n%s", want, stderr)
					}
					rest = after
				}
			})
		})
	}
}

// An interrupt ends the program, and leaves it to say where the run stands.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSlowWorld(t)
		w.latency = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		code, stdout, _ := w.drover(ctx, "plan")
		if code != cli.ExitFailed || !strings.Contains(stdout, "error: gateways: ") {
			t.Errorf("exit %d:\n%s", code, stdout)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %s to end", took)
		}
	})
}
