package autoscaling

// The calls about instance refreshes. Not modelled: ReplaceRootVolume, the instance
// maintenance policy and the default warm-up of a group, and the quota of refreshes.

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// startInstanceRefresh refuses while another refresh is active (facts/apis.md 2; the
// text lib:17068511950).
func startInstanceRefresh(m *awssim.Moment, s *state, in *startInput) (*startOutput, error) {
	if in.Strategy != "" && in.Strategy != types.RefreshStrategyRolling {
		return nil, m.NotModelled("strategy %q", in.Strategy)
	}
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(g.refreshes, active) {
		return nil, fail(&types.InstanceRefreshInProgressFault{Message: aws.String("An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")})
	}
	if !s.tends(g) {
		return nil, m.NotModelled("an instance refresh of a group whose instances are not launched by itself")
	}
	p, err := preferences(g, in.Preferences)
	if err != nil {
		return nil, err
	}
	r := types.InstanceRefresh{
		InstanceRefreshId: aws.String(m.UUID("refresh")), AutoScalingGroupName: aws.String(g.name()), Status: types.InstanceRefreshStatusPending,
		StartTime: aws.Time(m.Now), Strategy: types.RefreshStrategyRolling, Preferences: p, PercentageComplete: aws.Int32(0),
	}
	if d := in.DesiredConfiguration; d != nil {
		given := source{template: d.LaunchTemplate, policy: d.MixedInstancesPolicy}
		if given.count() != 1 { // unverified
			return nil, invalid("A desired configuration must contain either LaunchTemplate or MixedInstancesPolicy.")
		}
		then, err := s.from(m, g, given)
		if err != nil {
			return nil, err
		}
		r.DesiredConfiguration = &types.DesiredConfiguration{LaunchTemplate: then.LaunchTemplate, MixedInstancesPolicy: then.MixedInstancesPolicy}
	}
	if aws.ToBool(p.AutoRollback) {
		if why := s.irreversible(m, g, r); why != "" { // facts/apis.md 2: the limits are those of a rollback; the code and the text unverified
			return nil, invalid("AutoRollback cannot be used: %s", why)
		}
	}
	g.refreshes = append([]types.InstanceRefresh{r}, g.refreshes...)
	g.run = run{id: *r.InstanceRefreshId, progressed: m.Now}
	s.put(g)
	s.soon(m, g.name())
	return &startOutput{InstanceRefreshId: r.InstanceRefreshId}, nil
}

// preferences are those of a request with the defaults of the doc of
// types.RefreshPreferences. That a refresh shows the defaults, and the texts of the
// errors, are unverified.
func preferences(g group, given *types.RefreshPreferences) (*types.RefreshPreferences, error) {
	p := deep(cmp.Or(given, &types.RefreshPreferences{}))
	within := func(name string, value *int32, least, most int32) error {
		if value != nil && (*value < least || *value > most) {
			return invalid("The value %d for %s is not between %d and %d", *value, name, least, most)
		}
		return nil
	}
	for _, err := range []error{
		within("MinHealthyPercentage", p.MinHealthyPercentage, 0, 100), within("MaxHealthyPercentage", p.MaxHealthyPercentage, 100, 200),
		within("BakeTime", p.BakeTime, 0, 172800), within("CheckpointDelay", p.CheckpointDelay, 0, 172800), // API_RefreshPreferences.html
	} {
		if err != nil {
			return nil, err
		}
	}
	ascending := slices.IsSorted(p.CheckpointPercentages) && len(slices.Compact(slices.Clone(p.CheckpointPercentages))) == len(p.CheckpointPercentages)
	last := int32(100)
	if n := len(p.CheckpointPercentages); n > 0 {
		last = p.CheckpointPercentages[n-1]
	}
	switch {
	case p.MaxHealthyPercentage != nil && p.MinHealthyPercentage == nil:
		return nil, invalid("MinHealthyPercentage must be specified with MaxHealthyPercentage")
	case p.MaxHealthyPercentage != nil && *p.MaxHealthyPercentage-*p.MinHealthyPercentage > 100:
		return nil, invalid("The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be greater than 100")
	case p.CheckpointDelay != nil && len(p.CheckpointPercentages) == 0:
		return nil, invalid("CheckpointPercentages must be specified with CheckpointDelay")
	case !ascending || last > 100 || len(p.CheckpointPercentages) > 0 && p.CheckpointPercentages[0] < 1:
		return nil, invalid("CheckpointPercentages must be unique, ascending and between 1 and 100")
	case p.AlarmSpecification != nil && len(p.AlarmSpecification.Alarms) > 10:
		return nil, invalid("At most 10 alarms can be specified")
	case p.ScaleInProtectedInstances != "" && !slices.Contains(p.ScaleInProtectedInstances.Values(), p.ScaleInProtectedInstances):
		return nil, invalid("'%s' is not valid for ScaleInProtectedInstances", p.ScaleInProtectedInstances)
	case p.StandbyInstances != "" && !slices.Contains(p.StandbyInstances.Values(), p.StandbyInstances):
		return nil, invalid("'%s' is not valid for StandbyInstances", p.StandbyInstances)
	}
	p.MinHealthyPercentage = cmp.Or(p.MinHealthyPercentage, aws.Int32(90))
	p.InstanceWarmup = cmp.Or(p.InstanceWarmup, aws.Int32(aws.ToInt32(g.HealthCheckGracePeriod)))
	p.SkipMatching = cmp.Or(p.SkipMatching, aws.Bool(false))
	p.AutoRollback = cmp.Or(p.AutoRollback, aws.Bool(false))
	p.ScaleInProtectedInstances = cmp.Or(p.ScaleInProtectedInstances, types.ScaleInProtectedInstancesWait)
	p.StandbyInstances = cmp.Or(p.StandbyInstances, types.StandbyInstancesWait)
	if len(p.CheckpointPercentages) > 0 {
		p.CheckpointDelay = cmp.Or(p.CheckpointDelay, aws.Int32(3600))
	}
	return p, nil
}

// irreversible says why a refresh cannot be rolled back, if it cannot (facts/apis.md
// 2). That the version of the desired configuration counts as that of the group does
// is unverified.
func (s *state) irreversible(m *awssim.Moment, g group, r types.InstanceRefresh) string {
	d := r.DesiredConfiguration
	if d == nil {
		return "there is no desired configuration"
	}
	for _, from := range []source{{template: g.LaunchTemplate, policy: g.MixedInstancesPolicy}, {template: d.LaunchTemplate, policy: d.MixedInstancesPolicy}} {
		for _, spec := range from.specifications() {
			if _, err := strconv.ParseInt(aws.ToString(spec.Version), 10, 64); err != nil {
				return "a launch template is used by its version " + cmp.Or(aws.ToString(spec.Version), "$Default")
			}
			if s.options.Templates == nil {
				continue
			}
			if t, err := s.resolve(m, spec); err == nil && strings.HasPrefix(t.Image, "resolve:ssm:") {
				return "a launch template uses a Systems Manager parameter"
			}
		}
	}
	return ""
}

// specifications are all templates of a source.
func (s source) specifications() []*types.LaunchTemplateSpecification {
	all := []*types.LaunchTemplateSpecification{s.template}
	if p := s.policy; p != nil && p.LaunchTemplate != nil {
		all = append(all, p.LaunchTemplate.LaunchTemplateSpecification)
		for _, o := range p.LaunchTemplate.Overrides {
			all = append(all, o.LaunchTemplateSpecification)
		}
	}
	return slices.DeleteFunc(all, func(spec *types.LaunchTemplateSpecification) bool { return spec == nil })
}

// running is the place of a refresh that has not ended and is in one of some states;
// otherwise the error is that there is none (facts/apis.md 2; the text unverified).
func (g *group) running(in ...types.InstanceRefreshStatus) (int, error) {
	n := slices.IndexFunc(g.refreshes, func(r types.InstanceRefresh) bool { return slices.Contains(in, r.Status) })
	if n < 0 {
		return n, fail(&types.ActiveInstanceRefreshNotFoundFault{Message: aws.String("No in progress or pending Instance Refresh found for Auto Scaling group " + g.name())})
	}
	return n, nil
}

// cancelInstanceRefresh ends a refresh or a rollback. Nothing is undone (doc of
// CancelInstanceRefresh). One that is cancelled already cannot be again (unverified).
func cancelInstanceRefresh(m *awssim.Moment, s *state, in *cancelInput) (*cancelOutput, error) {
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	n, err := g.running(types.InstanceRefreshStatusPending, types.InstanceRefreshStatusInProgress, types.InstanceRefreshStatusBaking, types.InstanceRefreshStatusRollbackInProgress)
	if err != nil {
		return nil, err
	}
	g.refreshes = slices.Clone(g.refreshes)
	r := &g.refreshes[n]
	r.Status, r.StatusReason = types.InstanceRefreshStatusCancelling, aws.String("Cancelled due to user request.") // unverified
	if g.run.id != "" {
		g.run.waits = in.WaitForTransitioningInstances == nil || *in.WaitForTransitioningInstances
		g.run.progressed, g.run.paused = m.Now, m.Now
	}
	s.put(g)
	s.soon(m, g.name())
	return &cancelOutput{InstanceRefreshId: r.InstanceRefreshId}, nil
}

// rollbackInstanceRefresh begins at once (doc of RollbackInstanceRefresh).
func rollbackInstanceRefresh(m *awssim.Moment, s *state, in *rollbackInput) (*rollbackOutput, error) {
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	n, err := g.running(types.InstanceRefreshStatusPending, types.InstanceRefreshStatusInProgress, types.InstanceRefreshStatusBaking)
	if err != nil {
		return nil, err
	}
	if why := s.irreversible(m, g, g.refreshes[n]); why != "" { // the text unverified
		return nil, fail(&types.IrreversibleInstanceRefreshFault{Message: aws.String("The Instance Refresh cannot be rolled back: " + why)})
	}
	g.refreshes = slices.Clone(g.refreshes)
	id := g.refreshes[n].InstanceRefreshId
	if g.run.id != "" {
		t := &tending{state: s, m: m, group: &g}
		t.rollBack("Rollback was initiated by user request.") // unverified
	}
	s.put(g)
	s.soon(m, g.name())
	return &rollbackOutput{InstanceRefreshId: id}, nil
}

// What CloudTrail has of the answers is unverified.
func startInstanceRefreshRecord(_ *awssim.Moment, in *startInput, out *startOutput) (request, response any) {
	return awssim.LowerCamel(in), awssim.LowerCamel(out)
}

func cancelInstanceRefreshRecord(_ *awssim.Moment, in *cancelInput, out *cancelOutput) (request, response any) {
	return awssim.LowerCamel(in), awssim.LowerCamel(out)
}

func rollbackInstanceRefreshRecord(_ *awssim.Moment, in *rollbackInput, out *rollbackOutput) (request, response any) {
	return awssim.LowerCamel(in), awssim.LowerCamel(out)
}
