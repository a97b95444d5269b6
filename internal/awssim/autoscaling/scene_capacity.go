package autoscaling

// What tests and scenarios can make happen to the instances of groups.

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Scale sets the desired capacity of a group as a scaling policy does when its alarm
// goes off, within the group's bounds, and says whether it did: while the process
// AlarmNotification is suspended, it does nothing.
func (s *Service) Scale(name string, desired int32) (scaled bool, err error) {
	return s.scale(name, "AlarmNotification", desired)
}

// ScaleOnSchedule is [Service.Scale] as a scheduled action does it, which is up to the
// process ScheduledActions.
func (s *Service) ScaleOnSchedule(name string, desired int32) (scaled bool, err error) {
	return s.scale(name, "ScheduledActions", desired)
}

func (s *Service) scale(name, process string, desired int32) (scaled bool, err error) {
	err = s.with(name, func(m *awssim.Moment, st *state, g *group) error {
		if g.suspended(process) {
			return nil
		}
		g.DesiredCapacity = aws.Int32(min(max(desired, aws.ToInt32(g.MinSize)), aws.ToInt32(g.MaxSize)))
		scaled = true
		st.soon(m, name)
		return nil
	})
	return scaled, err
}

// SetAlarm puts a CloudWatch alarm into the state ALARM, or back into OK. An instance
// refresh that names it fails, or rolls back.
func (s *Service) SetAlarm(name string, on bool) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		st.alarms[name] = on
		for _, g := range st.groups {
			st.soon(m, g.name())
		}
	})
}

// FailImage says that an image is no good, or is good again: instances of it that are
// not in service yet never get there. They stay Pending, and nothing replaces them but
// an instance refresh: an instance that comes and goes without end would leave the
// world no rest.
func (s *Service) FailImage(image string, failing bool) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		st.unfit[image] = failing
		for _, g := range st.groups {
			st.soon(m, g.name())
		}
	})
}

// Protect protects an instance from scale in, or no longer, whatever state it is in.
func (s *Service) Protect(name, id string, protected bool) error {
	return s.with(name, func(m *awssim.Moment, st *state, g *group) error {
		g.Instances = slices.Clone(g.Instances)
		n := slices.IndexFunc(g.Instances, func(i types.Instance) bool { return *i.InstanceId == id })
		if n < 0 {
			return fmt.Errorf("no instance %s in group %q", id, name)
		}
		g.Instances[n].ProtectedFromScaleIn = aws.Bool(protected)
		st.soon(m, name)
		return nil
	})
}

// Refreshes are the instance refreshes of a group, newest first.
func (s *Service) Refreshes(name string) []types.InstanceRefresh {
	var all []types.InstanceRefresh
	s.store.View(func(st *state) {
		g, _ := st.get(name)
		all = deep(g.refreshes)
	})
	return all
}
