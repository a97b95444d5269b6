package autoscaling

// Instances that are protected from scale in, and those on standby. Not modelled:
// EnteringStandby, and the Pending through which an instance returns.

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// each changes instances of a group, all of which must be in one of some states.
func (g *group) each(ids []string, in []types.LifecycleState, wrong string, change func(*types.Instance)) error {
	g.Instances = slices.Clone(g.Instances)
	for _, id := range ids {
		n := slices.IndexFunc(g.Instances, func(i types.Instance) bool { return *i.InstanceId == id })
		switch {
		case n < 0: // unverified
			return invalid("The instance %s is not part of Auto Scaling group %s.", id, g.name())
		case !slices.Contains(in, g.Instances[n].LifecycleState):
			return invalid(wrong, id)
		}
		change(&g.Instances[n])
	}
	return nil
}

// setInstanceProtection has the limit and the error of facts/apis.md 2.
func setInstanceProtection(m *awssim.Moment, s *state, in *protectInput) (*protectOutput, error) {
	const most = 50
	if len(in.InstanceIds) > most {
		return nil, fail(&types.LimitExceededFault{Message: aws.String("At most 50 instances can be protected at once")})
	}
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	err = g.each(in.InstanceIds, []types.LifecycleState{types.LifecycleStateInService, types.LifecycleStateEnteringStandby, types.LifecycleStateStandby},
		"The instance %s is not in InService or EnteringStandby or Standby.", func(i *types.Instance) {
			i.ProtectedFromScaleIn = aws.Bool(aws.ToBool(in.ProtectedFromScaleIn))
		})
	if err != nil {
		return nil, err
	}
	s.put(g)
	s.soon(m, g.name())
	return &protectOutput{}, nil
}

// enterStandby replaces what goes unless the desired capacity goes down with it (doc
// of EnterStandby; the texts of errors unverified).
func enterStandby(m *awssim.Moment, s *state, in *standbyInput) (*standbyOutput, error) {
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	err = g.each(in.InstanceIds, []types.LifecycleState{types.LifecycleStateInService}, "The instance %s is not in InService.", func(i *types.Instance) {
		i.LifecycleState = types.LifecycleStateStandby
	})
	if err != nil {
		return nil, err
	}
	if aws.ToBool(in.ShouldDecrementDesiredCapacity) {
		want := aws.ToInt32(g.DesiredCapacity) - int32(len(in.InstanceIds)) //nolint:gosec // there are few
		if want < aws.ToInt32(g.MinSize) {
			return nil, invalid("AutoScalingGroup %s has min-size=%d. Desired capacity would be %d.", g.name(), aws.ToInt32(g.MinSize), want)
		}
		g.DesiredCapacity = aws.Int32(want)
	}
	s.put(g)
	s.soon(m, g.name())
	out := &standbyOutput{}
	for _, id := range in.InstanceIds {
		out.Activities = append(out.Activities, moved(m, g, id, "Moving EC2 instance to Standby"))
	}
	return out, nil
}

// exitStandby increments the desired capacity (doc of ExitStandby).
func exitStandby(m *awssim.Moment, s *state, in *returnInput) (*returnOutput, error) {
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	err = g.each(in.InstanceIds, []types.LifecycleState{types.LifecycleStateStandby}, "The instance %s is not in Standby.", func(i *types.Instance) {
		i.LifecycleState = types.LifecycleStateInService
	})
	if err != nil {
		return nil, err
	}
	want := aws.ToInt32(g.DesiredCapacity) + int32(len(in.InstanceIds)) //nolint:gosec // there are few
	if want > aws.ToInt32(g.MaxSize) {
		return nil, invalid("AutoScalingGroup %s has max-size=%d. Desired capacity would be %d.", g.name(), aws.ToInt32(g.MaxSize), want)
	}
	g.DesiredCapacity = aws.Int32(want)
	s.put(g)
	s.soon(m, g.name())
	out := &returnOutput{}
	for _, id := range in.InstanceIds {
		out.Activities = append(out.Activities, moved(m, g, id, "Moving EC2 instance out of Standby"))
	}
	return out, nil
}
