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
	// Target is the ARN of the state machine that the rule starts. Without one,
	// it is for the function or the queue that takes events.
	Target      string       `json:"target,omitempty"`
	Transformer *Transformer `json:"inputTransformer,omitempty"`
}

// Transformer is what EventBridge makes of an event for a target.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html
type Transformer struct {
	Paths    map[string]string `json:"inputPathsMap"`
	Template string            `json:"inputTemplate"`
}

// carry has an execution carry the whole event. A placeholder without quotes
// becomes the JSON of what its path leads to.
func carry() *Transformer {
	return &Transformer{Paths: map[string]string{"event": "$"}, Template: `{"event": <event>}`}
}

// Rules lists the rules that bring a fleet its events, in the order of the
// automations' names. The patterns are those that local routing uses.
//
// Whoever takes an event finds all automations that want it. Automations of a
// region that listen for the same share a rule therefore, by the name that it
// has for the first of them: with a rule for each, every event would come as
// often as there are automations, each time for all of them.
//
// machine is the ARN of the state machine of an automation. If it is not nil,
// rules start it for kinds that can wait. A rule is without where an automation
// that never waits shares it, and goes without the detour; where the state
// machine is in another region, which a rule cannot start; and where it is a
// schedule: a sweep goes on with other runs as well.
func Rules(f *fleetfile.Fleet, machine func(automation string) string) []Rule {
	var shared []audience
	at := map[string]int{} // of an audience, by its region and pattern
	for _, a := range f.Automations {
		for _, t := range a.Triggers() {
			key := a.Region + " " + t.Pattern.String() // that of a sweep names the automation
			i, ok := at[key]
			if !ok {
				i = len(shared)
				at[key] = i
				shared = append(shared, audience{trigger: t})
			}
			shared[i].automations = append(shared[i].automations, a)
		}
	}
	rules := make([]Rule, len(shared))
	for i, s := range shared {
		rules[i] = s.rule(f.Name, machine)
	}
	return rules
}

// audience are automations that listen for the same. The trigger is the first's.
type audience struct {
	trigger     automation.Trigger
	automations []*automation.Automation
}

func (s audience) rule(fleet string, machine func(automation string) string) Rule {
	first, t := s.automations[0], s.trigger
	r := Rule{
		Name:        ruleName(fmt.Sprintf("drover-%s-%s-%s", fleet, first.Name, t.Name)),
		Region:      first.Region,
		Description: s.description(),
	}
	if !t.Schedule.IsZero() {
		sweep := event.Sweep(first.Name, time.Time{})
		r.Schedule, r.TimeZone, r.Input = t.Schedule.Expression(), t.Schedule.Zone(), &sweep
		return r
	}
	r.Pattern = &t.Pattern
	if machine == nil || slices.ContainsFunc(s.automations, func(a *automation.Automation) bool { return !a.Kind.Waits() }) {
		return r
	}
	if arn := machine(first.Name); strings.Contains(arn, ":states:"+r.Region+":") {
		r.Target, r.Transformer = arn, carry()
	}
	return r
}

// maxDescription is the length of a rule's description, maxRuleName that of its
// name (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html).
const (
	maxDescription = 512
	maxRuleName    = 64
)

// description says whose the rule is, as far as there is room.
func (s audience) description() string {
	var names []string
	for _, a := range s.automations {
		names = append(names, a.Name)
	}
	names = slices.Compact(names)
	text := strings.Join(names, ", ") + ": " + s.trigger.Title
	for n := len(names) - 1; n > 0 && len(text) > maxDescription; n-- {
		text = fmt.Sprintf("%s and %d more: %s", strings.Join(names[:n], ", "), len(names)-n, s.trigger.Title)
	}
	return text
}

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
