package ec2_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// record is what of a CloudTrail record these tests look at.
type record struct {
	Name, Code        string
	Request, Response any
	Who               string
	At, Told          time.Duration // after dawn
}

// records keeps what CloudTrail tells.
func (s *scene) records() *[]record {
	var list []record
	s.world.Subscribe(func(e event.Event) {
		if e.DetailType != awssim.TypeTrailCall {
			return
		}
		var d struct {
			EventName, ErrorCode                string
			RequestParameters, ResponseElements any
			UserIdentity                        struct{ ARN, InvokedBy string }
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			s.t.Error(err)
		}
		list = append(list, record{d.EventName, d.ErrorCode, d.RequestParameters, d.ResponseElements, d.UserIdentity.ARN + d.UserIdentity.InvokedBy, e.Time.Sub(dawn), s.clock.Now().Sub(dawn)})
	})
	return &list
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestEventsHaveTheFormOfSamples: all that our events have, published ones have,
// at the same place and of the same kind.
func TestEventsHaveTheFormOfSamples(t *testing.T) {
	s := newScene(t)
	var events []event.Event
	s.world.Subscribe(func(e event.Event) {
		if e.DetailType != event.TypeInstanceStateChange && !strings.Contains(string(e.Detail), "RunInstances") {
			events = append(events, e)
		}
	})
	instance, _ := s.running()
	in := &ec2.CreateImageInput{
		InstanceId: &instance, Name: aws.String("web"), NoReboot: aws.Bool(true),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeImage, Tags: []types.Tag{{Key: aws.String("Foo"), Value: aws.String("bar")}}}},
	}
	for range 2 { // the second fails
		_, err := s.client.CreateImage(t.Context(), in)
		if err != nil {
			wantCode(t, err, "InvalidAMIName.Duplicate")
		}
	}
	s.clock.Advance(time.Hour)
	s.world.Settle()
	names := []string{"cloudtrail-create-image-real.json", "cloudtrail-create-image-failed-duplicate-name.json", "ec2-ami-state-change-available.json"}
	if len(events) != len(names) {
		t.Fatalf("%d events: %+v", len(events), events)
	}
	for i, name := range names {
		data, err := os.ReadFile(filepath.Join("..", "..", "event", "testdata", "samples", name))
		if err != nil {
			t.Fatal(err)
		}
		var got, sample any
		if err := errors.Join(json.Unmarshal([]byte(asJSON(t, events[i])), &got), json.Unmarshal(data, &sample)); err != nil {
			t.Fatal(err)
		}
		for _, path := range paths(got, "") {
			if !slices.Contains(paths(sample, ""), path) {
				t.Errorf("%s has no %s", name, path)
			}
		}
	}
}

// paths are the paths to all leaves of a JSON value, each with its kind.
func paths(v any, at string) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			all = append(all, paths(member, at+"."+name)...)
		}
	case []any:
		for _, element := range v {
			all = append(all, paths(element, at+"[]")...)
		}
	default:
		all = append(all, fmt.Sprintf("%s: %T", at, v))
	}
	return all
}

func TestCreateImageRecord(t *testing.T) {
	s := newScene(t)
	instance, _ := s.running()
	s.world.Settle() // the record of the launch is out
	records := s.records()
	in := &ec2.CreateImageInput{
		InstanceId: &instance, Name: aws.String("test-tagg"), Description: aws.String("golden"), NoReboot: aws.Bool(true),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeImage, Tags: []types.Tag{{Key: aws.String("Foo"), Value: aws.String("bar")}}}},
	}
	out, err := s.client.CreateImage(awssim.WithActor(t.Context(), "greg"), in)
	must(t, out, err)
	_, err = s.client.CreateImage(awssim.WithActor(t.Context(), "arn:aws:iam::123456789012:user/ann"), in)
	wantCode(t, err, "InvalidAMIName.Duplicate")
	in.Name = aws.String("by backup")
	id, err := s.sim.CreateImageAs("backup.amazonaws.com", in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.sim.CreateImageAs("backup.amazonaws.com", in); code(err) != "InvalidAMIName.Duplicate" {
		t.Errorf("got %v", err)
	}
	s.world.Settle()
	if len(*records) != 0 {
		t.Errorf("CloudTrail was not late: %+v", *records)
	}
	s.clock.Advance(20 * time.Second)
	s.world.Settle()
	got := *records
	if len(got) != 3 {
		t.Fatalf("%d records: %+v", len(got), got)
	}
	wantEqual(t, "request", asJSON(t, got[0].Request), `{"description":"golden","instanceId":"`+instance+`","name":"test-tagg","noReboot":true,`+
		`"tagSpecificationSet":{"items":[{"resourceType":"image","tags":[{"key":"Foo","value":"bar"}]}]}}`)
	if response := asJSON(t, got[0].Response); !strings.Contains(response, `"imageId":"`+*out.ImageId+`"`) || !strings.Contains(response, `"requestId"`) {
		t.Errorf("response %s", response)
	}
	wantEqual(t, "who and when", []any{got[0].Code, got[0].Who, got[0].At, got[0].Told}, []any{"", "arn:aws:sts::123456789012:assumed-role/drover/greg", time.Minute, 80 * time.Second})
	wantEqual(t, "the failure", []any{got[1].Code, got[1].Response, got[1].Who}, []any{"Client.InvalidAMIName.Duplicate", nil, "arn:aws:iam::123456789012:user/ann"})
	if !strings.Contains(asJSON(t, got[2].Response), id) || got[2].Who != "backup.amazonaws.com" {
		t.Errorf("of somebody else: %+v", got[2])
	}
}

// TestTemplateRecords: the echo of what an automation does to a template.
func TestTemplateRecords(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	records := s.records()
	id := s.newTemplate(types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")})
	v, err := s.client.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, ClientToken: aws.String("t"), SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("ami-2")},
	})
	must(t, v, err)
	m, err := s.client.ModifyLaunchTemplate(ctx, &ec2.ModifyLaunchTemplateInput{LaunchTemplateName: aws.String("web"), ClientToken: aws.String("t"), DefaultVersion: aws.String("2")})
	must(t, m, err)
	d, err := s.client.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"1"}})
	must(t, d, err)
	x, err := s.client.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: &id})
	must(t, x, err)
	s.world.Authorize(func(string, string, map[string][]string) bool { return false })
	_, err = s.client.ModifyLaunchTemplate(ctx, &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: &id, ClientToken: aws.String("t"), DefaultVersion: aws.String("2")})
	wantCode(t, err, "UnauthorizedOperation")
	s.clock.Advance(time.Minute)
	s.world.Settle()
	var names []string
	for _, r := range *records {
		names = append(names, strings.TrimSpace(r.Name+" "+r.Code))
	}
	wantEqual(t, "names", names, []string{
		"CreateLaunchTemplate", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate", "DeleteLaunchTemplateVersions", "DeleteLaunchTemplate",
		"ModifyLaunchTemplate Client.UnauthorizedOperation",
	})
	all := *records
	wantEqual(t, "the version", asJSON(t, all[1].Request), `{"CreateLaunchTemplateVersionRequest":{"ClientToken":"t","LaunchTemplateData":{"ImageId":"ami-2"},"LaunchTemplateId":"`+id+`","SourceVersion":"1"}}`)
	wantEqual(t, "the default", asJSON(t, all[2].Request), `{"ModifyLaunchTemplateRequest":{"ClientToken":"t","LaunchTemplateName":"web","SetDefaultVersion":"2"}}`)
	if response := asJSON(t, all[2].Response); !strings.Contains(response, `{"ModifyLaunchTemplateResponse":{"launchTemplate":{`) || !strings.Contains(response, `"defaultVersionNumber":2`) {
		t.Errorf("response %s", response)
	}
}

// TestSnapshotAndImageRecords: the other operations are recorded too.
func TestSnapshotAndImageRecords(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	records := s.records()
	id := s.newImage("web")
	s.clock.Advance(4 * time.Minute)
	c, err := s.client.CopyImage(ctx, &ec2.CopyImageInput{SourceImageId: &id, SourceRegion: aws.String("us-west-1"), Name: aws.String("copy"), ClientToken: aws.String("t")})
	must(t, c, err)
	e, err := s.client.EnableImageDeprecation(ctx, &ec2.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: aws.Time(dawn.Add(time.Hour))})
	must(t, e, err)
	snap := s.sim.Images()[0].Snapshot
	d, err := s.client.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &id})
	must(t, d, err)
	x, err := s.client.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: &snap})
	must(t, x, err)
	s.clock.Advance(time.Minute)
	s.world.Settle()
	var names []string
	for _, r := range *records {
		names = append(names, r.Name)
	}
	wantEqual(t, "names", names, []string{"RunInstances", "CreateImage", "CopyImage", "EnableImageDeprecation", "DeregisterImage", "DeleteSnapshot"})
}
