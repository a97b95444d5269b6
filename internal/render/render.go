// Package render turns a fleet into documents: EventBridge rules and the IAM
// policy. Everything here is pure and deterministic: the same fleet gives the
// same bytes.
package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/iam"
)

// Rule is one EventBridge rule: either a pattern, or a schedule with the input
// it sends. A schedule with a time zone is one of EventBridge Scheduler, whose
// members have the same names: rules are in UTC.
type Rule struct {
	Name        string         `json:"name"`
	Region      string         `json:"region"`
	Description string         `json:"description"`
	Pattern     *event.Pattern `json:"eventPattern,omitempty"`
	Schedule    string         `json:"scheduleExpression,omitempty"`
	TimeZone    string         `json:"scheduleExpressionTimezone,omitempty"`
	Input       *event.Event   `json:"input,omitempty"`
}

// Rules lists the rules that bring a fleet its events, in the order of the
// automations' names. The patterns are those that local routing uses.
func Rules(f *fleetfile.Fleet) []Rule {
	var rules []Rule
	for _, a := range f.Automations {
		for _, t := range a.Triggers() {
			r := Rule{
				Name:        ruleName(fmt.Sprintf("drover-%s-%s-%s", f.Name, a.Name, t.Name)),
				Region:      a.Region,
				Description: fmt.Sprintf("%s: %s", a.Name, t.Title),
			}
			if !t.Schedule.IsZero() {
				sweep := event.Sweep(a.Name, time.Time{})
				r.Schedule, r.TimeZone, r.Input = t.Schedule.Expression(), t.Schedule.Zone(), &sweep
			} else {
				r.Pattern = &t.Pattern
			}
			rules = append(rules, r)
		}
	}
	return rules
}

// maxRuleName is the length of a rule's name
// (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html).
const maxRuleName = 64

// ruleName shortens a name that is too long, so that different names stay
// different.
func ruleName(name string) string {
	if len(name) <= maxRuleName {
		return name
	}
	digest := sha256.Sum256([]byte(name))
	suffix := "-" + hex.EncodeToString(digest[:4])
	return name[:maxRuleName-len(suffix)] + suffix
}

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
