package routefailover

import (
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/schedule"
)

// Kind is the declaration of route-failover.
var Kind = automation.Kind[Config, State]{
	Name:     "route-failover",
	Title:    "moves the routes through a dead gateway to the next healthy one",
	Since:    "0.1",
	Revision: 1,
	Defaults: defaults,
	Check:    check,
	Claims:   claims,
	Listen:   listen,
	Sweep:    func(c Config) schedule.Schedule { return schedule.Every(time.Duration(c.Sweep)) },
	About:    about,
	Needs:    observeNeeds,
	Observe:  observe,
	Decide:   decide,
	Steps: []automation.Step[Config, State]{{
		Name:    stepMove,
		Title:   "move the routes and verify that they have moved",
		Attempt: 30 * time.Second,
		Limit:   2 * time.Minute,
		Needs:   moveNeeds,
		Do:      move,
	}},
}

// about makes the VPC the subject: failovers in one VPC happen one at a time,
// and an event that comes meanwhile causes one more look.
func about(c Config, e event.Event) (automation.Subject, bool) {
	s := automation.Subject{Key: c.VPC, Mode: automation.Latest}
	if id, _ := notice(e); id != "" {
		s.Keep = keepNotices
	}
	return s, true
}
