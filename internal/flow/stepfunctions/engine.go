package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
)

// Engine begins runs on Step Functions and takes their turns. It is safe for
// concurrent use.
type Engine struct {
	*flow.Executor
	// Machine is the ARN of the state machine of an automation.
	Machine func(fleet, automation string) string
	// Mine says of a run that it runs here; nil: all do. Recover leaves others
	// alone.
	Mine func(*flow.Run) bool
}

// Handle claims an event's subject and starts the execution that will handle
// the event. It returns the run as it then is: it has not ended. If the
// subject has a live run, that one is returned, and another follows it.
func (g *Engine) Handle(ctx context.Context, a *automation.Automation, topic string, subject automation.Subject, e event.Event) (*flow.Run, error) {
	started, err := g.Start(ctx, a, topic, subject, e)
	if err != nil {
		return nil, err
	}
	run, err := g.Load(ctx, started.Run)
	if err != nil || !run.Live() {
		return run, err
	}
	// Also for a run that was joined: whoever began it may have died before
	// its execution was started.
	return run, g.execute(ctx, run, executionName(run))
}

// executionName is the same for everyone who starts a run, so that it is
// started once. A run that is retried has another.
func executionName(run *flow.Run) string {
	if run.Retries == 0 {
		return run.ID
	}
	return fmt.Sprintf("%s-r%d", run.ID, run.Retries)
}

// execute starts an execution. One of that name that runs or has ended is left
// as it is (shared/facts/apis.md, section 10).
func (g *Engine) execute(ctx context.Context, run *flow.Run, name string) error {
	input, err := json.Marshal(map[string]string{"run": run.ID})
	if err != nil {
		return fmt.Errorf("start execution %s: %w", name, err)
	}
	machine, err := arn.Parse(g.Machine(run.Fleet, run.Automation))
	if err != nil {
		return failure.Stopf("start execution %s: the state machine of %s: %w", name, run.Automation, err)
	}
	_, err = g.Clients(machine.Region).SFN.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(machine.String()),
		Name:            aws.String(name),
		Input:           aws.String(string(input)),
	})
	if err != nil && cloud.Code(err) != "ExecutionAlreadyExists" {
		return fmt.Errorf("start execution %s: %w", name, err)
	}
	return nil
}

// Turn takes the turn that a Task asks for, and says where the execution is to
// go. It acts only if the run is where the execution believes it to be. The
// error is about Drover itself, such as a ledger that cannot be reached.
func (g *Engine) Turn(ctx context.Context, t Task) (Answer, error) {
	run, err := g.Load(ctx, t.Run)
	if errors.Is(err, ledger.ErrNotFound) {
		return Answer{}, failure.As(failure.Stop, err)
	}
	if err != nil {
		return Answer{}, err
	}
	asked, err := g.asked(ctx, run, t)
	if err != nil {
		return Answer{}, err
	}
	if run.Live() && (run.Ending == nil && run.Step == t.Step || t.Step == StepUnwind && (run.Ending != nil || asked)) {
		if run, err = g.Executor.Turn(ctx, t.Run); err != nil {
			return Answer{}, err
		}
	}
	if run.Live() && run.Tells(g.Clock.Now()) {
		if run, err = g.Deliver(ctx, t.Run); err != nil {
			return Answer{}, err
		}
	}
	if !run.Live() {
		if err := g.conclude(ctx, run); err != nil {
			return Answer{}, err
		}
	}
	return answer(run, g.steps(run), t, g.Clock.Now()), nil
}

// asked says whether a run that goes forward is to stop: the execution that could
// not have its turn taken asks for that itself.
func (g *Engine) asked(ctx context.Context, run *flow.Run, t Task) (bool, error) {
	if !run.Live() || run.Ending != nil {
		return false, nil
	}
	switch t.Step {
	case StepGiveUp:
		_, err := g.Cancel(ctx, run.ID, "Step Functions", "the execution gave up; its history says why")
		if err != nil && !isEnded(err) {
			return false, err
		}
		return true, nil
	case StepUnwind:
		c, err := g.Cancelled(ctx, run.ID)
		return c != nil, err
	}
	return false, nil
}

func isEnded(err error) bool {
	var ended *flow.EndedError
	return errors.As(err, &ended)
}

func (g *Engine) steps(run *flow.Run) []automation.StepInfo {
	for _, d := range g.Kinds {
		if d.Name == run.Kind {
			return d.Steps
		}
	}
	return nil
}

// conclude sends what an ended run has to say, and starts the run that follows
// it. Notices that cannot be sent now stay due.
func (g *Engine) conclude(ctx context.Context, run *flow.Run) error {
	if _, err := g.Deliver(ctx, run.ID); err != nil {
		return err
	}
	if run.Next == "" {
		return nil
	}
	next, err := g.Load(ctx, run.Next)
	if err != nil || !next.Live() {
		return err
	}
	return g.execute(ctx, next, executionName(next))
}

// overdue is for how long a live run may be due before its execution is taken
// to be lost. It is far more than Step Functions is ever late by.
const overdue = 2 * time.Minute

// restart is how often a new execution is started for a run that stays overdue:
// the one that was started for it may be lost as well.
const restart = 15 * time.Minute

// Recover starts new executions for runs whose execution is lost, and sends
// notices that are due. It is for a schedule. All errors are returned, joined.
func (g *Engine) Recover(ctx context.Context) error {
	const batch = 100
	ids, err := g.Due(ctx, batch)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		if err := g.recover(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("run %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

func (g *Engine) recover(ctx context.Context, id string) error {
	run, err := g.Load(ctx, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return nil
	case err != nil:
		return err
	case g.Mine != nil && !g.Mine(run):
		return nil
	case !run.Live():
		return g.conclude(ctx, run)
	}
	due := run.Due
	if run.Until.After(due) {
		due = run.Until
	}
	late := g.Clock.Now().Sub(due)
	if late < overdue {
		return nil
	}
	// Named after what is overdue: whoever else finds it starts the same one.
	return g.execute(ctx, run, fmt.Sprintf("%s-d%d-%d", run.ID, due.Unix(), late/restart))
}

// Ended goes on from the event that an execution of ours has ended. If its
// run has not, the run goes on in a new execution: to unwind, if somebody has
// stopped the execution or it took too long.
func (g *Engine) Ended(ctx context.Context, e event.ExecutionStatusChange) error {
	var input Task
	if err := json.Unmarshal([]byte(e.Input), &input); err != nil || input.Run == "" {
		return failure.Stopf("read the input of execution %s: wanted a run's id, got %q", e.Name, e.Input)
	}
	run, err := g.Load(ctx, input.Run)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil // long gone
	}
	if err != nil {
		return err
	}
	if !run.Live() {
		return g.conclude(ctx, run)
	}
	if e.Status == "ABORTED" || e.Status == "TIMED_OUT" {
		_, err := g.Cancel(ctx, run.ID, "Step Functions", fmt.Sprintf("execution %s: %s", e.Name, e.Status))
		if err != nil && !isEnded(err) {
			return err
		}
	}
	return g.execute(ctx, run, e.Name[:min(len(e.Name), maxName-2)]+"-x")
}

// maxName is the length of an execution's name.
const maxName = 80
