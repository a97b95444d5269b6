package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/droverhq/drover/internal/clock"
)

// health is what is wrong at present. Safe for concurrent use.
type health struct {
	clock   clock.Clock
	log     *slog.Logger
	metrics *Metrics

	mu       sync.Mutex
	troubles map[string]trouble
	looked   time.Time // when the ledger was last looked at, well or not
	ends     bool
}

type trouble struct {
	Since time.Time `json:"since"`
	Error string    `json:"error"`
	said  time.Time
}

func newHealth(clk clock.Clock, log *slog.Logger, m *Metrics) *health {
	return &health{clock: clk, log: log, metrics: m, troubles: map[string]trouble{}, looked: clk.Now()}
}

// sayAgain is how often a trouble that lasts is logged.
const sayAgain = time.Minute

// report takes note of how something went. It is logged when it changes, and now and
// then while it lasts.
func (h *health) report(part string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.clock.Now()
	if part == "ledger" {
		h.looked = now
	}
	was, had := h.troubles[part]
	if err == nil {
		if had {
			delete(h.troubles, part)
			h.metrics.trouble.WithLabelValues(part).Set(0)
			h.log.Info("recovered", "part", part, "after", now.Sub(was.Since).Round(time.Millisecond).String())
		}
		return
	}
	is := trouble{Since: now, Error: err.Error()}
	if had {
		is.Since, is.said = was.Since, was.said
	}
	if now.Sub(is.said) >= sayAgain {
		is.said = now
		h.log.Error("trouble, trying again", "part", part, "since", is.Since, "error", err)
	}
	h.troubles[part] = is
	h.metrics.trouble.WithLabelValues(part).Set(1)
}

// stopping makes the worker unready.
func (h *health) stopping() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends = true
}

// stale is how long a worker may not have looked at the ledger, however that went,
// before it is taken to hang. One look may take all its retries.
const stale = 15 * time.Minute

// readiness is what /readyz answers.
type readiness struct {
	Ready    bool               `json:"ready"`
	Stopping bool               `json:"stopping,omitempty"`
	Troubles map[string]trouble `json:"troubles,omitempty"`
}

func (h *health) readiness() readiness {
	h.mu.Lock()
	defer h.mu.Unlock()
	return readiness{Ready: len(h.troubles) == 0 && !h.ends, Stopping: h.ends, Troubles: maps.Clone(h.troubles)}
}

func (h *health) alive() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ends || h.clock.Now().Sub(h.looked) < stale
}

// Handler serves
//
//	/livez    200 while the worker works, 503 if it hangs: start it anew
//	/readyz   200 if it can do all its work, 503 with what is wrong as JSON
//	/metrics  metrics in the text format of Prometheus
func (w *Worker) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(rw http.ResponseWriter, r *http.Request) {
		w.answer(r.Context(), rw, w.health.alive(), map[string]bool{"alive": w.health.alive()})
	})
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, r *http.Request) {
		is := w.health.readiness()
		w.answer(r.Context(), rw, is.Ready, is)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(w.Metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

func (w *Worker) answer(ctx context.Context, rw http.ResponseWriter, well bool, v any) {
	rw.Header().Set("Content-Type", "application/json")
	if !well {
		rw.WriteHeader(http.StatusServiceUnavailable)
	}
	if err := json.NewEncoder(rw).Encode(v); err != nil {
		w.Log.DebugContext(ctx, "answer a health check", "error", err)
	}
}
