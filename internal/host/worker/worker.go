package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/flow/embedded"
)

// Config is what a worker is made of.
type Config struct {
	// App is for this worker alone: its Deps have Metrics' Ended and Watch.
	App    *app.App
	Queues []Queue
	Clock  clock.Clock
	Log    *slog.Logger
	// Metrics are what the worker counts. Make them with [NewMetrics].
	Metrics *Metrics
	// Workers bounds the runs that are worked on at once. Zero is DefaultWorkers.
	Workers int
	// Grace is for how long what is under way may come to its end once the worker is
	// told to stop. Zero cuts it short at once; it is recorded all the same.
	Grace time.Duration
	// Poll is how often to look for runs that others have left. Zero is a second.
	Poll time.Duration
	// Listener, if not nil, is where /livez, /readyz and /metrics are served. Run
	// closes it.
	Listener net.Listener
	// Seed makes pauses reproducible; zero seeds them from the system.
	Seed uint64
}

// Queue is where events come from.
type Queue struct {
	URL string
	// DeadLetters is the URL of the queue for what cannot be read. Empty: that of the
	// queue's redrive policy.
	DeadLetters string
	Client      *sqs.Client
}

// DefaultWorkers is how many runs are worked on at once unless said otherwise. A
// turn mostly waits for AWS.
const DefaultWorkers = 16

// held bounds the messages that are in hand at once.
const held = 200

// The pauses while the ledger or AWS cannot be reached.
const (
	leastPause = 250 * time.Millisecond
	mostPause  = 30 * time.Second
)

// Worker is one process's share of the work.
type Worker struct {
	Config
	loop    *embedded.Loop
	slots   *semaphore.Weighted
	health  *health
	backoff *cloud.Backoff
}

// New makes a worker.
func New(c Config) *Worker {
	if c.Workers == 0 {
		c.Workers = DefaultWorkers
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	w := &Worker{Config: c, slots: semaphore.NewWeighted(held), backoff: cloud.NewBackoff(c.Seed)}
	w.health = newHealth(c.Clock, c.Log, c.Metrics)
	w.loop = c.App.Loop()
	w.loop.Workers, w.loop.Poll, w.loop.Backoff = c.Workers, c.Poll, w.backoff
	w.loop.Looked = func(err error) {
		if !errors.Is(err, context.Canceled) { // it was cut short
			w.health.report("ledger", err)
		}
	}
	w.loop.Failed = func(run string, err error) {
		w.Log.Error("turn failed", "run", run, "error", err)
		w.Metrics.turnsFailed.Inc()
	}
	c.Metrics.tend(w.loop.Tended)
	return w
}

// Run works until ctx ends, and then comes to its end within the grace. The error
// is about what can only be wrong at the start, such as a queue that is not there;
// whatever fails later is said in the log and tried again.
func (w *Worker) Run(ctx context.Context) error {
	var queues []*queue
	for _, q := range w.Queues {
		queues = append(queues, &queue{Queue: q, w: w, hand: map[*message]bool{}, tell: make(chan struct{}, 1)})
	}
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()

	served := w.serve(work)
	defer served()

	// What is wrong with a queue is wrong for good: the other ones are not begun.
	var opening errgroup.Group
	for _, q := range queues {
		opening.Go(func() error { return q.open(ctx) })
	}
	if err := opening.Wait(); err != nil {
		return err
	}
	w.Log.InfoContext(ctx, "worker begins", "fleet", w.App.Fleet(), "queues", len(queues), "workers", w.Workers)
	var all sync.WaitGroup
	all.Go(func() { w.loop.Run(ctx, work) })
	all.Go(func() { w.keepTime(ctx, work) })
	for _, q := range queues {
		all.Go(func() { q.run(ctx, work) })
	}

	<-ctx.Done()
	w.health.stopping()
	w.Log.InfoContext(work, "worker stops", "grace", w.Grace.String())
	go func() {
		_ = w.Clock.Sleep(work, w.Grace) // ends early if all is done before
		cut()
	}()
	all.Wait()
	w.Log.InfoContext(context.WithoutCancel(ctx), "worker ends")
	return nil
}

// serve answers health checks and metrics until the function it returns is called.
func (w *Worker) serve(ctx context.Context) (stop func()) {
	if w.Listener == nil {
		return func() {}
	}
	server := &http.Server{Handler: w.Handler(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(w.Listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			w.Log.ErrorContext(ctx, "health checks and metrics are not served any more", "error", err)
		}
	}()
	return func() {
		if err := server.Close(); err != nil {
			w.Log.ErrorContext(ctx, "close the server of metrics", "error", err)
		}
		<-ended
	}
}

// longest is how long the schedules are left alone: others may have changed them.
const longest = time.Minute

// keepTime fires schedules.
func (w *Worker) keepTime(ctx, work context.Context) {
	failures := 0
	for ctx.Err() == nil {
		fired, next, err := w.App.Fire(work)
		for _, f := range fired {
			w.Metrics.fired.WithLabelValues(f.Automation).Inc()
			w.Log.InfoContext(ctx, "schedule fired", "automation", f.Automation, "run", f.Run, "due", f.Due)
			w.loop.Nudge(f.Run)
		}
		if work.Err() == nil {
			w.health.report("schedules", err)
		}
		now := w.Clock.Now()
		pause := longest
		if !next.IsZero() {
			pause = min(longest, next.Sub(now))
		}
		if err != nil {
			failures++
			pause = w.backoff.Delay(failures, leastPause, mostPause)
		} else {
			failures = 0
		}
		_ = w.Clock.Sleep(ctx, pause) // cut short by the end
	}
}

// start has the ledger record a match of an event, however long that takes. It
// returns an error only if that can never be, or if the worker is told to stop.
func (w *Worker) start(ctx, work context.Context, m app.Match, e eventOf) error {
	for failures := 1; ; failures++ {
		run, err := w.App.Start(work, m, e.Event)
		if err == nil {
			if failures > 1 { // another subject's trouble is another matter
				w.health.report("claims", nil)
			}
			w.loop.Nudge(run)
			return nil
		}
		if ctx.Err() != nil || permanent(err) {
			return err
		}
		w.health.report("claims", err)
		if err := w.Clock.Sleep(ctx, w.backoff.Delay(failures, leastPause, mostPause)); err != nil {
			return fmt.Errorf("%s: %w", m.Automation.Name, err)
		}
	}
}
