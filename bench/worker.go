package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/host/worker"
	"github.com/droverhq/drover/internal/ledger/sqlite"
	"github.com/droverhq/drover/internal/scenario"
)

// The load of workers: what comes by itself on a day on which nothing happens.
const (
	estates  = 200  // VPCs with two gateways each, every one the subject of an automation
	messages = 1000 // that gateways run, as they do; a third of them for the second time
	steady   = 25   // a second, where the time of each counts
	backlog  = 500  // in the queue at most, where the time of all counts
)

// post is what a queue holds, in the order in which it is sent.
type post struct {
	id   string
	body string
}

// site is a VPC with two gateways and a route through the first.
type site struct {
	vpc       string
	instances [2]string
}

// yard is where workers work.
type yard struct {
	clock *stagehand
	world *scenario.Simulated
	cfg   aws.Config // of clients that wait for messages
	fleet *fleetfile.Fleet
	dir   string
	url   string // of the queue
	mail  []post
	sites map[string]site // by instance

	mu      sync.Mutex
	sent    map[string]time.Time // by event
	done    map[string]time.Time
	handled int           // events that were sent
	swept   int           // events of schedules
	deleted int           // messages
	room    chan struct{} // told when any of these changes
}

// a workSide works until ctx ends, and says when it is done with an event.
type workSide struct {
	name   string
	sweeps int // that it makes as it begins, which do not count
	work   func(ctx context.Context, y *yard) error
}

var workSides = []workSide{
	{"floor: 2 calls each, 16 at once", 0, func(ctx context.Context, y *yard) error { return y.script(ctx, worker.DefaultWorkers, y.both) }},
	{"drover, 1 worker", estates, func(ctx context.Context, y *yard) error { return y.drover(ctx, 1) }},
	{"drover, 2 workers", estates, func(ctx context.Context, y *yard) error { return y.drover(ctx, 2) }},
	{"script: 1 call each, one by one", 0, func(ctx context.Context, y *yard) error { return y.script(ctx, 1, y.routes) }},
}

// workers measures how fast a queue is worked off, and how long an event takes.
func workers(ctx context.Context, runs int) error {
	rates := make([][]float64, len(workSides))
	waits := make([][]time.Duration, len(workSides))
	calls := make([]int, len(workSides))
	for range runs {
		for i, side := range workSides {
			f, err := labour(ctx, side, 0)
			if err != nil {
				return fmt.Errorf("%s: %w", side.name, err)
			}
			rates[i], calls[i] = append(rates[i], messages/f.all.Seconds()), f.calls
		}
	}
	for i, side := range workSides {
		f, err := labour(ctx, side, steady)
		if err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
		waits[i] = f.each
	}

	fmt.Printf("\nAs a worker: %d messages about %d subjects, a third of them duplicates, from SQS to the end of a run that finds nothing to do.\n", messages, estates)
	fmt.Printf("Round trip %s, ledger in SQLite. Rate: as fast as it goes, median of %d; times: from sent to done, at %d messages a second.\n", roundTrip, runs, steady)
	fmt.Printf("The floor asks AWS and remembers nothing: no order, no ledger, no schedule. The other side is a script that takes one message at a time.\n\n")
	fmt.Printf("%-32s | %10s %7s %6s | %7s %7s %7s\n", "", "messages/s", "floors", "calls", "p50", "p99", "floors")
	for i, side := range workSides {
		fmt.Printf("%-32s | %10.0f %6.2fx %6d | %7s %7s %6.2fx\n", side.name, middle(rates[i]), middle(rates[i])/middle(rates[0]), calls[i],
			share(waits[i], 50), share(waits[i], 99), ratio(share(waits[i], 99), share(waits[0], 99)))
	}
	fmt.Printf("%-32s | %9.1fx %22s | %15.1fx\n", "ratio, 1 worker to script", middle(rates[1])/middle(rates[3]), "", ratio(share(waits[3], 99), share(waits[1], 99)))
	return nil
}

// share is the time within which so many of a hundred are.
func share(all []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)].Round(time.Millisecond)
}

// worked is what a load has cost.
type worked struct {
	all   time.Duration   // from the first message to the last that is done
	each  []time.Duration // of each event
	calls int             // that reached AWS
}

// labour has a side do all the work, with messages sent at a rate, or as fast as they
// are worked off.
func labour(ctx context.Context, side workSide, rate int) (f worked, err error) {
	y, err := newYard(ctx)
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(y.dir) //nolint:errcheck // a temporary folder
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- side.work(working, y) }()
	if err := y.await(ctx, func() bool { return y.swept >= side.sweeps }, ended); err != nil {
		return f, err
	}
	before := len(y.world.Calls())
	began := y.clock.Now()
	if err := y.send(ctx, rate, ended); err != nil {
		return f, err
	}
	if err := y.await(ctx, func() bool { return y.gone(len(y.mail)) }, ended); err != nil {
		return f, err
	}
	y.mu.Lock()
	var last time.Time
	for id, sent := range y.sent {
		at, done := y.done[id]
		if !done {
			err = fmt.Errorf("event %s was acknowledged and not handled", id)
		}
		f.each = append(f.each, at.Sub(sent))
		if at.After(last) {
			last = at
		}
	}
	y.mu.Unlock()
	f.all, f.calls = last.Sub(began), len(y.world.Calls())-before
	stop()
	if ended := <-ended; err == nil {
		err = ended
	}
	return f, err
}

// newYard sets the stage in no time; from then on time is real.
func newYard(ctx context.Context) (*yard, error) {
	clk := &stagehand{}
	y := &yard{
		clock: clk, sent: map[string]time.Time{}, done: map[string]time.Time{}, sites: map[string]site{}, room: make(chan struct{}, 1),
		world: scenario.NewSimulated(clk, awssim.Options{PageSize: 1000, Latency: func(awssim.Call) time.Duration { return roundTrip }}),
	}
	y.cfg = y.world.SQS.LongPoll(y.world.AWS())
	y.world.OnCall(func(c awssim.Call) {
		if in, ok := c.Input.(*sqs.DeleteMessageBatchInput); ok {
			y.mu.Lock()
			defer y.mu.Unlock()
			y.deleted += len(in.Entries)
			y.tell()
		}
	})
	var text strings.Builder
	fmt.Fprintf(&text, "version: 1\nfleet: bench\nregion: %s\nnotify: { topic: \"arn:aws:sns:%[1]s:123456789012:ops\" }\nautomations:\n", y.cfg.Region)
	rng := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same load each time
	for i := range estates {
		s, err := y.settle(ctx)
		if err != nil {
			return nil, err
		}
		s.write(&text, i)
		y.sites[s.instances[0]], y.sites[s.instances[1]] = s.site, s.site
		for range messages / estates {
			y.mail = append(y.mail, y.letter(s.instances[rng.IntN(2)], len(y.mail)))
		}
	}
	rng.Shuffle(len(y.mail), func(i, j int) { y.mail[i], y.mail[j] = y.mail[j], y.mail[i] })
	for i := messages * 2 / 3; i < messages; i++ { // these come again, in the place of others
		y.mail[i] = y.mail[i-messages*2/3]
	}
	rng.Shuffle(len(y.mail), func(i, j int) { y.mail[i], y.mail[j] = y.mail[j], y.mail[i] })
	if err := clk.Sleep(ctx, time.Hour); err != nil { // all are running, and were for long
		return nil, err
	}
	y.world.Settle()
	y.world.Take()

	var err error
	if y.fleet, err = fleetfile.Parse("bench.yaml", []byte(text.String()), app.Kinds()); err != nil {
		return nil, err
	}
	c := sqs.NewFromConfig(y.cfg)
	if _, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("dead")}); err != nil {
		return nil, err
	}
	queue, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("events"), Attributes: map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:123456789012:dead","maxReceiveCount":"10"}`, y.cfg.Region),
	}})
	if err != nil {
		return nil, err
	}
	y.url = *queue.QueueUrl
	if y.dir, err = os.MkdirTemp("", "drover-bench-"); err != nil {
		return nil, err
	}
	clk.start()
	return y, nil
}

// settled is a site, with the gateways' interfaces.
type settled struct {
	site
	interfaces [2]string
}

// settle makes a site.
func (y *yard) settle(ctx context.Context) (s settled, err error) {
	c := ec2.NewFromConfig(y.cfg)
	vpc, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		return s, err
	}
	s.vpc = *vpc.Vpc.VpcId
	subnet, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: aws.String("10.0.0.0/24"), AvailabilityZone: aws.String(y.cfg.Region + "a")})
	if err != nil {
		return s, err
	}
	table, err := c.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &s.vpc})
	if err != nil {
		return s, err
	}
	run, err := c.RunInstances(ctx, &ec2.RunInstancesInput{
		ImageId: aws.String("ami-0123456789abcdef0"), InstanceType: types.InstanceTypeC5Large, MinCount: aws.Int32(2), MaxCount: aws.Int32(2), SubnetId: subnet.Subnet.SubnetId,
	})
	if err != nil {
		return s, err
	}
	for i, in := range run.Instances {
		s.instances[i], s.interfaces[i] = *in.InstanceId, *in.NetworkInterfaces[0].NetworkInterfaceId
		_, err := c.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
			NetworkInterfaceId: &s.interfaces[i], SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(false)},
		})
		if err != nil {
			return s, err
		}
	}
	_, err = c.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: table.RouteTable.RouteTableId, DestinationCidrBlock: aws.String("10.9.0.0/16"), NetworkInterfaceId: &s.interfaces[0]})
	return s, err
}

// write writes the automation of a site.
func (s settled) write(text *strings.Builder, n int) {
	fmt.Fprintf(text, "  edge-%03d:\n    kind: route-failover\n    vpc: %s\n    sweep: 24h\n    members:\n", n, s.vpc)
	for i := range s.instances {
		fmt.Fprintf(text, "      - { instance: %s, interface: %s }\n", s.instances[i], s.interfaces[i])
	}
}

// letter is a message that an instance runs. Each is a matter of its own by what it
// says of its resources: none stands for another.
func (y *yard) letter(instance string, n int) post {
	e := event.NewInstanceStateChange("123456789012", y.cfg.Region, instance, "running", y.clock.Now().Add(time.Hour))
	e.ID = fmt.Sprintf("%08x-0000-4000-8000-000000000000", n)
	e.Resources = append(e.Resources, "arn:aws:ec2:"+y.cfg.Region+":123456789012:letter/"+e.ID)
	body, err := json.Marshal(e)
	if err != nil {
		panic(err) // it is made of strings
	}
	return post{id: e.ID, body: string(body)}
}

// send sends all messages, so many a second; with 0, whenever there is room.
func (y *yard) send(ctx context.Context, rate int, ended <-chan error) error {
	client := sqs.NewFromConfig(y.world.AWS())
	began := time.Now()
	for n, batch := range slices.Collect(slices.Chunk(y.mail, 10)) {
		if rate > 0 {
			if err := (clock.Real{}).Sleep(ctx, time.Until(began.Add(time.Duration(n*10)*time.Second/time.Duration(rate)))); err != nil {
				return err
			}
		} else if err := y.await(ctx, func() bool { return y.gone(n*10 - backlog) }, ended); err != nil {
			return err
		}
		in := &sqs.SendMessageBatchInput{QueueUrl: &y.url}
		y.mu.Lock()
		for i, m := range batch {
			if y.sent[m.id].IsZero() {
				y.sent[m.id] = y.clock.Now()
			}
			in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &m.body})
		}
		y.mu.Unlock()
		if out, err := client.SendMessageBatch(ctx, in); err != nil || len(out.Failed) > 0 {
			return fmt.Errorf("send messages: %w", err)
		}
	}
	return nil
}

// gone says whether so many messages are gone, and, if those are all, every event is
// done.
func (y *yard) gone(n int) bool {
	return y.deleted >= n && (n < len(y.mail) || y.handled == len(y.sent))
}

// await waits until something is so.
func (y *yard) await(ctx context.Context, so func() bool, ended <-chan error) error {
	for {
		y.mu.Lock()
		over := so()
		y.mu.Unlock()
		if over {
			return nil
		}
		select {
		case <-y.room:
		case err := <-ended:
			return fmt.Errorf("it ended before its work: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finished says that an event is done, the first time that it is.
func (y *yard) finished(id string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if !y.done[id].IsZero() {
		return
	}
	y.done[id] = y.clock.Now()
	if y.sent[id].IsZero() {
		y.swept++
	} else {
		y.handled++
	}
	y.tell()
}

// tell wakes who waits. The yard is locked.
func (y *yard) tell() {
	select {
	case y.room <- struct{}{}:
	default:
	}
}

// drover is our side: whole workers, as `drover worker` has them, on one ledger.
func (y *yard) drover(ctx context.Context, n int) error {
	g, ctx := errgroup.WithContext(ctx)
	for range n {
		kept, err := sqlite.Open(ctx, filepath.Join(y.dir, "ledger.db"), y.clock)
		if err != nil {
			return err
		}
		metrics := worker.NewMetrics(y.clock, "bench")
		log := slog.New(slog.DiscardHandler)
		w := worker.New(worker.Config{
			App: app.New(app.Deps{
				Fleet: y.fleet, Ledger: kept, AWS: y.world.AWS(), Clock: y.clock, Log: log, Version: "bench", Watch: metrics.Watch,
				Ended: func(r *flow.Run) {
					metrics.Ended(r)
					for _, e := range r.Events {
						y.finished(e.ID)
					}
				},
			}),
			Queues: []worker.Queue{{URL: y.url, Client: cloud.SQS(y.cfg, "", cloud.Options{Version: "bench", Clock: y.clock})}},
			Clock:  y.clock, Log: log, Metrics: metrics, Grace: time.Second,
		})
		g.Go(func() error {
			defer kept.Close() //nolint:errcheck // of no more use
			return w.Run(ctx)
		})
	}
	return g.Wait()
}

// script is a program that is written in an afternoon: it takes messages, asks AWS
// about each, so many at once, and deletes them.
func (y *yard) script(ctx context.Context, atOnce int, ask func(context.Context, *ec2.Client, event.Event) error) error {
	queue, client := sqs.NewFromConfig(y.cfg), ec2.NewFromConfig(y.cfg)
	turns := semaphore.NewWeighted(int64(atOnce))
	g, ctx := errgroup.WithContext(ctx)
	for {
		out, err := queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &y.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, VisibilityTimeout: 600})
		if ctx.Err() != nil {
			return g.Wait()
		}
		if err != nil {
			return err
		}
		var batch errgroup.Group
		in := &sqs.DeleteMessageBatchInput{QueueUrl: &y.url}
		for i, m := range out.Messages {
			in.Entries = append(in.Entries, sqstypes.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
			if err := turns.Acquire(ctx, 1); err != nil {
				return g.Wait()
			}
			batch.Go(func() error {
				defer turns.Release(1)
				var e event.Event
				if err := json.Unmarshal([]byte(*m.Body), &e); err != nil {
					return err
				}
				if err := ask(ctx, client, e); err != nil {
					return err
				}
				y.finished(e.ID)
				return nil
			})
		}
		remove := func() error {
			if err := batch.Wait(); err != nil || len(in.Entries) == 0 {
				return err
			}
			_, err := queue.DeleteMessageBatch(ctx, in)
			return err
		}
		if atOnce > 1 {
			g.Go(remove)
		} else if err := remove(); err != nil {
			return err
		}
	}
}

// both asks what a decision needs: how the gateways are, and where the routes go.
func (y *yard) both(ctx context.Context, c *ec2.Client, e event.Event) error {
	change, _, err := event.AsInstanceStateChange(e)
	if err != nil {
		return err
	}
	site := y.sites[change.InstanceID]
	if _, err := c.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: site.instances[:]}); err != nil {
		return err
	}
	return y.routes(ctx, c, e)
}

// routes asks what seed 002's function asks, of one VPC.
func (y *yard) routes(ctx context.Context, c *ec2.Client, e event.Event) error {
	change, _, err := event.AsInstanceStateChange(e)
	if err != nil {
		return err
	}
	_, err = c.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{y.sites[change.InstanceID].vpc}}}})
	return err
}
