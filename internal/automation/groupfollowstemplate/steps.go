package groupfollowstemplate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

const (
	// maxParallel bounds the writes in flight. AWS publishes no rates for Auto
	// Scaling, and nothing here is urgent.
	maxParallel = 4
	// fresh is how old a look may be when a group is written: a write takes with it
	// the whole policy that was read.
	fresh = 2 * time.Second
	// settling is for how long after a write a read may still show what was there
	// before. Until then it is awaited, and not written again.
	settling  = 20 * time.Second
	lookAgain = time.Second
)

// setVersion carries out the plan, then looks whether AWS agrees. It begins with
// a look of its own, so it is safe to repeat: what is done already is left alone.
func setVersion(ctx context.Context, t *turn) error {
	s := setter{turn: t, state: t.State}
	now, err := s.look(ctx)
	if err != nil {
		return err
	}
	left, err := s.left(now)
	if err != nil {
		return err
	}
	if todo := s.unwritten(left); len(todo) > 0 {
		if err := s.write(ctx, todo); err != nil {
			return err
		}
		if now, err = s.look(ctx); err != nil {
			return err
		}
	}
	return s.verify(now)
}

// setter makes one attempt.
type setter struct {
	turn   *turn
	flight singleflight.Group

	mu    sync.Mutex // guards the rest; never held across a call
	state State
	full  map[string]types.AutoScalingGroup
}

// look observes and decides anew.
func (s *setter) look(ctx context.Context) (automation.Plan, error) {
	state, full, err := read(ctx, s.turn)
	if err != nil {
		return automation.Plan{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state.Refreshing, state.Wrote = s.state.Refreshing, s.state.Wrote // learned meanwhile
	s.state, s.full = state, full
	s.turn.State = state
	return decide(s.turn.Config, state, s.turn.Clock.Now()), nil
}

// learn changes what the run knows beside what it reads.
func (s *setter) learn(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
	s.turn.State = s.state
}

// write makes the changes, some at a time. A group that fails does not hold up
// the others.
func (s *setter) write(ctx context.Context, changes []automation.Change) error {
	errs := make([]error, len(changes))
	var g errgroup.Group
	g.SetLimit(maxParallel)
	for i, c := range changes {
		g.Go(func() error {
			errs[i] = s.change(ctx, c)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil; their errors are in errs
	return automation.Join(errs)
}

// change makes one change, after looking again if the last look is old. Changes
// that find this at the same time share one look.
func (s *setter) change(ctx context.Context, c automation.Change) error {
	if s.stale() {
		latest, err, _ := s.flight.Do("look", func() (any, error) { return s.look(ctx) })
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(latest.(automation.Plan).Changes, c.Same) {
			return &automation.Replan{Why: c.Resource + " has changed since it was made"}
		}
	}
	group, to, ok := s.wanted(c)
	if !ok {
		return &automation.Replan{Why: c.Resource + " has changed since it was made"}
	}
	_, err := s.turn.AWS.AutoScaling.UpdateAutoScalingGroup(ctx, launchtemplate.Update(group, to), once)
	switch {
	case gone(err):
		return &automation.Replan{Why: fmt.Sprintf("group %s is gone", c.Resource)}
	case refreshing(err):
		s.learn(func(st *State) { st.Refreshing = append(slices.Clone(st.Refreshing), c.Resource) })
		return &automation.Replan{Why: fmt.Sprintf("group %s is in an instance refresh", c.Resource)}
	case err != nil:
		return fmt.Errorf("set group %s to %s: %w", c.Resource, c.To, advised(err, group, to))
	}
	s.learn(func(st *State) {
		if st.Wrote = maps.Clone(st.Wrote); st.Wrote == nil {
			st.Wrote = map[string]time.Time{}
		}
		st.Wrote[c.Resource] = s.turn.Clock.Now()
	})
	return nil
}

// once leaves another attempt to the engine: it begins with a look, while the SDK
// would send a policy again that somebody may have changed meanwhile.
func once(o *autoscaling.Options) { o.RetryMaxAttempts = 1 }

func (s *setter) stale() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turn.Clock.Now().Sub(s.state.Observed) > fresh
}

// wanted is the group that a change is about, in full, and the version for it, if
// that is still the change.
func (s *setter) wanted(c automation.Change) (group types.AutoScalingGroup, to string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.state.group(c.Resource)
	if !ok {
		return group, "", false
	}
	to, _, ok = target(s.turn.Config, s.state, g)
	return s.full[c.Resource], to, ok && g.at(to) == c.To
}

// unwritten are the changes that no write has been acknowledged of just now.
func (s *setter) unwritten(changes []automation.Change) []automation.Change {
	now := s.turn.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(changes), func(c automation.Change) bool {
		at, ok := s.state.Wrote[c.Resource]
		return ok && now.Sub(at) < settling
	})
}

// verify looks whether anything remains to be done. It may only be not visible
// yet, so it is awaited.
func (s *setter) verify(now automation.Plan) error {
	left, err := s.left(now)
	if err != nil || len(left) == 0 {
		return err
	}
	return failure.Waitf(s.turn.Clock.Now().Add(lookAgain), "AWS to show %s in group %s", left[0].To, left[0].Resource)
}

// left are the changes of the plan that are still to be made after a new look, if
// the plan still holds. A change that the look no longer asks for has been made, or
// somebody else has solved the matter in another way. Unless the group is still as
// it was: then it cannot be changed any more, or one of two reads is out of date.
func (s *setter) left(now automation.Plan) (left []automation.Change, err error) {
	if !now.Within(s.turn.Plan) {
		return nil, &automation.Replan{Why: "groups or templates have changed since it was made"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.turn.Plan.For(stepSet) {
		switch {
		case slices.ContainsFunc(now.Changes, c.Same):
			left = append(left, c)
		case s.state.value(c) == c.From:
			return nil, &automation.Replan{Why: fmt.Sprintf("group %s is as it was, and cannot be changed any more", c.Resource)}
		}
	}
	return left, nil
}
