package script

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
)

// What is in a world of the instances of groups, and of what they are launched with.

// usualGroupMaker is who makes groups, and updates them, unless a file says otherwise.
const usualGroupMaker = "cloudformation.amazonaws.com"

// access makes what instances are launched with.
func (s *stage) access(_ context.Context, w World) error {
	for _, name := range slices.Sorted(maps.Keys(w.SecurityGroups)) {
		g := w.SecurityGroups[name]
		spec := simec2.PlacedGroup{ID: s.names.id(name), VPC: s.names.id(s.vpcName(g.VPC)), Name: name, Isolated: g.Isolated, Tags: g.Tags}
		if _, err := s.EC2.PlaceSecurityGroup(spec); err != nil {
			return err
		}
	}
	for _, name := range w.Profiles {
		s.EC2.AddInstanceProfile(name, "")
	}
	for _, name := range w.KeyPairs {
		s.EC2.AddKeyPair(name)
	}
	return nil
}

// subnet is the id of the subnet of a VPC in a zone.
func (s *stage) subnet(vpc, zone string) string { return s.names.id(s.vpcName(vpc) + "." + zone) }

// ids are those of what has names.
func (s *stage) ids(names []string) (ids []string) {
	for _, name := range names {
		ids = append(ids, s.names.id(name))
	}
	return ids
}

// groups makes the groups, which launch their instances then: those that are to be on
// standby as well.
func (s *stage) groups(_ context.Context, w World) error {
	for _, name := range slices.Sorted(maps.Keys(w.Groups)) {
		g := w.Groups[name]
		all := g.desired() + g.Standby
		in := s.newGroup(CreateGroup{Name: name, Template: g.Template, Version: g.Version, Tags: g.Tags})
		in.MinSize, in.DesiredCapacity, in.MaxSize = number(g.Min), number(all), number(max(g.most(), all))
		in.NewInstancesProtectedFromScaleIn, in.HealthCheckGracePeriod = aws.Bool(g.ProtectsNew), aws.Int32(int32(time.Duration(g.Grace).Seconds()))
		if g.most() > 0 {
			var subnets []string
			for _, zone := range g.zones() {
				subnets = append(subnets, s.subnet(g.VPC, zone))
			}
			in.VPCZoneIdentifier = aws.String(strings.Join(subnets, ","))
		}
		if err := s.AutoScaling.Create(usualGroupMaker, in); err != nil {
			return err
		}
	}
	return nil
}

// populate puts the instances of groups, which are in service, where they are to be.
func (s *stage) populate(w World) error {
	s.learn()
	for _, name := range slices.Sorted(maps.Keys(w.Groups)) {
		g := w.Groups[name]
		for n := g.desired(); n < g.desired()+g.Standby; n++ {
			if err := s.standby(member(name, n+1)); err != nil {
				return err
			}
		}
		for n := range g.Protected {
			if err := s.AutoScaling.Protect(name, s.names.id(member(name, n+1)), true); err != nil {
				return err
			}
		}
		if g.Standby > 0 && g.most() < g.desired()+g.Standby {
			if err := s.AutoScaling.Update(usualGroupMaker, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &name, MaxSize: number(g.most())}); err != nil {
				return err
			}
		}
		if len(g.Suspended) > 0 {
			if err := s.AutoScaling.Suspend(s.operator(), name, g.Suspended...); err != nil {
				return err
			}
		}
	}
	return nil
}

// operator is a person of the account, as CloudTrail names them.
func (s *stage) operator() string { return "arn:aws:iam::" + s.Account() + ":user/operator" }

// member is the name of an instance of a group, which count from 1.
func member(group string, n int) string { return fmt.Sprintf("%s/%d", group, n) }

// groupOf is the group of an instance by its name.
func groupOf(instance string) string {
	group, _, _ := strings.Cut(instance, "/")
	return group
}

func (s *stage) standby(instance string) error {
	return s.AutoScaling.EnterStandby(s.operator(), groupOf(instance), s.instance(instance))
}

// createGroup makes a group without instances.
func (s *stage) createGroup(g CreateGroup) error {
	in := s.newGroup(g)
	in.MinSize, in.MaxSize = number(0), number(0)
	return s.AutoScaling.Create(cmp.Or(g.By, usualGroupMaker), in)
}

func (s *stage) newGroup(g CreateGroup) *autoscaling.CreateAutoScalingGroupInput {
	return &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(g.Name), LaunchTemplate: launch(s.names.id(g.Template), g.Version), Tags: groupTags(g.Name, g.Tags),
	}
}

func launch(template, version string) *types.LaunchTemplateSpecification {
	return &types.LaunchTemplateSpecification{LaunchTemplateId: &template, Version: &version}
}

func groupTags(group string, tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{
			Key: &key, Value: aws.String(tags[key]), ResourceId: &group, ResourceType: aws.String("auto-scaling-group"), PropagateAtLaunch: aws.Bool(false),
		})
	}
	return list
}

func number(n int) *int32 { return aws.Int32(int32(n)) } //nolint:gosec // the schema bounds it

// documents sets how documents behave.
func (s *stage) documents(all map[string]Document) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s.SSM.Behave(name, all[name].behaviour(name))
	}
}

// behaviour is what comes of a document: what is usual for it, but for what is said.
func (d Document) behaviour(name string) simssm.Behaviour {
	b := simssm.Usual(name)
	b.Takes, b.Output = cmp.Or(time.Duration(d.Takes), b.Takes), d.Says
	switch {
	case d.Fails != "":
		b.End, b.Error, b.ExitCode = simssm.Exits, d.Fails, *number(cmp.Or(d.ExitCode, 1))
	case d.Hangs:
		b.End = simssm.Hangs
	case d.Lost:
		b.End = simssm.NeverDelivered
	case d.ShutsDown:
		b.End = simssm.ShutsDown
	}
	return b
}
