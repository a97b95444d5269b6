package ec2_test

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
)

// newTemplate makes a launch template named "web" and returns its id.
func (s *scene) newTemplate(data types.RequestLaunchTemplateData) string {
	s.t.Helper()
	out, err := s.client.CreateLaunchTemplate(s.t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"), LaunchTemplateData: &data})
	return *must(s.t, out, err).LaunchTemplate.LaunchTemplateId
}

// version makes a version with an image, from the latest.
func (s *scene) version(template, image string) int64 {
	s.t.Helper()
	out, err := s.client.CreateLaunchTemplateVersion(s.t.Context(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &template, SourceVersion: aws.String("$Latest"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: &image},
	})
	return *must(s.t, out, err).LaunchTemplateVersion.VersionNumber
}

func (s *scene) setDefault(template, version string) {
	s.t.Helper()
	out, err := s.client.ModifyLaunchTemplate(s.t.Context(), &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: &template, DefaultVersion: &version})
	must(s.t, out, err)
}

// versions are those that a listing shows on all its pages, in short: number,
// image, and a star for the default.
func (s *scene) versions(in *ec2.DescribeLaunchTemplateVersionsInput) []string {
	s.t.Helper()
	var list []string
	for p := ec2.NewDescribeLaunchTemplateVersionsPaginator(s.client, in); p.HasMorePages(); {
		out, err := p.NextPage(s.t.Context())
		for _, v := range must(s.t, out, err).LaunchTemplateVersions {
			line := fmt.Sprintf("%d %s", *v.VersionNumber, aws.ToString(v.LaunchTemplateData.ImageId))
			if *v.DefaultVersion {
				line += " *"
			}
			list = append(list, line)
		}
	}
	return list
}

// view is the only template in short: default, versions with images.
func (s *scene) view() string {
	s.t.Helper()
	all := s.sim.Templates()
	if len(all) != 1 {
		s.t.Fatalf("%d templates, want one", len(all))
	}
	line := "default " + strconv.FormatInt(all[0].Default, 10)
	for _, v := range all[0].Versions {
		line += fmt.Sprintf(" %d=%s", v.Number, v.Image)
	}
	return line
}

func TestVersionsInheritAndOverride(t *testing.T) {
	s := newScene(t)
	id := s.newTemplate(types.RequestLaunchTemplateData{
		ImageId: aws.String("ami-1"), InstanceType: types.InstanceTypeC5Large, UserData: aws.String("eA=="), SecurityGroupIds: []string{"sg-1", "sg-2"},
		MetadataOptions:     &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: types.LaunchTemplateHttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(2)},
		BlockDeviceMappings: []types.LaunchTemplateBlockDeviceMappingRequest{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{SnapshotId: aws.String("snap-1"), VolumeSize: aws.Int32(9)}}},
	})
	create := func(source *string, data types.RequestLaunchTemplateData) *types.ResponseLaunchTemplateData {
		t.Helper()
		out, err := s.client.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateName: aws.String("web"), SourceVersion: source, LaunchTemplateData: &data})
		return must(t, out, err).LaunchTemplateVersion.LaunchTemplateData
	}
	got := create(aws.String("1"), types.RequestLaunchTemplateData{
		ImageId: aws.String("ami-2"), SecurityGroupIds: []string{"sg-3"},
		MetadataOptions: &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: types.LaunchTemplateHttpTokensStateOptional},
	})
	inherited := &types.ResponseLaunchTemplateData{
		ImageId: aws.String("ami-2"), InstanceType: types.InstanceTypeC5Large, UserData: aws.String("eA=="), SecurityGroupIds: []string{"sg-3"},
		MetadataOptions:     &types.LaunchTemplateInstanceMetadataOptions{HttpTokens: types.LaunchTemplateHttpTokensStateOptional},
		BlockDeviceMappings: []types.LaunchTemplateBlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.LaunchTemplateEbsBlockDevice{VolumeSize: aws.Int32(9)}}},
	}
	wantData(t, "from version 1", got, inherited)
	*got.ImageId = "scribbled over"
	wantData(t, "from the latest", create(aws.String("$Latest"), types.RequestLaunchTemplateData{}), inherited)
	wantData(t, "from the default", create(aws.String("$Default"), types.RequestLaunchTemplateData{ImageId: aws.String("ami-3")}).ImageId, aws.String("ami-3"))
	wantData(t, "from nothing", create(nil, types.RequestLaunchTemplateData{ImageId: aws.String("ami-4")}), &types.ResponseLaunchTemplateData{ImageId: aws.String("ami-4")})
	wantEqual(t, "template", s.view(), "default 1 5=ami-4 4=ami-3 3=ami-2 2=ami-2 1=ami-1")
	_, err := s.client.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id, SourceVersion: aws.String("9"), LaunchTemplateData: &types.RequestLaunchTemplateData{}})
	wantCode(t, err, "InvalidLaunchTemplateId.VersionNotFound")
}

func wantData(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %s, want %s", what, text(got), text(want))
	}
}

func text(v any) string { return fmt.Sprint(awssim.UpperCamel(v)) }

// TestTemplateDataIsKept gives a version each member there is, with everything in
// it: it is shown as it was given, or refused by its name.
func TestTemplateDataIsKept(t *testing.T) {
	s := newScene(t)
	id := s.newTemplate(types.RequestLaunchTemplateData{})
	all := reflect.TypeFor[types.RequestLaunchTemplateData]()
	var refused []string
	for i := range all.NumField() {
		name := all.Field(i).Name
		if !all.Field(i).IsExported() {
			continue
		}
		var data types.RequestLaunchTemplateData
		fill(reflect.ValueOf(&data).Elem().Field(i))
		out, err := s.client.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id, LaunchTemplateData: &data})
		var not *awssim.NotModelled
		if errors.As(err, &not) {
			refused = append(refused, not.What)
			continue
		}
		got := must(t, out, err).LaunchTemplateVersion.LaunchTemplateData
		wantEqual(t, name, text(got), text(data))
	}
	wantEqual(t, "refused", refused, []string(nil)) // until the SDK has a member that answers have not
}

// fill sets a value and all that is in it.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(dawn))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	default:
		panic("template data has a " + v.Kind().String())
	}
}

func TestListingVersions(t *testing.T) {
	s := newScene(t)
	id := s.newTemplate(types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")})
	for _, image := range []string{"ami-2", "ami-2", "ami-4", "ami-5"} {
		s.version(id, image)
	}
	s.setDefault(id, "3")
	for _, c := range []struct {
		name   string
		change func(*ec2.DescribeLaunchTemplateVersionsInput)
		want   string
	}{
		{"all, newest first", func(*ec2.DescribeLaunchTemplateVersionsInput) {}, "5 ami-5, 4 ami-4, 3 ami-2 *, 2 ami-2, 1 ami-1"},
		{"latest", func(in *ec2.DescribeLaunchTemplateVersionsInput) { in.Versions = []string{"$Latest"} }, "5 ami-5"},
		{"aliases and numbers", func(in *ec2.DescribeLaunchTemplateVersionsInput) {
			in.Versions = []string{"1", "$Default", "3"}
		}, "3 ami-2 *, 1 ami-1"},
		{"a range", func(in *ec2.DescribeLaunchTemplateVersionsInput) {
			in.MinVersion, in.MaxVersion = aws.String("2"), aws.String("4")
		}, "4 ami-4, 3 ami-2 *, 2 ami-2"},
		{"by image", func(in *ec2.DescribeLaunchTemplateVersionsInput) { in.Filters = filter("image-id", "ami-2") }, "3 ami-2 *, 2 ami-2"},
		{"by type", func(in *ec2.DescribeLaunchTemplateVersionsInput) { in.Filters = filter("instance-type", "c5.*") }, ""},
		{"the default", func(in *ec2.DescribeLaunchTemplateVersionsInput) { in.Filters = filter("is-default-version", "true") }, "3 ami-2 *"},
		{"of all templates", func(in *ec2.DescribeLaunchTemplateVersionsInput) {
			in.LaunchTemplateId, in.Versions = nil, []string{"$Latest", "$Default"}
		}, "5 ami-5, 3 ami-2 *"},
	} {
		in := &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id}
		c.change(in)
		wantEqual(t, c.name, strings.Join(s.versions(in), ", "), c.want)
	}
	for _, c := range []struct {
		want string
		in   ec2.DescribeLaunchTemplateVersionsInput
	}{
		{"InvalidLaunchTemplateId.VersionNotFound", ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"6"}}},
		{"InvalidLaunchTemplateId.NotFound", ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: aws.String("lt-9")}},
		{"InvalidLaunchTemplateName.NotFoundException", ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("db")}},
		{"InvalidParameterValue", ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, MaxResults: aws.Int32(201)}},
		{"InvalidParameterValue", ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, MinVersion: aws.String("$Latest")}},
		{"InvalidParameterValue", ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"newest"}}},
		{"InvalidParameterCombination", ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, LaunchTemplateName: aws.String("web")}},
		{"InvalidParameterCombination", ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"1"}, MinVersion: aws.String("1")}},
		{"MissingParameter", ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"1"}}},
	} {
		_, err := s.client.DescribeLaunchTemplateVersions(t.Context(), &c.in)
		wantCode(t, err, c.want)
	}
}

func TestListingTemplates(t *testing.T) {
	s := newScene(t)
	for _, name := range []string{"web-1", "web-2", "db"} {
		out, err := s.client.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
			LaunchTemplateName: &name, LaunchTemplateData: &types.RequestLaunchTemplateData{},
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeLaunchTemplate, Tags: []types.Tag{{Key: aws.String("role"), Value: aws.String(name[:2])}}}},
		})
		must(t, out, err)
	}
	names := func(in ec2.DescribeLaunchTemplatesInput) []string {
		t.Helper()
		var list []string
		for p := ec2.NewDescribeLaunchTemplatesPaginator(s.client, &in); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			for _, lt := range must(t, out, err).LaunchTemplates {
				list = append(list, *lt.LaunchTemplateName)
			}
		}
		return list
	}
	wantEqual(t, "all", names(ec2.DescribeLaunchTemplatesInput{}), []string{"web-1", "web-2", "db"})
	wantEqual(t, "by name", names(ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{"db"}}), []string{"db"})
	wantEqual(t, "by pattern", names(ec2.DescribeLaunchTemplatesInput{Filters: filter("launch-template-name", "web-*"), MaxResults: aws.Int32(1)}), []string{"web-1", "web-2"})
	wantEqual(t, "by tag", names(ec2.DescribeLaunchTemplatesInput{Filters: filter("tag:role", "db")}), []string{"db"})
	_, err := s.client.DescribeLaunchTemplates(t.Context(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{"db", "mail"}})
	wantCode(t, err, "InvalidLaunchTemplateName.NotFoundException")
	_, err = s.client.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("db"), LaunchTemplateData: &types.RequestLaunchTemplateData{}})
	wantCode(t, err, "InvalidLaunchTemplateName.AlreadyExistsException")

	gone, err := s.client.DeleteLaunchTemplate(t.Context(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: aws.String("db")})
	id := must(t, gone, err).LaunchTemplate.LaunchTemplateId
	wantEqual(t, "without db", names(ec2.DescribeLaunchTemplatesInput{}), []string{"web-1", "web-2"})
	_, err = s.client.ModifyLaunchTemplate(t.Context(), &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: id, DefaultVersion: aws.String("1")})
	wantCode(t, err, "InvalidLaunchTemplateId.NotFound")
}

// TestTemplateTokens: what was done with a token is not done again, even if more
// has happened since.
func TestTemplateTokens(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	id := s.newTemplate(types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")})
	version := &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id, ClientToken: aws.String("a"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("ami-2")}}
	set := &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: &id, ClientToken: aws.String("a"), DefaultVersion: aws.String("2")}
	for range 2 {
		created, err := s.client.CreateLaunchTemplateVersion(ctx, version)
		if n := *must(t, created, err).LaunchTemplateVersion.VersionNumber; n != 2 {
			t.Errorf("version %d, want 2", n)
		}
		modified, err := s.client.ModifyLaunchTemplate(ctx, set)
		must(t, modified, err)
	}
	wantEqual(t, "template", s.view(), "default 2 2=ami-2 1=ami-1")
	s.version(id, "ami-3")
	s.setDefault(id, "$Latest")
	late, err := s.client.ModifyLaunchTemplate(ctx, set)
	must(t, late, err)
	wantEqual(t, "after a late repetition", s.view(), "default 3 3=ami-3 2=ami-2 1=ami-1")

	version.LaunchTemplateData = &types.RequestLaunchTemplateData{ImageId: aws.String("ami-9")}
	_, err = s.client.CreateLaunchTemplateVersion(ctx, version)
	wantCode(t, err, "IdempotentParameterMismatch")
	set.DefaultVersion = aws.String("1")
	_, err = s.client.ModifyLaunchTemplate(ctx, set)
	wantCode(t, err, "IdempotentParameterMismatch")
	_, err = s.client.ModifyLaunchTemplate(ctx, &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: &id, DefaultVersion: aws.String("7")})
	wantCode(t, err, "InvalidLaunchTemplateId.VersionNotFound")
	_, err = s.client.ModifyLaunchTemplate(ctx, &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: &id})
	wantCode(t, err, "MissingParameter")
}

func TestDeletingVersions(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	id := s.newTemplate(types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")})
	s.version(id, "ami-2")
	s.version(id, "ami-3")
	s.setDefault(id, "2")
	out, err := s.client.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"1", "2", "3", "4"}})
	must(t, out, err)
	var got []string
	for _, v := range out.SuccessfullyDeletedLaunchTemplateVersions {
		got = append(got, fmt.Sprintf("%d deleted", *v.VersionNumber))
	}
	for _, v := range out.UnsuccessfullyDeletedLaunchTemplateVersions {
		got = append(got, fmt.Sprintf("%d %s", *v.VersionNumber, v.ResponseError.Code))
	}
	wantEqual(t, "answers", got, []string{"1 deleted", "3 deleted", "2 unexpectedError", "4 launchTemplateVersionDoesNotExist"})
	described, err := s.client.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{id}})
	if n := *must(t, described, err).LaunchTemplates[0].LatestVersionNumber; n != 2 {
		t.Errorf("latest %d, want 2", n)
	}
	if n := s.version(id, "ami-4"); n != 4 {
		t.Errorf("the next version is %d, want 4: numbers are not used again", n)
	}
	wantEqual(t, "template", s.view(), "default 2 4=ami-4 2=ami-2")

	many := make([]string, 201)
	for i := range many {
		many[i] = strconv.Itoa(i + 100)
	}
	_, err = s.client.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: many})
	wantCode(t, err, "InvalidParameterValue")
	_, err = s.client.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"$Latest"}})
	if !strings.Contains(fmt.Sprint(err), `version "$Latest" is not modelled`) {
		t.Errorf("got %v", err)
	}
}

func TestVersionLimit(t *testing.T) {
	s := newScene(t)
	id := s.newTemplate(types.RequestLaunchTemplateData{})
	s.sim.LimitVersions(2)
	s.version(id, "ami-2")
	third := func() error {
		_, err := s.client.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id, LaunchTemplateData: &types.RequestLaunchTemplateData{}})
		return err
	}
	wantCode(t, third(), "MaxTemplateVersionLimitExceeded")
	out, err := s.client.DeleteLaunchTemplateVersions(t.Context(), &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"2"}})
	must(t, out, err)
	if err := third(); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestLaunchFromTemplate: the template fills in what the request leaves out, and
// the instance shows the version.
func TestLaunchFromTemplate(t *testing.T) {
	s := newScene(t)
	id := s.newTemplate(types.RequestLaunchTemplateData{
		ImageId: aws.String("ami-1"), InstanceType: types.InstanceTypeC5Large, UserData: aws.String("eA=="),
		TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{
			{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("role"), Value: aws.String("web")}, {Key: aws.String("stage"), Value: aws.String("prod")}}},
			{ResourceType: types.ResourceTypeVolume, Tags: []types.Tag{{Key: aws.String("role"), Value: aws.String("disk")}}},
		},
	})
	s.version(id, "ami-2")
	launch := func(template types.LaunchTemplateSpecification, change func(*ec2.RunInstancesInput)) string {
		t.Helper()
		in := &ec2.RunInstancesInput{LaunchTemplate: &template, SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
		if change != nil {
			change(in)
		}
		out, err := s.client.RunInstances(t.Context(), in)
		i := must(t, out, err).Instances[0]
		line := *i.ImageId + " " + string(i.InstanceType)
		for _, tag := range i.Tags {
			line += " " + *tag.Key + "=" + *tag.Value
		}
		return line
	}
	version := func(n string) string {
		return " aws:ec2launchtemplate:id=" + id + " aws:ec2launchtemplate:version=" + n
	}
	wantEqual(t, "by default", launch(types.LaunchTemplateSpecification{LaunchTemplateId: &id}, nil), "ami-1 c5.large"+version("1")+" role=web stage=prod")
	wantEqual(t, "the latest", launch(types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("web"), Version: aws.String("$Latest")}, nil), "ami-2 c5.large"+version("2")+" role=web stage=prod")
	wantEqual(t, "with its own", launch(types.LaunchTemplateSpecification{LaunchTemplateId: &id}, func(in *ec2.RunInstancesInput) {
		in.ImageId, in.InstanceType = aws.String("ami-9"), types.InstanceTypeC5Xlarge
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("role"), Value: aws.String("mail")}}}}
	}), "ami-9 c5.xlarge"+version("1")+" role=mail stage=prod")
	wantEqual(t, "found by version", len(s.ids(&ec2.DescribeInstancesInput{Filters: filter("tag:aws:ec2launchtemplate:version", "2")})), 1)

	for want, spec := range map[string]types.LaunchTemplateSpecification{
		"InvalidLaunchTemplateId.NotFound":        {LaunchTemplateId: aws.String("lt-9")},
		"InvalidLaunchTemplateId.VersionNotFound": {LaunchTemplateId: &id, Version: aws.String("9")},
	} {
		_, err := s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{LaunchTemplate: &spec, SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
		wantCode(t, err, want)
	}
}

// TestLaunchRefusesWhatItWouldIgnore names the member of the template.
func TestLaunchRefusesWhatItWouldIgnore(t *testing.T) {
	for want, data := range map[string]types.RequestLaunchTemplateData{
		"Placement in version 1":      {Placement: &types.LaunchTemplatePlacementRequest{AvailabilityZone: aws.String("us-west-1b")}},
		`image "resolve:ssm:/golden"`: {ImageId: aws.String("resolve:ssm:/golden")},
		"NetworkInterfaces.AssociatePublicIpAddress in version 1": {NetworkInterfaces: []types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{
			{DeviceIndex: aws.Int32(0), AssociatePublicIpAddress: aws.Bool(true)},
		}},
	} {
		s := newScene(t)
		id := s.newTemplate(data)
		_, err := s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{
			LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &id}, SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		})
		if !strings.Contains(fmt.Sprint(err), "ec2:RunInstances: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestLaunchWithTemplateInterfaces: interfaces and market come from the template.
func TestLaunchWithTemplateInterfaces(t *testing.T) {
	s := newScene(t)
	group := s.newGroup("web")
	id := s.newTemplate(types.RequestLaunchTemplateData{
		ImageId:               aws.String("ami-1"),
		InstanceMarketOptions: &types.LaunchTemplateInstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot},
		NetworkInterfaces: []types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{
			{DeviceIndex: aws.Int32(0), SubnetId: &s.subnet, PrivateIpAddress: aws.String("10.0.1.77"), Groups: []string{group}},
		},
	})
	out, err := s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &id}, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	i := must(t, out, err).Instances[0]
	if *i.PrivateIpAddress != "10.0.1.77" || *i.SecurityGroups[0].GroupId != group || i.InstanceLifecycle != types.InstanceLifecycleTypeSpot {
		t.Errorf("at %s, lifecycle %q", *i.PrivateIpAddress, i.InstanceLifecycle)
	}
}

// TestTemplateVersionForOtherServices is read while another service is called.
func TestTemplateVersionForOtherServices(t *testing.T) {
	s := newScene(t)
	id := s.newTemplate(types.RequestLaunchTemplateData{
		ImageId:            aws.String("ami-1"),
		IamInstanceProfile: &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("server")},
		TagSpecifications:  []types.LaunchTemplateTagSpecificationRequest{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}},
	})
	s.version(id, "ami-2")
	other := awssim.NewStore(s.world, "other", 0, func(n int) int { return n })
	other.Do(func(m *awssim.Moment, _ int) {
		got, err := s.sim.TemplateVersion(m, "", "web", "$Default")
		if want := (ec2sim.TemplateVersion{ID: id, Name: "web", Number: 1, Image: "ami-1", Profile: "server", Tagged: true}); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		if got, err = s.sim.TemplateVersion(m, "", "web", "$Latest"); err != nil || got.Number != 2 || got.Image != "ami-2" {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err = s.sim.TemplateVersion(m, "lt-9", "", "1")
		wantCode(t, err, "InvalidLaunchTemplateId.NotFound")
		_, err = s.sim.TemplateVersion(m, id, "", "3")
		wantCode(t, err, "InvalidLaunchTemplateId.VersionNotFound")
	})
}
