package routefailover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// memberStates puts what was read into the configured order of preference.
// Instances found by tag are ordered by id, so that the order never changes.
func memberStates(c Config, found [][]types.Instance) []MemberState {
	byID := map[string]types.Instance{}
	for _, instances := range found {
		for _, in := range instances {
			byID[aws.ToString(in.InstanceId)] = in
		}
	}
	var states []MemberState
	taken := map[string]bool{}
	for i, m := range c.Members {
		if m.Instance != "" {
			taken[m.Instance] = true
			in, ok := byID[m.Instance]
			states = append(states, memberState(m, m.Instance, in, ok))
			continue
		}
		var ids []string
		for _, in := range found[i] {
			ids = append(ids, aws.ToString(in.InstanceId))
		}
		slices.Sort(ids)
		for _, id := range ids {
			if !taken[id] {
				taken[id] = true
				states = append(states, memberState(m, id, byID[id], true))
			}
		}
	}
	return states
}

func memberState(m Member, id string, in types.Instance, found bool) MemberState {
	s := MemberState{Instance: id, State: gone}
	if found {
		s.VPC = aws.ToString(in.VpcId)
		s.Launched = aws.ToTime(in.LaunchTime)
		if in.State != nil {
			s.State = string(in.State.Name)
		}
		if in.Placement != nil {
			s.Zone = aws.ToString(in.Placement.AvailabilityZone)
		}
	}
	attached := map[string]Interface{}
	for _, n := range in.NetworkInterfaces {
		a := Interface{
			ID: aws.ToString(n.NetworkInterfaceId), Pair: mainPair, SourceDestCheck: aws.ToBool(n.SourceDestCheck),
			Attached: n.Attachment != nil && n.Attachment.Status == types.AttachmentStatusAttached,
		}
		if n.Attachment != nil {
			a.Pair = pairOf(m, int(aws.ToInt32(n.Attachment.DeviceIndex)))
		}
		attached[a.ID] = a
	}
	named := m.Interfaces
	if m.Interface != "" {
		named = map[string]string{mainPair: m.Interface}
	}
	if len(named) > 0 {
		for pair, id := range named {
			n := attached[id] // not attached: the zero value
			n.Pair, n.ID = pair, id
			s.Interfaces = append(s.Interfaces, n)
		}
	} else {
		for _, n := range attached {
			if n.Pair != "" {
				s.Interfaces = append(s.Interfaces, n)
			}
		}
	}
	slices.SortFunc(s.Interfaces, func(a, b Interface) int { return strings.Compare(a.Pair, b.Pair) })
	return s
}

// pairOf names the interface at a device index; "" leaves it out, because the
// member names its devices and this is none of them.
func pairOf(m Member, index int) string {
	if len(m.Devices) > 0 {
		for name, i := range m.Devices {
			if i == index {
				return name
			}
		}
		return ""
	}
	if index == 0 {
		return mainPair
	}
	return fmt.Sprintf("device-%d", index)
}
