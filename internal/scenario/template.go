package scenario

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/flow"
)

const (
	createVersion  = "ec2:CreateLaunchTemplateVersion"
	modifyTemplate = "ec2:ModifyLaunchTemplate"
	deleteVersions = "ec2:DeleteLaunchTemplateVersions"

	noDeletion = "moto does not implement DeleteLaunchTemplateVersions"
	// keepAll has a story delete no version.
	keepAll = "keep: 100"
)

// Templates are the stories of template-follows-image.
func Templates() []Scenario {
	return []Scenario{
		{Name: "image", Title: "a backup image with the marker becomes the default version; again, and late, nothing", Story: imageEnters},
		{Name: "image-state", Title: "the call was not told, and EC2 tells that the image is available", Story: imageState},
		{Name: "image-foreign", Title: "images without the marker are left alone", Story: imageForeign},
		{
			Name: "image-owner", Title: "the marker in somebody else's image is worth nothing, unless its owner is listed", Story: imageOwner,
			Simulated: "moto has no images of other accounts that one could make",
		},
		{
			Name: "image-failed", Title: "an image that failed never enters the template", Story: imageFailed,
			Simulated: "in moto no image fails",
		},
		{
			Name: "image-gone", Title: "the template's image is deregistered: the newest that is left takes its place", Story: imageGone,
			Simulated: "moto forgets a deregistered image at once, without the time in which AWS still shows it",
		},
		{Name: "image-lost", Title: "the events are lost and the sweep finds the image", Story: imageLost},
		{Name: "image-half", Title: "a run has died after it made the version: it becomes the default, and no second is made", Story: imageHalf},
		{Name: "image-by-hand", Title: "somebody gave the template a newer image, which stays", Story: imageByHand},
		{Name: "image-parameter", Title: "the template's id is in a SecureString", Story: imageParameter},
		{Name: "image-name", Title: "template by name and tags; images by name, tags and instance; from the default version", Story: imageName},
		{Name: "image-unfit", Title: "a template without the tags is not touched", Story: imageUnfit},
		{Name: "image-expected", Title: "the expected image is missing: a person is told", Story: imageExpected},
		{
			Name: "image-prune", Title: "old versions go, but for those that groups and instances use", Story: imagePrune,
			Simulated: noDeletion,
		},
		{
			Name: "image-many", Title: "a template with more than 200 versions", Story: imageMany,
			Simulated: noDeletion + ", and lists the first 200 versions only",
		},
	}
}

// scene has a gateway to make images of, and a template with the first.
func scene(s *Stage) (template, base string) {
	s.Set(Layout{Gateways: 1})
	base = s.Ready("base", "made by hand")
	return s.TemplateOf("app", base, map[string]string{"app": "web"}), base
}

func withMarker(more string) string { return fmt.Sprintf("description: %s%s", marker, more) }

func imageEnters(s *Stage) {
	template, base := scene(s)
	fleet := s.Following("id: "+template, withMarker(""), keepAll)
	older, late := s.Image("backup-1", "nightly "+marker, nil)
	s.Available(older)
	newer, told := s.Image("backup-2", "nightly "+marker, nil)

	run := s.Handle(fleet, told) // the image is pending, for minutes
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, createVersion, 1)
	s.ExpectCalls(run, modifyTemplate, 1)
	s.ExpectVersions(template, "1 "+base, "2 "+newer+" default")
	s.ExpectNotice(run, newer, base, "newest image that matches")

	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	s.Expect(s.Handle(fleet, s.Available(newer)), flow.NothingToDo)
	s.Expect(s.Handle(fleet, late), flow.NothingToDo)
	s.ExpectVersions(template, "1 "+base, "2 "+newer+" default")

	third, told := s.Image("backup-3", marker, nil)
	s.Expect(s.Handle(fleet, told), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+newer, "3 "+third+" default")
}

func imageState(s *Stage) {
	template, base := scene(s)
	backup, _ := s.Image("backup", marker, nil)
	e := s.Available(backup)
	s.Expect(s.Handle(s.Following("id: "+template, withMarker(""), keepAll), e), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+backup+" default")
}

func imageForeign(s *Stage) {
	template, base := scene(s)
	foreign, _ := s.Image("other", "made by hand", nil)
	run := s.Handle(s.Following("id: "+template, withMarker(""), keepAll), s.Available(foreign))
	s.Expect(run, flow.NothingToDo)
	s.ExpectVersions(template, "1 "+base+" default")
}

func imageOwner(s *Stage) {
	template, base := scene(s)
	const partner = "999999999999"
	s.Pass(time.Second)
	theirs := s.World.(*Simulated).EC2.AddImage(simec2.Image{Name: "theirs", Description: marker, Owner: partner})
	s.Expect(s.Sweep(s.Following("id: "+template, withMarker(""), keepAll)), flow.NothingToDo)
	s.ExpectVersions(template, "1 "+base+" default")
	fleet := s.Following("id: "+template, withMarker(fmt.Sprintf(", owners: [%q]", partner)), keepAll)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+theirs+" default")
	s.Ready("ours", marker)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func imageFailed(s *Stage) {
	template, base := scene(s)
	fleet := s.Following("id: "+template, withMarker(""), keepAll)
	good := s.Ready("good", marker)
	bad, told := s.Image("bad", marker, nil)
	s.try("fail "+bad, func() error { return s.World.(*Simulated).EC2.FailImage(bad, "out of snapshots") })
	failed := told
	s.try(bad+" to have failed", func() (err error) {
		failed, err = s.AwaitImage(s.ctx, bad, "failed")
		return err
	})
	run := s.Handle(fleet, told) // late: the newest that is good is taken instead
	s.Expect(run, flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+good+" default")
	s.Expect(s.Handle(fleet, failed), flow.NothingToDo)
	s.ExpectVersions(template, "1 "+base, "2 "+good+" default")
}

func imageGone(s *Stage) {
	template, base := scene(s)
	fleet := s.Following("id: "+template, withMarker(""), keepAll)
	first := s.Ready("first", marker)
	second := s.Ready("second", marker)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+second+" default")
	e := s.Deregister(second)
	s.Expect(s.Handle(fleet, e), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+second, "3 "+first+" default")
	s.Pass(time.Hour) // by now EC2 has forgotten it
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.Expect(s.Handle(fleet, e), flow.NothingToDo)
}

func imageLost(s *Stage) {
	template, base := scene(s)
	fleet := s.Following("id: "+template, withMarker(""), keepAll)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	backup := s.Ready("backup", marker)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+backup+" default")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func imageHalf(s *Stage) {
	template, base := scene(s)
	backup, told := s.Image("backup", marker, nil)
	s.Available(backup)
	s.VersionOf(template, backup)
	s.ExpectVersions(template, "1 "+base+" default", "2 "+backup)
	run := s.Handle(s.Following("id: "+template, withMarker(""), keepAll), told)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, createVersion, 0)
	s.ExpectVersions(template, "1 "+base, "2 "+backup+" default")
}

func imageByHand(s *Stage) {
	template, base := scene(s)
	fleet := s.Following("id: "+template, withMarker(""), keepAll)
	backup, told := s.Image("backup", marker, nil)
	s.Available(backup)
	better := s.Ready("better", "mended by hand")
	s.VersionOf(template, better)
	s.SetDefault(template, 2)
	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	s.ExpectVersions(template, "1 "+base, "2 "+better+" default")
	newest := s.Ready("newest", marker)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+better, "3 "+newest+" default")
}

func imageParameter(s *Stage) {
	template, base := scene(s)
	const name = "/app/launch-template"
	put := func(value string) {
		s.try("put parameter "+name, func() error {
			_, err := ssm.NewFromConfig(s.AWS()).PutParameter(s.ctx, &ssm.PutParameterInput{
				Name: aws.String(name), Value: aws.String(value), Type: ssmtypes.ParameterTypeSecureString, Overwrite: aws.Bool(true),
			})
			return err
		})
	}
	fleet := s.Following("parameter: "+name, withMarker(""), keepAll)
	put(template)
	backup, told := s.Image("backup", marker, nil)
	s.Expect(s.Handle(fleet, told), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+backup+" default")

	other := s.TemplateOf("other", base, nil)
	put("other")
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectVersions(other, "1 "+base, "2 "+backup+" default")
}

func imageName(s *Stage) {
	template, base := scene(s)
	if s.err != nil {
		return
	}
	tags := map[string]string{"role": "app", "tier": "1"}
	fleet := s.Following("name: app, tags: { app: web }",
		fmt.Sprintf(`name: "app-?*", tags: { role: app, tier: "1" }, instance: %s`, s.Gateways[0].Instance), keepAll, `from: "$Default"`)
	s.VersionOf(template, base) // somebody is trying something out
	s.Image("web-1", "", tags)
	s.Image("app-1", "", map[string]string{"role": "app", "tier": "2"})
	right, told := s.Image("app-2", "", tags)
	s.Expect(s.Handle(fleet, told), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+base, "3 "+right+" default")
}

func imageUnfit(s *Stage) {
	template, base := scene(s)
	s.Ready("backup", marker)
	run := s.Sweep(s.Following("id: "+template+", tags: { app: other }", withMarker(""), keepAll))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, template, "does not have the tags app=other")
	s.ExpectVersions(template, "1 "+base+" default")
}

func imageExpected(s *Stage) {
	template, base := scene(s)
	fleet := s.Following("id: "+template, withMarker(""), keepAll, "expect: 1h")
	run := s.Sweep(fleet)
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, template, "expected every 1h", "no image that matches is available")
	backup, told := s.Image("backup", marker, nil)
	s.Expect(s.Handle(fleet, told), flow.Succeeded)
	s.ExpectVersions(template, "1 "+base, "2 "+backup+" default")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	if _, ok := s.World.(*Simulated); ok { // elsewhere an hour is long
		s.Pass(2 * time.Hour)
		run = s.Sweep(fleet)
		s.Expect(run, flow.Stuck)
		s.ExpectNotice(run, backup, "the newest that matches")
	}
}

func imagePrune(s *Stage) {
	template, base := scene(s)
	for range 6 {
		s.VersionOf(template, base) // 2 to 7
	}
	s.try("have versions used", func() error {
		group := func(name string, edit func(*autoscaling.CreateAutoScalingGroupInput)) error {
			in := &autoscaling.CreateAutoScalingGroupInput{
				AutoScalingGroupName: aws.String(name), MinSize: aws.Int32(0), MaxSize: aws.Int32(1), VPCZoneIdentifier: aws.String(s.Subnets[0]),
			}
			edit(in)
			_, err := s.groups.CreateAutoScalingGroup(s.ctx, in)
			return err
		}
		if err := group("pinned", func(in *autoscaling.CreateAutoScalingGroupInput) {
			in.LaunchTemplate = &astypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String(template), Version: aws.String("2")}
		}); err != nil {
			return err
		}
		if err := group("mixed", func(in *autoscaling.CreateAutoScalingGroupInput) {
			of := func(version string) *astypes.LaunchTemplateSpecification {
				return &astypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String("app"), Version: aws.String(version)}
			}
			in.MixedInstancesPolicy = &astypes.MixedInstancesPolicy{LaunchTemplate: &astypes.LaunchTemplate{
				LaunchTemplateSpecification: of("$Latest"),
				Overrides:                   []astypes.LaunchTemplateOverrides{{InstanceType: aws.String("c5.large"), LaunchTemplateSpecification: of("3")}},
			}}
		}); err != nil {
			return err
		}
		_, err := s.ec2.RunInstances(s.ctx, &ec2.RunInstancesInput{
			MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: aws.String(s.Subnets[0]),
			LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String(template), Version: aws.String("4")},
		})
		return err
	})
	backup, told := s.Image("backup", marker, nil)
	fleet := s.Following("id: "+template, withMarker(""), "keep: 2")
	run := s.Handle(fleet, told)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, deleteVersions, 1)
	s.ExpectVersions(template, "2 "+base, "3 "+base, "4 "+base, "7 "+base, "8 "+backup+" default")
	s.ExpectNotice(run, "version 2 of "+template+" is kept: group pinned uses it", "version 3", "group mixed", "version 4")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func imageMany(s *Stage) {
	template, base := scene(s)
	for range 205 {
		s.VersionOf(template, base)
		s.Pass(time.Second) // EC2 takes five calls a second
	}
	backup := s.Ready("backup", marker)
	fleet := s.Following("id: "+template, withMarker(""))
	run := s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, deleteVersions, 2)
	s.ExpectVersions(template, "205 "+base, "206 "+base, "207 "+backup+" default")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}
