package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/event"
)

// marker is what the source document's backup policy writes into the description
// of its images.
const marker = "EC2_BACKUP"

// Image makes an image of the first gateway and returns its id and the event that
// CloudTrail sends. No two images are of the same second.
func (s *Stage) Image(name, description string, tags map[string]string) (id string, told event.Event) {
	s.Pass(time.Second + time.Second/10)
	s.try("create image "+name, func() error {
		in := &ec2.CreateImageInput{
			InstanceId: aws.String(s.Gateways[0].Instance), Name: aws.String(name), Description: aws.String(description), NoReboot: aws.Bool(true),
		}
		if len(tags) > 0 {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeImage, Tags: tagList(tags)}}
		}
		out, err := s.ec2.CreateImage(s.ctx, in)
		if err != nil {
			return err
		}
		id = *out.ImageId
		told, err = s.Told(s.ctx, "ec2:CreateImage")
		return err
	})
	return id, told
}

// Available waits until an image is available and returns the event.
func (s *Stage) Available(image string) (e event.Event) {
	s.try(image+" to be available", func() (err error) {
		e, err = s.AwaitImage(s.ctx, image, "available")
		return err
	})
	return e
}

// Ready is an image that is there and available, of whose making nobody was told.
func (s *Stage) Ready(name, description string) string {
	id, _ := s.Image(name, description, nil)
	s.Available(id)
	return id
}

// Deregister deletes an image and returns the event.
func (s *Stage) Deregister(image string) (e event.Event) {
	s.try("deregister "+image, func() error {
		if _, err := s.ec2.DeregisterImage(s.ctx, &ec2.DeregisterImageInput{ImageId: aws.String(image)}); err != nil {
			return err
		}
		var err error
		e, err = s.AwaitImage(s.ctx, image, "deregistered")
		return err
	})
	return e
}

// Pass lets time pass.
func (s *Stage) Pass(d time.Duration) {
	s.try("pass time", func() error { return s.Clock().Sleep(s.ctx, d) })
}

// TemplateOf makes a launch template whose first version has an image.
func (s *Stage) TemplateOf(name, image string, tags map[string]string) (id string) {
	s.try("create launch template "+name, func() error {
		in := &ec2.CreateLaunchTemplateInput{
			LaunchTemplateName: aws.String(name),
			LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(image), InstanceType: types.InstanceTypeC5Large},
		}
		if len(tags) > 0 {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeLaunchTemplate, Tags: tagList(tags)}}
		}
		out, err := s.ec2.CreateLaunchTemplate(s.ctx, in)
		if err == nil {
			id = *out.LaunchTemplate.LaunchTemplateId
		}
		return err
	})
	return id
}

// VersionOf makes a version of a launch template by hand, from its latest.
func (s *Stage) VersionOf(template, image string) {
	s.try("create a version of "+template, func() error {
		_, err := s.ec2.CreateLaunchTemplateVersion(s.ctx, &ec2.CreateLaunchTemplateVersionInput{
			LaunchTemplateId: aws.String(template), SourceVersion: aws.String("$Latest"), VersionDescription: aws.String("by hand"),
			LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(image)},
		})
		return err
	})
}

// SetDefault sets the default version of a launch template by hand.
func (s *Stage) SetDefault(template string, version int) {
	s.try("set the default of "+template, func() error {
		_, err := s.ec2.ModifyLaunchTemplate(s.ctx, &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: aws.String(template), DefaultVersion: aws.String(fmt.Sprint(version))})
		return err
	})
}

// versionsOf are the versions of a launch template, oldest first.
func (s *Stage) versionsOf(template string) (all []types.LaunchTemplateVersion) {
	s.try("describe "+template, func() error {
		pages := ec2.NewDescribeLaunchTemplateVersionsPaginator(s.ec2, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: aws.String(template), MaxResults: aws.Int32(200)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(s.ctx)
			if err != nil {
				return err
			}
			all = append(all, page.LaunchTemplateVersions...)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b types.LaunchTemplateVersion) int { return cmp.Compare(*a.VersionNumber, *b.VersionNumber) })
	return all
}

// ExpectVersions makes the story fail unless the launch template has these versions
// with these images, oldest first: "1 ami-a", "2 ami-b default".
func (s *Stage) ExpectVersions(template string, want ...string) {
	var got []string
	for _, v := range s.versionsOf(template) {
		line := fmt.Sprintf("%d %s", *v.VersionNumber, aws.ToString(v.LaunchTemplateData.ImageId))
		if aws.ToBool(v.DefaultVersion) {
			line += " default"
		}
		got = append(got, line)
	}
	if s.err == nil && !slices.Equal(got, want) {
		s.Failf("%s has the versions %q, want %q", template, got, want)
	}
}

// Following is a fleet file for template-follows-image with the template given by
// a line, such as "id: lt-1", and what more is said.
func (s *Stage) Following(template, images string, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    images: { %s }\n    template: { %s }\n", images, template)
	for _, m := range more {
		fmt.Fprintf(&b, "    %s\n", m)
	}
	return s.Fleet("template-follows-image", b.String())
}
