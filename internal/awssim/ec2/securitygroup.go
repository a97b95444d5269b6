package ec2

// Security groups. Of their rules there are those for traffic out, to blocks of
// addresses, as far as a group that lets nothing out can be told from others. Not
// modelled: rules for traffic in, ports, rules about other groups, deletion, names
// in place of ids, and groups of the default VPC.

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

type securityGroup struct {
	id, vpc, name, description string
	egress                     []egressRule
}

// egressRule lets traffic of a protocol out to a block of addresses.
type egressRule struct{ protocol, cidr string }

func (g securityGroup) key() string { return g.id }

const defaultGroup = "default" // its name

// everything is the rule that a new group has (doc of ec2 CreateSecurityGroup and
// RevokeSecurityGroupEgress).
var everything = egressRule{"-1", "0.0.0.0/0"}

// addDefaultGroup makes the group that every VPC has.
func (s *state) addDefaultGroup(m *awssim.Moment, vpc string) {
	s.groups.put(securityGroup{id: m.ID("sg"), vpc: vpc, name: defaultGroup, description: "default VPC security group", egress: []egressRule{everything}})
}

func createSecurityGroup(m *awssim.Moment, s *state, in *ec2.CreateSecurityGroupInput) (*ec2.CreateSecurityGroupOutput, error) {
	v, err := need(&s.vpcs, "vpc", in.VpcId)
	if err != nil {
		return nil, err
	}
	g := securityGroup{vpc: v.id, name: aws.ToString(in.GroupName), description: aws.ToString(in.Description), egress: []egressRule{everything}}
	if g.name == defaultGroup {
		return nil, invalid("InvalidParameterValue", "Cannot use reserved security group name: default") // unverified
	}
	if _, taken := s.groups.first(func(o securityGroup) bool { return o.vpc == g.vpc && o.name == g.name }); taken {
		return nil, invalid("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", g.name, g.vpc) // doc of ec2 CreateSecurityGroup; code unverified
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeSecurityGroup)
	if err != nil {
		return nil, err
	}
	g.id = m.ID("sg")
	s.groups.put(g)
	s.tag(g.id, tags[types.ResourceTypeSecurityGroup])
	return &ec2.CreateSecurityGroupOutput{GroupId: aws.String(g.id), Tags: s.tagSet(g.id)}, nil
}

var groupFilters = filters[securityGroup]{
	"group-id":    field(securityGroup.key),
	"group-name":  field(func(g securityGroup) string { return g.name }),
	"description": field(func(g securityGroup) string { return g.description }),
	"vpc-id":      field(func(g securityGroup) string { return g.vpc }),
}

func describeSecurityGroups(m *awssim.Moment, s *state, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	page, next, err := list(m, s, &s.groups, "sg", listing{ids: in.GroupIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000}, groupFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeSecurityGroupsOutput{NextToken: next}
	for _, g := range page {
		shown := types.SecurityGroup{
			GroupId:          aws.String(g.id),
			GroupName:        aws.String(g.name),
			Description:      aws.String(g.description),
			VpcId:            aws.String(g.vpc),
			OwnerId:          aws.String(m.Account()),
			SecurityGroupArn: aws.String(m.ARN("ec2", "security-group/"+g.id)),
			Tags:             s.tagSet(g.id),
		}
		for _, r := range g.egress {
			shown.IpPermissionsEgress = append(shown.IpPermissionsEgress, types.IpPermission{
				IpProtocol: aws.String(r.protocol), IpRanges: []types.IpRange{{CidrIp: aws.String(r.cidr)}},
			})
		}
		out.SecurityGroups = append(out.SecurityGroups, shown)
	}
	return out, nil
}

// revokeSecurityGroupEgress takes rules away, all of which must be there (doc of
// ec2 RevokeSecurityGroupEgress; code as the API's list of errors has it).
func revokeSecurityGroupEgress(_ *awssim.Moment, s *state, in *ec2.RevokeSecurityGroupEgressInput) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	g, err := need(&s.groups, "sg", in.GroupId)
	if err != nil {
		return nil, err
	}
	left := slices.Clone(g.egress)
	for _, p := range in.IpPermissions {
		for _, r := range p.IpRanges {
			at := slices.Index(left, egressRule{aws.ToString(p.IpProtocol), aws.ToString(r.CidrIp)})
			if at < 0 {
				return nil, invalid("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			left = slices.Delete(left, at, at+1)
		}
	}
	g.egress = left
	s.groups.put(g)
	return &ec2.RevokeSecurityGroupEgressOutput{Return: aws.Bool(true)}, nil
}

// groupsIn are the groups that an interface in a subnet gets: those that are named,
// which must be of its VPC (GH ansible/ansible-modules-core#347,
// QT-DevOps/DevOpsIssues#256), or the default one.
func (s *state) groupsIn(sub subnet, ids []string) ([]string, error) {
	if len(ids) == 0 {
		if g, ok := s.groups.first(func(g securityGroup) bool { return g.vpc == sub.vpc && g.name == defaultGroup }); ok {
			return []string{g.id}, nil
		}
	}
	for _, id := range ids {
		g, known := s.groups.get(id)
		if !known { // GH motdotla/node-lambda#162
			return nil, invalid("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
		if g.vpc != sub.vpc {
			return nil, invalid("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, sub.id)
		}
	}
	return slices.Clone(ids), nil
}

func (s *state) groupsOut(ids []string) []types.GroupIdentifier {
	var out []types.GroupIdentifier
	for _, id := range ids {
		g, _ := s.groups.get(id)
		out = append(out, types.GroupIdentifier{GroupId: aws.String(id), GroupName: aws.String(g.name)})
	}
	return out
}
