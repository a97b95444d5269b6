package stepfunctions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/awssim/sfn"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/schedule"
)

type config struct{}

// play is a kind that writes down what it does. Its steps are hold, which is
// released, build, which waits and can be undone, and swap, which commits.
type play struct {
	mu    sync.Mutex
	lines []string
	// fail says what an act comes to; nil: it is done.
	fail func(act string, attempt int) error
}

func (p *play) say(act string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, act)
}

func (p *play) act(name string) func(context.Context, *automation.Turn[config, int]) error {
	return func(_ context.Context, t *automation.Turn[config, int]) error {
		t.State++
		if p.fail != nil {
			if err := p.fail(name, t.State); err != nil {
				return err
			}
		}
		p.say(name)
		return nil
	}
}

func (p *play) kind() automation.Definition {
	needs := func(config) []iam.Need { return nil }
	change := func(step string) automation.Change {
		return automation.Change{Step: step, Operation: "play:" + step, Resource: step, From: "a", To: "b", Why: "so"}
	}
	return automation.Define(automation.Kind[config, int]{
		Name: "play", Title: "plays", Since: "0.1", Revision: 1,
		Claims: func(config) []automation.Claim { return nil },
		Listen: func(config) []automation.Trigger { return nil },
		Sweep:  func(config) schedule.Schedule { return schedule.Every(time.Hour) },
		About:  func(config, event.Event) (automation.Subject, bool) { return automation.Subject{}, false },
		Needs:  needs,
		Observe: func(ctx context.Context, t *automation.Turn[config, int]) error {
			return p.act("plan")(ctx, t)
		},
		Decide: func(config, int, time.Time) automation.Plan {
			return automation.Plan{Changes: []automation.Change{change("build"), change("swap")}}
		},
		Steps: []automation.Step[config, int]{
			{Name: "hold", Title: "hold", Attempt: 10 * time.Second, Limit: time.Minute, Needs: needs, Do: p.act("hold"), Release: p.act("let go")},
			{Name: "build", Title: "build", Attempt: 10 * time.Second, Limit: time.Hour, Poll: 15 * time.Second, Needs: needs, Do: p.act("build"), Undo: p.act("tear down")},
			{Name: "swap", Title: "swap", Attempt: 10 * time.Second, Limit: time.Minute, Needs: needs, Do: p.act("swap"), Commit: true},
		},
	})
}

// outbox is a topic in memory.
type outbox struct {
	mu   sync.Mutex
	sent []string
}

func (o *outbox) Send(_ context.Context, _, subject, _ string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, subject)
	return nil
}

// stage is a world with one state machine, and a Lambda function for it.
type stage struct {
	*testing.T
	play    *play
	auto    *automation.Automation
	steps   *sfn.Service
	world   *awssim.World
	engine  *stepfunctions.Engine
	topic   *outbox
	clients *cloud.Clients
	// lambda, if not nil, befalls a call of the function; nil lets it through.
	lambda func(call int) error
	calls  int
}

const function = "arn:aws:lambda:us-west-1:123456789012:function:drover:1"

func newStage(t *testing.T) *stage {
	s := &stage{T: t, play: &play{}, steps: sfn.New(), topic: &outbox{}}
	clk := clock.Real{}
	s.world = awssim.New(clk, awssim.Options{}, s.steps)
	kind := s.play.kind()
	s.clients = cloud.New(s.world.Config(), "us-west-1", cloud.Options{Version: "test", Clock: clk, Seed: 1})
	document, err := stepfunctions.Document(kind, function)
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.clients.SFN.CreateStateMachine(t.Context(), &sdk.CreateStateMachineInput{
		Name: aws.String("drover-fleet-auto"), Definition: aws.String(string(document)), RoleArn: aws.String("arn:aws:iam::123456789012:role/drover"),
	})
	if err != nil {
		t.Fatal(err)
	}
	auto, problems, err := kind.Configure("fleet", "auto", "us-west-1", json.RawMessage(`{}`))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	s.auto = auto
	s.engine = &stepfunctions.Engine{
		Executor: s.executor(memory.NewNamed(clk, "test"), kind),
		Machine:  func(string, string) string { return aws.ToString(made.StateMachineArn) },
	}
	return s
}

func (s *stage) executor(l ledger.Ledger, kind automation.Definition) *flow.Executor {
	return &flow.Executor{
		Ledger: l, Kinds: []automation.Definition{kind}, Sender: s.topic,
		Clients: func(string) *cloud.Clients { return s.clients },
		Clock:   clock.Real{}, Log: slog.New(slog.DiscardHandler), Owner: "lambda",
	}
}

// invoke is what Lambda does: it calls the function with the payload.
func (s *stage) invoke(ctx context.Context, arn string, payload []byte) ([]byte, error) {
	if arn != function {
		return nil, fmt.Errorf("no function %s", arn)
	}
	s.calls++
	if s.lambda != nil {
		if err := s.lambda(s.calls); err != nil {
			return nil, err
		}
	}
	var task stepfunctions.Task
	if err := json.Unmarshal(payload, &task); err != nil {
		return nil, err
	}
	a, err := s.engine.Turn(ctx, task)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

func (s *stage) drive() {
	s.Helper()
	if err := s.steps.Drive(s.Context(), clock.Real{}, s.invoke); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) handle(id string) *flow.Run {
	s.Helper()
	e := event.Event{ID: id, Source: "test", DetailType: "Test " + id, Time: time.Now().UTC(), Detail: json.RawMessage(`{}`)}
	run, err := s.engine.Handle(s.Context(), s.auto, "arn:topic", automation.Subject{Key: "it", Mode: automation.Latest}, e)
	if err != nil {
		s.Fatal(err)
	}
	return run
}

func (s *stage) load(id string) *flow.Run {
	s.Helper()
	run, err := s.engine.Load(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	return run
}

// ended checks how a run and the last execution ended, and what was done.
func (s *stage) ended(id string, outcome flow.Outcome, status string, lines ...string) {
	s.Helper()
	run := s.load(id)
	if run.Outcome != outcome {
		s.Errorf("run ended %q: %s", run.Outcome, run.Reason)
	}
	all := s.steps.Executions()
	if last := all[len(all)-1]; last.Status != status {
		s.Errorf("execution %s ended %s: %s %s", last.Name, last.Status, last.Error, last.Cause)
	}
	if diff := cmp.Diff(lines, s.play.lines); diff != "" {
		s.Errorf("what was done differs from what was wanted:\n%s", diff)
	}
}

func bubble(t *testing.T, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newStage(t)) })
}

// each has an act fail once, or for ever.
func failing(what string, err error, times int) func(string, int) error {
	return func(act string, _ int) error {
		if act != what || times == 0 {
			return nil
		}
		times--
		return err
	}
}

func TestARunSucceeds(t *testing.T) {
	bubble(t, func(s *stage) {
		run := s.handle("1")
		s.drive()
		s.ended(run.ID, flow.Succeeded, "SUCCEEDED", "plan", "hold", "build", "swap", "let go")
		if len(s.topic.sent) != 1 {
			s.Errorf("notices: %q, want one", s.topic.sent)
		}
		visited := s.steps.Executions()[0].Visited
		want := []string{
			"(begin)", "plan", "plan: where to", "hold", "hold: where to", "build", "build: where to", "swap", "swap: where to",
			stepfunctions.StepUnwind, stepfunctions.StepUnwind + ": where to", "succeeded",
		}
		if diff := cmp.Diff(want, visited); diff != "" {
			s.Errorf("states visited:\n%s", diff)
		}
	})
}

func TestAWaitIsSleptByTheExecution(t *testing.T) {
	bubble(t, func(s *stage) {
		ready := time.Now().Add(time.Minute)
		s.play.fail = func(act string, _ int) error {
			if act == "build" && time.Now().Before(ready) {
				return failure.Waitf(time.Now(), "the build")
			}
			return nil
		}
		run := s.handle("1")
		s.drive()
		s.ended(run.ID, flow.Succeeded, "SUCCEEDED", "plan", "hold", "build", "swap", "let go")
		if waits := slices.DeleteFunc(s.steps.Executions()[0].Visited, func(v string) bool { return v != "build: wait" }); len(waits) != 4 {
			s.Errorf("%d waits in a minute, want one every 15 s", len(waits))
		}
	})
}

func TestAFailureUnwinds(t *testing.T) {
	bubble(t, func(s *stage) {
		s.play.fail = failing("build", failure.Stopf("no space"), 1)
		run := s.handle("1")
		s.drive()
		s.ended(run.ID, flow.RolledBack, "FAILED", "plan", "hold", "tear down", "let go")
		last := s.steps.Executions()[0]
		if last.Error != "RolledBack" || strings.Contains(last.Cause, "no space") {
			s.Errorf("the execution ended with %s: %s", last.Error, last.Cause)
		}
	})
}

func TestAFailedUndoIsStuck(t *testing.T) {
	bubble(t, func(s *stage) {
		s.play.fail = func(act string, _ int) error {
			if act == "build" || act == "tear down" {
				return failure.Stopf("denied: %s", act)
			}
			return nil
		}
		run := s.handle("1")
		s.drive()
		s.ended(run.ID, flow.Stuck, "FAILED", "plan", "hold", "let go")
		if left := fmt.Sprint(s.load(run.ID).Left); !strings.Contains(left, "could not be undone: denied: tear down") {
			s.Errorf("left: %s", left)
		}
	})
}

func TestAStalePlanIsMadeAnew(t *testing.T) {
	bubble(t, func(s *stage) {
		s.play.fail = failing("build", &automation.Replan{Why: "the world moved"}, 2)
		run := s.handle("1")
		s.drive()
		s.ended(run.ID, flow.Succeeded, "SUCCEEDED", "plan", "hold", "plan", "hold", "plan", "hold", "build", "swap", "let go")
	})
}

func TestAFunctionThatCannotBeReached(t *testing.T) {
	t.Run("for a while", func(t *testing.T) {
		bubble(t, func(s *stage) {
			s.lambda = func(call int) error {
				if call%3 != 0 {
					return &sfn.InvokeError{Name: "Lambda.TooManyRequestsException", Cause: "Rate Exceeded."}
				}
				return nil
			}
			run := s.handle("1")
			s.drive()
			s.ended(run.ID, flow.Succeeded, "SUCCEEDED", "plan", "hold", "build", "swap", "let go")
		})
	})
	t.Run("for long: the run is rolled back", func(t *testing.T) {
		bubble(t, func(s *stage) {
			s.lambda = func(call int) error {
				if call > 2 && call < 13 { // 9 tries at build, then 1 at unwinding
					return errors.New("the ledger cannot be reached")
				}
				return nil
			}
			run := s.handle("1")
			s.drive()
			s.ended(run.ID, flow.RolledBack, "FAILED", "plan", "hold", "let go")
			if r := s.load(run.ID); !strings.Contains(r.Reason, "the execution gave up") {
				s.Errorf("reason: %s", r.Reason)
			}
		})
	})
	t.Run("for good: the next schedule goes on", func(t *testing.T) {
		bubble(t, func(s *stage) {
			s.lambda = func(call int) error {
				if call > 2 {
					return errors.New("the ledger cannot be reached")
				}
				return nil
			}
			run := s.handle("1")
			s.drive()
			if r := s.load(run.ID); !r.Live() {
				s.Fatalf("run ended %s", r.Outcome)
			}
			s.lambda = nil
			for range 2 { // the second schedule finds nothing more to do
				if err := s.engine.Recover(s.Context()); err != nil {
					s.Fatal(err)
				}
				s.drive()
			}
			s.ended(run.ID, flow.Succeeded, "SUCCEEDED", "plan", "hold", "build", "swap", "let go")
			if n := len(s.steps.Executions()); n != 2 {
				s.Errorf("%d executions, want 2", n)
			}
		})
	})
}

func TestAnExecutionThatIsStoppedIsUnwound(t *testing.T) {
	bubble(t, func(s *stage) {
		var events []event.Event
		s.world.Subscribe(func(e event.Event) { events = append(events, e) })
		s.play.fail = func(act string, _ int) error {
			if act != "build" {
				return nil
			}
			_, err := s.clients.SFN.StopExecution(s.Context(), &sdk.StopExecutionInput{ExecutionArn: aws.String(s.steps.Executions()[0].ARN)})
			if err != nil {
				s.Error(err)
			}
			return failure.Waitf(time.Now().Add(10*time.Minute), "the build")
		}
		run := s.handle("1")
		s.drive()
		if !s.load(run.ID).Live() {
			s.Fatal("the run has ended with its execution")
		}
		for range 2 { // delivered twice
			for _, e := range events {
				change, ok, err := event.AsExecutionStatusChange(e)
				if !ok || err != nil {
					s.Fatal(ok, err)
				}
				if change.Status == "ABORTED" {
					if err := s.engine.Ended(s.Context(), change); err != nil {
						s.Fatal(err)
					}
				}
			}
		}
		s.drive()
		s.ended(run.ID, flow.RolledBack, "FAILED", "plan", "hold", "tear down", "let go")
		if n := len(s.steps.Executions()); n != 2 {
			s.Errorf("%d executions, want 2", n)
		}
	})
}

func TestEventsMeanwhileCauseOneMoreRun(t *testing.T) {
	bubble(t, func(s *stage) {
		first := s.handle("1")
		if again := s.handle("2"); again.ID != first.ID {
			s.Errorf("a second run %s beside the live one", again.ID)
		}
		s.handle("3")
		s.drive()
		round := []string{"plan", "hold", "build", "swap", "let go"}
		next := s.load(first.ID).Next
		s.ended(next, flow.Succeeded, "SUCCEEDED", append(round, round...)...)
		if n := len(s.steps.Executions()); n != 2 {
			s.Errorf("%d executions, want 2", n)
		}
	})
}

// TestBothEnginesDoTheSame plays the same plays on both engines.
func TestBothEnginesDoTheSame(t *testing.T) {
	for name, fail := range map[string]func() func(string, int) error{
		"success": func() func(string, int) error { return nil },
		"failure": func() func(string, int) error { return failing("build", failure.Stopf("no"), 1) },
		"trouble": func() func(string, int) error { return failing("hold", errors.New("hiccup"), 3) },
		"skip":    func() func(string, int) error { return failing("hold", failure.Skipf("not ours"), 1) },
		"late failure": func() func(string, int) error {
			return failing("swap", failure.Stopf("no"), 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(s *stage) {
				s.play.fail = fail()
				run := s.handle("1")
				s.drive()
				there, there1 := s.play.lines, s.load(run.ID)

				s.play.lines, s.play.fail = nil, fail()
				here := embedded.Engine{Executor: s.executor(memory.NewNamed(clock.Real{}, "other"), s.play.kind())}
				here1, err := here.Handle(s.Context(), s.auto, "arn:topic", automation.Subject{Key: "it", Mode: automation.Latest},
					event.Event{ID: "1", Source: "test", DetailType: "Test", Detail: json.RawMessage(`{}`)})
				if err != nil {
					s.Fatal(err)
				}
				if diff := cmp.Diff(there, s.play.lines); diff != "" {
					s.Errorf("steps differ (Step Functions -, embedded +):\n%s", diff)
				}
				if there1.Outcome != here1.Outcome || there1.Reason != here1.Reason {
					s.Errorf("Step Functions: %s %s; embedded: %s %s", there1.Outcome, there1.Reason, here1.Outcome, here1.Reason)
				}
			})
		})
	}
}
