package groupfollowstemplate

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
)

type turn = automation.Turn[Config, State]

// An event can be ahead of what a read returns. Where that matters, the read is
// repeated this often and for this long before it is believed.
const (
	rereadEvery = 500 * time.Millisecond
	rereadFor   = 5 * time.Second
)

func observe(ctx context.Context, t *turn) error {
	state, _, err := read(ctx, t)
	if err != nil {
		return err
	}
	state.Refreshing, state.Wrote = t.State.Refreshing, t.State.Wrote // learned by the step
	t.State = state
	what := doubtful(t.Config, state, t.Events, t.Clock.Now())
	if what == "" {
		return nil
	}
	return t.Await("a read of "+what+" that agrees with the event", rereadEvery, rereadFor)
}

// read asks AWS for the groups and, for newest-number, for the templates that
// they launch from. The groups are returned in full, too, by name. It leaves the
// turn's state alone.
func read(ctx context.Context, t *turn) (State, map[string]types.AutoScalingGroup, error) {
	state := State{Observed: t.Clock.Now()}
	found, err := describeGroups(ctx, t)
	if err != nil {
		return State{}, nil, err
	}
	full := map[string]types.AutoScalingGroup{}
	for _, g := range found {
		if name := aws.ToString(g.AutoScalingGroupName); t.Config.chooses(name, tagsOf(g)) {
			full[name] = g
			state.Groups = append(state.Groups, groupOf(g))
		}
	}
	sortGroups(state.Groups)
	if t.Config.Version == NewestNumber {
		if state.Templates, err = describeTemplates(ctx, t, state.Groups); err != nil {
			return State{}, nil, err
		}
	}
	return state, full, nil
}

// groupOf is what is worth knowing of a group.
func groupOf(g types.AutoScalingGroup) Group {
	s := Group{
		Name:          aws.ToString(g.AutoScalingGroupName),
		Status:        aws.ToString(g.Status),
		Configuration: aws.ToString(g.LaunchConfigurationName),
	}
	if spec := launchtemplate.SpecOf(g); spec != nil {
		s.Template, s.TemplateName = aws.ToString(spec.LaunchTemplateId), aws.ToString(spec.LaunchTemplateName)
		s.Version = aws.ToString(spec.Version)
	}
	if p := g.MixedInstancesPolicy; p != nil && p.LaunchTemplate != nil {
		for _, o := range p.LaunchTemplate.Overrides {
			if spec := o.LaunchTemplateSpecification; spec != nil {
				s.Own++
				s.Beside = append(s.Beside, version.Of(cmp.Or(aws.ToString(spec.LaunchTemplateId), aws.ToString(spec.LaunchTemplateName)), cmp.Or(aws.ToString(spec.Version), string(Default))))
			}
		}
	}
	return s
}

func tagsOf(g types.AutoScalingGroup) map[string]string {
	tags := map[string]string{}
	for _, t := range g.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags
}
