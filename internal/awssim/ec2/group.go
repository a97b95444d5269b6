package ec2

// What EC2 Auto Scaling does in EC2. It acts in the moment of its own changes, with
// the world locked. CloudTrail names it as the caller (the form of such records
// unverified). Not modelled: that it is throttled, and the permissions of its role.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

const autoScaling = "autoscaling.amazonaws.com"

// GroupLaunch is an instance that a group wants.
type GroupLaunch struct {
	Group    string
	Template string // by its id
	Version  int64
	Subnet   string
	// Image and Type are the template's unless given.
	Image, Type string
	Tags        map[string]string // beside the one that names the group
}

// GroupInstance is an instance that a group got.
type GroupInstance struct{ ID, Image, Type, Zone string }

// LaunchForGroup launches an instance of a group. Errors are those of RunInstances.
// The tag aws:autoscaling:groupName says whose it is.
func (s *Service) LaunchForGroup(m *awssim.Moment, l GroupLaunch) (launched GroupInstance, err error) {
	in := &ec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: types.InstanceType(l.Type),
		LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String(l.Template), Version: aws.String(strconv.FormatInt(l.Version, 10))},
	}
	if l.Subnet != "" {
		in.SubnetId = aws.String(l.Subnet)
	}
	if l.Image != "" {
		in.ImageId = aws.String(l.Image)
	}
	tags := []types.Tag{{Key: aws.String("aws:autoscaling:groupName"), Value: aws.String(l.Group)}}
	for key, value := range l.Tags {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	slices.SortFunc(tags, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: tags}}
	s.store.Within(m, func(m *awssim.Moment, st *state) {
		m.Operation, m.Actor, m.RequestID = "ec2:RunInstances", autoScaling, m.UUID("request")
		var out *ec2.RunInstancesOutput
		if out, err = runInstances(m, st, in); err != nil {
			return
		}
		i := out.Instances[0]
		launched = GroupInstance{ID: *i.InstanceId, Image: *i.ImageId, Type: string(i.InstanceType), Zone: *i.Placement.AvailabilityZone}
		request := tagSpecifications(awssim.LowerCamel(in).(members), in.TagSpecifications)
		m.Trail(awssim.TrailRecord{
			Source: "ec2.amazonaws.com", Name: "RunInstances", Request: request,
			Response: members{"requestId": m.RequestID, "instancesSet": members{"items": []any{members{"instanceId": launched.ID, "imageId": launched.Image}}}},
		})
	})
	return launched, err
}

// TerminateForGroup ends an instance of a group, if there still is one.
func (s *Service) TerminateForGroup(m *awssim.Moment, id string) {
	s.store.Within(m, func(m *awssim.Moment, st *state) {
		m.Operation, m.Actor, m.RequestID = "ec2:TerminateInstances", autoScaling, m.UUID("request")
		if _, err := terminateInstances(m, st, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
			return // it is gone
		}
		m.Trail(awssim.TrailRecord{
			Source: "ec2.amazonaws.com", Name: "TerminateInstances", Request: members{"instancesSet": members{"items": []any{members{"instanceId": id}}}},
			Response: members{"requestId": m.RequestID},
		})
	})
}

// InstanceState is what is to be known of an instance to judge its health. One that
// is no longer shown is terminated.
type InstanceState struct {
	Name     types.InstanceStateName
	Impaired bool // its checks fail, see [Service.FailChecks]
}

// InstanceState is the state of an instance at present.
func (s *Service) InstanceState(m *awssim.Moment, id string) InstanceState {
	i, ok := s.store.At(m).instances.get(id)
	if !ok {
		return InstanceState{Name: types.InstanceStateNameTerminated}
	}
	return InstanceState{i.state, i.impaired}
}

// WatchInstances has f called at every moment at which the state of an instance has
// changed, or its health, with the world locked: f may change the state of its own
// service, by [awssim.Store.Within]. No state is passed over. It is for other services,
// when they are attached.
func (s *Service) WatchInstances(f func(m *awssim.Moment, id string, state types.InstanceStateName)) {
	s.watchers = append(s.watchers, f)
}

func (s *Service) tellWatchers(m *awssim.Moment, st *state) {
	if len(s.watchers) == 0 {
		return
	}
	var changed []string
	for _, i := range st.instances.rows {
		if now := (InstanceState{i.state, i.impaired}); s.watched[i.id] != now {
			s.watched[i.id] = now
			changed = append(changed, i.id)
		}
	}
	for _, id := range changed {
		for _, f := range s.watchers {
			f(m, id, s.watched[id].Name)
		}
	}
}
