package ec2

// What tests and scenarios can see and do beside the API.

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// RouteView is a route that is not local, as it is at present.
type RouteView struct {
	Table, VPC, Destination string
	InterfaceID, InstanceID string // empty if there is none
	GatewayID               string
	State                   types.RouteState
}

// Routes are all routes, sorted by table and destination.
func (s *Service) Routes() []RouteView {
	var views []RouteView
	s.store.View(func(st *state) { views = st.routeViews() })
	return views
}

func (s *state) routeViews() []RouteView {
	var views []RouteView
	for _, t := range s.routeTables.rows {
		for _, r := range t.routes[1:] {
			views = append(views, RouteView{
				Table: t.id, VPC: t.vpc, Destination: r.destination,
				InterfaceID: r.networkInterface, InstanceID: s.routeInstance(r), GatewayID: r.gateway,
				State: s.routeState(r),
			})
		}
	}
	return views
}

// InstanceTags are the tags of an instance of which an image can be made, and whether it
// is one, for services whose call is being answered at m.
func (s *Service) InstanceTags(m *awssim.Moment, id string) (tags map[string]string, found bool) {
	i, ok := s.store.At(m).instances.get(id)
	if !ok || i.state != types.InstanceStateNameRunning && i.state != types.InstanceStateNameStopped {
		return nil, false
	}
	return s.TagsOf(m, id), true
}

// WatchRoutes has f called with all routes after each change that affects any,
// be it by a call or because an instance changed its state; under the terms of
// [awssim.World.Subscribe]. No state of the routes is passed over.
func (s *Service) WatchRoutes(f func(at time.Time, routes []RouteView)) {
	last := s.Routes()
	s.store.OnCommit(func(m *awssim.Moment, st *state) {
		now := st.routeViews()
		if slices.Equal(last, now) {
			return
		}
		last = now
		at := m.Now
		m.Tell(func() { f(at, slices.Clone(now)) })
	})
}

// FailChecks makes the status checks of an instance fail, or pass again. No
// event tells of it.
func (s *Service) FailChecks(id string, failing bool) error {
	return s.with(id, func(_ *awssim.Moment, st *state, i instance) error {
		i.impaired = failing
		st.instances.put(i)
		return nil
	})
}

// InterruptSpot warns that a running spot instance will be stopped or
// terminated, and does it two minutes later (facts/events.md 3). Hibernation is
// not modelled.
func (s *Service) InterruptSpot(id string, action types.InstanceInterruptionBehavior) error {
	into, ok := map[types.InstanceInterruptionBehavior]types.InstanceStateName{
		types.InstanceInterruptionBehaviorStop:      types.InstanceStateNameStopping,
		types.InstanceInterruptionBehaviorTerminate: types.InstanceStateNameShuttingDown,
	}[action]
	if !ok {
		return fmt.Errorf("interrupt %s: action %q is not modelled", id, action)
	}
	return s.with(id, func(m *awssim.Moment, st *state, i instance) error {
		if !i.spot || i.state != types.InstanceStateNameRunning {
			return fmt.Errorf("interrupt %s: not a running spot instance", id)
		}
		m.Emit(event.NewSpotInterruption(m.Account(), m.Region(), id, string(action), seconds(m)))
		m.After(spotNotice, func(m *awssim.Moment) {
			if then, ok := st.instances.get(id); ok && then.state == types.InstanceStateNameRunning {
				st.enter(m, then, into)
			}
		})
		return nil
	})
}

// RecommendRebalance sends the rebalance recommendation for a spot instance
// (facts/events.md 3).
func (s *Service) RecommendRebalance(id string) error {
	return s.with(id, func(m *awssim.Moment, _ *state, i instance) error {
		if !i.spot {
			return fmt.Errorf("recommend rebalance of %s: not a spot instance", id)
		}
		m.Emit(event.NewRebalanceRecommendation(m.Account(), m.Region(), id, seconds(m)))
		return nil
	})
}

// with changes something about one instance.
func (s *Service) with(id string, f func(*awssim.Moment, *state, instance) error) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		i, ok := st.instances.get(id)
		if !ok {
			err = fmt.Errorf("no instance %s", id)
			return
		}
		err = f(m, st, i)
	})
	return err
}
