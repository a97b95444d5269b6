package scenario

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
	"github.com/droverhq/drover/internal/flow"
)

const (
	putParameter = "ssm:PutParameter"
	addTags      = "ssm:AddTagsToResource"

	// iis is the branch that the source document watches.
	iis = "IIS 10.0 running on 64bit Windows Server 2019"
	// windows is a parameter of AWS.
	windows = "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"
	ecs     = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended"

	noBeanstalk = "moto has no Elastic Beanstalk"
	amazon      = "801119661308"
)

// Platforms are the stories of parameter-follows-platform.
func Platforms() []Scenario {
	return []Scenario{
		{
			Name: "base-pinned", Title: "the image of a pinned platform version is published, and a newer version is only told of", Story: platformPinned,
			Simulated: noBeanstalk,
		},
		{
			Name: "base-branch", Title: "new versions of a branch are published once they are Ready, by number", Story: platformBranch,
			Simulated: noBeanstalk,
		},
		{
			Name: "base-kinds", Title: "virtualisation type and architecture are chosen", Story: platformKinds,
			Simulated: noBeanstalk,
		},
		{
			Name: "base-none", Title: "no image is a failure: no branch, no version, an empty list, an image that is gone", Story: platformNone,
			Simulated: noBeanstalk,
		},
		{
			Name: "base-age", Title: "an image is published when it is old enough, and nothing goes back", Story: platformAge,
			Simulated: noBeanstalk,
		},
		{
			Name: "base-public", Title: "public parameters, plain and in JSON", Story: platformPublic,
			Simulated: "moto's parameters of AWS name images that it does not have",
		},
		{Name: "base-parameter", Title: "another parameter is followed; what somebody wrote by hand gives way", Story: platformParameter},
		{Name: "base-images", Title: "the newest image by owner, name, tags and architecture", Story: platformImages},
		{Name: "base-type", Title: "a plain parameter becomes one of images; what cannot is left alone", Story: platformType},
		{Name: "base-tags", Title: "tags that are missing or wrong are repaired without a write", Story: platformTags},
		{
			Name: "base-invalid", Title: "AWS takes the image and then refuses it", Story: platformInvalid,
			Simulated: "moto validates no image",
		},
	}
}

// addImage puts an image of AWS there, a second after the one before.
func (s *Stage) addImage(name string, edit ...func(*simec2.Image)) (id string) {
	s.Pass(time.Second)
	s.try("add image "+name, func() error {
		i := simec2.Image{Name: name, Owner: amazon, Alias: "amazon", Public: true}
		for _, e := range edit {
			e(&i)
		}
		id = s.World.(*Simulated).EC2.AddImage(i)
		return nil
	})
	return id
}

// branch adds a platform branch with one version, which is returned with its image.
func (s *Stage) branch() (arn, image string) {
	s.Set(Layout{})
	s.try("add branch", func() error {
		s.World.(*Simulated).ElasticBeanstalk.AddBranch(simelasticbeanstalk.Branch{Name: iis, Platform: "IIS"})
		return nil
	})
	image = s.addImage("iis-2.9.0")
	return s.PlatformVersion(iis, "2.9.0", true, hvm(image)...), image
}

// hvm is how Elastic Beanstalk lists an image of a platform that has no others.
func hvm(image string) []simelasticbeanstalk.Image {
	return []simelasticbeanstalk.Image{{Virtualization: "pv"}, {ID: image, Virtualization: "hvm"}}
}

func platformPinned(s *Stage) {
	arn, image := s.branch()
	fleet := s.Publishing("platform: " + arn)
	run := s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, putParameter, 1)
	s.ExpectParameter(published, image, 1)
	s.ExpectTag(published, "drover:source", arn)
	s.ExpectTag(published, "drover:fleet", "stage")
	s.ExpectTag(published, "drover:automation", automationName)
	s.ExpectNotice(run, image, "version 2.9.0 of "+iis)

	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.PlatformVersion(iis, "2.10.0", true, hvm(s.addImage("iis-2.10.0"))...)
	run = s.Sweep(fleet)
	s.Expect(run, flow.NothingToDo)
	if s.err == nil && len(run.Plan.Notes) != 1 {
		s.Failf("the notes are %q, want one about version 2.10.0", run.Plan.Notes)
	}
	// AWS publishes the pinned version again.
	mended := s.addImage("iis-2.9.0-mended")
	s.try("publish again", func() error { return s.World.(*Simulated).ElasticBeanstalk.SetImages(arn, hvm(mended)...) })
	run = s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectNotice(run, "version 2.10.0 of "+iis+" is newer than the pinned one")
	s.ExpectParameter(published, mended, 2)
}

func platformBranch(s *Stage) {
	_, first := s.branch()
	fleet := s.Publishing("branch: "+iis, `schedule: "cron(0 6 * * ? *)"`, "time-zone: Europe/Berlin")
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectParameter(published, first, 1)

	second, third := s.addImage("iis-2.10.0"), s.addImage("iis-2.11.0")
	arn := s.PlatformVersion(iis, "2.10.0", true, hvm(second)...)
	s.PlatformVersion(iis, "2.11.0", false, hvm(third)...)
	run := s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectNotice(run, first, second)
	s.ExpectParameter(published, second, 2)
	s.ExpectTag(published, "drover:source", arn)
	if s.err == nil && (len(run.Plan.Rejected) != 1 || run.Plan.Rejected[0].Why != "is Creating") {
		s.Failf("rejected are %+v, want the version that is Creating", run.Plan.Rejected)
	}
	s.Expect(s.Sweep(fleet), flow.NothingToDo)

	s.Pass(time.Hour)
	s.try("retire", func() error { return s.World.(*Simulated).ElasticBeanstalk.SetBranchState(iis, "Retired") })
	run = s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectNotice(run, "is retired: it gets no new versions")
	s.ExpectParameter(published, third, 3)

	// A version without an image of its own: only the tag says so.
	s.PlatformVersion(iis, "2.11.1", true, hvm(third)...)
	run = s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, putParameter, 0)
	s.ExpectCalls(run, addTags, 1)
	s.ExpectParameter(published, third, 3)
}

func platformKinds(s *Stage) {
	s.branch()
	pv := s.addImage("pv", func(i *simec2.Image) { i.Virtualization = types.VirtualizationTypeParavirtual })
	full := s.addImage("full")
	arm := s.addImage("arm", func(i *simec2.Image) { i.Architecture = types.ArchitectureValuesArm64 })
	s.PlatformVersion(iis, "3.0.0", true,
		simelasticbeanstalk.Image{ID: pv, Virtualization: "pv"}, simelasticbeanstalk.Image{ID: arm, Virtualization: "hvm"}, simelasticbeanstalk.Image{ID: full, Virtualization: "HVM"})
	s.Expect(s.Sweep(s.Publishing("branch: "+iis)), flow.Succeeded)
	s.ExpectParameter(published, full, 1)
	s.Expect(s.Sweep(s.Publishing("branch: "+iis, "virtualization: paravirtual")), flow.Succeeded)
	s.ExpectParameter(published, pv, 2)
	s.Expect(s.Sweep(s.Publishing("branch: "+iis, "architecture: arm64")), flow.Succeeded)
	s.ExpectParameter(published, arm, 3)
	run := s.Sweep(s.Publishing("branch: "+iis, "architecture: arm64", "virtualization: paravirtual"))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, arm+" is hvm", pv+" is x86_64")
	s.ExpectParameter(published, arm, 3)
}

func platformNone(s *Stage) {
	arn, image := s.branch()
	run := s.Sweep(s.Publishing("branch: IIS 10.0 running on 64bit Windows Server 2029"))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "platform branch IIS 10.0 running on 64bit Windows Server 2029 has no versions")
	fleet := s.Publishing("branch: " + iis)
	s.try("delete image", func() error { return s.World.(*Simulated).ElasticBeanstalk.SetImages(arn, hvm("")...) })
	run = s.Sweep(fleet)
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "version 2.9.0 of "+iis+" lists no image")
	s.try("list an image that is gone", func() error {
		return s.World.(*Simulated).ElasticBeanstalk.SetImages(arn, hvm("ami-0123456789abcdef0")...)
	})
	run = s.Sweep(fleet)
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "ami-0123456789abcdef0 is not shown by EC2")
	s.try("fail", func() error {
		name := s.PlatformVersion(iis, "2.9.1", false, hvm(image)...)
		b := s.World.(*Simulated).ElasticBeanstalk
		if err := b.FailVersion(name); err != nil {
			return err
		}
		return b.DeleteVersion(arn)
	})
	run = s.Sweep(fleet)
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "version 2.9.1 of "+iis+" is Failed", "version 2.9.0 of "+iis+" is Deleting")
	run = s.Sweep(s.Publishing("platform: " + arn[:len(arn)-1] + "7"))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "list-platform-versions")
	s.ExpectNoParameter(published)
}

func platformAge(s *Stage) {
	_, first := s.branch()
	fleet := s.Publishing("branch: "+iis, "min-age: 72h")
	run := s.Sweep(fleet)
	s.Expect(run, flow.NothingToDo) // it is to come, so nothing is wrong
	s.ExpectNoParameter(published)
	s.Pass(48 * time.Hour)
	second := s.addImage("iis-2.10.0")
	s.PlatformVersion(iis, "2.10.0", true, hvm(second)...)
	s.Pass(30 * time.Hour)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectParameter(published, first, 1)
	s.Expect(s.Sweep(s.Publishing("branch: "+iis)), flow.Succeeded) // without the age
	s.ExpectParameter(published, second, 2)
	s.Expect(s.Sweep(fleet), flow.NothingToDo) // and with it again
	s.Pass(72 * time.Hour)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.ExpectParameter(published, second, 2)
}

func platformPublic(s *Stage) {
	s.Set(Layout{})
	publish := func(name, value string) {
		s.try("publish "+name, func() error {
			s.World.(*Simulated).SSM.Publish(name, value)
			return nil
		})
	}
	first, second := s.addImage("Windows_Server-2022-English-Full-Base-1"), s.addImage("Windows_Server-2022-English-Full-Base-2")
	publish(windows, first)
	fleet := s.Publishing("parameter: " + windows)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectParameter(published, first, 1)
	s.ExpectTag(published, "drover:source", windows)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	publish(windows, second)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectParameter(published, second, 2)

	container := s.addImage("al2023-ami-ecs-hvm-1")
	publish(ecs, fmt.Sprintf(`{"ecs_agent_version":"1.99.0","image_id":%q,"image_name":"al2023-ami-ecs-hvm-1","schema_version":1}`, container))
	s.Expect(s.Sweep(s.Publishing("parameter: "+ecs)), flow.Succeeded)
	s.ExpectParameter(published, container, 3)

	publish(windows, "withdrawn")
	run := s.Sweep(fleet)
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "parameter "+windows+", a String, holds no image id")
	run = s.Sweep(s.Publishing("parameter: " + windows + "2"))
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "there is no parameter "+windows+"2 in this region")
	s.ExpectParameter(published, container, 3)
}

func platformParameter(s *Stage) {
	s.Set(Layout{Gateways: 1})
	first, second := s.Ready("base-1", ""), s.Ready("base-2", "")
	const source = "/team/approved"
	s.Parameter(source, first)
	fleet := s.Publishing("parameter: "+source, s.MadeAs(first)...)
	run := s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectParameter(published, first, 1)
	s.ExpectTag(published, "drover:source", source)
	s.ExpectNotice(run, first, "comes from parameter "+source)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.ExpectParameter(published, first, 1)

	s.Parameter(source, second)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectParameter(published, second, 2)
	s.Parameter(published, first, func(in *ssm.PutParameterInput) { in.DataType = aws.String("aws:ec2:image") })
	s.Pass(time.Minute / 10) // AWS validates what somebody wrote
	run = s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, addTags, 0)
	s.ExpectParameter(published, second, 4)
}

func platformImages(s *Stage) {
	s.Set(Layout{Gateways: 1})
	fleet := s.Publishing(`images: { owners: [self], name: "golden-*", tags: { app: web } }`, s.MadeAs(s.Ready("unlike", ""))...)
	run := s.Sweep(fleet)
	s.Expect(run, flow.Stuck)
	s.ExpectNotice(run, "there are no images of self called golden-* that are x86_64 and ")
	web := map[string]string{"app": "web"}
	first, _ := s.Image("golden-1", "", web)
	s.Available(first)
	s.Ready("golden-untagged", "")
	other, _ := s.Image("other-2", "", web)
	s.Available(other)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectParameter(published, first, 1)
	second, _ := s.Image("golden-2", "", web)
	s.Available(second)
	run = s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectParameter(published, second, 2)
	s.ExpectNotice(run, "comes from image golden-2 of ")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	run = s.Sweep(s.Publishing("images: { owners: [self], tags: { app: web } }", "architecture: arm64"))
	s.Expect(run, flow.Stuck)
	s.ExpectParameter(published, second, 2)
}

func platformType(s *Stage) {
	s.Set(Layout{Gateways: 1})
	image := s.Ready("base", "")
	const source = "/team/approved"
	s.Parameter(source, image)
	s.Parameter(published, image)
	fleet := s.Publishing("parameter: "+source, s.MadeAs(image)...)
	run := s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectNotice(run, "the data type is to be aws:ec2:image")
	s.ExpectParameter(published, image, 2)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)

	for name, kind := range map[string]ssmtypes.ParameterType{"/golden/secret": ssmtypes.ParameterTypeSecureString, "/golden/text": ssmtypes.ParameterTypeString} {
		s.Parameter(name, "hush", func(in *ssm.PutParameterInput) { in.Type = kind })
		run := s.Sweep(s.Fleet("parameter-follows-platform", fmt.Sprintf("    parameter: %s\n    source: { parameter: %s }\n", name, source)))
		s.Expect(run, flow.Stuck)
		s.ExpectNotice(run, name, "stays as it is", "delete it, or name another parameter")
		s.ExpectCalls(run, putParameter, 0)
	}
}

func platformTags(s *Stage) {
	s.Set(Layout{Gateways: 1})
	image := s.Ready("base", "")
	const source = "/team/approved"
	s.Parameter(source, image)
	fleet := s.Publishing("parameter: "+source, s.MadeAs(image)...)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.try("meddle with the tags", func() error {
		if _, err := s.parameters().RemoveTagsFromResource(s.ctx, &ssm.RemoveTagsFromResourceInput{
			ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: aws.String(published), TagKeys: []string{"drover:fleet"},
		}); err != nil {
			return err
		}
		_, err := s.parameters().AddTagsToResource(s.ctx, &ssm.AddTagsToResourceInput{
			ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: aws.String(published),
			Tags: []ssmtypes.Tag{{Key: aws.String("drover:source"), Value: aws.String("nowhere")}, {Key: aws.String("team"), Value: aws.String("ops")}},
		})
		return err
	})
	run := s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	s.ExpectCalls(run, putParameter, 0)
	s.ExpectCalls(run, addTags, 1)
	s.ExpectTag(published, "drover:fleet", "stage")
	s.ExpectTag(published, "drover:source", source)
	s.ExpectTag(published, "team", "ops")
	s.ExpectParameter(published, image, 1)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
}

func platformInvalid(s *Stage) {
	s.Set(Layout{})
	w := s.World.(*Simulated)
	first, second := s.addImage("base-1"), s.addImage("base-2")
	publish := func(image string) {
		s.try("publish "+image, func() error {
			w.SSM.Publish(windows, image)
			return nil
		})
	}
	publish(first)
	fleet := s.Publishing("parameter: " + windows)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	publish(second)
	w.Invalid = func(id string) bool { return id == second }
	run := s.Sweep(fleet)
	s.Expect(run, flow.RolledBack) // as it was
	s.ExpectNotice(run, "does not show "+second, "AWS has refused the image", "get-parameter-history")
	s.ExpectParameter(published, first, 1)
	w.Invalid = nil
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectParameter(published, second, 2)
}
