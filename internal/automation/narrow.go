package automation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/event"
)

// Dropped is a trigger that never happens because of the user's pattern.
type Dropped struct {
	Trigger Trigger
	Why     string
}

// When is what a user's pattern has made of an automation's triggers.
type When struct {
	Pattern event.Pattern
	Dropped []Dropped
}

// When says what [Automation.Narrow] was given and what came of it.
func (a *Automation) When() (When, bool) {
	if a.when == nil {
		return When{}, false
	}
	return *a.when, true
}

// Narrow makes an automation that acts on those of its events only that the
// user's pattern matches too, see [event.Pattern.Narrow]. Local routing and
// rendered rules follow from the triggers that are left, as always.
//
// A trigger whose events the pattern excludes altogether is dropped; if none is
// left, that is a problem, and so is what one rule cannot express. Nothing is
// known of what fields an event may have beyond those that its trigger speaks
// of: a pattern that asks for another is believed, and if events never have it,
// they never come. Sweeps are not narrowed. They are how the automation makes
// good what a lost event left behind, and look at everything it is configured for.
//
// The paths of problems are within the pattern.
func (a *Automation) Narrow(when event.Pattern) (*Automation, []Problem) {
	all := a.behaviour.triggers()
	if len(all) == 0 {
		return nil, []Problem{{Got: "a pattern for events", Wanted: "none: " + a.Kind.Name + " only sweeps"}}
	}
	w := &When{Pattern: when}
	var left []Trigger
	var never []excluded
	for _, t := range all {
		pattern, err := t.Pattern.Narrow(when)
		var conflict *event.ConflictError
		switch {
		case err == nil:
			t.Pattern = pattern
			left = append(left, t)
		case errors.As(err, &conflict) && conflict.Never:
			w.Dropped = append(w.Dropped, Dropped{t, conflict.Error()})
			never = append(never, excluded{t, conflict})
		default:
			return nil, []Problem{unsayable(t, err)}
		}
	}
	if len(left) == 0 {
		return nil, nothingLeft(never)
	}
	n := &Automation{Fleet: a.Fleet, Name: a.Name, Region: a.Region, Kind: a.Kind, Config: a.Config, behaviour: a.behaviour, when: w}
	left = append(left, a.sweep())
	n.triggers = func() []Trigger { return left }
	return n, nil
}

// excluded is a trigger, and where it and the user's pattern part.
type excluded struct {
	trigger  Trigger
	conflict *event.ConflictError
}

// nothingLeft is a problem for each place where the pattern parts with triggers.
func nothingLeft(never []excluded) []Problem {
	var problems []Problem
	for _, e := range never {
		wanted := fmt.Sprintf("%s (%s)", e.conflict.Has, e.trigger.Name)
		i := slices.IndexFunc(problems, func(p Problem) bool { return p.Path == e.conflict.Path })
		if i < 0 {
			problems = append(problems, Problem{Path: e.conflict.Path, Got: e.conflict.When, Wanted: wanted})
		} else if !strings.Contains(problems[i].Wanted, wanted) {
			problems[i].Wanted += ", or " + wanted
		}
	}
	for i := range problems {
		problems[i].Wanted = "something that some event has: " + problems[i].Wanted
	}
	return problems
}

// unsayable is why there is no rule for a trigger.
func unsayable(t Trigger, err error) Problem {
	var conflict *event.ConflictError
	var refused *event.ParseError
	switch {
	case errors.As(err, &conflict):
		return Problem{
			Path: conflict.Path, Got: conflict.When,
			Wanted: fmt.Sprintf("what one rule can ask for together with %s (%s)", conflict.Has, t.Name),
		}
	case errors.As(err, &refused):
		return Problem{Path: refused.Path, Got: refused.Got, Wanted: fmt.Sprintf("%s (%s)", refused.Wanted, t.Name)}
	}
	return Problem{Got: err.Error(), Wanted: "an event pattern"}
}
