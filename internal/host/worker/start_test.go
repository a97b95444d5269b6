package worker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	simsqs "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/ledger/memory"
)

func TestQueueIsRefused(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		plain, err := s.queues.Make("plain", nil)
		if err != nil {
			s.Fatal(err)
		}
		for _, c := range []struct{ url, want, hint string }{
			{strings.TrimSuffix(s.url, "events") + "nothing", "nothing: AWS.SimpleQueueService.NonExistentQueue", "list-queues"},
			{plain, "has no dead-letter queue", "--dead-letters"},
		} {
			p := s.prepare("p", func(_ *process, cfg *Config) {
				cfg.Queues = append(cfg.Queues, Queue{URL: c.url, Client: cfg.Queues[0].Client})
			})
			s.send(written(s, s.news()))
			began := time.Now()
			ctx, stop := context.WithTimeout(s.Context(), time.Hour)
			err := p.worker.Run(ctx)
			stop()
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(strings.Join(failure.Hints(err), " "), c.hint) || time.Since(began) > time.Second {
				s.Errorf("%s: %v, hints %q, after %s", c.url, err, failure.Hints(err), time.Since(began))
			}
			if n := len(s.runs()); n > 0 {
				s.Errorf("a worker that cannot start has begun %d runs", n)
			}
		}
		// Told where they go, it does without.
		dead, err := s.queues.Make("graveyard", nil)
		if err != nil {
			s.Fatal(err)
		}
		s.begin("q", func(_ *process, cfg *Config) {
			cfg.Queues = append(cfg.Queues, Queue{URL: plain, DeadLetters: dead, Client: cfg.Queues[0].Client})
		})
		if _, err := s.queues.Send("plain", "garbage"); err != nil {
			s.Fatal(err)
		}
		time.Sleep(time.Minute)
		if all := s.queues.Messages("graveyard"); len(all) != 1 || !strings.Contains(all[0].Attributes["ErrorMessage"], "wanted") {
			s.Errorf("the dead letters are %+v", all)
		}
		if c := s.queues.Counts("plain"); c != (simsqs.Counts{}) {
			s.Errorf("the queue has %+v", c)
		}
	})
}

// A worker that cannot reach a queue when it starts says so, does the rest of its
// work, and takes messages later.
func TestQueueIsUnreachableAtTheStart(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		unreachable := func(c awssim.Call) awssim.Fault {
			if strings.HasPrefix(c.Operation, "sqs:") {
				return awssim.FailBefore(awssim.ConnectionReset())
			}
			return awssim.Fault{}
		}
		s.faults(unreachable)
		s.fail()
		p := s.begin("p")
		s.send(written(s, s.news()))
		time.Sleep(time.Hour)
		s.moved() // by the sweep
		if code, text := p.get("/readyz"); code != 503 || !strings.Contains(text, "queue events") {
			s.Errorf("ready: %d %s", code, text)
		}
		if code, text := p.get("/livez"); code != 200 {
			s.Errorf("alive: %d %s", code, text)
		}
		s.faults(nil)
		time.Sleep(2 * time.Minute)
		s.empty(0)
		if code, text := p.get("/readyz"); code != 200 {
			s.Errorf("ready: %d %s", code, text)
		}
		p.end()
		// One that is told to stop meanwhile does.
		s.faults(unreachable)
		q := s.begin("q")
		time.Sleep(time.Minute)
		if took := q.end(); took > time.Second {
			s.Errorf("it took %s to stop", took)
		}
	})
}

// Outside a bubble: the listener, and the end of everything.
func TestServed(t *testing.T) {
	t.Parallel()
	fleet, err := fleetfile.Parse("fleet.yaml", []byte(`version: 1
fleet: f
region: us-west-1
notify: { topic: "arn:aws:sns:us-west-1:123456789012:ops" }
automations:
  gateways:
    kind: route-failover
    vpc: vpc-0bf5741eb0ef56a41
    members: [{ instance: i-05a7780f2af7c126c }, { instance: i-045ebd27124159b6d }]
`), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	metrics := NewMetrics(clock.Real{}, "1.2.3")
	log := slog.New(slog.DiscardHandler)
	w := New(Config{
		App: app.New(app.Deps{
			Fleet: fleet, Ledger: memory.New(clock.Real{}), AWS: awssim.New(clock.Real{}, awssim.Options{}).Config(), Clock: clock.Real{}, Log: log,
			Watch: metrics.Watch, Ended: metrics.Ended,
		}),
		Clock: clock.Real{}, Log: log, Metrics: metrics, Listener: listener,
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	for path, want := range map[string]string{"/livez": `{"alive":true}`, "/readyz": `"ready":`, "/metrics": `drover_build_info{version="1.2.3"} 1`, "/": "404"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err = errors.Join(err, answer.Body.Close()); err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %s (%v)", path, answer.Status, body, err)
		}
		if json.Valid(body) != (path == "/livez" || path == "/readyz") || (answer.Header.Get("Content-Type") == "application/json") != json.Valid(body) {
			t.Errorf("%s: %s: %s", path, answer.Header.Get("Content-Type"), body)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String()); err == nil {
		t.Error("the listener is open after the end", c.Close())
	}
}
