package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	simsqs "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/ledger"
)

// Twenty groups each follow the versions of a template; the events of that come
// doubled and in disorder, to two workers.
func TestDuplicatesAndDisorder(t *testing.T) {
	bubble(t, awssim.Options{PageSize: 100, Latency: func(c awssim.Call) time.Duration {
		if c.Actor == "" {
			return 0
		}
		return 150 * time.Millisecond
	}}, func(s *scene) {
		const subjects, each = 20, versions
		s.queues = simsqs.New(clock.Real{}, simsqs.Options{Seed: 1, Repeat: 0.3, Disorder: 20 * time.Second, Expired: true})
		s.aws = s.queues.LongPoll(awssim.New(clock.Real{}, awssim.Options{}, s.queues).Config())
		s.makeQueue()
		var fleet strings.Builder
		fmt.Fprintf(&fleet, "version: 1\nfleet: stage\nregion: us-west-1\nnotify: { topic: \"%s\" }\nautomations:\n", s.stage.Topic)
		var templates []string
		for i := range subjects {
			name := fmt.Sprintf("g%02d", i)
			lt := s.stage.Template(name)
			templates = append(templates, lt)
			s.stage.Group(name, lt, "1", nil)
			fmt.Fprintf(&fleet, "  %s: { kind: group-follows-template, groups: [%s], version: newest-number, templates: [%s], sweep: 24h }\n", name, name, lt)
		}
		s.fleet = fleet.String()
		var sent atomic.Int64
		s.world.Subscribe(func(e event.Event) {
			if strings.Contains(string(e.Detail), `"CreateLaunchTemplateVersion"`) {
				sent.Add(1)
				if _, err := s.queues.Send("events", written(t, e)); err != nil {
					s.Error(err)
				}
			}
		})
		var mu sync.Mutex
		owners := map[string]string{} // by subject: the run that is worked on, and by whom
		watch := func(p *process, _ *Config) {
			p.writes(func(ctx context.Context, l ledger.Ledger, writes []ledger.Write) error {
				mu.Lock() // the memory ledger does not block
				defer mu.Unlock()
				err := l.Write(ctx, writes...)
				for _, w := range writes {
					var run struct{ ID, Automation, Owner, Outcome string }
					if err != nil || !strings.HasPrefix(w.Key, "runs/") || json.Unmarshal(w.Value, &run) != nil || run.Outcome != "" {
						continue
					}
					was, is := owners[run.Automation], run.Owner+" at "+run.ID
					if run.Owner != "" && was != "" && was != is {
						s.Errorf("%s works, while %s does", is, was)
					}
					if owners[run.Automation] = is; run.Owner == "" {
						owners[run.Automation] = ""
					}
				}
				return err
			})
		}
		p, q := s.begin("p", watch), s.begin("q", watch)
		client, random := ec2.NewFromConfig(s.world.AWS()), rand.New(rand.NewPCG(1, 1))
		for range each {
			for _, i := range random.Perm(subjects) {
				if _, err := client.CreateLaunchTemplateVersion(s.Context(), &ec2.CreateLaunchTemplateVersionInput{
					LaunchTemplateId: aws.String(templates[i]), SourceVersion: aws.String("1"),
					LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeC5Xlarge},
				}); err != nil {
					s.Fatal(err)
				}
				time.Sleep(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
			}
		}
		time.Sleep(5 * time.Minute)
		if n := sent.Load(); n != subjects*each {
			s.Fatalf("%d events were sent", n)
		}
		for i, lt := range templates {
			s.stage.ExpectVersion(fmt.Sprintf("g%02d", i), lt, fmt.Sprint(each+1))
		}
		s.empty(0)
		recorded := 0.0
		for _, w := range []*process{p, q} {
			n := w.metric(`drover_events_total{queue="events",result="recorded"}`)
			if n < subjects*each/5 {
				s.Errorf("%s recorded only %v events", w.name, n)
			}
			recorded += n
			w.counts(map[string]float64{`drover_messages_undeleted_total`: 0, `drover_runs{state="ready"}`: 0, `drover_turns_failed_total`: 0})
		}
		if recorded <= subjects*each || recorded > 2*subjects*each {
			s.Errorf("%v messages were recorded of %d events, some doubled", recorded, subjects*each)
		}
		for _, r := range s.runs() {
			if r.Live() || r.Outcome.Failed() {
				s.Errorf("run %s about %s is %s %s", r.ID, r.Automation, r.Outcome, r.Reason)
			}
		}
	})
}

// Events about one subject are recorded in the order in which they came, also when
// the ledger would take later ones faster.
func TestOrderOfASubject(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		p := s.prepare("p")
		var mu sync.Mutex // of both
		var order []string
		span := time.Duration(0)
		p.writes(func(ctx context.Context, l ledger.Ledger, writes []ledger.Write) error {
			// An event begins a run, or waits for the end of one.
			var started struct{ Events, Pending []event.Event }
			w := writes[0]
			if strings.HasPrefix(w.Key, "runs/") && w.Op != ledger.OpCreate || json.Unmarshal(w.Value, &started) != nil {
				return l.Write(ctx, writes...)
			}
			mu.Lock()
			pause := span
			span = max(0, span-400*time.Millisecond)
			mu.Unlock()
			if err := (clock.Real{}).Sleep(ctx, pause); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			err := l.Write(ctx, writes...)
			if all := slices.Concat(started.Events, started.Pending); err == nil && len(all) > 0 {
				order = append(order, all[len(all)-1].ID)
			}
			return err
		})
		p.run()
		time.Sleep(time.Minute)
		mu.Lock()
		span, order = 4*time.Second, nil
		mu.Unlock()
		var want []string
		for i := range 12 {
			e := s.news()
			e.ID = fmt.Sprint(i)
			want = append(want, e.ID)
			s.send(written(t, e))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(3 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if fmt.Sprint(order) != fmt.Sprint(want) {
			s.Errorf("recorded in the order %v", order)
		}
		s.empty(0)
	})
}

func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lanes
		var mu sync.Mutex
		done := map[string][]int{}
		began := time.Now()
		for i := range 5 {
			for _, key := range []string{"a", "b", "c"} {
				l.do(key, func() {
					time.Sleep(time.Duration(5-i) * time.Second)
					mu.Lock()
					defer mu.Unlock()
					done[key] = append(done[key], i)
				})
			}
		}
		l.wait()
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("three lanes of 15s took %s", took)
		}
		for key, order := range done {
			if !slices.Equal(order, []int{0, 1, 2, 3, 4}) {
				t.Errorf("%s: %v", key, order)
			}
		}
		if len(l.after) > 0 {
			t.Errorf("lanes are left: %v", l.after)
		}
	})
}

// However many messages there are, a worker has no more than so many in hand, and
// works on no more than so many runs at once.
func TestBounds(t *testing.T) {
	slow := awssim.Options{Latency: func(awssim.Call) time.Duration { return 100 * time.Millisecond }} // so that runs meet
	bubble(t, slow, func(s *scene) {
		const subjects, workers, many = 12, 3, 260
		var fleet strings.Builder
		fmt.Fprintf(&fleet, "version: 1\nfleet: stage\nregion: us-west-1\nnotify: { topic: \"%s\" }\nautomations:\n", s.stage.Topic)
		for i := range subjects {
			fmt.Fprintf(&fleet, "  g%02d: { kind: route-failover, vpc: vpc-0bf5741eb0ef56a%02d, members: [{ instance: i-05a7780f2af7c1%02d }, { instance: i-145ebd27124159%02d }], sweep: 24h }\n", i, i, i, i)
		}
		s.fleet = fleet.String()
		var mu sync.Mutex
		working, most, allowed := map[string]bool{}, 0, make(chan struct{})
		p := s.begin("p", func(p *process, c *Config) {
			c.Workers = workers
			p.writes(func(ctx context.Context, l ledger.Ledger, writes []ledger.Write) error {
				// Nothing is begun, by messages or by sweeps, which they would join.
				if slices.ContainsFunc(writes, func(w ledger.Write) bool { return strings.HasPrefix(w.Key, "claims/") }) {
					select {
					case <-allowed:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				mu.Lock()
				defer mu.Unlock()
				err := l.Write(ctx, writes...)
				for _, w := range writes {
					var run struct{ ID, Owner string }
					if err == nil && json.Unmarshal(w.Value, &run) == nil && strings.HasPrefix(w.Key, "runs/") {
						if working[run.ID] = true; run.Owner == "" {
							delete(working, run.ID)
						}
						most = max(most, len(working))
					}
				}
				return err
			})
		})
		for i := range many {
			s.send(written(t, event.NewInstanceStateChange("123456789012", "us-west-1", fmt.Sprintf("i-05a7780f2af7c1%02d", i%subjects), "stopped", time.Now())))
		}
		for range 20 {
			time.Sleep(10 * time.Second)
			if n := s.queues.Counts("events").InFlight; n > held {
				s.Fatalf("%d messages are in hand", n)
			}
		}
		if n := s.queues.Counts("events").InFlight; n < held-receivers*batch {
			s.Errorf("only %d messages are in hand", n)
		}
		close(allowed)
		time.Sleep(5 * time.Minute)
		s.empty(0)
		p.counts(map[string]float64{`drover_events_total{queue="events",result="recorded"}`: many})
		mu.Lock()
		defer mu.Unlock()
		if most != workers {
			s.Errorf("%d runs were worked on at once, want %d", most, workers)
		}
		if !p.worker.slots.TryAcquire(held - receivers*batch) { // which the receivers have
			s.Error("places for messages are lost")
		}
	})
}

// What can never be recorded is a dead letter, also if another automation has the
// event.
func TestEventThatCannotBeRecorded(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		// Both want the event; the claim of one cannot be written, now or ever.
		more := strings.SplitN(s.fleet, "automations:\n", 2)
		_, gateways, _ := strings.Cut(more[1], "\n")
		s.fleet += "  other:\n" + strings.ReplaceAll(gateways, s.stage.VPC, "vpc-0bf5741eb0ef56a41")
		for i, refused := range []string{"gateways", "other"} {
			p := s.begin(refused)
			time.Sleep(time.Minute)
			p.writes(failing("claims/stage/"+refused+"/", &ledger.InvalidError{Key: "claims/" + refused, Reason: "too large"}))
			before := len(s.runs())
			s.send(written(t, s.news()))
			time.Sleep(3 * time.Minute)
			s.empty(i + 1)
			if why := s.queues.Messages("events-dead")[i].Attributes["ErrorMessage"]; !strings.Contains(why, "too large") || !strings.Contains(why, refused) {
				s.Errorf("the reason is %q", why)
			}
			if n := len(s.runs()) - before; n != 1 {
				s.Errorf("%d runs for the automation that can have one", n)
			}
			p.counts(map[string]float64{`drover_events_total{queue="events",result="dead-letter"}`: 1})
			p.end()
		}
	})
}

// A message that SQS gives to somebody in any case, after half a day, is handled by
// whoever has it then.
func TestHalfADayWithoutLedger(t *testing.T) {
	if raced {
		t.Skip("half a day in steps of seconds, for the race detector too, says nothing more")
	}
	bubble(t, awssim.Options{}, func(s *scene) {
		p := s.begin("p", func(_ *process, c *Config) { c.Poll = time.Hour })
		time.Sleep(time.Second)
		broken := errors.New("the disk is full")
		p.broken.Store(&broken)
		s.send(written(t, s.news()))
		time.Sleep(11*time.Hour + 50*time.Minute)
		if m := s.queues.Messages("events"); len(m) != 1 || m[0].Received != 1 || !m[0].Visible.After(time.Now()) {
			s.Errorf("before half a day is over: %+v", m)
		}
		time.Sleep(20 * time.Minute)
		if m := s.queues.Messages("events"); len(m) != 1 || m[0].Received != 2 {
			s.Errorf("after half a day: %+v", m)
		}
		p.broken.Store(nil)
		time.Sleep(3 * time.Minute)
		s.empty(0)
	})
}

func TestDeadLettersCannotBeSent(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		p := s.begin("p")
		s.faults(func(c awssim.Call) awssim.Fault {
			if c.Operation == "sqs:SendMessage" {
				return awssim.FailBefore(awssim.Denied(c.Operation, "*"))
			}
			return awssim.Fault{}
		})
		s.send("garbage", written(t, s.news()))
		time.Sleep(10 * time.Minute)
		if c := s.queues.Counts("events"); c != (simsqs.Counts{InFlight: 1}) {
			s.Errorf("the queue has %+v, want what cannot be got rid of", c)
		}
		if code, text := p.get("/readyz"); code != 503 || !strings.Contains(text, "dead letters of events") {
			s.Errorf("ready: %d %s", code, text)
		}
		s.faults(nil)
		time.Sleep(2 * time.Minute)
		s.empty(1)
		if code, text := p.get("/readyz"); code != 200 {
			s.Errorf("ready: %d %s", code, text)
		}
	})
}
