package worker

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"

	"github.com/droverhq/drover/internal/clock"
)

// Metrics are what a worker counts. docs/guide/worker.md lists them.
type Metrics struct {
	registry *prometheus.Registry
	clock    clock.Clock

	events      *prometheus.CounterVec
	latency     prometheus.Histogram
	age         *prometheus.GaugeVec
	messages    *prometheus.GaugeVec
	undeleted   prometheus.Counter
	runs        *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	waits       *prometheus.CounterVec
	turnsFailed prometheus.Counter
	calls       *prometheus.CounterVec
	attempts    *prometheus.CounterVec
	throttles   *prometheus.CounterVec
	fired       *prometheus.CounterVec
	trouble     *prometheus.GaugeVec
}

// NewMetrics makes the metrics of one worker.
func NewMetrics(clk clock.Clock, version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), clock: clk}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "drover_build_info", Help: "1, with the version."}, []string{"version"})
	m.registry.MustRegister(info)
	info.WithLabelValues(version).Set(1)

	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	// From a tenth of a second, which is a failover, to hours, which is an image.
	spans := []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600}
	single := func(name, help string) prometheus.Counter { return counter(name, help).WithLabelValues() }

	m.events = counter("drover_events_total", "Messages by what became of them: recorded, unwanted, test or dead-letter.", "queue", "result")
	latency := histogram("drover_event_latency_seconds", "From when a message was sent to when the ledger had the run that handles it.", spans)
	m.latency, _ = latency.WithLabelValues().(prometheus.Histogram)
	m.age = gauge("drover_queue_age_seconds", "The age of the oldest message of the batch received last.", "queue")
	m.messages = gauge("drover_queue_messages", "Messages in the queue as SQS estimates it: visible, in-flight or delayed.", "queue", "state")
	m.undeleted = single("drover_messages_undeleted_total", "Messages that were handled and could not be deleted, so that they come again.")
	m.runs = counter("drover_runs_total", "Runs that this worker ended.", "automation", "kind", "outcome")
	m.durations = histogram("drover_run_duration_seconds", "From the beginning of a run to its end.", spans, "kind")
	m.waits = counter("drover_run_wait_seconds_total", "Time that runs were told to wait between two turns.", "kind")
	m.turnsFailed = single("drover_turns_failed_total", "Turns that could not be made or recorded, and are made again.")
	m.calls = counter("drover_aws_calls_total", "Calls of AWS when they are over, retries and all: ok or error.", "operation", "result")
	m.attempts = counter("drover_aws_attempts_total", "Attempts at these calls.", "operation")
	m.throttles = counter("drover_aws_throttles_total", "Attempts that AWS refused because there were too many.", "operation")
	m.fired = counter("drover_schedules_fired_total", "Schedules that this worker fired.", "automation")
	m.trouble = gauge("drover_trouble", "1 while a part of the worker cannot do its work.", "part")
	return m
}

// Call counts a call of AWS; for [cloud.CountCalls].
func (m *Metrics) Call(c cloud.Counted) {
	result := "ok"
	if c.Failed {
		result = "error"
	}
	m.calls.WithLabelValues(c.Operation, result).Inc()
	m.attempts.WithLabelValues(c.Operation).Add(float64(c.Attempts))
	m.throttles.WithLabelValues(c.Operation).Add(float64(c.Throttled))
}

// Ended counts a run; for app.Deps.
func (m *Metrics) Ended(r *flow.Run) {
	m.runs.WithLabelValues(r.Automation, r.Kind, string(r.Outcome)).Inc()
	m.durations.WithLabelValues(r.Kind).Observe(r.Ended.Sub(r.Created).Seconds())
}

// Watch counts a wait; for app.Deps.
func (m *Metrics) Watch(r *flow.Run) {
	if span := r.Due.Sub(m.clock.Now()); span > 0 && r.Waiting != "" {
		m.waits.WithLabelValues(r.Kind).Add(span.Seconds())
	}
}

// tend tells of the runs that a loop has to do with.
func (m *Metrics) tend(tended func() embedded.Tended) {
	gauge := func(name, help string, labels prometheus.Labels, of func(embedded.Tended) int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 {
			return float64(of(tended()))
		}))
	}
	const runs = "Runs that this worker knows of: working, ready for a turn, or waiting."
	gauge("drover_runs", runs, prometheus.Labels{"state": "working"}, func(t embedded.Tended) int { return t.Working })
	gauge("drover_runs", runs, prometheus.Labels{"state": "ready"}, func(t embedded.Tended) int { return t.Ready })
	gauge("drover_runs", runs, prometheus.Labels{"state": "waiting"}, func(t embedded.Tended) int { return t.Waiting })
	gauge("drover_outbox", "Runs with notices that could not be sent yet: they have ended, or wait for approval.", nil, func(t embedded.Tended) int { return t.Delivering })
}
