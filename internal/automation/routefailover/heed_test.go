package routefailover

import (
	"testing"
	"time"

	"github.com/droverhq/drover/internal/event"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func launchedAt(at time.Time) func(*MemberState) { return func(m *MemberState) { m.Launched = at } }

func TestHeed(t *testing.T) {
	warning := event.NewSpotInterruption("1", "r", "i-a", "terminate", t0)
	rebalance := event.NewRebalanceRecommendation("1", "r", "i-a", t0)
	for _, test := range []struct {
		name     string
		launched time.Time
		events   []event.Event
		want     string
	}{
		{"no notice", t0.Add(-time.Hour), nil, ""},
		{"a spot interruption", t0.Add(-time.Hour), []event.Event{warning}, "spot interruption (terminate) announced at 2026-11-21T03:00:00Z"},
		{"a rebalance recommendation", t0.Add(-time.Hour), []event.Event{rebalance}, "rebalance recommended at 2026-11-21T03:00:00Z"},
		{"of another member", t0.Add(-time.Hour), []event.Event{event.NewSpotInterruption("1", "r", "i-x", "stop", t0)}, ""},
		{"from before the last start", t0.Add(time.Hour), []event.Event{warning, rebalance}, ""},
		{"a state is no notice", t0.Add(-time.Hour), []event.Event{event.NewInstanceStateChange("1", "r", "i-a", "stopped", t0)}, ""},
	} {
		s := State{Members: []MemberState{member("a", launchedAt(test.launched))}}
		heed(&s, test.events)
		if got := s.Members[0].Draining; got != test.want {
			t.Errorf("%s: draining %q, want %q", test.name, got, test.want)
		}
	}
}

func TestDoubtful(t *testing.T) {
	said := func(state string) []event.Event {
		return []event.Event{event.NewInstanceStateChange("1", "r", "i-a", state, t0)}
	}
	before, after := launchedAt(t0.Add(-time.Hour)), launchedAt(t0.Add(time.Hour))
	onA := []Route{route("rtb-1", "10.0.0.0/8", "eni-a")}
	for _, test := range []struct {
		name   string
		state  State
		events []event.Event
		want   string
	}{
		{"the read agrees", State{Members: []MemberState{member("a", before, stopped), member("b")}, Routes: onA}, said("stopped"), ""},
		{"the event is worse", State{Members: []MemberState{member("a", before), member("b")}, Routes: onA}, said("stopping"), "i-a"},
		{"the event is worse, but older than the last start", State{Members: []MemberState{member("a", after), member("b")}, Routes: onA}, said("stopped"), ""},
		{"pending comes before running", State{Members: []MemberState{member("a", before), member("b")}, Routes: onA}, said("pending"), ""},
		{"the event is better, and all depends on it", State{Members: []MemberState{member("a", before, stopped), member("b", stopped)}, Routes: onA}, said("running"), "i-a"},
		{"the event is better, and nothing depends on it", State{Members: []MemberState{member("a", before, stopped), member("b")}, Routes: onA}, said("running"), ""},
		{"of another member", State{Members: []MemberState{member("b"), member("c")}, Routes: onA}, said("stopped"), ""},
	} {
		if got := doubtful(config(), test.state, test.events); got != test.want {
			t.Errorf("%s: doubtful %q, want %q", test.name, got, test.want)
		}
	}
}
