package routefailover

import (
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// listen wants every change of a member's state: any but running may mean a
// dead gateway, and running may be the one that was missing. Members known by
// tag cannot be told apart by a rule, since these events carry no tags; then
// the events of all instances come, and observing sorts them out.
func listen(c Config) []automation.Trigger {
	ids := instanceIDs(c)
	members := func(detailType string) event.Pattern {
		p := event.PatternFor(event.SourceEC2, detailType)
		if len(ids) > 0 {
			p = p.Where("detail.instance-id", ids...)
		}
		return p
	}
	return []automation.Trigger{
		{
			Name:  "member-state",
			Title: "a member changes its state",
			Pattern: members(event.TypeInstanceStateChange).
				Where("detail.state", "pending", "running", "shutting-down", "stopped", "stopping", "terminated"),
		},
		{
			Name:    "spot-interruption",
			Title:   "a member is about to be interrupted",
			Pattern: members(event.TypeSpotInterruption),
		},
		{
			Name:    "rebalance",
			Title:   "a member is likely to be interrupted",
			Pattern: members(event.TypeRebalanceRecommendation),
		},
	}
}

// instanceIDs are the members' instances, if all members are listed by id.
func instanceIDs(c Config) []string {
	var ids []string
	for _, m := range c.Members {
		if m.Instance == "" {
			return nil
		}
		ids = append(ids, m.Instance)
	}
	return ids
}
