package awssim_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// trail keeps what CloudTrail tells, in short: when it was told, of when, what,
// and the error.
func (s *scene) trail(t *testing.T) *[]string {
	t.Helper()
	var list []string
	s.Subscribe(func(e event.Event) {
		if e.DetailType != awssim.TypeTrailCall {
			return
		}
		var d struct {
			EventTime            time.Time
			EventName, ErrorCode string
			ResponseElements     any
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil || !d.EventTime.Equal(e.Time) || (d.ErrorCode == "") != (d.ResponseElements != nil) {
			t.Errorf("%s, %v", e.Detail, err)
		}
		list = append(list, fmt.Sprintf("%v %v %s %s", s.clock.Now().Sub(dawn), e.Time.Sub(dawn), d.EventName, d.ErrorCode))
	})
	return &list
}

func (s *scene) newTemplate(t *testing.T, name string) error {
	_, err := s.client.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: &types.RequestLaunchTemplateData{}}, func(o *ec2.Options) { o.RetryMaxAttempts = 1 })
	return err
}

// pass lets an hour go by, a second at a time.
func (s *scene) pass() {
	for range 3600 {
		s.clock.Advance(time.Second)
		s.Settle()
	}
}

func TestTrailTellsOfCallsThatArrived(t *testing.T) {
	for name, c := range map[string]struct {
		fault   awssim.Fault
		options awssim.Options
		want    []string
	}{
		"a call":                   {want: []string{"20s 0s CreateLaunchTemplate "}},
		"a longer delay":           {options: awssim.Options{TrailDelay: 5 * time.Minute}, want: []string{"5m0s 0s CreateLaunchTemplate "}},
		"no trail":                 {options: awssim.Options{NoTrail: true}},
		"a call that got lost":     {fault: awssim.FailBefore(awssim.Timeout())},
		"an answer that got lost":  {fault: awssim.FailAfter(awssim.Timeout()), want: []string{"20s 0s CreateLaunchTemplate "}},
		"an effect that came late": {fault: awssim.FailLate(time.Minute, awssim.Timeout()), want: []string{"1m20s 1m0s CreateLaunchTemplate "}},
	} {
		s := newScene(t, c.options)
		if s.HasTrail() == c.options.NoTrail {
			t.Errorf("%s: HasTrail is %t", name, s.HasTrail())
		}
		s.Intercept(only("ec2:CreateLaunchTemplate", c.fault))
		got := s.trail(t)
		_ = s.newTemplate(t, "web") // whether it fails is for others to test
		s.pass()
		if diff := cmp.Diff(c.want, *got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestTrailTellsOfFailures(t *testing.T) {
	s := newScene(t, awssim.Options{RateLimits: true})
	got := s.trail(t)
	for range 51 { // the bucket holds 50
		_ = s.newTemplate(t, "web")
	}
	s.clock.Advance(time.Second)
	s.Authorize(func(string, string, map[string][]string) bool { return false })
	if err := s.newTemplate(t, "web"); code(err) != "UnauthorizedOperation" {
		t.Error(err)
	}
	if _, err := s.client.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("web"), LaunchTemplateData: &types.RequestLaunchTemplateData{}, DryRun: aws.Bool(true),
	}); err == nil { // that it is not modelled is no call
		t.Error("no error")
	}
	s.pass()
	want := []string{
		"20s 0s CreateLaunchTemplate ",
		"20s 0s CreateLaunchTemplate Client.InvalidLaunchTemplateName.AlreadyExistsException",
		"20s 0s CreateLaunchTemplate Client.RequestLimitExceeded",
		"21s 1s CreateLaunchTemplate Client.UnauthorizedOperation",
	}
	all := *got
	if len(all) != 52 {
		t.Fatalf("%d records: %q", len(all), all)
	}
	if diff := cmp.Diff(want, []string{all[0], all[1], all[50], all[51]}); diff != "" {
		t.Error(diff)
	}
}

// TestTrailKnowsWhoCalled: an actor is a session, an ARN or a service.
func TestTrailKnowsWhoCalled(t *testing.T) {
	s := newScene(t, awssim.Options{})
	var got []string
	s.Subscribe(func(e event.Event) {
		var d struct {
			UserIdentity    map[string]any
			SourceIPAddress string
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprint(d.UserIdentity["type"], " ", d.UserIdentity["arn"], " ", d.UserIdentity["userName"], " ", d.UserIdentity["invokedBy"], " ", d.SourceIPAddress))
	})
	store := awssim.NewStore(s.World, "elsewhere", 0, func(n int) int { return n })
	store.Do(func(m *awssim.Moment, _ int) {
		for _, actor := range []string{"", "a", "arn:aws:sts::123456789012:assumed-role/r/x", "arn:aws:iam::123456789012:user/greg", "autoscaling.amazonaws.com"} {
			m.Trail(awssim.TrailRecord{Source: "elsewhere.amazonaws.com", Name: "Do", Actor: actor})
		}
	})
	s.pass()
	role := "AssumedRole arn:aws:sts::123456789012:assumed-role/"
	want := []string{
		role + "drover/session <nil> <nil> 192.0.2.1",
		role + "drover/a <nil> <nil> 192.0.2.1",
		role + "r/x <nil> <nil> 192.0.2.1",
		"IAMUser arn:aws:iam::123456789012:user/greg greg <nil> 192.0.2.1",
		"AWSService <nil> <nil> autoscaling.amazonaws.com autoscaling.amazonaws.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadsAreNotRecorded(t *testing.T) {
	s := newScene(t, awssim.Options{})
	store := awssim.NewStore(s.World, "elsewhere", 0, func(n int) int { return n })
	awssim.Read(store, func(*awssim.Moment, int, *ec2.DescribeHostsInput) (*ec2.DescribeHostsOutput, error) { return nil, nil })
	defer func() {
		if recover() == nil {
			t.Error("a read was given a record")
		}
	}()
	awssim.Trails(store, func(*awssim.Moment, *ec2.DescribeHostsInput, *ec2.DescribeHostsOutput) (request, response any) {
		return nil, nil
	})
}

func TestLowerCamel(t *testing.T) {
	in := &ec2.RunInstancesInput{MinCount: aws.Int32(0), ImageId: aws.String("ami-1"), SecurityGroupIds: []string{}, TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance}}}
	for want, v := range map[string]any{
		`{"imageId":"ami-1","minCount":0,"tagSpecifications":[{"resourceType":"instance"}]}`: awssim.LowerCamel(in),
		`{"ImageId":"ami-1","MinCount":0,"TagSpecifications":[{"ResourceType":"instance"}]}`: awssim.UpperCamel(in),
		`{"createTime":"2026-01-02T03:04:05Z"}`:                                              awssim.LowerCamel(types.LaunchTemplate{CreateTime: &dawn}),
		`null`:                                                                               awssim.LowerCamel((*types.LaunchTemplate)(nil)),
	} {
		got, err := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}
