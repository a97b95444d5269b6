package routefailover

import (
	"maps"
	"slices"

	"github.com/droverhq/drover/internal/iam"
)

// Describes have no resource-level permissions: only the region narrows them.
func observeNeeds(c Config) []iam.Need {
	here := []iam.Condition{{Operator: "StringEquals", Key: "ec2:Region", Values: []string{"${Region}"}}}
	needs := []iam.Need{
		{Actions: []string{"ec2:DescribeInstances"}, Conditions: here, Why: "see which members run"},
		{Actions: []string{"ec2:DescribeRouteTables"}, Conditions: here, Why: "see which routes target a member"},
	}
	if c.Health == HealthStatusChecks {
		needs = append(needs, iam.Need{Actions: []string{"ec2:DescribeInstanceStatus"}, Conditions: here, Why: "see which members pass their status checks"})
	}
	if c.Prefer == PreferZone {
		needs = append(needs, iam.Need{Actions: []string{"ec2:DescribeSubnets"}, Conditions: here, Why: "see in which zone a route table is used"})
	}
	if c.Routes.Orphaned == OrphanedTake {
		needs = append(needs, iam.Need{Actions: []string{"ec2:DescribeNetworkInterfaces"}, Conditions: here, Why: "see which blackholes point at an interface that no longer exists"})
	}
	return needs
}

func moveNeeds(c Config) []iam.Need {
	inVPC := iam.Condition{Operator: "ArnLike", Key: "ec2:Vpc", Values: []string{"arn:${Partition}:ec2:${Region}:${Account}:vpc/" + c.VPC}}
	replace := iam.Need{
		Actions:    []string{"ec2:ReplaceRoute"},
		Resources:  arns("route-table", c.Routes.Tables),
		Conditions: []iam.Condition{inVPC},
		Why:        "move routes",
	}
	for _, k := range slices.Sorted(maps.Keys(c.Routes.TableTags)) {
		replace.Conditions = append(replace.Conditions, iam.Condition{
			Operator: "StringEquals", Key: "aws:ResourceTag/" + k, Values: []string{c.Routes.TableTags[k]},
		})
	}
	needs := []iam.Need{replace}
	if c.SourceDestCheck == CheckRepair {
		needs = append(needs, iam.Need{
			Actions:   []string{"ec2:ModifyNetworkInterfaceAttribute"},
			Resources: arns("network-interface", interfaceIDs(c)),
			Conditions: []iam.Condition{
				inVPC,
				{Operator: "StringEquals", Key: "ec2:Attribute", Values: []string{"SourceDestCheck"}},
			},
			Why: "turn off the source/destination check of the next member",
		})
	}
	return needs
}

// arns names the resources of a type; all of them if ids are not known.
func arns(kind string, ids []string) []string {
	if len(ids) == 0 {
		ids = []string{"*"}
	}
	var all []string
	for _, id := range ids {
		all = append(all, "arn:${Partition}:ec2:${Region}:${Account}:"+kind+"/"+id)
	}
	return all
}

// interfaceIDs are the members' interfaces, if every member lists its own.
func interfaceIDs(c Config) []string {
	var ids []string
	for _, m := range c.Members {
		switch {
		case m.Interface != "":
			ids = append(ids, m.Interface)
		case len(m.Interfaces) > 0:
			ids = append(ids, slices.Collect(maps.Values(m.Interfaces))...)
		default:
			return nil
		}
	}
	slices.Sort(ids)
	return ids
}
