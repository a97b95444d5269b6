package lambda

import (
	"context"
	"errors"
	"strings"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/cli/view"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
)

// event has an event handled, whatever it says.
func (h *Host) event(ctx context.Context, e event.Event) (handled, error) {
	answer := handled{Event: view.OfEvent(e)}
	change, ok, err := event.AsExecutionStatusChange(e)
	if err != nil {
		return answer, unreadable(err)
	}
	if ok {
		return h.ended(ctx, answer, change)
	}
	a := h.app(ctx)
	name, swept, err := event.AsSweep(e)
	if err != nil {
		return answer, unreadable(err)
	}
	if swept {
		e = h.dated(e, name)
	}
	runs, err := a.Handle(ctx, e)
	for _, r := range runs {
		answer.Runs = append(answer.Runs, summarise(r))
		if r.Live() {
			h.Log.InfoContext(ctx, "run begun", "run", r.ID, "automation", r.Automation, "step", r.Step)
		}
	}
	if reasons, ok := notWanted(err); ok {
		answer.NotWanted, err = reasons, nil
		h.Log.InfoContext(ctx, "event not wanted", "event", e.ID, "type", e.DetailType, "why", reasons)
	}
	if swept {
		resumed, failed := a.ResumeFleet(ctx)
		for _, r := range resumed {
			answer.Resumed = append(answer.Resumed, summarise(r))
		}
		err = errors.Join(err, failed)
	}
	answer.Later, err = leave(err)
	for _, why := range answer.Later {
		h.Log.WarnContext(ctx, "left to the next sweep", "why", why)
	}
	return answer, err
}

// dated completes a sweep: a schedule's input is constant, and has neither time
// nor region.
func (h *Host) dated(e event.Event, name string) event.Event {
	if e.Time.IsZero() {
		e = event.Sweep(name, h.Clock.Now().UTC())
		if a, ok := h.Fleet.Find(name); ok {
			e.Region = a.Region
		}
	}
	return e
}

func notWanted(err error) ([]app.Reason, bool) {
	var unwanted *app.Unwanted
	if errors.As(err, &unwanted) {
		return unwanted.Reasons, true
	}
	return nil, false
}

// ended goes on from the end of an execution, if it is one of ours.
func (h *Host) ended(ctx context.Context, answer handled, e event.ExecutionStatusChange) (handled, error) {
	why := ""
	switch e.Status {
	case "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED":
		if h.Machines == "" || !strings.HasPrefix(e.Machine, h.Machines+h.Fleet.Name+"-") {
			why = "it is of another state machine: " + e.Machine
		}
	default:
		why = "the execution has not ended: it is " + e.Status
	}
	if why != "" {
		for _, a := range h.Fleet.Automations {
			answer.NotWanted = append(answer.NotWanted, app.Reason{Automation: a.Name, Why: why})
		}
		h.Log.InfoContext(ctx, "event not wanted", "execution", e.Name, "why", why)
		return answer, nil
	}
	h.Log.InfoContext(ctx, "execution ended", "execution", e.Name, "status", e.Status)
	carried, ok, err := stepfunctions.HandedOver(e)
	switch {
	case err != nil:
		return answer, err
	case !ok:
		return answer, h.app(ctx).Ended(ctx, e)
	case e.Status == "FAILED", e.Status == "TIMED_OUT":
		// It was to hand over an event and could not. The event is handled now:
		// if that fails too, the invocation does, and is tried again.
		return h.event(ctx, carried)
	}
	return answer, nil // it is handed over, or somebody did not want that
}
