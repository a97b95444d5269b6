package automation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/schedule"
)

// Definition is a [Kind] without its type parameters.
type Definition struct {
	Name, Title, Since string
	Revision           int
	Steps              []StepInfo
	// Config is the struct type that a configuration is decoded into; schema
	// and documentation are derived from it.
	Config reflect.Type

	poll      time.Duration // while observing
	configure func(json.RawMessage) (behaviour, []Problem, error)
}

// StepInfo is what is known of a [Step] without its type parameters.
type StepInfo struct {
	Name, Title          string
	Attempt, Limit, Poll time.Duration
	Within               string
	// Undoes and Releases say whether the step has an Undo and a Release.
	Undoes, Releases, Commit, Asks bool
}

// Has says whether the step has a function for an act.
func (s StepInfo) Has(act Act) bool {
	switch act {
	case Undo:
		return s.Undoes
	case Release:
		return s.Releases
	case Do:
	}
	return true
}

// Act is one of the functions of a step.
type Act string

// The functions of a step, as they are called in records.
const (
	Do      Act = "do"
	Undo    Act = "undo"
	Release Act = "release"
)

// Step finds a step by its name.
func (d Definition) Step(name string) (StepInfo, bool) {
	for _, s := range d.Steps {
		if s.Name == name {
			return s, true
		}
	}
	return StepInfo{}, false
}

// Waits says whether a run may have to wait for longer than an attempt: then
// it is carried on AWS by Step Functions, and otherwise by one Lambda call.
func (d Definition) Waits() bool {
	return slices.ContainsFunc(d.Steps, func(s StepInfo) bool { return s.Poll > 0 })
}

// behaviour is a kind bound to a configuration.
type behaviour interface {
	config() any
	claims() []Claim
	triggers() []Trigger
	sweep() schedule.Schedule
	about(event.Event) (Subject, bool)
	needs() []iam.Need
	observe(context.Context, Env, json.RawMessage) (json.RawMessage, Plan, error)
	do(context.Context, string, Act, Env, json.RawMessage) (json.RawMessage, error)
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Define erases a kind. It panics on a kind that is not well formed: kinds are
// declared in code, so that is a programming error found at start.
func Define[C, S any](k Kind[C, S]) Definition {
	if err := k.validate(); err != nil {
		panic(fmt.Sprintf("automation kind %q: %v", k.Name, err))
	}
	d := Definition{
		Name: k.Name, Title: k.Title, Since: k.Since, Revision: k.Revision,
		Config: reflect.TypeFor[C](), poll: k.Poll,
	}
	for _, s := range k.Steps {
		d.Steps = append(d.Steps, StepInfo{
			Name: s.Name, Title: s.Title, Attempt: s.Attempt, Limit: s.Limit, Poll: s.Poll,
			Undoes: s.Undo != nil, Releases: s.Release != nil, Within: s.Within, Commit: s.Commit, Asks: s.Asks,
		})
	}
	if n := d.LongestHistory(); n > maxHistory {
		panic(fmt.Sprintf("automation kind %q: its longest run could write %d events into the history of a Step Functions execution, wanted at most %d: let steps poll less often", d.Name, n, maxHistory))
	}
	d.configure = func(raw json.RawMessage) (behaviour, []Problem, error) {
		var c C
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&c); err != nil {
			return nil, nil, err
		}
		if k.Defaults != nil {
			k.Defaults(&c)
		}
		if k.Check != nil {
			if problems := k.Check(c); len(problems) > 0 {
				return nil, problems, nil
			}
		}
		return bound[C, S]{kind: k, c: c}, nil, nil
	}
	return d
}

func (k Kind[C, S]) validate() error {
	switch {
	case !nameForm.MatchString(k.Name):
		return fmt.Errorf("name must match %s", nameForm)
	case k.Title == "" || k.Since == "" || k.Revision < 1:
		return fmt.Errorf("title, since and revision are required")
	case reflect.TypeFor[C]().Kind() != reflect.Struct:
		return fmt.Errorf("configuration must be a struct")
	case k.Listen == nil || k.About == nil || k.Needs == nil || k.Observe == nil || k.Decide == nil || k.Claims == nil || k.Sweep == nil:
		return fmt.Errorf("claims, listen, sweep, about, needs, observe and decide are required")
	case len(k.Steps) == 0:
		return fmt.Errorf("no steps")
	}
	known := map[string]bool{}
	for _, s := range k.Steps {
		if known[s.Name] {
			return fmt.Errorf("step %q: declared twice", s.Name)
		}
		if s.Within != "" && (!known[s.Within] || s.Undo != nil) {
			return fmt.Errorf("step %q: within %q, wanted an earlier step in place of an undo", s.Name, s.Within)
		}
		known[s.Name] = true
		if !nameForm.MatchString(s.Name) || s.Name == StepPlan || s.Title == "" || s.Do == nil || s.Needs == nil {
			return fmt.Errorf("step %q: a name other than %q, a title, needs and do are required", s.Name, StepPlan)
		}
		if s.Attempt <= 0 || s.Limit < s.Attempt || s.Poll < 0 || s.Poll > s.Limit {
			return fmt.Errorf("step %q: wanted 0 < attempt <= limit and 0 <= poll <= limit", s.Name)
		}
		if s.Asks && s.Poll == 0 {
			return fmt.Errorf("step %q: a person takes longer than an attempt, wanted a poll", s.Name)
		}
	}
	return nil
}

// StepPlan names the part of a run before its first step: observe and decide.
const StepPlan = "plan"

// bound implements behaviour; the generic parameters end here.
type bound[C, S any] struct {
	kind Kind[C, S]
	c    C
}

func (b bound[C, S]) config() any                         { return b.c }
func (b bound[C, S]) claims() []Claim                     { return b.kind.Claims(b.c) }
func (b bound[C, S]) triggers() []Trigger                 { return b.kind.Listen(b.c) }
func (b bound[C, S]) sweep() schedule.Schedule            { return b.kind.Sweep(b.c) }
func (b bound[C, S]) about(e event.Event) (Subject, bool) { return b.kind.About(b.c, e) }
func (b bound[C, S]) turn(env Env, state json.RawMessage) (*Turn[C, S], error) {
	t := &Turn[C, S]{Env: env, Config: b.c}
	if len(state) == 0 {
		return t, nil
	}
	if err := json.Unmarshal(state, &t.State); err != nil {
		return nil, fmt.Errorf("read state of run %s: %w", env.Run.ID, err)
	}
	return t, nil
}

func (b bound[C, S]) needs() []iam.Need {
	needs := b.kind.Needs(b.c)
	for _, s := range b.kind.Steps {
		needs = append(needs, s.Needs(b.c)...)
	}
	return needs
}

func (b bound[C, S]) observe(ctx context.Context, env Env, state json.RawMessage) (json.RawMessage, Plan, error) {
	t, err := b.turn(env, state)
	if err != nil {
		return state, Plan{}, err
	}
	err = b.kind.Observe(ctx, t)
	state, encodeErr := json.Marshal(t.State)
	if encodeErr != nil {
		return nil, Plan{}, fmt.Errorf("store state of run %s: %w", env.Run.ID, encodeErr)
	}
	if soonest := env.Clock.Now().Add(b.kind.Poll); failure.ClassOf(err) == failure.Wait && failure.Until(err).Before(soonest) {
		err = failure.Waitf(soonest, "%w", err)
	}
	if err != nil {
		return state, Plan{}, unheard(err, "observing", false)
	}
	return state, b.kind.Decide(b.c, t.State, env.Clock.Now()), nil
}

func (b bound[C, S]) do(ctx context.Context, step string, act Act, env Env, state json.RawMessage) (json.RawMessage, error) {
	f, asks, err := b.function(step, act)
	if err != nil {
		return state, err
	}
	t, err := b.turn(env, state)
	if err != nil {
		return state, err
	}
	err = f(ctx, t)
	state, encodeErr := json.Marshal(t.State)
	if encodeErr != nil {
		return nil, fmt.Errorf("store state of run %s: %w", env.Run.ID, encodeErr)
	}
	return state, unheard(err, fmt.Sprintf("step %q", step), asks)
}

// function finds what a step has for an act, and whether that may ask for approval.
func (b bound[C, S]) function(step string, act Act) (f func(context.Context, *Turn[C, S]) error, asks bool, err error) {
	for _, s := range b.kind.Steps {
		if s.Name != step {
			continue
		}
		if f := map[Act]func(context.Context, *Turn[C, S]) error{Do: s.Do, Undo: s.Undo, Release: s.Release}[act]; f != nil {
			return f, s.Asks && act == Do, nil
		}
	}
	return nil, false, failure.Stopf("%s has nothing to %s at a step %q", b.kind.Name, act, step)
}
