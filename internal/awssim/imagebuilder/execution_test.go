package imagebuilder_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	ibsim "github.com/droverhq/drover/internal/awssim/imagebuilder"
	"github.com/droverhq/drover/internal/event"
)

// told are the events, as "previous → state" or "AMI id state".
func (s *scene) told() []string {
	var all []string
	for _, e := range s.events {
		if change, ok, err := event.AsImageStateChange(e); ok || err != nil {
			all = append(all, fmt.Sprintf("AMI %s %s", change.ImageID, change.State))
			continue
		}
		var d struct {
			Before struct{ Status string } `json:"previous-state"`
			After  struct{ Status string } `json:"state"`
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, d.Before.Status+" → "+d.After.Status)
	}
	return all
}

func TestExecution(t *testing.T) {
	var made []ibsim.AMI
	s := newScene(t, ibsim.Options{Images: func(a ibsim.AMI) { made = append(made, a) }})
	arn, err := s.start("1")
	if err != nil || arn != prefix+"image/golden-image/1.0.0/1" {
		t.Fatal(arn, err)
	}
	if _, err := s.start("2"); code(err) != "ResourceInUseException" {
		t.Errorf("started while it runs: %v", err)
	}
	for _, step := range []struct {
		after  time.Duration
		status types.ImageStatus
		amis   int // in EC2
	}{
		{0, "PENDING", 0}, {11 * time.Second, "BUILDING", 0}, {10 * time.Minute, "TESTING", 1}, {5 * time.Minute, "DISTRIBUTING", 1}, {time.Minute, "AVAILABLE", 1}, {time.Hour, "AVAILABLE", 1},
	} {
		s.clock.Advance(step.after)
		i := s.image(arn)
		if i.State.Status != step.status || len(made) != step.amis || (len(i.OutputResources.Amis) == 1) != (step.status == "AVAILABLE") {
			t.Errorf("%s later: %s, %d AMIs in EC2, shown %+v", step.after, i.State.Status, len(made), i.OutputResources.Amis)
		}
		if p := s.pipeline(); p.LastRunStatus != step.status {
			t.Errorf("the pipeline says %s", p.LastRunStatus)
		}
	}
	i := s.image(arn)
	ami := i.OutputResources.Amis[0]
	wantAMI := []ibsim.AMI{{
		ID: *ami.Image, Name: "Golden Image 2026-01-02T03-04-05.000000Z", Description: "uses everything",
		Tags: map[string]string{"CreatedBy": "EC2 Image Builder", "Ec2ImageBuilderArn": arn, "ami": "yes"},
	}}
	if diff := cmp.Diff(wantAMI, made); diff != "" || *ami.Region != "us-west-1" || *ami.Name != made[0].Name || *ami.AccountId != "123456789012" {
		t.Errorf("%s, %+v", diff, ami)
	}
	want := []string{"PENDING → BUILDING", "AMI " + *ami.Image + " available", "BUILDING → TESTING", "TESTING → DISTRIBUTING", "DISTRIBUTING → AVAILABLE"}
	if diff := cmp.Diff(want, s.told()); diff != "" {
		t.Error(diff)
	}
	if *i.Version != "1.0.0/1" || *i.SourcePipelineArn != pipeline || i.BuildType != types.BuildTypeUserInitiated || *i.ImageRecipe.Version != "1.0.0" || !cmp.Equal(i.Tags, map[string]string{"image": "yes"}) {
		t.Errorf("%+v", i)
	}
	again, err := s.start("3")
	if err != nil || again != prefix+"image/golden-image/1.0.0/2" {
		t.Error(again, err)
	}
}

// The events have the members of AWS's samples, and no other.
func TestEvents(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	run := func(finish func(arn string) error) {
		t.Helper()
		arn, err := s.start(fmt.Sprint(len(s.events)))
		if err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(time.Minute)
		s.world.Settle()
		if err := finish(arn); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(time.Hour)
		s.world.Settle()
	}
	run(func(string) error { return nil })
	run(func(arn string) error { return s.sim.Cancel(arn, "") })
	if err := s.sim.FailNext(pipeline, types.ImageStatusBuilding, ""); err != nil {
		t.Fatal(err)
	}
	run(func(string) error { return nil })
	want := []string{
		"PENDING → BUILDING", "BUILDING → TESTING", "TESTING → DISTRIBUTING", "DISTRIBUTING → AVAILABLE",
		"PENDING → BUILDING", "BUILDING → CANCELLED", "PENDING → BUILDING", "BUILDING → FAILED",
	}
	if diff := cmp.Diff(want, s.told()); diff != "" {
		t.Fatal(diff)
	}
	for n, name := range map[int]string{1: "testing", 2: "distributing", 5: "cancelled", 7: "failed"} {
		data, err := os.ReadFile("../../event/testdata/samples/imagebuilder-image-state-change-" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		text, err := json.Marshal(s.events[n])
		if err := errors.Join(err, json.Unmarshal(data, &want), json.Unmarshal(text, &got)); err != nil {
			t.Fatal(err)
		}
		for _, member := range []string{"id", "time", "account", "region", "resources"} {
			if got[member] == nil {
				t.Errorf("%s: no %s", name, member)
			}
			want[member] = got[member]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := s.events[7].Resources; !slices.Equal(got, []string{prefix + "image/golden-image/1.0.0/3"}) {
		t.Errorf("resources %s", got)
	}
}

func TestEndings(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	if err := s.sim.FailNext(pipeline, types.ImageStatusTesting, "tests failed"); err != nil {
		t.Fatal(err)
	}
	failed, err := s.sim.Start(pipeline, types.BuildTypeScheduled)
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Hour)
	if i := s.image(failed); i.State.Status != "FAILED" || *i.State.Reason != "tests failed" || len(i.OutputResources.Amis) != 0 || i.BuildType != types.BuildTypeScheduled {
		t.Errorf("%+v, %s", i.State, i.BuildType)
	}
	if n := *s.pipeline().ConsecutiveFailures; n != 3 {
		t.Errorf("%d failures", n)
	}
	cancelled, err := s.start("1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.sim.Cancel(cancelled, "by hand"); err != nil {
		t.Error(err)
	}
	if err := s.sim.Cancel(cancelled, ""); err == nil {
		t.Error("cancelled twice")
	}
	done, err := s.start("2") // which does not fail: only the next one was to
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Hour)
	if n := *s.pipeline().ConsecutiveFailures; n != 0 {
		t.Errorf("%d failures after a success", n)
	}
	for arn, want := range map[string]string{ // GetImage
		failed: "FAILED", cancelled: "CANCELLED", done: "AVAILABLE",
		prefix + "image/golden-image/1.0.0": "AVAILABLE", prefix + "image/golden-image/x.x.x": "AVAILABLE", prefix + "image/golden-image/2.x.x": "", prefix + "image/golden-image/1.0.0/9": "",
	} {
		out, err := s.client.GetImage(t.Context(), &imagebuilder.GetImageInput{ImageBuildVersionArn: &arn})
		if err != nil && (want != "" || code(err) != "ResourceNotFoundException") || err == nil && string(out.Image.State.Status) != want {
			t.Errorf("%s: got %v, want %s", arn, err, want)
		}
	}
	var all []string
	for p := imagebuilder.NewListImagePipelineImagesPaginator(s.client, &imagebuilder.ListImagePipelineImagesInput{
		ImagePipelineArn: aws.String(pipeline), Filters: []types.Filter{{Name: aws.String("version"), Values: []string{"1.0.0"}}},
	}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.ImageSummaryList {
			all = append(all, fmt.Sprintf("%s %s %d", *i.Version, i.State.Status, len(i.OutputResources.Amis)))
		}
	}
	if diff := cmp.Diff([]string{"1.0.0/1 FAILED 0", "1.0.0/2 CANCELLED 0", "1.0.0/3 AVAILABLE 1"}, all); diff != "" {
		t.Error(diff)
	}
	_, err = s.client.ListImagePipelineImages(t.Context(), &imagebuilder.ListImagePipelineImagesInput{ImagePipelineArn: aws.String("x")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("no pipeline: %v", err)
	}
}

func TestWhichCanStart(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	if err := s.sim.ChangePipeline(pipeline, func(p *types.ImagePipeline) {
		p.Status, p.ImageTestsConfiguration = types.PipelineStatusDisabled, &types.ImageTestsConfiguration{ImageTestsEnabled: aws.Bool(false)}
	}); err != nil {
		t.Fatal(err)
	}
	arn, err := s.start("1")
	if err != nil {
		t.Fatalf("a disabled pipeline: %v", err)
	}
	s.clock.Advance(10*time.Minute + 11*time.Second)
	if i := s.image(arn); i.State.Status != "DISTRIBUTING" {
		t.Errorf("without tests: %s", i.State.Status)
	}
	container, err := s.sim.AddPipeline(types.ImagePipeline{Name: aws.String("container"), ContainerRecipeArn: aws.String(prefix + "container-recipe/c/1.0.0")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.client.StartImagePipelineExecution(t.Context(), &imagebuilder.StartImagePipelineExecutionInput{ImagePipelineArn: &container})
	var not *awssim.NotModelled
	if !errors.As(err, &not) {
		t.Errorf("a container pipeline: %v", err)
	}
	_, err = s.client.StartImagePipelineExecution(t.Context(), &imagebuilder.StartImagePipelineExecutionInput{ImagePipelineArn: aws.String("x")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("no pipeline: %v", err)
	}
	_, twice := s.sim.AddPipeline(types.ImagePipeline{Name: aws.String("golden")})
	_, none := s.sim.AddPipeline(types.ImagePipeline{Name: aws.String("none")})
	_, started := s.sim.Start("x", types.BuildTypeScheduled)
	for _, err := range []error{twice, none, started, s.sim.FailNext("x", types.ImageStatusBuilding, ""), s.sim.ChangePipeline(pipeline, func(p *types.ImagePipeline) { p.ImageRecipeArn = nil })} {
		if err == nil {
			t.Error("no error")
		}
	}
}

// A pipeline may have a recipe's newest version, and a recipe the value of a parameter:
// then an execution is all that is needed.
func TestFollowingByItself(t *testing.T) {
	value := ""
	s := newScene(t, ibsim.Options{Parameter: func(m *awssim.Moment, name string) (string, bool) {
		return value, m != nil && name == "/golden/ami" && value != ""
	}})
	if err := s.sim.ChangePipeline(pipeline, func(p *types.ImagePipeline) { p.ImageRecipeArn = aws.String(recipes + "golden-image/x.x.x") }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.create(imagebuilder.CreateImageRecipeInput{SemanticVersion: aws.String("1.0.x"), ParentImage: aws.String("ssm:/golden/ami")}); got != "golden-image/1.0.1" {
		t.Fatal(got, err)
	}
	for _, want := range []string{"FAILED ssm:/golden/ami", "BUILDING " + parent} {
		arn, err := s.start(want)
		if err != nil || !strings.HasPrefix(arn, prefix+"image/golden-image/1.0.1/") {
			t.Fatal(arn, err)
		}
		s.clock.Advance(time.Minute)
		status := s.image(arn).State.Status
		if from, ok := s.sim.Parent(arn); !ok || fmt.Sprint(status, " ", from) != want {
			t.Errorf("%s from %s, want %s", status, from, want)
		}
		value = parent
	}
	if len(s.sim.Images()) != 2 {
		t.Errorf("%d images", len(s.sim.Images()))
	}
}

func TestStaleReads(t *testing.T) {
	s := newScene(t, ibsim.Options{})
	s.world.StaleReads(func(awssim.Call) time.Duration { return 10 * time.Second })
	s.clock.Advance(time.Minute)
	if err := s.sim.ChangePipeline(pipeline, func(p *types.ImagePipeline) { p.Description = aws.String("new") }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"uses everything", "new"} {
		if got := *s.pipeline().Description; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		s.clock.Advance(20 * time.Second)
	}
}
