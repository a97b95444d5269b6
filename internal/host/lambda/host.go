package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
	"github.com/droverhq/drover/internal/label"
	"github.com/droverhq/drover/internal/ledger"
)

// Host answers the invocations of one function. Its fields are set before use
// and not changed; it is then safe for concurrent use.
type Host struct {
	Fleet    *fleetfile.Fleet
	Ledger   ledger.Ledger
	AWS      aws.Config
	Clock    clock.Clock
	Log      *slog.Logger // adds the labels of the context, see [label.Handler]
	Version  string
	Function string
	// Machines is what the ARNs of the state machines begin with. Empty: every
	// run is handled within its invocation.
	Machines string
	// Seed makes back-off reproducible; zero seeds it from the system.
	Seed uint64

	busy sync.RWMutex // read-locked by invocations
}

// Invoke answers one invocation. Its error is an [*Error].
func (h *Host) Invoke(ctx context.Context, data json.RawMessage) (answer any, err error) {
	h.busy.RLock()
	defer h.busy.RUnlock()
	ctx = label.With(ctx, slog.String("requestId", requestID(ctx)))
	defer func() {
		var more []slog.Attr
		if value := recover(); value != nil {
			e, stack := recovered(value)
			answer, err, more = nil, e, append(more, stack)
		}
		if err != nil {
			e := typed(err)
			h.logFailure(ctx, e, more...)
			err = e
		}
	}()
	p, err := parse(data)
	if err != nil {
		return nil, err
	}
	if p.turn != nil {
		ctx = label.With(ctx, slog.String("run", p.turn.Run))
	}
	ctx, cancel, err := hasten(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	switch {
	case p.turn != nil:
		return h.turn(ctx, *p.turn)
	case p.plan != nil:
		return h.plan(ctx, *p.plan)
	case p.event != nil:
		return h.event(ctx, *p.event)
	}
	return h.records(ctx, p.records)
}

func (h *Host) logFailure(ctx context.Context, e *Error, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("errorType", e.Type), slog.String("error", message(e))}, more...)
	h.Log.LogAttrs(ctx, slog.LevelError, "invocation failed", attrs...)
}

// wait returns when no invocation is being answered.
func (h *Host) wait() {
	h.busy.Lock()
	defer h.busy.Unlock()
}

func requestID(ctx context.Context) string {
	if l, ok := lambdacontext.FromContext(ctx); ok {
		return l.AwsRequestID
	}
	return "none"
}

// app is the program for one invocation: it owns its attempts by the name of
// the invocation, since every copy of a function has the same host name and
// process id.
func (h *Host) app(ctx context.Context) *app.App {
	d := app.Deps{
		Fleet: h.Fleet, Ledger: h.Ledger, AWS: h.AWS, Clock: hurried{h.Clock}, Log: h.Log,
		Version: h.Version, Seed: h.Seed, Owner: h.Function + "/" + requestID(ctx), Watch: h.watch(ctx),
	}
	if h.Machines != "" {
		d.Machine = func(fleet, automation string) string { return Machine(h.Machines, fleet, automation) }
	}
	return app.New(d)
}

// watch logs what a run waits for, once.
func (h *Host) watch(ctx context.Context) func(*flow.Run) {
	var mu sync.Mutex
	said := map[string]bool{}
	return func(r *flow.Run) {
		what := r.ID + r.Step + r.Waiting
		mu.Lock()
		again := said[what]
		said[what] = true
		mu.Unlock()
		if !again && r.Waiting != "" {
			h.Log.InfoContext(ctx, "run waits", "run", r.ID, "automation", r.Automation, "step", r.Step, "for", r.Waiting, "due", r.Due)
		}
	}
}

// turn takes a turn for an execution of Step Functions.
func (h *Host) turn(ctx context.Context, t stepfunctions.Task) (any, error) {
	if h.Machines == "" {
		return nil, unset("a turn of an execution")
	}
	answer, err := h.app(ctx).Turn(ctx, t)
	if err != nil {
		return nil, err
	}
	h.Log.InfoContext(ctx, "turn taken", "step", t.Step, "go", answer.Go, "seconds", answer.Seconds)
	return answer, nil
}

func unset(what string) error {
	return unreadable(fmt.Errorf("got %s, but %s is not set", what, EnvMachines))
}

// plan answers as `drover plan --json` does.
func (h *Host) plan(ctx context.Context, e event.Event) (any, error) {
	result := view.Result{Event: view.OfEvent(e)}
	previews, err := h.app(ctx).Plan(ctx, e)
	if reasons, ok := notWanted(err); ok {
		result.NotWanted = reasons
	} else if err != nil {
		return nil, err
	}
	for _, p := range previews {
		result.Plans = append(result.Plans, view.OfPreview(p))
	}
	return view.Report{Results: []view.Result{result}}, nil
}
