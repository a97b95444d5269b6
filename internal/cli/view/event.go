package view

import (
	"strings"
	"time"

	"github.com/droverhq/drover/internal/event"
)

// Event names an event.
type Event struct {
	ID         string    `json:"id,omitempty"`
	DetailType string    `json:"detailType"`
	Resources  []string  `json:"resources,omitempty"`
	Time       time.Time `json:"time,omitzero"`
	Summary    string    `json:"summary"` // what the event says, such as "i-1 is stopped"
}

// OfEvent views an event.
func OfEvent(e event.Event) Event {
	return Event{ID: e.ID, DetailType: e.DetailType, Resources: e.Resources, Time: e.Time, Summary: Summary(e)}
}

// Summary is what an event says, in a few words. Of events that Drover knows
// nothing about these are their type and resources.
func Summary(e event.Event) string {
	if d, ok, err := event.AsInstanceStateChange(e); ok && err == nil {
		return d.InstanceID + " is " + d.State
	}
	if d, ok, err := event.AsSpotInterruption(e); ok && err == nil {
		return d.InstanceID + " is about to be interrupted (" + d.Action + ")"
	}
	if d, ok, err := event.AsRebalanceRecommendation(e); ok && err == nil {
		return d.InstanceID + " is likely to be interrupted"
	}
	if automation, ok, err := event.AsSweep(e); ok && err == nil {
		return "sweep of " + automation
	}
	if len(e.Resources) == 0 {
		return e.DetailType
	}
	return e.DetailType + " of " + strings.Join(e.Resources, ", ")
}

// line is the event in a line: what it says, since when, and its id.
func (e Event) line() string {
	s := e.Summary
	if !e.Time.IsZero() {
		s += ", " + e.Time.UTC().Format(time.RFC3339)
	}
	if e.ID != "" {
		s += " (" + e.ID + ")"
	}
	return s
}
