package autoscaling

// Groups: made, changed, ended. Not modelled: names that are not allowed; the
// current size, which is taken to be the desired capacity; that a group is checked
// against its subnets.

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// How long a group with instances is still shown once it is deleted by force, in
// the state it then shows (both unverified).
const (
	deleting       = time.Minute
	deletingStatus = "Delete in progress"
)

func createAutoScalingGroup(m *awssim.Moment, s *state, in *createInput) (*createOutput, error) {
	name := aws.ToString(in.AutoScalingGroupName)
	if old, ok := s.get(name); ok { // facts/apis.md 2; the texts lib:62464145583 and lib:19276738122
		text := "AutoScalingGroup by this name already exists - A group with the name " + name + " already exists"
		if old.Status != nil {
			text = "AutoScalingGroup by this name already exists and is pending delete"
		}
		return nil, fail(&types.AlreadyExistsFault{Message: aws.String(text)})
	}
	given := source{in.LaunchTemplate, in.MixedInstancesPolicy, in.LaunchConfigurationName}
	if given.count() != 1 { // moto 0af643a5 models.py, AWS text unverified
		return nil, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	}
	if len(in.AvailabilityZones) == 0 && aws.ToString(in.VPCZoneIdentifier) == "" { // unverified
		return nil, invalid("At least one Availability Zone or VPC Subnet is required.")
	}
	g, err := s.from(m, group{}, given)
	if err != nil {
		return nil, err
	}
	g.AutoScalingGroupName = aws.String(name)
	if g, err = sized(g, in.MinSize, in.MaxSize, in.DesiredCapacity); err != nil {
		return nil, err
	}
	// The defaults are those of the doc of CreateAutoScalingGroupInput.
	g.CreatedTime = aws.Time(m.Now)
	g.AutoScalingGroupARN = aws.String(m.ARN("autoscaling", "autoScalingGroup:"+m.UUID("group")+":autoScalingGroupName/"+name))
	g.AvailabilityZones = slices.Clone(in.AvailabilityZones)
	if len(g.AvailabilityZones) == 0 {
		g.AvailabilityZones = []string{m.Region() + "a"}
	}
	g.VPCZoneIdentifier = deep(in.VPCZoneIdentifier)
	g.HealthCheckType = aws.String(cmp.Or(aws.ToString(in.HealthCheckType), "EC2"))
	g.HealthCheckGracePeriod = aws.Int32(aws.ToInt32(in.HealthCheckGracePeriod))
	g.DefaultCooldown = aws.Int32(300)
	if in.DefaultCooldown != nil {
		g.DefaultCooldown = deep(in.DefaultCooldown)
	}
	g.TerminationPolicies = []string{"Default"}
	if len(in.TerminationPolicies) > 0 {
		g.TerminationPolicies = slices.Clone(in.TerminationPolicies)
	}
	g.NewInstancesProtectedFromScaleIn = aws.Bool(aws.ToBool(in.NewInstancesProtectedFromScaleIn))
	g.CapacityRebalance = deep(in.CapacityRebalance)
	g.Tags = tagged(name, nil, in.Tags)
	s.put(g)
	s.soon(m, name)
	return &createOutput{}, nil
}

// updateAutoScalingGroup changes what is given and nothing else (facts/apis.md 2).
func updateAutoScalingGroup(m *awssim.Moment, s *state, in *updateInput) (*updateOutput, error) {
	given := source{in.LaunchTemplate, in.MixedInstancesPolicy, in.LaunchConfigurationName}
	if given.count() > 1 { // moto 0af643a5 models.py, AWS text unverified
		return nil, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName or MixedInstancesPolicy parameter.")
	}
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if given.count() > 0 && slices.ContainsFunc(g.refreshes, locks) { // Auto Scaling User Guide (lib:70555057812), also of a request that changes nothing: unverified
		return nil, invalid("An active instance refresh with a desired configuration exists. All configuration options derived from the desired configuration are not available for update while the instance refresh is active.")
	}
	if g, err = s.from(m, g, given); err != nil {
		return nil, err
	}
	if g, err = sized(g, in.MinSize, in.MaxSize, in.DesiredCapacity); err != nil {
		return nil, err
	}
	if len(in.AvailabilityZones) > 0 {
		g.AvailabilityZones = slices.Clone(in.AvailabilityZones)
	}
	if len(in.TerminationPolicies) > 0 {
		g.TerminationPolicies = slices.Clone(in.TerminationPolicies)
	}
	g.VPCZoneIdentifier = deep(cmp.Or(in.VPCZoneIdentifier, g.VPCZoneIdentifier))
	g.HealthCheckType = deep(cmp.Or(in.HealthCheckType, g.HealthCheckType))
	g.HealthCheckGracePeriod = deep(cmp.Or(in.HealthCheckGracePeriod, g.HealthCheckGracePeriod))
	g.DefaultCooldown = deep(cmp.Or(in.DefaultCooldown, g.DefaultCooldown))
	g.NewInstancesProtectedFromScaleIn = deep(cmp.Or(in.NewInstancesProtectedFromScaleIn, g.NewInstancesProtectedFromScaleIn))
	g.CapacityRebalance = deep(cmp.Or(in.CapacityRebalance, g.CapacityRebalance))
	g.failures, g.retry = 0, time.Time{}
	s.put(g)
	s.soon(m, g.name())
	return &updateOutput{}, nil
}

// sized sets the sizes that are given. The desired capacity follows the bounds
// (doc of UpdateAutoScalingGroup; the texts of the errors unverified).
func sized(g group, least, most, desired *int32) (group, error) {
	low, high := aws.ToInt32(cmp.Or(least, g.MinSize)), aws.ToInt32(cmp.Or(most, g.MaxSize))
	want := aws.ToInt32(cmp.Or(desired, g.DesiredCapacity))
	if desired == nil {
		if least != nil {
			want = max(want, low)
		}
		if most != nil {
			want = min(want, high)
		}
	}
	switch {
	case high < low:
		return g, invalid("Max bound, %d, must be greater than or equal to min bound, %d", high, low)
	case want < low || want > high:
		return g, invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", want, low, high)
	}
	g.MinSize, g.MaxSize, g.DesiredCapacity = aws.Int32(low), aws.Int32(high), aws.Int32(want)
	return g, nil
}

// deleteAutoScalingGroup ends a group with instances only by force, and then not
// at once (doc of DeleteAutoScalingGroup; the text unverified).
func deleteAutoScalingGroup(m *awssim.Moment, s *state, in *deleteInput) (*deleteOutput, error) {
	g, err := s.need(in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	switch {
	case len(g.Instances) == 0:
		s.remove(g.name())
		return &deleteOutput{}, nil
	case !aws.ToBool(in.ForceDelete):
		return nil, fail(&types.ResourceInUseFault{Message: aws.String("You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")})
	}
	g.Instances = deep(g.Instances)
	for i := range g.Instances {
		g.Instances[i].LifecycleState = types.LifecycleStateTerminating
		if id := *g.Instances[i].InstanceId; s.tends(g) {
			s.options.Instances.Terminate(m, id)
		}
	}
	g.Status = aws.String(deletingStatus)
	s.put(g)
	m.After(deleting, func(*awssim.Moment) { s.remove(g.name()) })
	return &deleteOutput{}, nil
}

const groupResource = "auto-scaling-group"

// createOrUpdateTags sets tags of several groups, by key.
func createOrUpdateTags(_ *awssim.Moment, s *state, in *tagsInput) (*tagsOutput, error) {
	changed := map[string]group{}
	for _, t := range in.Tags {
		if aws.ToString(t.ResourceType) != groupResource { // unverified
			return nil, invalid("The type '%s' is not a valid type of resource", aws.ToString(t.ResourceType))
		}
		name := aws.ToString(t.ResourceId)
		g, ok := changed[name]
		if !ok {
			var err error
			if g, err = s.need(t.ResourceId); err != nil {
				return nil, err
			}
		}
		g.Tags = tagged(name, g.Tags, []types.Tag{t})
		changed[name] = g
	}
	for _, g := range changed {
		s.put(g)
	}
	return &tagsOutput{}, nil
}

// tagged is the tags of a group, sorted by key, after some more were set.
func tagged(name string, old []types.TagDescription, more []types.Tag) []types.TagDescription {
	set := slices.Clone(old)
	for _, t := range more {
		set = slices.DeleteFunc(set, func(o types.TagDescription) bool { return *o.Key == aws.ToString(t.Key) })
		set = append(set, types.TagDescription{
			Key: aws.String(aws.ToString(t.Key)), Value: aws.String(aws.ToString(t.Value)), PropagateAtLaunch: aws.Bool(aws.ToBool(t.PropagateAtLaunch)),
			ResourceId: aws.String(name), ResourceType: aws.String(groupResource),
		})
	}
	slices.SortFunc(set, func(a, b types.TagDescription) int { return strings.Compare(*a.Key, *b.Key) })
	return set
}
