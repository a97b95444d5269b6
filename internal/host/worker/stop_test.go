package worker

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/droverhq/drover/internal/awssim"
	simsqs "github.com/droverhq/drover/internal/awssim/sqs"
	"github.com/droverhq/drover/internal/flow"
)

// slow has the calls of an operation take a while, both on their way there and back.
func (s *scene) slow(operation string, there, back time.Duration) func(awssim.Call) time.Duration {
	s.world.OnCall(func(c awssim.Call) {
		if c.Operation == operation && c.Applied {
			time.Sleep(back)
		}
	})
	return func(c awssim.Call) time.Duration {
		if c.Operation == operation {
			return there
		}
		return 0
	}
}

// only wants all runs to have ended, and returns the one that ended so.
func (s *scene) only(outcome flow.Outcome) *flow.Run {
	s.Helper()
	var found *flow.Run
	for _, r := range s.runs() {
		if r.Live() {
			s.Errorf("run %s is live, at %s", r.ID, r.Step)
		}
		if r.Outcome == outcome {
			if found != nil {
				s.Errorf("runs %s and %s are both %s", found.ID, r.ID, outcome)
			}
			found = r
		}
	}
	if found == nil {
		s.Fatalf("no run is %s", outcome)
	}
	return found
}

// A turn that is under way when its worker is told to stop comes to its end. What is
// left of the run is done by another worker, and not by this one.
func TestStopLetsTurnsEnd(t *testing.T) {
	var latency atomic.Pointer[func(awssim.Call) time.Duration]
	bubble(t, awssim.Options{Latency: func(c awssim.Call) time.Duration {
		if f := latency.Load(); f != nil {
			return (*f)(c)
		}
		return 0
	}}, func(s *scene) {
		s.rule()
		p := s.begin("p")
		time.Sleep(time.Minute)
		f := s.slow("ec2:DescribeRouteTables", 10*time.Second, 0)
		latency.Store(&f)
		s.fail()
		time.Sleep(2 * time.Second) // the plan is being made, of "stopping"
		if n := p.metric(`drover_runs{state="working"}`); n != 1 {
			s.Fatalf("%v runs are worked on", n)
		}
		before := len(s.world.Calls())
		stopped := make(chan struct{})
		go func() {
			time.Sleep(time.Second)
			if code, text := p.get("/readyz"); code != 503 || !strings.Contains(text, `"stopping":true`) {
				s.Errorf("ready: %d %s", code, text)
			}
			if code, _ := p.get("/livez"); code != 200 {
				s.Errorf("alive: %d", code)
			}
			close(stopped)
		}()
		if took := p.end(); took < 5*time.Second || took > 25*time.Second {
			s.Errorf("it took %s to stop", took)
		}
		<-stopped
		latency.Store(nil)
		for _, c := range s.world.Calls()[before:] {
			if c.Mutating && c.Actor == "p" && strings.HasPrefix(c.Operation, "ec2:") {
				s.Errorf("a turn was begun after the end: %s", c.Operation)
			}
		}
		runs := s.runs()
		if last := runs[len(runs)-1]; last.Owner != "" || last.Step != "move" || last.Attempt != 0 {
			s.Errorf("the turn under way is not recorded: run %s of %s at %s", last.ID, last.Owner, last.Step)
		}
		if len(p.log.said("worker stops"))+len(p.log.said("worker ends")) != 2 || strings.Contains(p.log.String(), `"level":"ERROR"`) {
			s.Errorf("the end is logged as %s", p.log.String())
		}
		q := s.begin("q")
		time.Sleep(time.Minute)
		s.moved()
		s.empty(0)
		s.only(flow.Succeeded)
		if n := s.made(moveRoute); n != 1 {
			s.Errorf("the route was replaced %d times", n)
		}
		q.end()
	})
}

// A turn that outlasts the grace is cut short. Its change is made already, and not
// made again by the worker that goes on.
func TestStopCutsWhatLasts(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.rule()
		var p *process
		var once sync.Once
		s.world.OnCall(func(c awssim.Call) {
			if c.Operation == moveRoute && c.Applied && c.Actor == "p" {
				once.Do(func() {
					p.stop()
					time.Sleep(20 * time.Second)
				})
			}
		})
		p = s.begin("p", func(_ *process, c *Config) { c.Grace = 5 * time.Second })
		time.Sleep(time.Minute)
		s.fail()
		time.Sleep(2 * time.Minute)
		var cut *flow.Run
		for _, r := range s.runs() {
			if r.Step == "move" {
				cut = r
			}
		}
		if cut == nil || !cut.Live() || cut.Owner != "" || len(cut.Audit) != 1 {
			s.Fatalf("what was cut short is not recorded: %+v", cut)
		}
		s.begin("q")
		time.Sleep(5 * time.Minute)
		s.moved()
		s.empty(0)
		if n := s.made(moveRoute); n != 1 {
			s.Errorf("the route was replaced %d times", n)
		}
		if r := s.only(flow.Succeeded); r.ID != cut.ID {
			s.Errorf("run %s was not gone on with", cut.ID)
		}
	})
}

// What is in hand and not recorded comes to another worker at once.
func TestStopGivesMessagesBack(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		p := s.begin("p", func(_ *process, c *Config) { c.Grace = 0 })
		time.Sleep(time.Minute)
		broken := errors.New("connection refused")
		p.broken.Store(&broken)
		for range 25 {
			s.send(written(s, s.news()))
		}
		time.Sleep(95 * time.Second)
		if c := s.queues.Counts("events"); c != (simsqs.Counts{InFlight: 25}) {
			s.Fatalf("the queue has %+v", c)
		}
		if took := p.end(); took > time.Second {
			s.Errorf("it took %s to stop", took)
		}
		if c := s.queues.Counts("events"); c != (simsqs.Counts{Visible: 25}) {
			s.Errorf("the queue has %+v", c)
		}
		if !p.worker.slots.TryAcquire(held) {
			s.Error("places for messages are lost")
		}
		if n := len(p.log.said("messages given back", `"messages":25`)); n != 1 {
			s.Errorf("what was given back is not in the log: %s", p.log.said("messages given back"))
		}
		q := s.begin("q")
		time.Sleep(time.Second)
		q.counts(map[string]float64{`drover_events_total{queue="events",result="recorded"}`: 25})
		s.empty(0)
	})
}

// A ledger that does not answer does not hold up the end for longer than the grace.
func TestStopWhileTheLedgerHangs(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		p := s.begin("p")
		time.Sleep(time.Minute)
		p.broken.Store(&errHang)
		s.send(written(s, s.news()), "garbage")
		time.Sleep(10 * time.Minute)
		if code, _ := p.get("/livez"); code != 200 {
			s.Error("it is said to hang too early")
		}
		time.Sleep(10 * time.Minute)
		if code, text := p.get("/livez"); code != 503 || !strings.Contains(text, "false") {
			s.Errorf("it hangs, and says %d %s", code, text)
		}
		if took := p.end(); took > 30*time.Second {
			s.Errorf("it took %s to stop", took)
		}
		s.queueHas(simsqs.Counts{Visible: 1})
	})
}

func (s *scene) queueHas(want simsqs.Counts) {
	s.Helper()
	if c := s.queues.Counts("events"); c != want {
		s.Errorf("the queue has %+v, want %+v", c, want)
	}
}

// A worker dies at every call it makes about a run, before or after its effect;
// the other one goes on when its time is up. Each change is made once.
func TestOneOfTwoDies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation string
		after     bool
	}{
		{"ec2:DescribeInstances", false},
		{"ec2:DescribeRouteTables", true},
		{moveRoute, false},
		{moveRoute, true},
		{"sns:Publish", false},
		{"sqs:ReceiveMessage", true},
		{"sqs:DeleteMessageBatch", false},
		{"sqs:DeleteMessageBatch", true},
	} {
		name := c.operation + " before"
		if c.after {
			name = c.operation + " after"
		}
		t.Run(name, func(t *testing.T) {
			bubble(t, awssim.Options{}, func(s *scene) {
				s.rule()
				p := s.begin("p")
				time.Sleep(time.Minute)
				if c.operation == "sqs:ReceiveMessage" {
					time.Sleep(20 * time.Second)
				}
				var died atomic.Bool
				s.world.OnCall(func(have awssim.Call) {
					if c.after && have.Operation == c.operation && have.Applied && have.Actor == "p" && !died.Swap(true) {
						p.kill()
					}
				})
				s.faults(func(have awssim.Call) awssim.Fault {
					if !c.after && have.Operation == c.operation && !died.Swap(true) {
						p.kill()
						return awssim.FailBefore(errDead)
					}
					return awssim.Fault{}
				})
				s.fail()
				time.Sleep(2 * time.Minute)
				if !died.Load() {
					s.Fatal("it did not die")
				}
				<-p.ended
				s.begin("q")
				time.Sleep(10 * time.Minute)
				s.moved()
				s.empty(0)
				if n := s.made(moveRoute); n != 1 {
					s.Errorf("the route was replaced %d times", n)
				}
				if n := s.made("sns:Publish"); n != 1 {
					s.Errorf("%d notices", n)
				}
				s.only(flow.Succeeded)
			})
		})
	}
}

// follow adds a launch template with an image, and an automation that has it follow
// backups.
func (s *scene) follow(image string) (template string) {
	template = s.stage.TemplateOf("app", image, nil)
	s.fleet += "  template:\n    kind: template-follows-image\n    images: { description: EC2_BACKUP }\n    template: { id: " + template + " }\n    sweep: 24h\n"
	return template
}

// A panic in a step is an attempt that failed; the worker goes on with the rest.
func TestPanic(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.follow(s.stage.Ready("base", "by hand"))
		s.rule()
		s.stage.Ready("backup", "EC2_BACKUP")
		s.faults(func(c awssim.Call) awssim.Fault {
			if c.Operation == "ec2:CreateLaunchTemplateVersion" {
				panic("a defect")
			}
			return awssim.Fault{}
		})
		p := s.begin("p") // its sweep finds the image
		time.Sleep(30 * time.Second)
		s.fail()
		time.Sleep(time.Hour)
		s.moved()
		s.empty(0)
		for _, r := range s.runs() {
			if r.Live() {
				s.Errorf("run %s about %s is live, at %s", r.ID, r.Automation, r.Step)
			}
		}
		p.counts(map[string]float64{`drover_runs_total{automation="template",kind="template-follows-image",outcome="rolled-back"}`: 1})
		if n := len(p.log.said("turn failed", "panic: a defect")); n < 2 || n > 20 {
			s.Errorf("%d lines about the panic", n)
		}
		if p.metric("drover_turns_failed_total") < 2 {
			s.Error("failed turns are not counted")
		}
	})
}

func TestNoticesAreRetried(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		s.rule()
		p := s.begin("p")
		time.Sleep(time.Minute)
		s.faults(func(c awssim.Call) awssim.Fault {
			if c.Operation == "sns:Publish" {
				return awssim.FailBefore(awssim.Throttled(c.Operation))
			}
			return awssim.Fault{}
		})
		s.fail()
		time.Sleep(30 * time.Minute)
		s.moved()
		p.counts(map[string]float64{"drover_outbox": 1, `drover_runs{state="waiting"}`: 1, `drover_aws_calls_total{operation="sns:Publish",result="ok"}`: -1})
		if p.metric(`drover_aws_throttles_total{operation="sns:Publish"}`) < 10 {
			s.Error("throttles are not counted")
		}
		s.faults(nil)
		time.Sleep(15 * time.Minute)
		p.counts(map[string]float64{"drover_outbox": 0, `drover_runs{state="waiting"}`: 0, `drover_aws_calls_total{operation="sns:Publish",result="ok"}`: 1})
		if n := s.made("sns:Publish"); n != 1 {
			s.Errorf("%d notices", n)
		}
	})
}

// A run that waits is gone on with when that is due, whoever has begun it, and the
// time it was told to wait is counted.
func TestRunsThatWait(t *testing.T) {
	bubble(t, awssim.Options{}, func(s *scene) {
		base := s.stage.Ready("base", "by hand")
		template := s.follow(base)
		p := s.begin("p")
		time.Sleep(time.Minute)
		backup, created := s.stage.Image("backup", "EC2_BACKUP", nil)
		s.send(written(s, created))
		time.Sleep(5 * time.Second)
		runs := s.runs()
		last := runs[len(runs)-1]
		if !last.Live() || last.Waiting == "" {
			s.Fatalf("run %s does not wait: %s %s", last.ID, last.Step, last.Outcome)
		}
		p.counts(map[string]float64{`drover_runs{state="waiting"}`: 1})
		p.end()
		q := s.begin("q")
		time.Sleep(time.Hour)
		s.stage.ExpectVersions(template, "1 "+base, "2 "+backup+" default")
		if waited := q.metric(`drover_run_wait_seconds_total{kind="template-follows-image"}`); waited < 1 || waited > time.Since(last.Created).Seconds() {
			s.Errorf("it waited %v seconds", waited)
		}
		q.counts(map[string]float64{`drover_run_duration_seconds_count{kind="template-follows-image"}`: q.metric(`drover_runs_total{automation="template",kind="template-follows-image",outcome="succeeded"}`) + max(0, q.metric(`drover_runs_total{automation="template",kind="template-follows-image",outcome="nothing-to-do"}`))})
	})
}
