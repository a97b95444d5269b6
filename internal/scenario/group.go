package scenario

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/flow"
)

const updateGroup = "autoscaling:UpdateAutoScalingGroup"

// Groups are the stories of group-follows-template.
func Groups() []Scenario {
	return []Scenario{
		{Name: "group", Title: "the source document: CloudFormation makes a group with a number, and it follows $Latest", Story: groupCreated},
		{Name: "group-mixed", Title: "of a mixed policy nothing but the version changes, field by field", Story: groupMixed},
		{Name: "group-by-name", Title: "the template is named by its name", Story: groupByName},
		{Name: "group-default", Title: "groups follow $Default, and one that names no version does already", Story: groupDefault},
		{Name: "group-newest", Title: "a group is on the newest version as a number, and on every later one", Story: groupNewest},
		{Name: "group-swept", Title: "the sweep finds groups that were there before", Story: groupSwept},
		{Name: "group-duplicates", Title: "the event comes twice and late, and changes nothing twice", Story: groupDuplicates},
		{Name: "group-refused", Title: "a group that could not be made starts nothing", Story: groupRefused},
		{Name: "group-echo", Title: "the automation's own update, as CloudTrail tells of it, starts nothing", Story: groupEcho},
		{Name: "group-reset", Title: "a stack update writes the number back, and the sweep mends it", Story: groupReset},
		{Name: "group-deleted", Title: "the group is deleted before the event comes", Story: groupDeleted},
		{Name: "group-tags", Title: "groups are chosen by tag, on several pages, and others left alone", Story: groupTagged},
		{Name: "group-template-gone", Title: "the template of a group was deleted: it is told, and the others follow", Story: groupTemplateGone},
		{Name: "group-templates", Title: "a group that launches from another template than those listed is left alone", Story: groupTemplates},
	}
}

func groupCreated(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	fleet := s.Follow("web", "$Latest", "uses: { roles: [server] }")
	run := s.Handle(fleet, s.Group("web", lt, "1", nil))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, updateGroup, 1)
	s.ExpectVersion("web", lt, "$Latest")
	s.ExpectNotice(run, "web", "version 1 of "+lt, "version $Latest of "+lt, "the fleet file says $Latest", "after the event")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

// policyOf is a policy with something in every part of it.
func policyOf(lt, other string) *asgtypes.MixedInstancesPolicy {
	return &asgtypes.MixedInstancesPolicy{
		InstancesDistribution: &asgtypes.InstancesDistribution{
			OnDemandAllocationStrategy: aws.String("prioritized"), OnDemandBaseCapacity: aws.Int32(2), OnDemandPercentageAboveBaseCapacity: aws.Int32(25),
			SpotAllocationStrategy: aws.String("price-capacity-optimized"), SpotMaxPrice: aws.String("0.05"),
		},
		LaunchTemplate: &asgtypes.LaunchTemplate{
			LaunchTemplateSpecification: spec(lt, "1"),
			Overrides: []asgtypes.LaunchTemplateOverrides{
				{InstanceType: aws.String("c5.large"), WeightedCapacity: aws.String("1")},
				{InstanceType: aws.String("m6g.xlarge"), WeightedCapacity: aws.String("2"), LaunchTemplateSpecification: spec(other, "1")},
			},
		},
	}
}

func groupMixed(s *Stage) {
	s.Set(Layout{})
	lt, other := s.Template("web"), s.Template("web-arm")
	created := s.MixedGroup("web", policyOf(lt, other))
	before := s.Described("web")
	run := s.Handle(s.Follow("web", "$Latest"), created)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, updateGroup, 1)
	s.ExpectVersion("web", lt, "$Latest")
	s.ExpectNotice(run, "1 override of its policy names a launch template of its own")
	after := s.Described("web")
	s.try("compare the group", func() error {
		before.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version = aws.String("$Latest")
		if was, is := written(before), written(after); was != is {
			return fmt.Errorf("it was\n%s\nand is\n%s", was, is)
		}
		return nil
	})
}

// written is a group in full, but for the template that moto shows beside a policy.
func written(g asgtypes.AutoScalingGroup) string {
	g.LaunchTemplate = nil
	data, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func groupByName(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	s.Expect(s.Handle(s.Follow("web", "$Latest"), s.Group("web", "web", "1", nil)), flow.Succeeded)
	s.ExpectVersion("web", lt, "$Latest")
}

func groupDefault(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	s.Group("web-1", lt, "1", nil)
	s.group(groupInput("web-2", &asgtypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String(lt)}))
	run := s.Sweep(s.Follow(`"web-*"`, "$Default"))
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, updateGroup, 1)
	s.ExpectVersion("web-1", lt, "$Default")
}

func groupNewest(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	s.Version(lt)
	fleet := s.Follow("web", "newest-number")
	created := s.Group("web", lt, "$Latest", nil)
	s.Expect(s.Handle(fleet, created), flow.Succeeded)
	s.ExpectVersion("web", lt, "2")

	third, fourth := s.Version(lt), s.Version(lt)
	run := s.Handle(fleet, third) // by the time that this comes there is a fourth
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, updateGroup, 1)
	s.ExpectVersion("web", lt, "4")
	s.Expect(s.Handle(fleet, fourth), flow.NothingToDo)
	s.Expect(s.Handle(fleet, created), flow.NothingToDo)
}

func groupSwept(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	s.Group("web-1", lt, "1", nil)
	s.Group("web-2", lt, "$Latest", nil)
	s.Group("api", lt, "1", nil)
	fleet := s.Follow(`"web-*"`, "$Latest")
	run := s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, updateGroup, 1)
	s.ExpectVersion("web-1", lt, "$Latest")
	s.ExpectVersion("api", lt, "1")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func groupDuplicates(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	fleet := s.Follow("web", "$Latest")
	created := s.Group("web", lt, "1", nil)
	s.Expect(s.Handle(fleet, created), flow.Succeeded)
	s.Expect(s.Handle(fleet, created), flow.NothingToDo)
	late := created
	late.ID, late.Time = "late", created.Time.Add(-time.Hour)
	run := s.Handle(fleet, late)
	s.Expect(run, flow.NothingToDo)
	s.ExpectCalls(run, updateGroup, 0)
	s.ExpectVersion("web", lt, "$Latest")
}

func groupRefused(s *Stage) {
	s.Set(Layout{})
	fleet := s.Follow("web", "$Latest")
	s.Ignore(fleet, s.NoGroup("web"))
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func groupEcho(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	fleet := s.Follow("web", "$Latest")
	s.Expect(s.Handle(fleet, s.Group("web", lt, "1", nil)), flow.Succeeded)
	s.try("hear of the update", func() error {
		echo, err := s.Told(s.ctx, updateGroup)
		if err == nil {
			s.Ignore(fleet, echo)
			s.Ignore(s.Follow("web", "newest-number"), echo)
		}
		return err
	})
}

func groupReset(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	fleet := s.Follow("web", "$Latest")
	s.Expect(s.Handle(fleet, s.Group("web", lt, "1", nil)), flow.Succeeded)
	s.Relaunch("web", lt, "1")
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectVersion("web", lt, "$Latest")
}

func groupDeleted(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	created := s.Group("web", lt, "1", nil)
	s.DeleteGroup("web")
	run := s.Handle(s.Follow("web", "$Latest"), created)
	s.Expect(run, flow.NothingToDo)
	s.ExpectCalls(run, updateGroup, 0)
}

func groupTagged(s *Stage) {
	s.Set(Layout{})
	lt := s.Template("web")
	shop, core := map[string]string{"team": "shop", "stage": "production"}, map[string]string{"team": "core"}
	fleet := s.Follow("", "$Latest", "tags: { team: shop }")
	for _, name := range []string{"a", "b", "c"} {
		s.Group(name, lt, "1", shop)
	}
	s.Ignore(fleet, s.Group("d", lt, "1", core))
	created := s.Group("e", lt, "1", shop)
	run := s.Handle(fleet, created)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, updateGroup, 4)
	for _, name := range []string{"a", "b", "c", "e"} {
		s.ExpectVersion(name, lt, "$Latest")
	}
	s.ExpectVersion("d", lt, "1")
}

func groupTemplateGone(s *Stage) {
	s.Set(Layout{})
	lt, gone := s.Template("web"), s.Template("gone")
	s.Group("web-1", gone, "1", nil)
	s.Group("web-2", lt, "$Latest", nil)
	s.DeleteTemplate(gone)
	run := s.Sweep(s.Follow("web-1, web-2", "newest-number"))
	s.Expect(run, flow.Stuck)
	s.ExpectVersion("web-2", lt, "1")
	s.ExpectNotice(run, "web-1", "its launch template "+gone+" does not exist")
}

func groupTemplates(s *Stage) {
	s.Set(Layout{})
	lt, other := s.Template("web"), s.Template("other")
	s.Group("web-1", lt, "1", nil)
	s.Group("web-2", other, "1", nil)
	fleet := s.Follow(`"web-*"`, "newest-number", "templates: ["+lt+"]")
	s.Ignore(fleet, s.Version(other))
	s.Expect(s.Handle(fleet, s.Version(lt)), flow.Succeeded)
	s.ExpectVersion("web-1", lt, "2")
	s.ExpectVersion("web-2", other, "1")
}
