//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	sdksns "github.com/aws/aws-sdk-go-v2/service/sns"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/dynamodb"
	"github.com/droverhq/drover/internal/ledger/sqlite"
)

// load is how much workers have to do.
type load struct{ messages, estates int }

// The load in full, which `make workers` asks for by DROVER_WORKER_LOAD=full, and the
// one beside all other tests. moto's DynamoDB is never given the full one, see
// README.md.
var (
	full  = load{10_000, 200}
	small = load{1_000, 40}
)

// TestWorkers has two processes share one queue and one ledger, and kills one of
// them when half of the messages are gone.
func TestWorkers(t *testing.T) { //nolint:tparallel // one at a time: each keeps a machine busy by itself
	t.Parallel()
	most := small
	if os.Getenv("DROVER_WORKER_LOAD") == "full" {
		most = full
	}
	for _, test := range []struct {
		name  string
		load  load
		again bool // what was killed is started again
		open  func(*testing.T) *shared
	}{
		{"SQLite", most, false, sharedFile},
		{"DynamoDB on moto", small, true, sharedMoto},
		{"DynamoDB Local", most, true, sharedLocal},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFloor(t, test.load, test.open(t))
			f.run(test.again)
			f.holds()
		})
	}
}

// shared is a ledger that workers share.
type shared struct {
	flag     string // of --ledger
	endpoint string // of DynamoDB; "" for none
	gate     *sync.Mutex
	slow     bool // so much that attempts may run out of time
	open     func(ctx context.Context, dir string) (ledger.Ledger, error)
}

func sharedFile(*testing.T) *shared {
	return &shared{flag: "ledger.db", open: func(ctx context.Context, dir string) (ledger.Ledger, error) {
		return sqlite.Open(ctx, dir+"/ledger.db", clock.Real{})
	}}
}

func sharedMoto(t *testing.T) *shared {
	t.Helper()
	s := sharedTable(t, &database{url: ownServer(t).url, wire: &wire{gate: &sync.Mutex{}, note: seen.add}})
	return s
}

func sharedLocal(t *testing.T) *shared {
	t.Helper()
	return sharedTable(t, localDatabase(t))
}

func sharedTable(t *testing.T, db *database) *shared {
	t.Helper()
	table := db.table(t)
	return &shared{flag: "dynamodb:" + table, slow: true, endpoint: db.url, gate: db.wire.gate, open: func(ctx context.Context, _ string) (ledger.Ledger, error) {
		return dynamodb.Open(ctx, db.client(db.wire), table, clock.Real{})
	}}
}

// ownServer is a moto beside those that tests share: each service that a worker asks
// often has one, as on AWS none waits for another.
func ownServer(t *testing.T) *server {
	t.Helper()
	s, err := startServer(os.Getenv("DROVER_MOTO"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

// floor is where workers work, and what is known of it without asking them.
type floor struct {
	*site
	load    load
	ledger  *shared
	world   *world
	estates []*estate
	by      map[string]*estate
	letters []*letter // each once
	mail    []*letter // in the order in which they are sent
	rng     *rand.Rand
	sqs     *sdksqs.Client
	workers []*process
	began   time.Time
	over    time.Time
	// hold, unless nil, is done before what a worker asks is passed on, of EC2 and of
	// the ledger. It is set before the worker starts.
	hold func(ctx context.Context, operation string) error

	mu      sync.Mutex
	reads   map[string][]span        // of estates, by operation and table's id
	moves   map[string]int           // acknowledged, by table's id
	asked   map[string]int           // by operation
	took    map[string]time.Duration // altogether, by operation
	refused map[string]int           // by operation
	sent    int
	deleted map[string]bool // receipts
	half    chan struct{}   // closed when half of the messages are gone
	room    chan struct{}   // told when messages are gone
}

type span struct{ begun, over time.Time }

func newFloor(t *testing.T, l load, kept *shared) *floor {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("DROVER_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("DROVER_SEED: %v", err)
		}
	}
	t.Logf("DROVER_SEED=%d draws the same messages", seed)
	w, queues := newWorld(t), ownServer(t)
	f := &floor{
		site: &site{T: t, program: build(t), dir: t.TempDir(), ledger: kept.flag}, load: l, ledger: kept, world: w,
		rng: rand.New(rand.NewPCG(seed, 1)), sqs: sdksqs.NewFromConfig(configFor(queues.url)),
		reads: map[string][]span{}, moves: map[string]int{}, asked: map[string]int{}, took: map[string]time.Duration{}, refused: map[string]int{}, deleted: map[string]bool{},
		half: make(chan struct{}), room: make(chan struct{}, 1),
	}
	began := time.Now()
	f.estates = settle(t, w, l.estates)
	f.by = subjectsOf(f.estates)
	topic, err := sdksns.NewFromConfig(configFor(w.moto.url)).CreateTopic(t.Context(), &sdksns.CreateTopicInput{Name: aws.String("ops")})
	if err != nil {
		t.Fatal(err)
	}
	f.write("fleet.yaml", fleetOf(f.estates, *topic.TopicArn))
	if l.messages > 0 {
		f.mail = mail(f.estates, l.messages, f.rng)
	}
	for _, m := range f.mail {
		if !slices.Contains(f.letters, m) {
			f.letters = append(f.letters, m)
		}
	}
	f.makeQueues()

	var gate sync.Mutex
	f.endpoints = func(string) map[string]string {
		lines := map[string]string{
			"AWS_ENDPOINT_URL": newLine(t, w.moto.url, &line{before: f.hold, note: f.passed}).url,
			// moto loses what is sent while it deletes, see README.md.
			"AWS_ENDPOINT_URL_SQS": newLine(t, queues.url, &line{gate: &gate, alone: notReceiving, note: f.passed}).url,
		}
		if kept.endpoint != "" {
			lines["AWS_ENDPOINT_URL_DYNAMODB"] = newLine(t, kept.endpoint, &line{gate: kept.gate, alone: every, before: f.hold, note: f.passed}).url
		}
		return lines
	}
	f.sqs = sdksqs.NewFromConfig(configFor(newLine(t, queues.url, &line{gate: &gate, alone: notReceiving, note: func(passed) {}}).url))
	t.Logf("%d estates and %d messages, %d of them different, after %v", len(f.estates), len(f.mail), len(f.letters), time.Since(began).Round(time.Second))
	return f
}

// every operation.
func every(string) bool { return true }

// notReceiving leaves out what waits for messages.
func notReceiving(operation string) bool { return operation != "sqs:ReceiveMessage" }

// makeQueues makes the queue and the one for dead letters.
func (f *floor) makeQueues() {
	f.Helper()
	dead, err := f.sqs.CreateQueue(f.Context(), &sdksqs.CreateQueueInput{QueueName: aws.String("dead")})
	if err != nil {
		f.Fatal(err)
	}
	redrive := fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:dead","maxReceiveCount":"10"}`, region, account)
	queue, err := f.sqs.CreateQueue(f.Context(), &sdksqs.CreateQueueInput{
		QueueName: aws.String("events"), Attributes: map[string]string{"RedrivePolicy": redrive},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.queue, f.dead = *queue.QueueUrl, *dead.QueueUrl
}

// passed takes note of what a worker has asked.
func (f *floor) passed(p passed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[p.Operation]++
	f.took[p.Operation] += p.over.Sub(p.begun)
	if !p.done() {
		f.refused[p.Operation]++
	}
	switch p.Operation {
	case "ec2:DescribeInstances", "ec2:DescribeRouteTables", "ec2:ReplaceRoute":
		for _, values := range p.Form {
			if e := f.by[values[0]]; e != nil {
				f.reads[p.Operation+" "+e.table] = append(f.reads[p.Operation+" "+e.table], span{p.begun, p.over})
				if p.Operation == "ec2:ReplaceRoute" && p.done() {
					f.moves[e.table]++
				}
				return
			}
		}
	case "sqs:DeleteMessageBatch":
		var in struct {
			Entries []struct{ ReceiptHandle string }
		}
		if json.Unmarshal(p.body, &in) != nil || !p.done() {
			return
		}
		before := len(f.deleted)
		for _, e := range in.Entries {
			f.deleted[e.ReceiptHandle] = true
		}
		if half := len(f.mail) / 2; before < half && len(f.deleted) >= half {
			close(f.half)
		}
		select {
		case f.room <- struct{}{}:
		default:
		}
	}
}

// backlog is how many messages are in the queue at most. moto searches all of them
// for each that it deletes.
const backlog = 500

// send sends the mail.
func (f *floor) send(ctx context.Context) error {
	const ahead = 30 // batches
	written := make(chan []*letter, ahead)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(written)
		for batch := range slices.Chunk(f.mail, 10) {
			if err := f.happen(ctx, batch); err != nil {
				return err
			}
			select {
			case written <- batch:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	g.Go(func() error {
		for batch := range written {
			if err := f.post(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// happen makes true what letters will tell, and writes them.
func (f *floor) happen(ctx context.Context, batch []*letter) error {
	var stopping []string
	for _, m := range batch {
		if e := m.estate; m.stops && m.body == "" {
			stopping = append(stopping, e.instances[0])
			e.mu.Lock()
			e.moved = true
			e.mu.Unlock()
		}
	}
	if len(stopping) > 0 {
		if _, err := f.world.ec2.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: stopping}); err != nil {
			return err
		}
	}
	for _, m := range batch {
		if m.body == "" {
			if err := m.write(f.rng); err != nil {
				return err
			}
		}
	}
	return nil
}

// post sends a batch once there is room in the queue.
func (f *floor) post(ctx context.Context, batch []*letter) error {
	for f.waiting() > backlog {
		select {
		case <-f.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	in := &sdksqs.SendMessageBatchInput{QueueUrl: &f.queue}
	for i, m := range batch {
		if m.sent.IsZero() {
			m.sent = time.Now()
		}
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &m.body})
	}
	out, err := f.sqs.SendMessageBatch(ctx, in)
	if err != nil {
		return err
	}
	if len(out.Failed) > 0 {
		return fmt.Errorf("send: %s", aws.ToString(out.Failed[0].Message))
	}
	f.mu.Lock()
	f.sent += len(batch)
	f.mu.Unlock()
	for _, m := range batch {
		if m.estate != nil {
			m.estate.last = time.Now()
		}
	}
	return nil
}

func (f *floor) waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent - len(f.deleted)
}

// workLimit is for how long all may take, some five times what it does. What a killed
// worker held is held for 65 seconds.
const workLimit = 12 * time.Minute

// grace is what workers are given when they are stopped.
const grace = 20 * time.Second

// run has two workers do all the work, and kills one of them halfway.
func (f *floor) run(again bool) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), workLimit)
	defer cancel()
	f.began = time.Now()
	for _, name := range []string{"A", "B"} {
		f.workers = append(f.workers, f.work(name, "--grace", grace.String(), "--workers", "4"))
	}
	sent := make(chan error, 1)
	go func() { sent <- f.send(ctx) }()

	select {
	case <-f.half:
	case err := <-sent:
		f.Fatalf("all was sent before half was done: %v", err)
	case <-ctx.Done():
		f.Fatalf("%d of %d messages are gone after %v", len(f.deleted), len(f.mail), time.Since(f.began))
	}
	if err := f.workers[0].kill(); err != nil {
		f.Fatal(err)
	}
	killed := time.Now()
	f.Logf("worker A is killed after %v", killed.Sub(f.began).Round(time.Second))
	if again {
		f.workers = append(f.workers, f.work("A again", "--grace", grace.String(), "--workers", "4"))
	}
	if err := <-sent; err != nil {
		f.Fatal(err)
	}
	f.Logf("all is sent after %v", time.Since(f.began).Round(time.Second))
	if err := f.quiet(ctx); err != nil {
		f.Fatal(err)
	}
	f.over = time.Now()
	f.Logf("all is done after %v", f.over.Sub(f.began).Round(time.Second))
	for _, p := range f.workers[1:] {
		if err := p.stop(grace + 5*time.Second); err != nil {
			f.Error(err)
		}
	}
	f.Logf("they are stopped after %v", time.Since(f.over).Round(10*time.Millisecond))
}

// quiet waits until the queue is empty, nothing of it is in flight, and no run is
// live.
func (f *floor) quiet(ctx context.Context) error {
	kept, err := f.ledger.open(ctx, f.dir)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // only read from
	a := app.New(app.Deps{Ledger: kept, Clock: clock.Real{}, Version: "conformance"})
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		left, err := f.left(ctx)
		if err == nil && left == 0 {
			var live []*flow.Run
			if live, err = a.Live(ctx); err == nil && len(live) == 0 {
				return nil
			}
			left = len(live)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d messages or runs are left (%w; %w)", left, err, ctx.Err())
		case <-tick.C:
		}
	}
}

// left are the messages that the queue still has, in flight or not.
func (f *floor) left(ctx context.Context) (int, error) {
	visible, hidden, err := f.counted(ctx)
	return visible + hidden, err
}

// counted is how many messages the queue has.
func (f *floor) counted(ctx context.Context) (visible, hidden int, err error) {
	out, err := f.sqs.GetQueueAttributes(ctx, &sdksqs.GetQueueAttributesInput{QueueUrl: &f.queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		return 0, 0, err
	}
	number := func(name types.QueueAttributeName) int {
		n, problem := strconv.Atoi(out.Attributes[string(name)])
		err = errors.Join(err, problem)
		return n
	}
	visible = number(types.QueueAttributeNameApproximateNumberOfMessages)
	hidden = number(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible) + number(types.QueueAttributeNameApproximateNumberOfMessagesDelayed)
	return visible, hidden, err
}

// deadLetters are the bodies of the dead-letter queue and why they are there.
func (f *floor) deadLetters() map[string]string {
	f.Helper()
	why := map[string]string{}
	for {
		out, err := f.sqs.ReceiveMessage(f.Context(), &sdksqs.ReceiveMessageInput{
			QueueUrl: &f.dead, MaxNumberOfMessages: 10, VisibilityTimeout: 600, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			f.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return why
		}
		for _, m := range out.Messages {
			why[*m.Body] = strings.TrimSpace(aws.ToString(m.MessageAttributes["ErrorMessage"].StringValue))
		}
	}
}
