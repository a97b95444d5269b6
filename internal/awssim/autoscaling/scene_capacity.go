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

// Suspend suspends processes of a group as somebody else does, under the terms of
// [Service.Create], as do the next four. None are all.
func (s *Service) Suspend(actor, name string, names ...string) error {
	in := &suspendInput{AutoScalingGroupName: &name, ScalingProcesses: names}
	return act(s, actor, "SuspendProcesses", in, []string{"AutoScalingGroupName", "ScalingProcesses"}, func(m *awssim.Moment, st *state) error {
		_, err := suspendProcesses(m, st, in)
		return err
	})
}

// Resume resumes processes of a group.
func (s *Service) Resume(actor, name string, names ...string) error {
	in := &resumeInput{AutoScalingGroupName: &name, ScalingProcesses: names}
	return act(s, actor, "ResumeProcesses", in, []string{"AutoScalingGroupName", "ScalingProcesses"}, func(m *awssim.Moment, st *state) error {
		_, err := resumeProcesses(m, st, in)
		return err
	})
}

// EnterStandby puts an instance of a group on standby, and wants one less.
func (s *Service) EnterStandby(actor, name, id string) error {
	in := &standbyInput{AutoScalingGroupName: &name, InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true)}
	return act(s, actor, "EnterStandby", in, []string{"AutoScalingGroupName", "InstanceIds", "ShouldDecrementDesiredCapacity"}, func(m *awssim.Moment, st *state) error {
		_, err := enterStandby(m, st, in)
		return err
	})
}

// ExitStandby puts an instance of a group into service again, and wants one more.
func (s *Service) ExitStandby(actor, name, id string) error {
	in := &returnInput{AutoScalingGroupName: &name, InstanceIds: []string{id}}
	return act(s, actor, "ExitStandby", in, []string{"AutoScalingGroupName", "InstanceIds"}, func(m *awssim.Moment, st *state) error {
		_, err := exitStandby(m, st, in)
		return err
	})
}

// StartRefresh starts an instance refresh of a group.
func (s *Service) StartRefresh(actor string, in *startInput) error {
	return act(s, actor, "StartInstanceRefresh", in, append([]string{"Strategy", "Preferences", "DesiredConfiguration"}, models...), func(m *awssim.Moment, st *state) error {
		_, err := startInstanceRefresh(m, st, in)
		return err
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
