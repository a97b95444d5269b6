package groupfollowstemplate

import (
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/schedule"
)

// Kind is the declaration of group-follows-template.
var Kind = automation.Kind[Config, State]{
	Name:     "group-follows-template",
	Title:    "keeps Auto Scaling groups on the version of their launch template that the fleet file says",
	Since:    "0.2",
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
	// No Poll: nothing is awaited but AWS's own reads, so one Lambda call does.
	Steps: []automation.Step[Config, State]{{
		Name:    stepSet,
		Title:   "set the version and verify that AWS shows it",
		Attempt: 30 * time.Second,
		Limit:   5 * time.Minute,
		Needs:   setNeeds,
		Do:      setVersion,
	}},
}
