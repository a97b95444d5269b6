package routefailover

import (
	"fmt"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/event"
)

// keepNotices is for how long a notice that a member is about to go is
// remembered. It ends earlier when the member is started again.
const keepNotices = 24 * time.Hour

// heed applies what no read shows: notices that a member is about to go. A
// notice from before the member's last start says nothing any more.
func heed(s *State, events []event.Event) {
	for _, e := range events {
		id, why := notice(e)
		if id == "" {
			continue
		}
		for i := range s.Members {
			if m := &s.Members[i]; m.Instance == id && m.Draining == "" && !e.Time.Before(m.Launched) {
				m.Draining = why
			}
		}
	}
}

// notice says which instance an event announces the end of, and why.
func notice(e event.Event) (instance, why string) {
	if d, ok, err := event.AsSpotInterruption(e); ok && err == nil {
		return d.InstanceID, fmt.Sprintf("spot interruption (%s) announced at %s", d.Action, e.Time.UTC().Format(time.RFC3339))
	}
	if d, ok, err := event.AsRebalanceRecommendation(e); ok && err == nil {
		return d.InstanceID, "rebalance recommended at " + e.Time.UTC().Format(time.RFC3339)
	}
	return "", ""
}

// leaving says whether an instance in this state has ceased to run. Pending is
// not among them: an instance that was pending and is running has just started.
func leaving(state string) bool { return state != running && state != "pending" }

// doubtful names a member of which an event says something else than the read,
// if the difference matters: the event says that it stops, or it says that it
// runs and without it nothing can be done. A start after the event
// explains the difference.
func doubtful(c Config, s State, events []event.Event) string {
	for _, e := range events {
		d, ok, err := event.AsInstanceStateChange(e)
		if !ok || err != nil {
			continue
		}
		i := slices.IndexFunc(s.Members, func(m MemberState) bool { return m.Instance == d.InstanceID })
		if i < 0 {
			continue
		}
		m := s.Members[i]
		if !e.Time.IsZero() && e.Time.Before(m.Launched) {
			continue
		}
		worse := leaving(d.State) && m.State == running
		better := d.State == running && m.State != running && len(decide(c, s, time.Time{}).Stuck) > 0
		if worse || better {
			return m.Instance
		}
	}
	return ""
}
