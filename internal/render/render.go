// Package render turns a fleet into documents: EventBridge rules and the IAM
// policy. Everything here is pure and deterministic: the same fleet gives the
// same bytes.
package render

import (
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/iam"
)

// Policy is the least policy for the process that runs a fleet: what its
// automations need, to publish to the fleet's topic if it has one, and what the
// process needs by itself. An empty account leaves the account open.
func Policy(f *fleetfile.Fleet, partition, account string, process ...iam.Need) (iam.Policy, error) {
	var needs []iam.Need
	for _, a := range f.Automations {
		for _, n := range a.Needs() {
			needs = append(needs, in(n, a))
		}
	}
	if f.Notify.Topic != "" {
		needs = append(needs, iam.Need{
			Actions:   []string{"sns:Publish"},
			Resources: []string{f.Notify.Topic},
			Why:       "tell what was done and what failed",
		})
	}
	return iam.NewPolicy(append(needs, process...), iam.Vars{Partition: partition, Region: f.Region, Account: account})
}

// in narrows a need to the automation's region, which may not be the fleet's.
func in(n iam.Need, a *automation.Automation) iam.Need {
	fill := func(values []string) []string {
		filled := make([]string, len(values))
		for i, v := range values {
			filled[i] = strings.ReplaceAll(v, "${Region}", a.Region)
		}
		return filled
	}
	n.Resources = fill(n.Resources)
	n.Conditions = slices.Clone(n.Conditions)
	for i := range n.Conditions {
		n.Conditions[i].Values = fill(n.Conditions[i].Values)
	}
	return n
}
