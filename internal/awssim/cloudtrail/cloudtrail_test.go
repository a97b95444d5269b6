package cloudtrail_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	trailsim "github.com/droverhq/drover/internal/awssim/cloudtrail"
	"github.com/droverhq/drover/internal/clock"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newClient(o awssim.Options, trails ...trailsim.Trail) (*awssim.World, *cloudtrail.Client) {
	w := awssim.New(clock.NewVirtual(dawn), o, trailsim.New(trails...))
	return w, cloudtrail.NewFromConfig(w.Config())
}

// arns lists the trails that a listing shows.
func arns(t *testing.T, client *cloudtrail.Client, in *cloudtrail.DescribeTrailsInput) []string {
	t.Helper()
	out, err := client.DescribeTrails(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, trail := range out.TrailList {
		all = append(all, *trail.TrailARN)
	}
	return all
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestWhatTheWorldHas(t *testing.T) {
	_, client := newClient(awssim.Options{NoTrail: true})
	if got := arns(t, client, &cloudtrail.DescribeTrailsInput{}); got != nil {
		t.Errorf("a world without a trail has %s", got)
	}
	_, client = newClient(awssim.Options{})
	got := arns(t, client, &cloudtrail.DescribeTrailsInput{})
	if diff := cmp.Diff([]string{"arn:aws:cloudtrail:us-west-1:123456789012:trail/management-events"}, got); diff != "" {
		t.Fatal(diff)
	}
	for _, name := range []string{"management-events", got[0]} {
		status, err := client.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: &name})
		if err != nil || !*status.IsLogging {
			t.Errorf("status of %s: %v, %v", name, status, err)
		}
		chosen, err := client.GetEventSelectors(t.Context(), &cloudtrail.GetEventSelectorsInput{TrailName: &name})
		if err != nil {
			t.Fatal(err)
		}
		if s := chosen.EventSelectors; len(s) != 1 || s[0].ReadWriteType != types.ReadWriteTypeAll || !*s[0].IncludeManagementEvents || chosen.AdvancedEventSelectors != nil {
			t.Errorf("selectors of %s: %+v, %+v", name, s, chosen.AdvancedEventSelectors)
		}
		*chosen.EventSelectors[0].IncludeManagementEvents = false // must not reach the world
	}
	_, err := client.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: aws.String("nobody")})
	if code(err) != "TrailNotFoundException" {
		t.Errorf("got %v", err)
	}
}

func TestShadows(t *testing.T) {
	const (
		here      = "arn:aws:cloudtrail:us-west-1:123456789012:trail/here"
		elsewhere = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/elsewhere"
		company   = "arn:aws:cloudtrail:us-west-1:999999999999:trail/company"
	)
	_, client := newClient(awssim.Options{},
		trailsim.Trail{Name: "here"},
		trailsim.Trail{Name: "elsewhere", Home: "eu-west-1", MultiRegion: true},
		trailsim.Trail{Name: "company", Account: "999999999999", MultiRegion: true, Organization: true},
		trailsim.Trail{Name: "unseen", Home: "eu-west-1"},
	)
	tests := map[string]struct {
		in   cloudtrail.DescribeTrailsInput
		want []string
	}{
		"all":              {cloudtrail.DescribeTrailsInput{}, []string{here, elsewhere, company}},
		"no shadows":       {cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(false)}, []string{here}},
		"by name":          {cloudtrail.DescribeTrailsInput{TrailNameList: []string{"here", "elsewhere"}}, []string{here}},
		"by ARN":           {cloudtrail.DescribeTrailsInput{TrailNameList: []string{elsewhere, company}}, []string{elsewhere, company}},
		"only elsewhere's": {cloudtrail.DescribeTrailsInput{TrailNameList: []string{"unseen"}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, arns(t, client, &tt.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, want := range map[string]string{"elsewhere": "TrailNotFoundException", elsewhere: "", company: "", "company": "TrailNotFoundException"} {
		if _, err := client.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: &name}); code(err) != want {
			t.Errorf("status of %s: %v", name, err)
		}
	}
}

// A world in which EventBridge would be told what its trails do not record, or
// the other way round, cannot be made.
func TestTrailsAgreeWithTheWorld(t *testing.T) {
	field := func(name string, equals ...string) types.AdvancedFieldSelector {
		return types.AdvancedFieldSelector{Field: &name, Equals: equals}
	}
	advanced := func(fields ...types.AdvancedFieldSelector) trailsim.Trail {
		return trailsim.Trail{Advanced: []types.AdvancedEventSelector{{FieldSelectors: fields}}}
	}
	selected := func(all ...types.EventSelector) trailsim.Trail { return trailsim.Trail{Selectors: all} }
	withoutKMS := types.AdvancedFieldSelector{Field: aws.String("eventSource"), NotEquals: []string{"kms.amazonaws.com"}}
	tests := map[string]struct {
		trail   trailsim.Trail
		records bool
	}{
		"everything":             {trailsim.Trail{}, true},
		"stopped":                {trailsim.Trail{Stopped: true}, false},
		"another region":         {trailsim.Trail{Home: "eu-west-1"}, false},
		"shadow":                 {trailsim.Trail{Home: "eu-west-1", MultiRegion: true}, true},
		"reading":                {selected(types.EventSelector{ReadWriteType: types.ReadWriteTypeReadOnly}), false},
		"writing":                {selected(types.EventSelector{ReadWriteType: types.ReadWriteTypeWriteOnly}), true},
		"data":                   {selected(types.EventSelector{IncludeManagementEvents: aws.Bool(false)}), false},
		"the second of two":      {selected(types.EventSelector{ReadWriteType: types.ReadWriteTypeReadOnly}, types.EventSelector{}), true},
		"advanced":               {advanced(field("eventCategory", "Management")), true},
		"advanced, writing":      {advanced(field("eventCategory", "Management"), field("readOnly", "false")), true},
		"advanced, reading":      {advanced(field("eventCategory", "Management"), field("readOnly", "true")), false},
		"advanced, without KMS":  {advanced(field("eventCategory", "Management"), withoutKMS), true},
		"advanced, data":         {advanced(field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object")), false},
		"advanced, in any order": {advanced(field("readOnly", "false"), field("eventCategory", "Management")), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, none := range []bool{true, false} {
				made := func() (ok bool) {
					defer func() {
						if r := recover(); r != nil && !strings.Contains(r.(string), "Options.NoTrail") {
							panic(r)
						}
					}()
					newClient(awssim.Options{NoTrail: none}, tt.trail)
					return true
				}()
				if made == (tt.records == none) {
					t.Errorf("NoTrail %t: made %t", none, made)
				}
			}
		})
	}
}

func TestATrailThatRecordsNothing(t *testing.T) {
	name := "audit"
	_, client := newClient(awssim.Options{NoTrail: true}, trailsim.Trail{
		Name: name, Stopped: true,
		Advanced: []types.AdvancedEventSelector{{FieldSelectors: []types.AdvancedFieldSelector{{Field: aws.String("eventCategory"), Equals: []string{"Data"}}}}},
	})
	status, err := client.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: &name})
	if err != nil || *status.IsLogging {
		t.Errorf("%v, %v", status, err)
	}
	chosen, err := client.GetEventSelectors(t.Context(), &cloudtrail.GetEventSelectorsInput{TrailName: &name})
	if err != nil || chosen.EventSelectors != nil || chosen.AdvancedEventSelectors[0].FieldSelectors[0].Equals[0] != "Data" {
		t.Errorf("%v, %v", chosen, err)
	}
}

func TestPermissions(t *testing.T) {
	w, client := newClient(awssim.Options{})
	var asked []string
	w.Authorize(func(action, resource string, _ map[string][]string) bool {
		asked = append(asked, action+" "+resource)
		return action != "cloudtrail:GetEventSelectors"
	})
	arns(t, client, &cloudtrail.DescribeTrailsInput{})
	if _, err := client.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: aws.String("management-events")}); err != nil {
		t.Error(err)
	}
	_, err := client.GetEventSelectors(t.Context(), &cloudtrail.GetEventSelectorsInput{TrailName: aws.String("other")})
	if code(err) != "AccessDeniedException" {
		t.Errorf("got %v", err)
	}
	want := []string{
		"cloudtrail:DescribeTrails *",
		"cloudtrail:GetTrailStatus arn:aws:cloudtrail:us-west-1:123456789012:trail/management-events",
		"cloudtrail:GetEventSelectors arn:aws:cloudtrail:us-west-1:123456789012:trail/other",
	}
	if diff := cmp.Diff(want, slices.Compact(asked)); diff != "" {
		t.Error(diff)
	}
}
