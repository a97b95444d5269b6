package event

import "time"

// Drover's own event. Schedules raise it, to repair what a lost event left behind.
const (
	SourceDrover = "drover"
	TypeSweep    = "Drover Sweep"
)

type sweep struct {
	Automation string `json:"automation"`
}

// Sweep is the event that makes an automation look for what lost events left
// behind. A zero time makes the constant input of a schedule, which has
// neither time nor id.
func Sweep(automation string, at time.Time) Event {
	e := Event{
		Version:    "0",
		DetailType: TypeSweep,
		Source:     SourceDrover,
		Detail:     mustJSON(sweep{automation}),
	}
	if at.IsZero() {
		return e
	}
	e.Time = at.UTC()
	return identify(e)
}

// AsSweep says which automation e makes sweep. It reports false if e is
// another type of event, and an error if its detail is broken.
func AsSweep(e Event) (automation string, ok bool, err error) {
	if !e.is(SourceDrover, TypeSweep) {
		return "", false, nil
	}
	r := readDetail(e)
	automation = r.word("automation", "the name of an automation")
	return automation, true, r.err()
}
