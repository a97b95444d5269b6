//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/embedded"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/notify"
)

// course is what a run has gone through, in words in which both engines can be
// compared: no id that moto made is in it.
type course struct {
	Outcome flow.Outcome
	Reason  string
	Turns   []string // the steps that turns were taken at, in order
	Calls   []string // step, act and operation of what was called and could change anything
	End     any      // what is there in the end
}

// follow returns a function that hears of a live run after each of its turns.
func (c *course) follow() func(*flow.Run) {
	c.Turns = append(c.Turns, automation.StepPlan)
	return func(r *flow.Run) {
		step := r.Step
		if r.Ending != nil {
			step = stepfunctions.StepUnwind
		}
		c.Turns = append(c.Turns, step)
	}
}

func (c *course) ended(run *flow.Run) {
	c.Outcome, c.Reason = run.Outcome, run.Reason
	for _, e := range run.Audit {
		c.Calls = append(c.Calls, e.Step+" "+string(e.Act)+" "+e.Operation)
	}
}

// toyWorld is a world with something that the toy can tag.
type toyWorld struct {
	*testing.T
	*world
	executor *flow.Executor
	auto     *automation.Automation
	resource string
}

func newToyWorld(t *testing.T, trouble string) *toyWorld {
	t.Helper()
	w := &toyWorld{T: t, world: newWorld(t)}
	vpc, err := ec2.NewFromConfig(w.AWS()).CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	w.resource = *vpc.Vpc.VpcId
	kind := automation.Define(toy)
	config, err := json.Marshal(toyConfig{Resource: w.resource, Trouble: trouble})
	if err != nil {
		t.Fatal(err)
	}
	auto, problems, err := kind.Configure("fleet", "toy", region, config)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	w.auto = auto
	clients := cloud.New(w.AWS(), region, cloud.Options{Version: "test", Clock: clock.Real{}, Seed: 1})
	regional := func(string) *cloud.Clients { return clients }
	w.executor = &flow.Executor{
		Ledger: memory.NewNamed(clock.Real{}, "test"), Kinds: []automation.Definition{kind}, Clients: regional,
		Sender: notify.SNS{Clients: regional}, Clock: clock.Real{}, Log: slog.New(slog.DiscardHandler), Owner: t.Name(),
	}
	return w
}

// tags are the tags that the toy has left.
func (w *toyWorld) tags() []string {
	w.Helper()
	out, err := w.ec2.DescribeTags(w.Context(), &ec2.DescribeTagsInput{
		Filters: []types.Filter{{Name: aws.String("resource-id"), Values: []string{w.resource}}},
	})
	if err != nil {
		w.Fatal(err)
	}
	var names []string
	for _, t := range out.Tags {
		names = append(names, *t.Key)
	}
	slices.Sort(names)
	return names
}

func (w *toyWorld) about() (automation.Subject, event.Event) {
	return automation.Subject{Key: "it", Mode: automation.Latest}, event.Sweep("toy", time.Now())
}

// here plays the toy on the embedded engine.
func (w *toyWorld) here() course {
	w.Helper()
	var c course
	w.executor.Watch = c.follow()
	engine := embedded.Engine{Executor: w.executor}
	subject, e := w.about()
	run, err := engine.Handle(w.Context(), w.auto, "", subject, e)
	if err != nil {
		w.Fatal(err)
	}
	c.ended(run)
	c.End = w.tags()
	return c
}

// there plays the toy on moto's Step Functions. befalls, if not nil, is what
// befalls a call of the function.
func (w *toyWorld) there(edit *strings.Replacer, befalls func(call int) error) play {
	w.Helper()
	document, err := stepfunctions.Document(automation.Define(toy), lambdaARN)
	if err != nil {
		w.Fatal(err)
	}
	engine := &stepfunctions.Engine{Executor: w.executor, Machine: func(string, string) string { return machineARN }}
	calls := 0
	p, run := stepThrough(w.T, w.world, edit.Replace(string(document)), func(ctx context.Context, task stepfunctions.Task) (stepfunctions.Answer, error) {
		if calls++; befalls != nil {
			if err := befalls(calls); err != nil {
				return stepfunctions.Answer{}, err
			}
		}
		return engine.Turn(ctx, task)
	}, func() *flow.Run {
		subject, e := w.about()
		run, err := engine.Handle(w.Context(), w.auto, "", subject, e)
		if err != nil {
			w.Fatal(err)
		}
		return run
	})
	if run, err = w.executor.Load(w.Context(), run.ID); err != nil {
		w.Fatal(err)
	}
	p.ended(run)
	p.End = w.tags()
	return p
}

// TestEnginesAgree: moto's interpreter of state machines takes the toy through
// the same turns to the same end as the embedded engine, each on an empty moto.
func TestEnginesAgree(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trouble, status, error string
		tags                   []string
	}{
		"success":              {"", "SUCCEEDED", "", []string{"build", "swap"}},
		"failure of a step":    {"build", "FAILED", "RolledBack", nil},
		"failure of the last":  {"swap", "FAILED", "RolledBack", nil},
		"failure of the first": {"hold", "FAILED", "RolledBack", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there := onBoth(t,
				func(t *testing.T) course { return newToyWorld(t, test.trouble).here() },
				func(t *testing.T) play { return newToyWorld(t, test.trouble).there(strings.NewReplacer(), nil) },
			)
			if diff := cmp.Diff(test.tags, here.End); diff != "" {
				t.Errorf("tags in the end:\n%s", diff)
			}
			if there.status != test.status || there.error != test.error {
				t.Errorf("the execution ended %s %s, want %s %s", there.status, there.error, test.status, test.error)
			}
			if test.trouble != "hold" && !slices.Contains(there.visited, "build: wait") {
				t.Errorf("visited %q: no Wait", there.visited)
			}
		})
	}
}

// TestFunctionOutOfReach: a function that Lambda does not call is called again,
// and if that does not help the execution unwinds.
func TestFunctionOutOfReach(t *testing.T) {
	t.Parallel()
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		w := newToyWorld(t, "")
		p := w.there(strings.NewReplacer(), func(call int) error {
			if call == 3 {
				return errThrottled
			}
			return nil
		})
		if p.Outcome != flow.Succeeded || p.status != "SUCCEEDED" {
			t.Errorf("the run ended %s: %s; the execution %s %s", p.Outcome, p.Reason, p.status, p.error)
		}
	})
	t.Run("for good", func(t *testing.T) {
		t.Parallel()
		// Eight more tries with longer and longer pauses take minutes.
		once := strings.NewReplacer(`"MaxAttempts": 8`, `"MaxAttempts": 1`)
		w := newToyWorld(t, "")
		p := w.there(once, func(call int) error {
			if call == 3 || call == 4 {
				return errThrottled
			}
			return nil
		})
		if p.Outcome != flow.RolledBack || p.status != "FAILED" || p.error != "RolledBack" || !strings.Contains(p.Reason, "the execution gave up") {
			t.Errorf("the run ended %s: %s; the execution %s %s", p.Outcome, p.Reason, p.status, p.error)
		}
		if len(p.End.([]string)) > 0 {
			t.Errorf("tags in the end: %q", p.End)
		}
		if diff := cmp.Diff([]string{automation.StepPlan, "hold", stepfunctions.StepGiveUp, stepfunctions.StepUnwind}, slices.Compact(p.Turns)); diff != "" {
			t.Errorf("turns:\n%s", diff)
		}
	})
}
