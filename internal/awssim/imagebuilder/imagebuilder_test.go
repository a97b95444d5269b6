package imagebuilder_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/droverhq/drover/internal/awssim"
	ibsim "github.com/droverhq/drover/internal/awssim/imagebuilder"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const (
	parent   = "ami-00000000000000abc"
	prefix   = "arn:aws:imagebuilder:us-west-1:123456789012:"
	recipes  = prefix + "image-recipe/"
	pipeline = prefix + "image-pipeline/golden"
	infra    = prefix + "infrastructure-configuration/infra"
)

type scene struct {
	t      *testing.T
	clock  *clock.Virtual
	world  *awssim.World
	sim    *ibsim.Service
	client *imagebuilder.Client
	events []event.Event
}

// newScene has the recipe "Golden Image" 1.0.0 and the pipeline "golden" of it, which
// use everything there is.
func newScene(t *testing.T, o ibsim.Options) *scene {
	s := &scene{t: t, clock: clock.NewVirtual(dawn), sim: ibsim.New(o)}
	s.world = awssim.New(s.clock, awssim.Options{}, s.sim)
	s.world.Subscribe(func(e event.Event) { s.events = append(s.events, e) })
	s.client = imagebuilder.NewFromConfig(s.world.Config(), func(o *imagebuilder.Options) { o.RetryMaxAttempts = 1 })
	recipe, err := s.sim.AddRecipe(ibsim.EveryRecipeField("Golden Image", parent))
	if err != nil {
		t.Fatal(err)
	}
	if arn, err := s.sim.AddPipeline(ibsim.EveryPipelineField("golden", recipe)); err != nil || arn != pipeline {
		t.Fatal(arn, err)
	}
	return s
}

func (s *scene) create(in imagebuilder.CreateImageRecipeInput) (string, error) {
	if in.Name == nil {
		in.Name = aws.String("Golden Image")
	}
	if in.ParentImage == nil {
		in.ParentImage = aws.String(parent)
	}
	out, err := s.client.CreateImageRecipe(s.t.Context(), &in)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(*out.ImageRecipeArn, recipes), nil
}

func (s *scene) start(token string) (string, error) {
	out, err := s.client.StartImagePipelineExecution(s.t.Context(), &imagebuilder.StartImagePipelineExecutionInput{ImagePipelineArn: aws.String(pipeline), ClientToken: &token})
	if err != nil {
		return "", err
	}
	return *out.ImageBuildVersionArn, nil
}

func (s *scene) image(arn string) types.Image {
	s.t.Helper()
	out, err := s.client.GetImage(s.t.Context(), &imagebuilder.GetImageInput{ImageBuildVersionArn: &arn})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.Image
}

func (s *scene) pipeline() types.ImagePipeline {
	s.t.Helper()
	out, err := s.client.GetImagePipeline(s.t.Context(), &imagebuilder.GetImagePipelineInput{ImagePipelineArn: aws.String(pipeline)})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.ImagePipeline
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

var unexported = cmpopts.IgnoreUnexported(
	types.ImageRecipe{}, types.ImagePipeline{}, types.AdditionalInstanceConfiguration{}, types.SystemsManagerAgent{}, types.InstanceBlockDeviceMapping{},
	types.EbsInstanceBlockDeviceSpecification{}, types.ComponentConfiguration{}, types.ComponentParameter{}, types.ImageScanningConfiguration{}, types.EcrConfiguration{},
	types.ImageTestsConfiguration{}, types.PipelineLoggingConfiguration{}, types.Schedule{}, types.AutoDisablePolicy{}, types.WorkflowConfiguration{}, types.WorkflowParameter{},
	imagebuilder.CreateImageRecipeInput{}, types.LatestVersionReferences{},
)

// unset are the paths of members that nothing is said of.
func unset(v reflect.Value, path string) (paths []string) {
	switch v.Kind() {
	case reflect.Pointer:
		return unset(v.Elem(), path)
	case reflect.Slice:
		for i := range v.Len() {
			paths = append(paths, unset(v.Index(i), path)...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			switch value := v.Field(i); {
			case !f.IsExported():
			case value.IsZero():
				paths = append(paths, path+"."+f.Name)
			default:
				paths = append(paths, unset(value, path+"."+f.Name)...)
			}
		}
	default:
	}
	return paths
}

func TestEveryField(t *testing.T) {
	got := append(unset(reflect.ValueOf(ibsim.EveryRecipeField("a", parent)), "recipe"), unset(reflect.ValueOf(ibsim.EveryPipelineField("a", "b")), "pipeline")...)
	if want := []string{"pipeline.ContainerRecipeArn"}; !slices.Equal(got, want) {
		t.Errorf("nothing is said of %s", got)
	}
}

func TestRecipeIsKept(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	in := ibsim.EveryRecipeField("Golden Image", parent)
	in.SemanticVersion = aws.String("1.0.1")
	out, err := s.client.CreateImageRecipe(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.client.GetImageRecipe(t.Context(), &imagebuilder.GetImageRecipeInput{ImageRecipeArn: out.ImageRecipeArn})
	if err != nil {
		t.Fatal(err)
	}
	r := got.ImageRecipe
	again := &imagebuilder.CreateImageRecipeInput{
		ClientToken: in.ClientToken, SemanticVersion: r.Version, Name: r.Name, ParentImage: r.ParentImage, Description: r.Description, Components: r.Components,
		BlockDeviceMappings: r.BlockDeviceMappings, AdditionalInstanceConfiguration: r.AdditionalInstanceConfiguration, WorkingDirectory: r.WorkingDirectory,
		AmiTags: r.AmiTags, Tags: r.Tags,
	}
	if diff := cmp.Diff(in, again, unexported); diff != "" {
		t.Error(diff)
	}
	if *r.Arn != recipes+"golden-image/1.0.1" || *r.Owner != "123456789012" || *r.DateCreated != "2026-01-02T03:04:05.000Z" || r.Type != types.ImageTypeAmi {
		t.Errorf("%+v", r)
	}
	want := &types.LatestVersionReferences{
		LatestVersionArn: aws.String(recipes + "golden-image/x.x.x"), LatestMajorVersionArn: aws.String(recipes + "golden-image/1.x.x"),
		LatestMinorVersionArn: aws.String(recipes + "golden-image/1.0.x"), LatestPatchVersionArn: r.Arn,
	}
	if diff := cmp.Diff(want, out.LatestVersionReferences, unexported); diff != "" {
		t.Error(diff)
	}
	in.Tags["recipe"], r.AmiTags["ami"] = "no", "no" // the caller's own
	if kept := s.sim.Recipes()[1]; kept.Tags["recipe"] != "yes" || kept.AmiTags["ami"] != "yes" {
		t.Errorf("changed from outside: %v, %v", kept.Tags, kept.AmiTags)
	}
}

func TestRecipeVersions(t *testing.T) {
	s := newScene(t, ibsim.Options{MostRecipes: 8, Parent: func(_ *awssim.Moment, id string) bool { return id == parent }})
	for _, tt := range []struct {
		number, name, parent, want string // the ARN's end, or the error's code
	}{
		{number: "1.0.1", want: "golden-image/1.0.1"},
		{number: "1.0.1", want: "ResourceAlreadyExistsException"},
		{number: "1.0.x", want: "golden-image/1.0.2"},
		{number: "1.x.0", want: "golden-image/1.1.0"},
		{number: "1.0.x", want: "golden-image/1.0.3"},
		{number: "2.0.x", want: "golden-image/2.0.0"},
		{number: "1.x.x", want: "InvalidVersionNumberException"},
		{number: "1.0", want: "InvalidVersionNumberException"},
		{number: "1.0.-1", want: "InvalidVersionNumberException"},
		{number: "1.0.1073741824", want: "InvalidVersionNumberException"},
		{number: "1.0.a", want: "InvalidVersionNumberException"},
		{number: "1.0.x", name: "other", want: "other/1.0.0"},
		{number: "1.0.0", name: "a", want: "InvalidRequestException"},
		{number: "1.0.0", name: "par", parent: "ami-xxxxxxxx", want: "InvalidRequestException"},
		{number: "1.0.0", name: "par", parent: "ami-00000000000000abd", want: "InvalidRequestException"},
		{number: "1.0.0", name: "par", parent: "prod-abc", want: "not modelled"},
		{number: "1.0.0", name: "par", parent: "ssm:/golden/ami", want: "par/1.0.0"},
		{number: "1.0.0", name: "full", want: "ServiceQuotaExceededException"},
	} {
		in := imagebuilder.CreateImageRecipeInput{SemanticVersion: &tt.number}
		if tt.name != "" {
			in.Name = &tt.name
		}
		if tt.parent != "" {
			in.ParentImage = &tt.parent
		}
		got, err := s.create(in)
		var not *awssim.NotModelled
		switch {
		case errors.As(err, &not):
			got = "not modelled"
		case err != nil:
			got = code(err)
		}
		if got != tt.want {
			t.Errorf("%s of %q from %q: got %s, %v, want %s", tt.number, tt.name, tt.parent, got, err, tt.want)
		}
	}
	_, err := s.create(imagebuilder.CreateImageRecipeInput{SemanticVersion: aws.String("1.0.0")})
	if !strings.Contains(fmt.Sprint(err), "The following resource 'ImageRecipe' already exists: '"+recipes+"golden-image/1.0.0'.") {
		t.Errorf("got %v", err)
	}
	for number, want := range map[string]string{"1.0.x": "1.0.3", "1.x.x": "1.1.0", "x.x.x": "2.0.0", "x.1.x": "", "3.x.x": "", "1.0.9": ""} {
		out, err := s.client.GetImageRecipe(t.Context(), &imagebuilder.GetImageRecipeInput{ImageRecipeArn: aws.String(recipes + "golden-image/" + number)})
		if err != nil && (want != "" || code(err) != "ResourceNotFoundException") || err == nil && *out.ImageRecipe.Version != want {
			t.Errorf("%s: got %v, %v, want %s", number, out, err, want)
		}
	}
	var modelled *types.ResourceNotFoundException
	_, err = s.client.GetImageRecipe(t.Context(), &imagebuilder.GetImageRecipeInput{ImageRecipeArn: aws.String(recipes + "none/1.0.0")})
	if errors.As(err, &modelled) {
		t.Error("the error has a type, which it has not for this operation")
	}
}

func TestTokens(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	in := imagebuilder.CreateImageRecipeInput{SemanticVersion: aws.String("1.0.x"), ClientToken: aws.String("t")}
	for range 2 {
		if got, err := s.create(in); got != "golden-image/1.0.1" {
			t.Errorf("%s, %v", got, err)
		}
	}
	in.Description = aws.String("other")
	if _, err := s.create(in); code(err) != "IdempotentParameterMismatchException" {
		t.Errorf("got %v", err)
	}
	in.ClientToken = aws.String(strings.Repeat("t", 65))
	if _, err := s.create(in); code(err) != "InvalidRequestException" {
		t.Errorf("a long token: %v", err)
	}
	first, err := s.start("t") // a token is for one operation
	again, err2 := s.start("t")
	if err != nil || err2 != nil || first != again {
		t.Errorf("%s, %v, then %s, %v", first, err, again, err2)
	}
}

// What an update leaves out is lost.
func TestUpdateReplacesEverything(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	before := s.pipeline()
	s.clock.Advance(time.Hour)
	in := &imagebuilder.UpdateImagePipelineInput{
		ImagePipelineArn: before.Arn, ClientToken: aws.String("1"), InfrastructureConfigurationArn: before.InfrastructureConfigurationArn, ImageRecipeArn: before.ImageRecipeArn,
		Description: before.Description, DistributionConfigurationArn: before.DistributionConfigurationArn, EnhancedImageMetadataEnabled: before.EnhancedImageMetadataEnabled,
		ExecutionRole: before.ExecutionRole, ImageScanningConfiguration: before.ImageScanningConfiguration, ImageTags: before.ImageTags,
		ImageTestsConfiguration: before.ImageTestsConfiguration, LoggingConfiguration: before.LoggingConfiguration, Schedule: before.Schedule, Status: before.Status, Workflows: before.Workflows,
	}
	if _, err := s.client.UpdateImagePipeline(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	want := before
	want.ConsecutiveFailures, want.DateUpdated = aws.Int32(0), aws.String("2026-01-02T04:04:05.000Z")
	if diff := cmp.Diff(want, s.pipeline(), unexported); diff != "" {
		t.Errorf("everything given: %s", diff)
	}
	if got := unset(reflect.ValueOf(s.pipeline()), ""); !slices.Equal(got, []string{".ContainerRecipeArn"}) {
		t.Errorf("unset: %s", got)
	}
	if _, err := s.client.UpdateImagePipeline(t.Context(), &imagebuilder.UpdateImagePipelineInput{
		ImagePipelineArn: before.Arn, ClientToken: aws.String("2"), InfrastructureConfigurationArn: aws.String(infra), ImageRecipeArn: before.ImageRecipeArn,
	}); err != nil {
		t.Fatal(err)
	}
	want = types.ImagePipeline{
		Arn: before.Arn, Name: before.Name, Tags: before.Tags, Platform: before.Platform, DateCreated: before.DateCreated, DateUpdated: want.DateUpdated,
		DateLastRun: before.DateLastRun, LastRunStatus: before.LastRunStatus, ConsecutiveFailures: aws.Int32(0),
		ImageRecipeArn: before.ImageRecipeArn, InfrastructureConfigurationArn: aws.String(infra), Status: types.PipelineStatusEnabled,
		EnhancedImageMetadataEnabled: aws.Bool(true), ImageTestsConfiguration: &types.ImageTestsConfiguration{ImageTestsEnabled: aws.Bool(true), TimeoutMinutes: aws.Int32(720)},
	}
	if diff := cmp.Diff(want, s.pipeline(), unexported); diff != "" {
		t.Errorf("nothing given: %s", diff)
	}
}

func TestUpdateErrors(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	before := s.sim.Pipelines()
	recipe := aws.String(recipes + "golden-image/1.0.0")
	for name, tt := range map[string]struct {
		in   imagebuilder.UpdateImagePipelineInput
		want string
	}{
		"no pipeline":    {imagebuilder.UpdateImagePipelineInput{ImagePipelineArn: aws.String(pipeline + "x"), ImageRecipeArn: recipe}, "ResourceNotFoundException"},
		"no recipe":      {imagebuilder.UpdateImagePipelineInput{}, "InvalidRequestException"},
		"two recipes":    {imagebuilder.UpdateImagePipelineInput{ImageRecipeArn: recipe, ContainerRecipeArn: aws.String("x")}, "InvalidRequestException"},
		"unknown recipe": {imagebuilder.UpdateImagePipelineInput{ImageRecipeArn: aws.String(recipes + "golden-image/9.9.9")}, "InvalidRequestException"},
	} {
		tt.in.InfrastructureConfigurationArn = aws.String(infra)
		if tt.in.ImagePipelineArn == nil {
			tt.in.ImagePipelineArn = aws.String(pipeline)
		}
		if _, err := s.client.UpdateImagePipeline(t.Context(), &tt.in); code(err) != tt.want {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
	if diff := cmp.Diff(before, s.sim.Pipelines(), unexported); diff != "" {
		t.Error(diff)
	}
	s.world.Intercept(func(awssim.Call) awssim.Fault { return awssim.FailBefore(ibsim.CallRateLimitExceeded()) })
	if _, err := s.start("1"); code(err) != "CallRateLimitExceededException" {
		t.Errorf("got %v", err)
	}
}

func TestLists(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	ctx := t.Context()
	for _, number := range []string{"1.0.9", "1.0.10"} {
		if _, err := s.create(imagebuilder.CreateImageRecipeInput{SemanticVersion: &number, ParentImage: aws.String("ssm:/a")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.sim.AddPipeline(types.ImagePipeline{Name: aws.String("container"), ContainerRecipeArn: aws.String(prefix + "container-recipe/c/1.0.0")}); err != nil {
		t.Fatal(err)
	}
	filters := func(name string, values ...string) []types.Filter {
		return []types.Filter{{Name: &name, Values: values}}
	}
	list := func(f []types.Filter) string {
		var all []string
		for p := imagebuilder.NewListImageRecipesPaginator(s.client, &imagebuilder.ListImageRecipesInput{Filters: f}); p.HasMorePages(); {
			page, err := p.NextPage(ctx)
			if err != nil {
				return code(err)
			}
			for _, r := range page.ImageRecipeSummaryList {
				all = append(all, strings.TrimPrefix(*r.Arn, recipes+"golden-image/"))
			}
		}
		return strings.Join(all, " ")
	}
	for _, tt := range []struct {
		filters []types.Filter
		want    string
	}{
		{nil, "1.0.0 1.0.10 1.0.9"},
		{filters("name", "Golden Image", "x"), "1.0.0 1.0.10 1.0.9"},
		{filters("name", "golden-image"), ""},
		{filters("parentImage", parent), "1.0.0"},
		{filters("platform", "Linux"), "1.0.0 1.0.10 1.0.9"},
	} {
		if got := list(tt.filters); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.filters, got, tt.want)
		}
	}
	pipelines := func(f []types.Filter) string {
		out, err := s.client.ListImagePipelines(ctx, &imagebuilder.ListImagePipelinesInput{Filters: f})
		if err != nil {
			return code(err)
		}
		var all []string
		for _, p := range out.ImagePipelineList {
			all = append(all, *p.Name)
		}
		return strings.Join(all, " ")
	}
	for _, tt := range []struct {
		filters []types.Filter
		want    string
	}{
		{nil, "container golden"},
		{filters("status", "ENABLED"), "container golden"},
		{filters("imageRecipeArn", recipes+"golden-image/1.0.0"), "golden"},
		{filters("name", "golden"), "golden"},
		{filters("description", "uses everything"), "golden"},
		{filters("distributionConfigurationArn", "x"), ""},
		{filters("infrastructureConfigurationArn", infra), "golden"},
	} {
		if got := pipelines(tt.filters); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.filters, got, tt.want)
		}
	}
	for what, arn := range map[string]string{"recipe": recipes + "golden-image/1.0.0", "pipeline": pipeline} {
		out, err := s.client.ListTagsForResource(ctx, &imagebuilder.ListTagsForResourceInput{ResourceArn: &arn})
		if err != nil || !cmp.Equal(out.Tags, map[string]string{what: "yes"}) {
			t.Errorf("%s: %v, %v", arn, out, err)
		}
	}
	var modelled *types.ResourceNotFoundException
	_, err := s.client.ListTagsForResource(ctx, &imagebuilder.ListTagsForResourceInput{ResourceArn: aws.String("x")})
	if !errors.As(err, &modelled) {
		t.Errorf("tags of nothing: %v", err)
	}
	_, err = s.client.ListImageRecipes(ctx, &imagebuilder.ListImageRecipesInput{MaxResults: aws.Int32(26)})
	_, err2 := s.client.ListImageRecipes(ctx, &imagebuilder.ListImageRecipesInput{NextToken: aws.String("x")})
	if code(err) != "InvalidRequestException" || code(err2) != "InvalidPaginationTokenException" {
		t.Errorf("%v, %v", err, err2)
	}
	var not *awssim.NotModelled
	_, err = s.client.ListImageRecipes(ctx, &imagebuilder.ListImageRecipesInput{Owner: types.OwnershipAmazon})
	_, err2 = s.client.ListImagePipelines(ctx, &imagebuilder.ListImagePipelinesInput{Filters: filters("color", "red")})
	if !errors.As(err, &not) || !errors.As(err2, &not) {
		t.Errorf("%v, %v", err, err2)
	}
}

func TestPermissions(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	var asked []string
	s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
		var with []string
		for key, values := range keys {
			with = append(with, fmt.Sprint(key, values))
		}
		slices.Sort(with)
		asked = append(asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", strings.TrimPrefix(action, "imagebuilder:"), strings.TrimPrefix(resource, prefix), strings.Join(with, " "))))
		return true
	})
	ctx := t.Context()
	_, err := s.create(imagebuilder.CreateImageRecipeInput{
		SemanticVersion: aws.String("1.0.x"), Tags: map[string]string{"k": "v"}, Components: []types.ComponentConfiguration{{ComponentArn: aws.String(prefix + "component/c/1.0.0/1")}},
	})
	_, err2 := s.create(imagebuilder.CreateImageRecipeInput{SemanticVersion: aws.String("2.0.0"), ParentImage: aws.String("ssm:/golden/ami")})
	p := s.pipeline()
	_, err3 := s.client.UpdateImagePipeline(ctx, &imagebuilder.UpdateImagePipelineInput{
		ImagePipelineArn: p.Arn, ImageRecipeArn: p.ImageRecipeArn, InfrastructureConfigurationArn: p.InfrastructureConfigurationArn,
		DistributionConfigurationArn: p.DistributionConfigurationArn, ExecutionRole: aws.String("builder"), Workflows: p.Workflows,
	})
	_, err4 := s.start("1")
	_, err5 := s.client.ListImagePipelines(ctx, &imagebuilder.ListImagePipelinesInput{})
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"CreateImageRecipe image-recipe/golden-image/1.0.1 aws:RequestTag/k[v] aws:TagKeys[k]",
		"TagResource image-recipe/golden-image/1.0.1 aws:RequestTag/k[v] aws:TagKeys[k]",
		"GetComponent component/c/1.0.0/1",
		"ec2:DescribeImages * ec2:Region[us-west-1]",
		"CreateImageRecipe image-recipe/golden-image/2.0.0",
		"ssm:GetParameter arn:aws:ssm:us-west-1:123456789012:parameter/golden/ami",
		"GetImagePipeline image-pipeline/golden aws:ResourceTag/pipeline[yes]",
		"UpdateImagePipeline image-pipeline/golden aws:ResourceTag/pipeline[yes]",
		"iam:PassRole arn:aws:iam::123456789012:role/builder iam:PassedToService[imagebuilder.amazonaws.com]",
		"GetDistributionConfiguration distribution-configuration/dist",
		"GetImageRecipe image-recipe/golden-image/1.0.0 aws:ResourceTag/recipe[yes]",
		"GetInfrastructureConfiguration infrastructure-configuration/infra",
		"GetWorkflow workflow/test/mine/1.0.0/1",
		"StartImagePipelineExecution image-pipeline/golden aws:ResourceTag/pipeline[yes]",
		"GetImagePipeline image-pipeline/golden aws:ResourceTag/pipeline[yes]",
		"ListImagePipelines *",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}
