package view

import (
	"cmp"
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
	if d, ok, err := event.AsImageStateChange(e); ok && err == nil {
		return imageState(d)
	}
	if d, ok, err := event.AsBackupJobStateChange(e); ok && err == nil {
		return backupJob(d)
	}
	if d, ok, err := event.AsCommandInvocationChange(e); ok && err == nil {
		return d.Document + " on " + d.InstanceID + " is " + d.Status
	}
	if d, ok, err := event.AsRefreshChange(e); ok && err == nil {
		return "instance refresh of " + d.Group + ": " + strings.TrimPrefix(d.Type, "EC2 Auto Scaling Instance Refresh ")
	}
	if d, ok, err := event.AsAPICall(e); ok && err == nil {
		return apiCall(d)
	}
	if d, ok, err := event.AsRolloutRequest(e); ok && err == nil {
		return "rollout of " + d.Image + " to group " + d.Group + ", asked for"
	}
	if automation, ok, err := event.AsSweep(e); ok && err == nil {
		return "sweep of " + automation
	}
	if len(e.Resources) == 0 {
		return e.DetailType
	}
	return e.DetailType + " of " + strings.Join(e.Resources, ", ")
}

func imageState(d event.ImageStateChange) string {
	if d.State != "failed" {
		return d.ImageID + " is " + d.State
	}
	s := d.ImageID + " has failed"
	if d.ErrorMessage != "" {
		s += ": " + d.ErrorMessage
	}
	return s
}

func backupJob(d event.BackupJobStateChange) string {
	s := "backup job " + d.Job
	if d.Resource != "" {
		s += " of " + d.Resource
	}
	s += " is " + d.State
	if d.Message != "" {
		s += ": " + d.Message
	}
	return s
}

// apiCall says what was called, and about which resource, such as "call of
// CreateImage: ami-1".
func apiCall(c event.APICall) string {
	s := "call of " + c.Operation
	for _, name := range called[c.Operation] {
		if about := cmp.Or(c.Element(name), c.Parameter(name)); about != "" {
			s += ": " + about
			break
		}
	}
	if c.ErrorCode != "" {
		s += ", refused: " + c.ErrorCode
	}
	return s
}

// called says where CloudTrail names what a call is about, in its response or
// its request: the best name first.
var called = map[string][]string{
	"CreateAutoScalingGroup": {"autoScalingGroupName"},
	"UpdateAutoScalingGroup": {"autoScalingGroupName"},
	"CreateImage":            {"imageId", "name", "instanceId"},
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
