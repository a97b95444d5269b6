package autoscaling

import "github.com/droverhq/drover/internal/awssim"

// Template is a version of a launch template.
type Template struct {
	ID, Name string
	Number   int64
	// Image, a profile, whose role is taken to have its name, and whether what is
	// launched is tagged are what launching from it takes permissions for. Without
	// an image nobody asks for them.
	Image, Profile string
	Tagged         bool
}

// Templates is what Auto Scaling asks EC2 about launch templates: the version,
// which is a number, "$Latest" or "$Default", of the template of an id or of a
// name; one of the two is "". An error is as EC2 words it. It is called with the
// world locked: it must read EC2's state without taking the lock.
type Templates func(m *awssim.Moment, id, name, version string) (Template, error)

// Service is EC2 Auto Scaling in one world.
type Service struct {
	templates Templates
	store     *awssim.Store[*state]
}

// New makes the service for [awssim.New]. Without templates, nobody checks
// whether a template exists, and what is shown of it is what was asked for.
func New(t Templates) *Service { return &Service{templates: t} }

// What creating and updating a group model, beside what only one of them has.
var models = []string{
	"AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity",
	"LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy.LaunchTemplate",
	"MixedInstancesPolicy.InstancesDistribution.OnDemandAllocationStrategy",
	"MixedInstancesPolicy.InstancesDistribution.OnDemandBaseCapacity",
	"MixedInstancesPolicy.InstancesDistribution.OnDemandPercentageAboveBaseCapacity",
	"MixedInstancesPolicy.InstancesDistribution.SpotAllocationStrategy",
	"MixedInstancesPolicy.InstancesDistribution.SpotInstancePools",
	"MixedInstancesPolicy.InstancesDistribution.SpotMaxPrice",
	"AvailabilityZones", "VPCZoneIdentifier", "HealthCheckType", "HealthCheckGracePeriod",
	"DefaultCooldown", "TerminationPolicies", "NewInstancesProtectedFromScaleIn", "CapacityRebalance",
}

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "autoscaling", &state{templates: s.templates}, (*state).clone)
	s.store = st

	awssim.Write(st, createAutoScalingGroup, append([]string{"Tags"}, models...)...)
	awssim.Write(st, updateAutoScalingGroup, models...)
	awssim.Write(st, deleteAutoScalingGroup, "AutoScalingGroupName", "ForceDelete")
	awssim.Write(st, createOrUpdateTags, "Tags")
	awssim.Read(st, describeAutoScalingGroups, "AutoScalingGroupNames", "Filters", "IncludeInstances", "MaxRecords", "NextToken")
	awssim.Read(st, describeAutoScalingInstances, "InstanceIds", "MaxRecords", "NextToken")
	awssim.Read(st, describeInstanceRefreshes, "AutoScalingGroupName", "InstanceRefreshIds", "MaxRecords", "NextToken")

	awssim.Requests(st, createAutoScalingGroupPermissions)
	awssim.Requests(st, updateAutoScalingGroupPermissions)
	awssim.Requests(st, deleteAutoScalingGroupPermissions)
	awssim.Requests(st, createOrUpdateTagsPermissions)
	awssim.OtherRequests(st, anywhere)

	awssim.Trails(st, requestOnly[createInput, createOutput])
	awssim.Trails(st, requestOnly[updateInput, updateOutput])
	awssim.Trails(st, requestOnly[deleteInput, deleteOutput])
	awssim.Trails(st, requestOnly[tagsInput, tagsOutput])
}

// requestOnly is how the calls of Auto Scaling show in CloudTrail: what they
// answer is never there (facts/events.md 4).
func requestOnly[In, Out any](_ *awssim.Moment, in *In, _ *Out) (request, response any) {
	return awssim.LowerCamel(in), nil
}
