package autoscaling

import (
	"strings"
	"time"

	"github.com/droverhq/drover/internal/awssim"
)

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

// Launch is an instance that a group wants: of a version of a template, which is
// looked up by its id, in a subnet. Image and Type are the template's unless given.
type Launch struct {
	Group, Template     string
	Version             int64
	Subnet, Image, Type string
	Tags                map[string]string // those of the group that are propagated
}

// Launched is the instance that a group got.
type Launched struct{ ID, Image, Type, Zone string }

// Health is what Auto Scaling asks of an instance. One that is neither Pending nor
// Running is lost to its group.
type Health struct {
	Pending, Running bool
	Terminated       bool // and not merely on its way there
	Impaired         bool // runs, and fails its checks
}

// Instances is what Auto Scaling does in EC2. All of it happens with the world
// locked, and in the moment that is given.
type Instances struct {
	Launch    func(m *awssim.Moment, l Launch) (Launched, error)
	Terminate func(m *awssim.Moment, id string)
	Health    func(m *awssim.Moment, id string) Health
	// Watch has f called whenever the health of any instance has changed.
	Watch func(f func(m *awssim.Moment, id string))
}

// Times say how long what Auto Scaling does takes. AWS promises none of them; but
// for the last, which is one hour where it waits for instances that are protected
// or on standby (doc of types.RefreshPreferences), the defaults are unverified.
// Zero is the default.
type Times struct {
	InService time.Duration // from running to InService; 5 s
	Notice    time.Duration // until an instance that is lost or fails its checks is found unhealthy; 1 min
	Begin     time.Duration // of an instance refresh, from Pending to InProgress; 10 s
	Patience  time.Duration // of an instance refresh that gets no further; 1 h
}

// Options of the service. What is nil is not looked at.
type Options struct {
	// Templates looks templates up. Without it, nobody checks whether one exists,
	// and what is shown of it is what was asked for.
	Templates Templates
	// Instances launches what groups want to have. Without its Launch, which takes
	// Templates, groups have no instances but those that a scene gives them.
	Instances Instances
	Times     Times
}

// Service is EC2 Auto Scaling in one world.
type Service struct {
	options Options
	store   *awssim.Store[*state]
}

// New makes the service for [awssim.New].
func New(o Options) *Service {
	orDefault := func(d *time.Duration, usual time.Duration) {
		if *d == 0 {
			*d = usual
		}
	}
	orDefault(&o.Times.InService, 5*time.Second)
	orDefault(&o.Times.Notice, time.Minute)
	orDefault(&o.Times.Begin, 10*time.Second)
	orDefault(&o.Times.Patience, time.Hour)
	return &Service{options: o}
}

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
	st := awssim.NewStore(w, "autoscaling", newState(s.options), (*state).clone)
	s.store = st

	awssim.Write(st, createAutoScalingGroup, append([]string{"Tags"}, models...)...)
	awssim.Write(st, updateAutoScalingGroup, models...)
	awssim.Write(st, deleteAutoScalingGroup, "AutoScalingGroupName", "ForceDelete")
	awssim.Write(st, createOrUpdateTags, "Tags")
	awssim.Read(st, describeAutoScalingGroups, "AutoScalingGroupNames", "Filters", "IncludeInstances", "MaxRecords", "NextToken")
	awssim.Read(st, describeAutoScalingInstances, "InstanceIds", "MaxRecords", "NextToken")
	awssim.Read(st, describeInstanceRefreshes, "AutoScalingGroupName", "InstanceRefreshIds", "MaxRecords", "NextToken")

	awssim.Write(st, suspendProcesses, "AutoScalingGroupName", "ScalingProcesses")
	awssim.Write(st, resumeProcesses, "AutoScalingGroupName", "ScalingProcesses")
	awssim.Write(st, setInstanceProtection, "AutoScalingGroupName", "InstanceIds", "ProtectedFromScaleIn")
	awssim.Write(st, enterStandby, "AutoScalingGroupName", "InstanceIds", "ShouldDecrementDesiredCapacity")
	awssim.Write(st, exitStandby, "AutoScalingGroupName", "InstanceIds")

	desired := []string{"AutoScalingGroupName", "Strategy", "Preferences", "DesiredConfiguration.LaunchTemplate"}
	for _, path := range models {
		if strings.HasPrefix(path, "MixedInstancesPolicy.") {
			desired = append(desired, "DesiredConfiguration."+path)
		}
	}
	awssim.Write(st, startInstanceRefresh, desired...)
	awssim.Write(st, cancelInstanceRefresh, "AutoScalingGroupName", "WaitForTransitioningInstances")
	awssim.Write(st, rollbackInstanceRefresh, "AutoScalingGroupName")

	awssim.Requests(st, createAutoScalingGroupPermissions)
	awssim.Requests(st, updateAutoScalingGroupPermissions)
	awssim.Requests(st, deleteAutoScalingGroupPermissions)
	awssim.Requests(st, createOrUpdateTagsPermissions)
	awssim.Requests(st, suspendProcessesPermissions)
	awssim.Requests(st, resumeProcessesPermissions)
	awssim.Requests(st, setInstanceProtectionPermissions)
	awssim.Requests(st, enterStandbyPermissions)
	awssim.Requests(st, exitStandbyPermissions)
	awssim.Requests(st, startInstanceRefreshPermissions)
	awssim.Requests(st, cancelInstanceRefreshPermissions)
	awssim.Requests(st, rollbackInstanceRefreshPermissions)
	awssim.OtherRequests(st, anywhere)

	awssim.Trails(st, requestOnly[createInput, createOutput])
	awssim.Trails(st, requestOnly[updateInput, updateOutput])
	awssim.Trails(st, requestOnly[deleteInput, deleteOutput])
	awssim.Trails(st, requestOnly[tagsInput, tagsOutput])
	awssim.Trails(st, requestOnly[suspendInput, suspendOutput])
	awssim.Trails(st, requestOnly[resumeInput, resumeOutput])
	awssim.Trails(st, requestOnly[protectInput, protectOutput])
	awssim.Trails(st, requestOnly[standbyInput, standbyOutput])
	awssim.Trails(st, requestOnly[returnInput, returnOutput])
	awssim.Trails(st, startInstanceRefreshRecord)
	awssim.Trails(st, cancelInstanceRefreshRecord)
	awssim.Trails(st, rollbackInstanceRefreshRecord)

	if watch := s.options.Instances.Watch; watch != nil {
		watch(s.notice)
	}
}

// requestOnly is how the calls of Auto Scaling show in CloudTrail: what they
// answer is never there (facts/events.md 4); what the calls
// about refreshes answer is (unverified).
func requestOnly[In, Out any](_ *awssim.Moment, in *In, _ *Out) (request, response any) {
	return awssim.LowerCamel(in), nil
}
