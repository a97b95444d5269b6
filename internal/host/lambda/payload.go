package lambda

import (
	"encoding/json"
	"fmt"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
)

// payload is what an invocation is given: one of these.
type payload struct {
	event   *event.Event
	plan    *event.Event
	turn    *stepfunctions.Task
	records []record
}

// parse tells payloads apart by the names of their members. What it does not
// know it refuses: a payload that is silently dropped is an event lost.
func parse(data []byte) (p payload, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return p, unknown(data)
	}
	has := func(names ...string) bool {
		for _, n := range names {
			if _, ok := members[n]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("detail-type"):
		p.event, err = parseEvent(data)
	case has("run", "step") && len(members) == 2:
		p.turn, err = parseTurn(data)
	case has("plan") && len(members) == 1:
		if p.plan, err = parseEvent(members["plan"]); err != nil {
			err = fmt.Errorf("plan: %w", err)
		}
	case has("Records") && len(members) == 1:
		p.records, err = parseRecords(members["Records"])
	default:
		return p, unknown(data)
	}
	return p, unreadable(err)
}

func parseEvent(data []byte) (*event.Event, error) {
	e, err := event.Parse(data)
	if err != nil {
		return nil, err
	}
	return &e, nil
}

func parseTurn(data []byte) (*stepfunctions.Task, error) {
	var t stepfunctions.Task
	if err := json.Unmarshal(data, &t); err != nil || t.Run == "" || t.Step == "" {
		return nil, failure.Stopf("got a turn %s, wanted the id of a run and the name of a step", data)
	}
	return &t, nil
}

// unknown refuses a payload, and says what it is if that is known.
func unknown(data []byte) error {
	_, err := event.Parse(data)
	if err == nil {
		err = failure.Stopf("got an event with members that an event does not have")
	}
	return unreadable(fmt.Errorf(`unknown payload: %w; this function also takes a turn {"run": ID, "step": NAME}, {"plan": EVENT}, and "Records" from SQS or SNS with events in them`, err))
}

func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Type: TypePayload, Err: failure.As(failure.Stop, err)}
}
