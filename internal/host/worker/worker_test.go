package worker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	simsqs "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/event"
)

func sample(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "event", "testdata", "samples", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const secret = "hunter2" // which no log may have

func TestEvents(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		wrapped, _, err := s.queues.MakeWithDeadLetters("wrapped", attempts)
		if err != nil {
			s.Fatal(err)
		}
		s.rule()
		s.rule(func(r *simsqs.Rule) { r.Queue, r.Topic = "wrapped", s.stage.Topic })
		p := s.begin("p", func(_ *process, c *Config) {
			c.Queues = append(c.Queues, Queue{URL: wrapped, Client: c.Queues[0].Client})
		})
		s.fail()
		foreign := event.NewInstanceStateChange(s.world.Account(), s.world.Region(), "i-0123456789abcdef0", "stopped", time.Now())
		s.send(
			sample(t, "direct-asg-hook-sqs-body"), sample(t, "direct-asg-sns-notification-launch"), written(t, foreign), // nobody wants these
			sample(t, "direct-asg-hook-sqs-test-notification"),
			`{"password": "`+secret+`",`, secret, `{"Type":"Notification","Message":"`+secret+`"}`,
		)
		time.Sleep(5 * time.Minute)
		s.moved()
		s.empty(3)
		if c := s.queues.Counts("wrapped"); c != (simsqs.Counts{}) {
			s.Errorf("the queue of the topic has %+v", c)
		}
		for i, letter := range s.queues.Messages("events-dead") {
			why, body := letter.Attributes["ErrorMessage"], []string{`{"password": "` + secret + `",`, secret, `{"Type":"Notification","Message":"` + secret + `"}`}
			if !strings.Contains(why, "line 1, column ") || !strings.Contains(why, "wanted") {
				s.Errorf("a dead letter has no reason: %q", why)
			}
			if letter.Attributes["Fleet"] != "stage" || letter.Attributes["MessageId"] == "" || letter.Body != body[i] || letter.From != "" {
				s.Errorf("dead letter %d is %+v", i, letter)
			}
		}
		p.counts(map[string]float64{
			`drover_events_total{queue="events",result="recorded"}`:                                  2, // stopping, stopped
			`drover_events_total{queue="wrapped",result="recorded"}`:                                 2,
			`drover_events_total{queue="events",result="unwanted"}`:                                  3,
			`drover_events_total{queue="events",result="test"}`:                                      1,
			`drover_events_total{queue="events",result="dead-letter"}`:                               3,
			`drover_event_latency_seconds_count`:                                                     4,
			`drover_messages_undeleted_total`:                                                        0,
			`drover_queue_age_seconds{queue="events"}`:                                               0,
			`drover_queue_messages{queue="events",state="in-flight"}`:                                0,
			`drover_runs{state="waiting"}`:                                                           0,
			`drover_outbox`:                                                                          0,
			`drover_turns_failed_total`:                                                              0,
			`drover_build_info{version="test"}`:                                                      1,
			`drover_aws_calls_total{operation="ec2:ReplaceRoute",result="ok"}`:                       1,
			`drover_runs_total{automation="gateways",kind="route-failover",outcome="succeeded"}`:     1,
			`drover_schedules_fired_total{automation="gateways"}`:                                    1,
			`drover_runs_total{automation="gateways",kind="route-failover",outcome="nothing-to-do"}`: float64(len(s.runs()) - 1),
		})
		if code, text := p.get("/readyz"); code != 200 {
			s.Errorf("ready: %d %s", code, text)
		}
		if log := p.log.String(); strings.Contains(log, secret) || strings.Contains(log, "LifecycleActionToken") {
			s.Errorf("a body is in the log: %s", log)
		}
		if n := len(p.log.said("message sent to the dead-letter queue", `"why"`, `"message":"`)); n != 3 {
			s.Errorf("%d lines about dead letters", n)
		}
		if took := p.end(); took > time.Second {
			s.Errorf("with nothing to do it took %s to stop", took)
		}
		if strings.Contains(p.log.String(), `"level":"ERROR","msg":"trouble`) {
			s.Errorf("trouble: %s", p.log.said("trouble, trying again"))
		}
	})
}

func TestLedgerIsLost(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.rule()
		p, q := s.begin("p"), s.begin("q")
		time.Sleep(time.Minute)
		broken := errors.New("the disk is full")
		p.broken.Store(&broken)
		q.broken.Store(&broken)
		s.fail()
		for range 20 {
			s.send(written(t, s.news()))
		}
		began := time.Now()
		for time.Since(began) < 10*time.Minute {
			time.Sleep(3 * time.Second)
			all := s.queues.Messages("events")
			if len(all) < 20 {
				s.Fatalf("there are %d messages, before the ledger has anything about them", len(all))
			}
			for _, m := range all {
				if m.Received > 1 {
					s.Fatalf("after %s a message was received %d times", time.Since(began), m.Received)
				}
			}
		}
		for _, w := range []*process{p, q} {
			if code, text := w.get("/readyz"); code != 503 || !strings.Contains(text, broken.Error()) || !strings.Contains(text, `"ready":false`) {
				s.Errorf("ready: %d %s", code, text)
			}
			if code, text := w.get("/livez"); code != 200 {
				s.Errorf("alive: %d %s", code, text)
			}
			w.counts(map[string]float64{`drover_trouble{part="ledger"}`: 1, `drover_trouble{part="schedules"}`: 1})
			for _, part := range []string{"ledger", "schedules", "claims"} {
				if n := len(w.log.said("trouble, trying again", part, broken.Error())); n < 8 && part != "claims" || n > 11 {
					s.Errorf("%s: %d lines about %s in ten minutes", w.name, n, part)
				}
			}
		}
		p.broken.Store(nil)
		q.broken.Store(nil)
		time.Sleep(2 * time.Minute)
		s.moved()
		s.empty(0)
		recorded := 0.0
		for _, w := range []*process{p, q} {
			if code, text := w.get("/readyz"); code != 200 {
				s.Errorf("ready: %d %s", code, text)
			}
			w.counts(map[string]float64{`drover_trouble{part="ledger"}`: 0})
			if n := len(w.log.said("recovered", "ledger")); n != 1 {
				s.Errorf("%d lines say that the ledger is back", n)
			}
			recorded += max(0, w.metric(`drover_events_total{queue="events",result="recorded"}`))
		}
		if recorded != 22 {
			s.Errorf("%v events were recorded, of 22", recorded)
		}
	})
}

func TestQueueIsLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(awssim.Call) awssim.Fault{
		"throttled":   func(c awssim.Call) awssim.Fault { return awssim.FailBefore(awssim.Throttled(c.Operation)) },
		"unreachable": func(awssim.Call) awssim.Fault { return awssim.FailBefore(awssim.ConnectionReset()) },
		"denied":      func(c awssim.Call) awssim.Fault { return awssim.FailBefore(awssim.Denied(c.Operation, "*")) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, awssim.Options{}, func(s *scene) {
				s.rule()
				p := s.begin("p")
				time.Sleep(time.Minute)
				before := len(s.world.Calls())
				s.faults(func(c awssim.Call) awssim.Fault {
					if strings.HasPrefix(c.Operation, "sqs:") {
						return fault(c)
					}
					return awssim.Fault{}
				})
				s.fail()
				time.Sleep(10 * time.Minute)
				// 20 measurements and 2 receivers with a pause of at most 30s, eight attempts each.
				if n := len(s.world.Calls()) - before; n < 60 || n > 700 {
					s.Errorf("%d calls in ten minutes", n)
				}
				if code, text := p.get("/readyz"); code != 503 || !strings.Contains(text, "queue events") {
					s.Errorf("ready: %d %s", code, text)
				}
				if n := len(p.log.said("trouble, trying again", "queue events")); n < 8 || n > 11 {
					s.Errorf("%d lines about the queue in ten minutes", n)
				}
				s.faults(nil)
				time.Sleep(2 * time.Minute)
				s.moved()
				s.empty(0)
				if code, text := p.get("/readyz"); code != 200 {
					s.Errorf("ready: %d %s", code, text)
				}
			})
		})
	}
}

// One subject's trouble is not hidden by the others' success, and not said anew
// with each of theirs.
func TestTroubleDoesNotFlap(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.fleet = strings.ReplaceAll(s.fleet, "\nautomations:\n", `
automations:
  other:
    kind: route-failover
    vpc: vpc-0bf5741eb0ef56a41
    members: [{ instance: i-05a7780f2af7c126c }, { instance: i-045ebd27124159b6d }]
    sweep: 24h
`)
		p := s.begin("p")
		p.writes(failing("claims/stage/other/", errors.New("the claim is damaged")))
		time.Sleep(time.Second)
		s.send(written(t, event.NewInstanceStateChange(s.world.Account(), s.world.Region(), "i-05a7780f2af7c126c", "stopped", time.Now())))
		for range 300 {
			time.Sleep(2 * time.Second)
			s.send(written(t, s.news()))
			if code, text := p.get("/readyz"); code != 503 || !strings.Contains(text, "the claim is damaged") {
				s.Fatalf("ready: %d %s", code, text)
			}
		}
		if n := len(p.log.said("trouble, trying again", `"part":"claims"`)); n < 8 || n > 11 {
			s.Errorf("%d lines about it in ten minutes", n)
		}
		if n := len(p.log.said("recovered", `"part":"claims"`)); n > 0 {
			s.Errorf("it is said to have recovered %d times", n)
		}
		time.Sleep(time.Second)
		if c := s.queues.Counts("events"); c.InFlight != 1 || c.Visible != 0 {
			s.Errorf("the queue has %+v, want the one that cannot be recorded", c)
		}
	})
}
