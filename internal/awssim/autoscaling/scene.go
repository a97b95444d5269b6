package autoscaling

// What tests and scenarios can see and do beside the API.

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Groups are all groups, by name.
func (s *Service) Groups() []types.AutoScalingGroup {
	var all []types.AutoScalingGroup
	s.store.View(func(st *state) {
		for _, g := range st.groups {
			all = append(all, deep(g.AutoScalingGroup))
		}
	})
	return all
}

// Group is the group of a name, and whether there is one.
func (s *Service) Group(name string) (shown types.AutoScalingGroup, found bool) {
	s.store.View(func(st *state) {
		var g group
		g, found = st.get(name)
		shown = deep(g.AutoScalingGroup)
	})
	return shown, found
}

// Create makes a group as somebody else does, whom CloudTrail names (see
// [awssim.TrailRecord]): a service such as "cloudformation.amazonaws.com", a role
// or a user. It is no call: no gate, no fault, no permission. Sizes are 1 unless
// given, and the zone is the first of the region.
func (s *Service) Create(actor string, in *createInput) error {
	whole := *in
	whole.MinSize = cmp.Or(whole.MinSize, aws.Int32(1))
	whole.MaxSize = cmp.Or(whole.MaxSize, whole.MinSize)
	return act(s, actor, "CreateAutoScalingGroup", &whole, append([]string{"Tags"}, models...), func(m *awssim.Moment, st *state) error {
		if len(whole.AvailabilityZones) == 0 && whole.VPCZoneIdentifier == nil {
			whole.AvailabilityZones = []string{m.Region() + "a"}
		}
		_, err := createAutoScalingGroup(m, st, &whole)
		return err
	})
}

// Update changes a group as somebody else does, under the terms of
// [Service.Create]. CloudFormation for one writes the version of its own text
// again with whatever else it updates (measured by lib:59008117641).
func (s *Service) Update(actor string, in *updateInput) error {
	return act(s, actor, "UpdateAutoScalingGroup", in, models, func(m *awssim.Moment, st *state) error {
		_, err := updateAutoScalingGroup(m, st, in)
		return err
	})
}

// act does what the operation of that name does, and has CloudTrail tell of it if
// it succeeds.
func act[In any](s *Service, actor, operation string, in *In, models []string, do func(*awssim.Moment, *state) error) (err error) {
	if err := modelled(in, models); err != nil {
		return fmt.Errorf("%s by %s: %w", operation, actor, err)
	}
	s.store.Do(func(m *awssim.Moment, st *state) {
		if err = do(m, st); err != nil {
			err = fmt.Errorf("%s by %s: %w", operation, actor, err)
			return
		}
		request, _ := requestOnly(m, in, new(struct{}))
		m.Trail(awssim.TrailRecord{Source: "autoscaling.amazonaws.com", Name: operation, Actor: actor, Request: request})
	})
	return err
}

// modelled refuses what the operation itself would refuse by name.
func modelled(in any, models []string) error {
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || v.Field(i).IsZero() {
			continue
		}
		if !slices.ContainsFunc(models, func(path string) bool { return path == field.Name || strings.HasPrefix(path, field.Name+".") }) {
			return fmt.Errorf("parameter %q is not modelled", field.Name)
		}
	}
	return nil
}

// SetInstances gives a group its instances, in place of those it has. All they
// need is an id: an instance that says nothing else is healthy and in service,
// and was launched from what the group launches from now, as one that names its
// template by its version alone was launched from that version. For a version
// that is no number the world must have [Templates]. From then on the group has
// these instances and no others, whatever its sizes: nothing is launched or ended.
func (s *Service) SetInstances(name string, instances ...types.Instance) error {
	return s.with(name, func(m *awssim.Moment, st *state, g *group) error {
		g.Instances, g.members, g.staged = deep(instances), nil, true
		for n := range g.Instances {
			if err := st.equip(m, *g, &g.Instances[n]); err != nil {
				return err
			}
		}
		return nil
	})
}

// equip completes an instance of a group.
func (s *state) equip(m *awssim.Moment, g group, i *types.Instance) error {
	if aws.ToString(i.InstanceId) == "" {
		return fmt.Errorf("an instance of %s has no id", g.name())
	}
	i.AvailabilityZone = cmp.Or(i.AvailabilityZone, aws.String(g.AvailabilityZones[0]))
	i.HealthStatus = cmp.Or(i.HealthStatus, aws.String("Healthy"))
	i.LifecycleState = cmp.Or(i.LifecycleState, types.LifecycleStateInService)
	i.ProtectedFromScaleIn = cmp.Or(i.ProtectedFromScaleIn, deep(g.NewInstancesProtectedFromScaleIn))
	if i.LaunchConfigurationName != nil {
		return nil
	}
	from := g.LaunchTemplate
	if g.MixedInstancesPolicy != nil {
		from = g.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification
	}
	if from == nil && i.LaunchTemplate == nil {
		i.LaunchConfigurationName = deep(g.LaunchConfigurationName)
		return nil
	}
	named := deep(cmp.Or(i.LaunchTemplate, from))
	if from != nil && named.LaunchTemplateId == nil && named.LaunchTemplateName == nil {
		named.LaunchTemplateId, named.LaunchTemplateName = deep(from.LaunchTemplateId), deep(from.LaunchTemplateName)
	}
	i.LaunchTemplate = named
	if _, err := strconv.ParseInt(aws.ToString(named.Version), 10, 64); err == nil {
		return nil // a version may have been deleted while instances of it still run
	}
	if s.options.Templates == nil {
		return fmt.Errorf("version %q of instance %s: there are no templates to look it up in", aws.ToString(named.Version), *i.InstanceId)
	}
	t, err := s.resolve(m, named)
	if err != nil {
		return fmt.Errorf("instance %s: %w", *i.InstanceId, err)
	}
	i.LaunchTemplate = &types.LaunchTemplateSpecification{
		LaunchTemplateId: aws.String(t.ID), LaunchTemplateName: aws.String(t.Name), Version: aws.String(strconv.FormatInt(t.Number, 10)),
	}
	return nil
}

// SetRefreshes gives a group its instance refreshes, in place of those it has. A
// refresh that says nothing is in progress since now. While one with a desired
// configuration is active, nobody can change what the group launches from. No
// event tells of it.
func (s *Service) SetRefreshes(name string, refreshes ...types.InstanceRefresh) error {
	return s.with(name, func(m *awssim.Moment, _ *state, g *group) error {
		g.refreshes, g.run = deep(refreshes), run{}
		for n := range g.refreshes {
			r := &g.refreshes[n]
			r.AutoScalingGroupName = aws.String(name)
			r.InstanceRefreshId = cmp.Or(r.InstanceRefreshId, aws.String(m.UUID("refresh")))
			r.Status = cmp.Or(r.Status, types.InstanceRefreshStatusInProgress)
			r.StartTime = cmp.Or(r.StartTime, aws.Time(m.Now))
		}
		slices.SortFunc(g.refreshes, func(a, b types.InstanceRefresh) int { return strings.Compare(newestFirst(a), newestFirst(b)) })
		return nil
	})
}

// with changes something about one group, unless f fails.
func (s *Service) with(name string, f func(*awssim.Moment, *state, *group) error) (err error) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		g, ok := st.get(name)
		if !ok {
			err = fmt.Errorf("no group %q", name)
			return
		}
		if err = f(m, st, &g); err == nil {
			st.put(g)
		}
	})
	return err
}
