package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/host/worker"
	"github.com/droverhq/drover/internal/label"
)

// workerFlags are the flags of the worker.
type workerFlags struct {
	fleet, ledger, deadLetters, listen, log string
	queues                                  []string
	workers                                 int
	grace                                   time.Duration
	verbose                                 bool
}

// mostWorkers is far beyond what a ledger or an account can take.
const mostWorkers = 1000

var logForms = []string{"json", "text"}

func newWorker(env *Env) *cobra.Command {
	var in workerFlags
	cmd := &cobra.Command{
		Use:   "worker --fleet FILE [--queue URL]... [--ledger FILE] [--listen ADDRESS] [--workers N] [--grace TIME]",
		Short: "Stay and look after a fleet: events from SQS, schedules, sweeps",
		Long: `Stays, and does for a fleet what EventBridge and Step Functions do on AWS:

  - takes events from SQS queues, which EventBridge rules, SNS topics or Auto
    Scaling itself fill; a message is deleted when the ledger has what is to be
    done about it. What cannot be read goes to the queue's dead-letter queue,
    with the reason, and events that nobody wants are counted;
  - fires the schedules of the automations, their sweeps among them, in their
    time zones. A time that was missed is made good once;
  - sees the runs to their end, also those that other processes have left.

Any number of workers may share one ledger and one queue: no subject is handled
twice at once, and no schedule fires twice. Without a queue a worker sweeps.

When it is told to stop (SIGTERM, Ctrl-C) it takes nothing new, lets what is
under way come to its end for the time of --grace, and gives back the rest. A
second time, it ends at once; nothing is lost by that either.

With --listen it serves /livez, /readyz and, for Prometheus, /metrics.
What goes on is logged to standard error, a line of JSON each.`,
		Example: `  drover worker --fleet fleet.yaml --queue https://sqs.us-west-1.amazonaws.com/123456789012/drover
  drover worker --fleet fleet.yaml --queue URL --ledger dynamodb:drover --listen 127.0.0.1:9464
  drover worker --fleet fleet.yaml --log text --verbose`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := in.check(cmd); err != nil {
				return usage(seeHelp(cmd, err))
			}
			return env.work(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in.fleet, "fleet", "f", "", "the fleet `FILE`")
	f.StringArrayVarP(&in.queues, "queue", "q", nil, "the `URL` of an SQS queue with events; may be given several times")
	f.StringVar(&in.deadLetters, "dead-letters", "", "the `URL` of the queue for messages that cannot be read (default: the queue's dead-letter queue)")
	ledgerFlag(cmd, &in.ledger, "the `FILE` in which runs are remembered, shared by workers; or dynamodb:TABLE")
	f.StringVar(&in.listen, "listen", "", "serve health checks and metrics at this `ADDRESS`, such as 127.0.0.1:9464")
	f.IntVar(&in.workers, "workers", worker.DefaultWorkers, "work on up to `N` runs at once")
	f.DurationVar(&in.grace, "grace", 30*time.Second, "for how long what is under way may come to its end when the worker is stopped: a `TIME` such as 30s")
	f.StringVar(&in.log, "log", "json", "the `FORM` of the log: json or text")
	verboseFlag(cmd, &in.verbose)
	if err := cmd.MarkFlagFilename("fleet"); err != nil {
		panic(err) // the flag is defined some lines above
	}
	return cmd
}

// check refuses what makes no sense.
func (in workerFlags) check(cmd *cobra.Command) error {
	switch {
	case in.fleet == "":
		return failure.WithHint(errors.New("--fleet is missing"), "%s --fleet FILE --queue URL", cmd.CommandPath())
	case in.ledger == memoryLedger:
		return errors.New("--ledger memory: a worker that forgets everything when it stops would do work twice and lose events")
	case in.workers < 1 || in.workers > mostWorkers:
		return fmt.Errorf("--workers: got %d, wanted 1 to %d", in.workers, mostWorkers)
	case in.grace < 0:
		return fmt.Errorf("--grace: got %s, wanted 0 or more", in.grace)
	case !slices.Contains(logForms, in.log):
		return fmt.Errorf("--log: got %q, wanted json or text", in.log)
	case in.deadLetters != "" && len(in.queues) == 0:
		return errors.New("--dead-letters says nothing without --queue")
	}
	for i, q := range in.queues {
		if err := checkQueue("--queue", q); err != nil {
			return err
		}
		if slices.Contains(in.queues[:i], q) {
			return fmt.Errorf("--queue: %s is given twice", q)
		}
	}
	if in.deadLetters == "" {
		return nil
	}
	if slices.Contains(in.queues, in.deadLetters) {
		return errors.New("--dead-letters: messages that cannot be read would come again for ever")
	}
	return checkQueue("--dead-letters", in.deadLetters)
}

func checkQueue(flag, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		return fmt.Errorf("%s: got %q, wanted the URL of a queue, such as https://sqs.us-west-1.amazonaws.com/123456789012/drover", flag, text)
	}
	return nil
}

// regionOf is the region that a queue's URL names; "" if it is of another form.
func regionOf(queue string) string {
	u, err := url.Parse(queue)
	if err != nil {
		return ""
	}
	if parts := strings.Split(u.Hostname(), "."); len(parts) > 3 && parts[0] == "sqs" && parts[2] == "amazonaws" {
		return parts[1]
	}
	return ""
}

// work runs a worker until ctx ends.
func (e *Env) work(ctx context.Context, in workerFlags) error {
	fleet, err := loadFleet(in.fleet)
	if err != nil {
		return err
	}
	log := e.lines(in)
	metrics := worker.NewMetrics(e.Clock, e.Version)
	cfg, err := e.AWS(ctx, fleet.Region)
	if err != nil {
		return failure.WithHint(err, "check AWS_PROFILE and the files in ~/.aws")
	}
	watch := func(cfg aws.Config) aws.Config {
		return cloud.LogCalls(cloud.CountCalls(cfg, e.Clock, metrics.Call), log, e.Clock)
	}
	cfg = watch(cfg)
	if err := authenticated(ctx, cfg); err != nil {
		return err
	}
	kept, err := e.openLedger(ctx, in.ledger, watch)
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // every write has been acknowledged before
	var queues []worker.Queue
	for _, q := range in.queues {
		queues = append(queues, worker.Queue{URL: q, DeadLetters: in.deadLetters, Client: cloud.SQS(cfg, regionOf(q), cloud.Options{Version: e.Version, Clock: e.Clock})})
	}
	var listener net.Listener
	if in.listen != "" {
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", in.listen); err != nil {
			return failure.WithHint(fmt.Errorf("--listen: %w", err), "--listen with another address, such as 127.0.0.1:0 for any port that is free")
		}
		log.InfoContext(ctx, "health checks and metrics", "address", listener.Addr().String())
	}
	return worker.New(worker.Config{
		App: app.New(app.Deps{
			Fleet: fleet, Ledger: kept, AWS: cfg, Clock: e.Clock, Log: log, Version: e.Version,
			Watch: metrics.Watch, Ended: metrics.Ended,
		}),
		Queues: queues, Clock: e.Clock, Log: log, Metrics: metrics, Workers: in.workers, Grace: in.grace, Listener: listener,
	}).Run(ctx)
}

// lines is the log of a process that stays: a line for whatever happens.
func (e *Env) lines(in workerFlags) *slog.Logger {
	o := &slog.HandlerOptions{}
	if in.verbose {
		o.Level = slog.LevelDebug
	}
	var h slog.Handler = slog.NewJSONHandler(e.Stderr, o)
	if in.log == "text" {
		h = slog.NewTextHandler(e.Stderr, o)
	}
	return slog.New(label.Handler(h))
}
