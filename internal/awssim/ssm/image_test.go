package ssm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	ssmsim "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

const golden, first, second = "golden-ami", "ami-00000000000000001", "ami-00000000000000002"

func newImageScene(t *testing.T, o ssmsim.Options) *scene {
	s := &scene{t: t, clock: clock.NewVirtual(dawn), sim: ssmsim.New(o)}
	s.world = awssim.New(s.clock, awssim.Options{Account: "111122223333", Region: "us-east-2"}, s.sim)
	s.world.Subscribe(func(e event.Event) { s.events = append(s.events, e) })
	s.client = ssm.NewFromConfig(s.world.Config(), func(o *ssm.Options) { o.RetryMaxAttempts = 1 })
	return s
}

func (s *scene) putImage(value string) int64 {
	s.t.Helper()
	out, err := s.client.PutParameter(s.t.Context(), &ssm.PutParameterInput{
		Name: aws.String(golden), Value: &value, Type: types.ParameterTypeString, DataType: aws.String("aws:ec2:image"), Overwrite: aws.Bool(true),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Version
}

// value is "value version data type", or the error's code.
func (s *scene) value() string {
	p, err := s.get(&ssm.GetParameterInput{Name: aws.String(golden)})
	if err != nil {
		return code(err)
	}
	return fmt.Sprintf("%s %d %s", *p.Value, p.Version, *p.DataType)
}

func (s *scene) sawSample(event event.Event, name, operation string) {
	s.t.Helper()
	data, err := os.ReadFile("../../event/testdata/samples/ssm-parameter-store-change-" + name + ".json")
	if err != nil {
		s.t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(data, &want); err != nil {
		s.t.Fatal(err)
	}
	got := decoded(s.t, event)
	want["id"], want["time"] = got["id"], got["time"]
	want["detail"].(map[string]any)["operation"] = operation
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s: %s", name, diff)
	}
}

// The call is acknowledged before the image is looked at; one that is not there
// leaves what was there, and only the event says so.
func TestImageIsValidatedLater(t *testing.T) {
	known := map[string]bool{first: true}
	s := newImageScene(t, ssmsim.Options{Images: func(m *awssim.Moment, id string) bool { return m != nil && known[id] }})
	if n := s.putImage(second); n != 1 || s.value() != "ParameterNotFound" {
		t.Errorf("version %d, then %s", n, s.value())
	}
	_, err := s.client.AddTagsToResource(t.Context(), &ssm.AddTagsToResourceInput{
		ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String(golden), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	})
	if code(err) != "InvalidResourceId" || len(s.events) != 0 {
		t.Errorf("tagged what is not there yet: %v, %d events", err, len(s.events))
	}
	s.clock.Advance(5 * time.Second)
	if got := s.value(); got != "ParameterNotFound" || len(s.events) != 1 {
		t.Fatalf("%s, %d events", got, len(s.events))
	}
	s.sawSample(s.events[0], "ami-validation-failed", "Create")

	if n := s.putImage(first); n != 1 || s.value() != "ParameterNotFound" {
		t.Errorf("version %d, then %s", n, s.value())
	}
	s.clock.Advance(5 * time.Second)
	if got := s.value(); got != first+" 1 aws:ec2:image" {
		t.Error(got)
	}
	s.sawSample(s.events[1], "ami-update-validated", "Create")

	if n := s.putImage("ami-xxxxxxxx"); n != 2 {
		t.Errorf("version %d", n)
	}
	s.clock.Advance(5 * time.Second)
	if got := s.value(); got != first+" 1 aws:ec2:image" {
		t.Errorf("after what is no image: %s", got)
	}
	s.sawSample(s.events[2], "ami-validation-failed", "Update")

	known[second] = true
	if a, b := s.putImage(second), s.putImage(first); a != 2 || b != 3 {
		t.Errorf("two at once are told %d and %d", a, b)
	}
	s.clock.Advance(5 * time.Second)
	if got := s.value(); got != first+" 3 aws:ec2:image" {
		t.Error(got)
	}
	s.sawSample(s.events[4], "ami-update-validated", "Update")
	if d, ok := s.sim.Details(golden); !ok || d.DataType != "aws:ec2:image" {
		t.Errorf("%+v", d)
	}
}

// Without EC2 the form of the id decides; a value without a data type is a text.
func TestImageWithoutEC2(t *testing.T) {
	s := newImageScene(t, ssmsim.Options{Validation: time.Minute})
	s.putImage(first)
	s.clock.Advance(59 * time.Second)
	if got := s.value(); got != "ParameterNotFound" {
		t.Error(got)
	}
	s.clock.Advance(time.Second)
	if got := s.value(); got != first+" 1 aws:ec2:image" {
		t.Error(got)
	}
	s.set(golden, "anything", "")
	if got := s.value(); got != "anything 2 text" {
		t.Error(got)
	}
}

func TestTags(t *testing.T) {
	s := newScene(t, awssim.Options{})
	ctx, name, kind := t.Context(), aws.String("/a"), types.ResourceTypeForTaggingParameter
	tags := func(pairs ...string) (all []types.Tag) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
		}
		return all
	}
	listed := func() string {
		out, err := s.client.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: kind, ResourceId: name})
		if err != nil {
			return code(err)
		}
		var all []string
		for _, tag := range out.TagList {
			all = append(all, *tag.Key+"="+*tag.Value)
		}
		return strings.Join(all, " ")
	}
	put := func(over bool, with []types.Tag) error {
		_, err := s.client.PutParameter(ctx, &ssm.PutParameterInput{
			Name: name, Value: aws.String("v"), Type: types.ParameterTypeString, Overwrite: &over, Tags: with, Description: aws.String("d"),
		})
		return err
	}
	if got := listed(); got != "InvalidResourceId" {
		t.Error(got)
	}
	if err := put(true, tags("b", "1")); code(err) != "ValidationException" || !strings.Contains(err.Error(), "tags and overwrite can't be used together") {
		t.Errorf("tags and overwrite: %v", err)
	}
	if err := put(false, tags("b", "1", "a", "2")); err != nil || listed() != "a=2 b=1" {
		t.Errorf("%v, %s", err, listed())
	}
	if err := put(true, nil); err != nil || listed() != "a=2 b=1" {
		t.Errorf("overwritten: %v, %s", err, listed())
	}
	_, err := s.client.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceType: kind, ResourceId: name, Tags: tags("b", "3", "c", "4")})
	_, err2 := s.client.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{ResourceType: kind, ResourceId: name, TagKeys: []string{"a", "z"}})
	if err := errors.Join(err, err2); err != nil || listed() != "b=3 c=4" {
		t.Errorf("%v, %s", err, listed())
	}
	want := ssmsim.Details{Description: "d", DataType: "text", Tags: map[string]string{"b": "3", "c": "4"}}
	if d, _ := s.sim.Details("/a"); !cmp.Equal(d, want) {
		t.Errorf("%+v", d)
	}
	var many []types.Tag
	for n := range 49 {
		many = append(many, tags(fmt.Sprint(n), "x")...)
	}
	_, err = s.client.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceType: kind, ResourceId: name, Tags: many})
	if code(err) != "TooManyTagsError" || listed() != "b=3 c=4" {
		t.Errorf("51 tags: %v", err)
	}
	var not *awssim.NotModelled
	_, err = s.client.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingDocument, ResourceId: name})
	if !errors.As(err, &not) {
		t.Errorf("tags of a document: %v", err)
	}
}

func TestPublicParameters(t *testing.T) {
	s := newScene(t, awssim.Options{})
	const path, name = "/aws/service/ami-windows-latest", "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"
	const arn = "arn:aws:ssm:us-west-1::parameter" + name
	s.sim.Publish(name, first)
	s.sim.Publish(path+"/other", first)
	s.sim.Publish(name, second)
	s.set("/mine", "v", types.ParameterTypeString)
	for reference, want := range map[string]string{
		name: second + " 2 text", arn: second + " 2 text", name + ":1": first + " 1 text", path: "ParameterNotFound", name + "x": "ParameterNotFound",
	} {
		got := ""
		if p, err := s.get(&ssm.GetParameterInput{Name: &reference}); err != nil {
			got = code(err)
		} else if got = fmt.Sprintf("%s %d %s", *p.Value, p.Version, *p.DataType); *p.ARN != arn {
			t.Errorf("ARN %s", *p.ARN)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", reference, got, want)
		}
	}
	for below, want := range map[string]int{path: 2, "/aws/service": 0, "/": 1} {
		out, err := s.client.GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: &below})
		if err != nil || len(out.Parameters) != want {
			t.Errorf("%s: %v, %v", below, out, err)
		}
	}
	if _, err := s.client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(name), Value: aws.String("x"), Overwrite: aws.Bool(true)}); code(err) == "" {
		t.Error("a parameter of AWS was overwritten")
	}
	if len(s.events) != 1 || len(s.sim.Parameters()) != 1 { // both of the account's own
		t.Errorf("%d events, %d parameters", len(s.events), len(s.sim.Parameters()))
	}
	s.world.Authorize(func(_, resource string, _ map[string][]string) bool {
		if resource != arn {
			t.Errorf("asked for %s", resource)
		}
		return true
	})
	for _, reference := range []string{name, arn, name + ":1"} {
		if _, err := s.get(&ssm.GetParameterInput{Name: &reference}); err != nil {
			t.Error(err)
		}
	}
}

func TestPermissionsOfTagsAndImages(t *testing.T) {
	s := newScene(t, awssim.Options{})
	var asked []string
	s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
		asked = append(asked, fmt.Sprintf("%s %s own=%s%s request=%s keys=%s", action, resource[strings.LastIndex(resource, ":")+1:],
			keys["aws:ResourceTag/k"], keys["ssm:resourceTag/k"], keys["aws:RequestTag/k"], keys["aws:TagKeys"]))
		return true
	})
	ctx, name, kind, tags := t.Context(), aws.String("/a"), types.ResourceTypeForTaggingParameter, []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
	_, err := s.client.PutParameter(ctx, &ssm.PutParameterInput{Name: name, Value: aws.String("v"), Type: types.ParameterTypeString, Tags: tags})
	_, err2 := s.client.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceType: kind, ResourceId: name, Tags: tags})
	_, err3 := s.client.PutParameter(ctx, &ssm.PutParameterInput{Name: name, Value: aws.String(first), DataType: aws.String("aws:ec2:image"), Overwrite: aws.Bool(true)})
	_, err4 := s.client.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: kind, ResourceId: name})
	_, err5 := s.client.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{ResourceType: kind, ResourceId: name, TagKeys: []string{"k"}})
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ssm:PutParameter parameter/a own=[][] request=[v] keys=[k]", "ssm:AddTagsToResource parameter/a own=[][] request=[v] keys=[k]",
		"ssm:AddTagsToResource parameter/a own=[v][v] request=[v] keys=[k]",
		"ssm:PutParameter parameter/a own=[v][v] request=[] keys=[]", "ec2:DescribeImages * own=[][] request=[] keys=[]",
		"ssm:ListTagsForResource parameter/a own=[v][v] request=[] keys=[]", "ssm:RemoveTagsFromResource parameter/a own=[v][v] request=[] keys=[k]",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}
