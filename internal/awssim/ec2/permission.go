package ec2

// The permissions of calls that can be restricted to resources, as
// shared/facts/iam.json has them: the required resource types, each with its own
// condition keys. Every other call asks for "*", which is right for all
// Describe operations and a simplification for the rest, which only set scenes.

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/awssim"
)

func anywhere(m *awssim.Moment) []awssim.Request {
	return []awssim.Request{{Resource: "*", Context: map[string][]string{"ec2:Region": {m.Region()}}}}
}

// conditions are the keys that every resource has: the Region and its tags.
func (s *state) conditions(m *awssim.Moment, resource string) map[string][]string {
	keys := map[string][]string{"ec2:Region": {m.Region()}}
	row, _ := s.tags.get(resource)
	for _, t := range row.tags {
		keys["aws:ResourceTag/"+t.key] = []string{t.value}
		keys["ec2:ResourceTag/"+t.key] = []string{t.value}
	}
	return keys
}

func (s *state) routePermissions(m *awssim.Moment, table *string) []awssim.Request {
	id := aws.ToString(table)
	keys := s.conditions(m, id)
	keys["ec2:RouteTableID"] = []string{id}
	if t, ok := s.routeTables.get(id); ok {
		keys["ec2:Vpc"] = []string{m.ARN("ec2", "vpc/"+t.vpc)}
	}
	return []awssim.Request{{Resource: m.ARN("ec2", "route-table/"+id), Context: keys}}
}

func createRoutePermissions(m *awssim.Moment, s *state, in *ec2.CreateRouteInput) []awssim.Request {
	return s.routePermissions(m, in.RouteTableId)
}

func replaceRoutePermissions(m *awssim.Moment, s *state, in *ec2.ReplaceRouteInput) []awssim.Request {
	return s.routePermissions(m, in.RouteTableId)
}

func deleteRoutePermissions(m *awssim.Moment, s *state, in *ec2.DeleteRouteInput) []awssim.Request {
	return s.routePermissions(m, in.RouteTableId)
}

func modifyNetworkInterfaceAttributePermissions(m *awssim.Moment, s *state, in *ec2.ModifyNetworkInterfaceAttributeInput) []awssim.Request {
	id := aws.ToString(in.NetworkInterfaceId)
	keys := s.conditions(m, id)
	keys["ec2:NetworkInterfaceID"] = []string{id}
	if n, ok := s.interfaces.get(id); ok {
		keys["ec2:AvailabilityZone"] = []string{n.zone}
		keys["ec2:Subnet"] = []string{m.ARN("ec2", "subnet/"+n.subnet)}
		keys["ec2:Vpc"] = []string{m.ARN("ec2", "vpc/"+n.vpc)}
	}
	if in.SourceDestCheck != nil {
		keys["ec2:Attribute"] = append(keys["ec2:Attribute"], "SourceDestCheck")
		keys["ec2:Attribute/SourceDestCheck"] = []string{strconv.FormatBool(aws.ToBool(in.SourceDestCheck.Value))}
	}
	if in.Attachment != nil {
		keys["ec2:Attribute"] = append(keys["ec2:Attribute"], "Attachment")
	}
	return []awssim.Request{{Resource: m.ARN("ec2", "network-interface/"+id), Context: keys}}
}
