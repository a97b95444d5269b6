package autoscaling_test

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/smithy-go"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/droverhq/drover/internal/awssim"
	asgsim "github.com/droverhq/drover/internal/awssim/autoscaling"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// scene is a world with the templates web (lt-1, versions 1 to 4, default 2) and
// arm (lt-2, version 1).
type scene struct {
	t      *testing.T
	clock  *clock.Virtual
	world  *awssim.World
	sim    *asgsim.Service
	client *autoscaling.Client
	events []event.Event
}

func templates(_ *awssim.Moment, id, name, version string) (asgsim.Template, error) {
	for i, t := range []struct {
		name          string
		latest, usual int64
	}{{"web", 4, 2}, {"arm", 1, 1}} {
		if own := fmt.Sprintf("lt-%d", i+1); id == own || name == t.name {
			number, err := strconv.ParseInt(version, 10, 64)
			switch {
			case version == "$Latest":
				number = t.latest
			case version == "$Default":
				number = t.usual
			case err != nil || number < 1 || number > t.latest:
				return asgsim.Template{}, &smithy.GenericAPIError{Code: "InvalidLaunchTemplateId.VersionNotFound", Message: "Could not find launch template version"}
			}
			return asgsim.Template{ID: own, Name: t.name, Number: number}, nil
		}
	}
	return asgsim.Template{}, &smithy.GenericAPIError{Code: "InvalidLaunchTemplateId.NotFound", Message: "The specified launch template does not exist."}
}

func newScene(t *testing.T, o awssim.Options) *scene {
	t.Helper()
	s := &scene{t: t, clock: clock.NewVirtual(dawn), sim: asgsim.New(asgsim.Options{Templates: templates})}
	s.world = awssim.New(s.clock, o, s.sim)
	s.world.Subscribe(func(e event.Event) { s.events = append(s.events, e) })
	s.client = autoscaling.NewFromConfig(s.world.Config(), func(o *autoscaling.Options) { o.RetryMaxAttempts = 1 })
	return s
}

func byID(id, version string) *types.LaunchTemplateSpecification {
	return &types.LaunchTemplateSpecification{LaunchTemplateId: &id, Version: aws.String(version)}
}

func shown(id, name, version string) *types.LaunchTemplateSpecification {
	return &types.LaunchTemplateSpecification{LaunchTemplateId: &id, LaunchTemplateName: &name, Version: aws.String(version)}
}

// create makes a group that says what it launches from and no more than it must.
func (s *scene) create(in *autoscaling.CreateAutoScalingGroupInput) error {
	in.MinSize = cmp.Or(in.MinSize, aws.Int32(1))
	in.MaxSize = cmp.Or(in.MaxSize, aws.Int32(3))
	in.VPCZoneIdentifier = cmp.Or(in.VPCZoneIdentifier, aws.String("subnet-1"))
	_, err := s.client.CreateAutoScalingGroup(s.t.Context(), in)
	return err
}

// made is a group that launches from version 1 of web.
func (s *scene) made(name string) {
	s.t.Helper()
	if err := s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, LaunchTemplate: byID("lt-1", "1")}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) update(in *autoscaling.UpdateAutoScalingGroupInput) error {
	_, err := s.client.UpdateAutoScalingGroup(s.t.Context(), in)
	return err
}

// describe goes through all pages.
func (s *scene) describe(in *autoscaling.DescribeAutoScalingGroupsInput) []types.AutoScalingGroup {
	s.t.Helper()
	var all []types.AutoScalingGroup
	for p := autoscaling.NewDescribeAutoScalingGroupsPaginator(s.client, in); p.HasMorePages(); {
		out, err := p.NextPage(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, out.AutoScalingGroups...)
	}
	return all
}

func (s *scene) group(name string) types.AutoScalingGroup {
	s.t.Helper()
	all := s.describe(&autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if len(all) != 1 {
		s.t.Fatalf("%d groups %s", len(all), name)
	}
	return all[0]
}

func names(all []types.AutoScalingGroup) string {
	var got []string
	for _, g := range all {
		got = append(got, *g.AutoScalingGroupName)
	}
	return strings.Join(got, " ")
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// failed checks the code and a part of the text of an error; no code is no error.
func failed(t *testing.T, err error, want, text string) {
	t.Helper()
	if code(err) != want || (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %s: %s", err, want, text)
	}
}

// sdk has cmp look over the unexported members of the SDK's types.
var sdk = gocmp.FilterPath(func(p gocmp.Path) bool {
	f, ok := p.Last().(gocmp.StructField)
	return ok && f.Name() == "noSmithyDocumentSerde"
}, gocmp.Ignore())

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := gocmp.Diff(want, got, sdk, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}
