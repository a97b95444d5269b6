package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	simsqs "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/label"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

// scene is two gateways with a route through the first, a queue of events with a
// queue for dead letters, a ledger, and the workers that a test starts. It is for
// synctest bubbles.
type scene struct {
	*testing.T
	world  *scenario.Simulated
	stage  *scenario.Stage
	queues *simsqs.Service
	aws    aws.Config // of whoever takes messages
	url    string     // of the queue "events"
	ledger *memory.Ledger
	fleet  string // the fleet file

	mu      sync.Mutex
	workers map[string]*process
	// fault, if not nil, is what befalls the calls of workers.
	fault func(awssim.Call) awssim.Fault
}

// attempts is after how many times that a message was received SQS gives up on it.
const attempts = 3

const moveRoute = "ec2:ReplaceRoute"

func bubble(t *testing.T, o awssim.Options, test func(*scene)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, o)
		test(s)
		if err := s.stage.Err(); err != nil {
			t.Error(err)
		}
	})
}

func newScene(t *testing.T, o awssim.Options) *scene {
	t.Helper()
	w := scenario.NewSimulated(clock.Real{}, o)
	s := &scene{
		T: t, world: w, stage: scenario.NewStage(t.Context(), w), queues: w.SQS, aws: w.SQS.LongPoll(w.AWS()),
		ledger: memory.NewNamed(clock.Real{}, "scene"), workers: map[string]*process{},
	}
	s.stage.Set(scenario.Layout{Gateways: 2})
	s.stage.Route(0, "10.1.0.0/16", s.stage.Gateways[0].Interfaces[0])
	s.fleet = s.stage.Failover("sweep: 24h")
	s.makeQueue()
	w.Intercept(s.befalls)
	if err := s.stage.Err(); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { w.Run(t.Context()) })
	t.Cleanup(running.Wait)
	return s
}

func (s *scene) makeQueue() {
	s.Helper()
	url, _, err := s.queues.MakeWithDeadLetters("events", attempts)
	if err != nil {
		s.Fatal(err)
	}
	s.url = url
}

// rule sends the state changes of instances to the queue.
func (s *scene) rule(edit ...func(*simsqs.Rule)) {
	s.Helper()
	r := simsqs.Rule{Queue: "events", Pattern: event.PatternFor(event.SourceEC2, event.TypeInstanceStateChange)}
	for _, e := range edit {
		e(&r)
	}
	if err := s.queues.AddRule(r); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) send(bodies ...string) {
	s.Helper()
	for _, body := range bodies {
		if _, err := s.queues.Send("events", body); err != nil {
			s.Fatal(err)
		}
	}
}

// news is an event that a gateway's automation wants, and has nothing to do about.
func (s *scene) news() event.Event {
	return event.NewInstanceStateChange(s.world.Account(), s.world.Region(), s.stage.Gateways[1].Instance, "running", time.Now())
}

func written(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// fail has the first gateway stop, and does not wait for it.
func (s *scene) fail() {
	s.Helper()
	_, err := ec2.NewFromConfig(s.world.AWS()).StopInstances(s.Context(), &ec2.StopInstancesInput{InstanceIds: []string{s.stage.Gateways[0].Instance}})
	if err != nil {
		s.Fatal(err)
	}
}

// moved wants the route to go through the second gateway.
func (s *scene) moved() {
	s.Helper()
	s.stage.ExpectRoute(0, "10.1.0.0/16", s.stage.Gateways[1].Interfaces[0])
	if err := s.stage.Err(); err != nil {
		s.Fatal(err)
	}
}

// made counts the calls of an operation that had their effect.
func (s *scene) made(operation string) (n int) {
	for _, c := range s.world.Calls() {
		if c.Operation == operation && c.Applied {
			n++
		}
	}
	return n
}

// runs are all runs in the ledger, oldest first.
func (s *scene) runs() []*flow.Run {
	s.Helper()
	x := &flow.Executor{Ledger: s.ledger, Clock: clock.Real{}}
	runs, err := x.History(s.Context(), time.Time{})
	if err != nil {
		s.Fatal(err)
	}
	return runs
}

// empty wants nothing in the queue, visible or not, and so many dead letters.
func (s *scene) empty(dead int) {
	s.Helper()
	if c := s.queues.Counts("events"); c != (simsqs.Counts{}) {
		s.Errorf("the queue has %+v", c)
	}
	if c := s.queues.Counts("events-dead"); c != (simsqs.Counts{Visible: dead}) {
		s.Errorf("there are %+v dead letters, want %d", c, dead)
	}
}

// process is one worker.
type process struct {
	*scene
	name   string
	worker *Worker
	stop   context.CancelFunc
	ended  chan struct{}
	err    error
	dead   atomic.Bool
	log    lines
	// broken, if not nil, is what its ledger answers.
	broken atomic.Pointer[error]
	// write, if not nil, is how it writes to its ledger.
	write atomic.Pointer[writing]
}

type writing func(context.Context, ledger.Ledger, []ledger.Write) error

// writes sets how the worker writes to its ledger from now on.
func (p *process) writes(f writing) { p.write.Store(&f) }

// begin starts a worker.
func (s *scene) begin(name string, edit ...func(*process, *Config)) *process {
	s.Helper()
	p := s.prepare(name, edit...)
	p.run()
	return p
}

// prepare makes a worker that does not run yet.
func (s *scene) prepare(name string, edit ...func(*process, *Config)) *process {
	s.Helper()
	fleet, err := fleetfile.Parse("fleet.yaml", []byte(s.fleet), app.Kinds())
	if err != nil {
		s.Fatal(err)
	}
	p := &process{scene: s, name: name, ended: make(chan struct{})}
	log := slog.New(label.Handler(slog.NewJSONHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	metrics := NewMetrics(clock.Real{}, "test")
	watch := func(cfg aws.Config) aws.Config {
		return cloud.LogCalls(cloud.CountCalls(cfg, clock.Real{}, metrics.Call), log, clock.Real{})
	}
	c := Config{
		App: app.New(app.Deps{
			Fleet: fleet, Ledger: mortal{s.ledger, p}, AWS: watch(s.world.AWS()), Clock: clock.Real{}, Log: log, Version: "test", Seed: 1, Owner: name,
			Watch: metrics.Watch, Ended: metrics.Ended,
		}),
		Queues: []Queue{{URL: s.url, Client: cloud.SQS(watch(s.aws), "", cloud.Options{Seed: 1, Clock: clock.Real{}})}},
		Clock:  clock.Real{}, Log: log, Metrics: metrics, Grace: 30 * time.Second, Seed: 1,
	}
	for _, e := range edit {
		e(p, &c)
	}
	p.worker = New(c)
	return p
}

func (p *process) run() {
	ctx, stop := context.WithCancel(awssim.WithActor(context.WithoutCancel(p.Context()), p.name))
	p.stop = stop
	p.mu.Lock()
	p.workers[p.name] = p
	p.mu.Unlock()
	go func() {
		defer close(p.ended)
		p.err = p.worker.Run(ctx)
	}()
	p.Cleanup(func() { p.end() })
}

// end tells a worker to stop and waits until it has; it says how long that took.
func (p *process) end() time.Duration {
	p.Helper()
	began := time.Now()
	p.stop()
	<-p.ended
	if p.err != nil {
		p.Errorf("%s: %v", p.name, p.err)
	}
	return time.Since(began)
}

// kill ends a worker as kill -9 does: from now on nothing it does has an effect.
func (p *process) kill() {
	p.dead.Store(true)
	p.stop()
}

var errDead = errors.New("the process is dead")

// befalls decides about each call of the world.
func (s *scene) befalls(c awssim.Call) awssim.Fault {
	s.mu.Lock()
	p, fault := s.workers[c.Actor], s.fault
	s.mu.Unlock()
	switch {
	case p == nil:
		return awssim.Fault{}
	case p.dead.Load():
		return awssim.FailBefore(errDead)
	case fault != nil:
		return fault(c)
	}
	return awssim.Fault{}
}

// faults sets what befalls the calls of workers from now on.
func (s *scene) faults(f func(awssim.Call) awssim.Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// mortal is a process's way to the ledger.
type mortal struct {
	ledger.Ledger
	*process
}

func (m mortal) wrong(ctx context.Context) error {
	if m.dead.Load() {
		return errDead
	}
	err := m.broken.Load()
	switch {
	case err == nil:
		return nil
	case errors.Is(*err, errHang):
		<-ctx.Done()
		return ctx.Err()
	}
	return *err
}

// errHang has a ledger not answer until the caller gives up.
var errHang = errors.New("no answer")

func (m mortal) Get(ctx context.Context, key string) (ledger.Record, error) {
	if err := m.wrong(ctx); err != nil {
		return ledger.Record{}, err
	}
	return m.Ledger.Get(ctx, key)
}

func (m mortal) List(ctx context.Context, prefix, after string, limit int) ([]ledger.Record, error) {
	if err := m.wrong(ctx); err != nil {
		return nil, err
	}
	return m.Ledger.List(ctx, prefix, after, limit)
}

func (m mortal) Write(ctx context.Context, writes ...ledger.Write) error {
	if err := m.wrong(ctx); err != nil {
		return err
	}
	if f := m.write.Load(); f != nil {
		return (*f)(ctx, m.Ledger, writes)
	}
	return m.Ledger.Write(ctx, writes...)
}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(data)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// said are the lines of a log with a message and these words.
func (l *lines) said(message string, words ...string) (found []string) {
	for line := range strings.Lines(l.String()) {
		all := strings.Contains(line, `"msg":"`+message+`"`)
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			found = append(found, line)
		}
	}
	return found
}

// get asks the worker over HTTP.
func (p *process) get(path string) (int, string) {
	answer := httptest.NewRecorder()
	p.worker.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(p.Context(), http.MethodGet, path, nil))
	return answer.Code, answer.Body.String()
}

// metric is the value of a metric as Prometheus reads it; -1 if it is not there.
func (p *process) metric(name string) float64 {
	p.Helper()
	_, text := p.get("/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				p.Fatal(err)
			}
			return n
		}
	}
	return -1
}

// counts wants metrics to have values.
func (p *process) counts(want map[string]float64) {
	p.Helper()
	for name, n := range want {
		if got := p.metric(name); got != n {
			p.Errorf("%s: %s is %v, want %v", p.name, name, got, n)
		}
	}
}

// failing has every write fail that has to do with keys of this prefix.
func failing(prefix string, err error) writing {
	return func(ctx context.Context, l ledger.Ledger, writes []ledger.Write) error {
		if slices.ContainsFunc(writes, func(w ledger.Write) bool { return strings.HasPrefix(w.Key, prefix) }) {
			return err
		}
		return l.Write(ctx, writes...)
	}
}
