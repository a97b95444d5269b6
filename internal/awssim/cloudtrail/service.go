package cloudtrail

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/droverhq/drover/internal/awssim"
)

// state is all there is; it never changes.
type state struct{ trails []Trail }

// Service is CloudTrail in one world.
type Service struct{ trails []Trail }

// New makes the service for [awssim.New]. Without trails it has what the world
// has: one multi-region trail that records everything, or none
// ([awssim.Options].NoTrail). Trails that are named here must agree with that
// option: where none of them records calls that change something, no event of
// such a call may be sent, and a world that would is refused with a panic.
func New(trails ...Trail) *Service { return &Service{trails} }

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	trails := s.trails
	if len(trails) == 0 && w.HasTrail() {
		trails = []Trail{{MultiRegion: true}}
	}
	known := &state{}
	for _, t := range trails {
		known.trails = append(known.trails, t.in(w))
	}
	if got := slices.ContainsFunc(known.trails, func(t Trail) bool { return t.records(w.Region()) }); got != w.HasTrail() {
		panic(fmt.Sprintf("awssim: a trail records changes: %t, but Options.NoTrail is %t", got, !w.HasTrail()))
	}
	st := awssim.NewStore(w, "cloudtrail", known, func(s *state) *state { return s })
	awssim.Read(st, describeTrails, "TrailNameList", "IncludeShadowTrails")
	awssim.Read(st, getTrailStatus, "Name")
	awssim.Read(st, getEventSelectors, "TrailName")

	awssim.Requests(st, getTrailStatusPermissions)
	awssim.Requests(st, getEventSelectorsPermissions)
	awssim.OtherRequests(st, func(*awssim.Moment) []awssim.Request { return []awssim.Request{{Resource: "*"}} })
}

// describeTrails lists the trails of this region, with those made elsewhere
// unless they are not wanted (doc of the input). Trails that are named and not
// found are left out (unverified).
func describeTrails(m *awssim.Moment, s *state, in *cloudtrail.DescribeTrailsInput) (*cloudtrail.DescribeTrailsOutput, error) {
	out := &cloudtrail.DescribeTrailsOutput{}
	for _, t := range s.trails {
		shadow := t.Home != m.Region() || t.Account != m.Account()
		if !t.here(m.Region()) || shadow && in.IncludeShadowTrails != nil && !*in.IncludeShadowTrails {
			continue
		}
		if len(in.TrailNameList) > 0 && !slices.ContainsFunc(in.TrailNameList, func(text string) bool { return t.named(text, m.Region(), m.Account()) }) {
			continue
		}
		out.TrailList = append(out.TrailList, t.out())
	}
	return out, nil
}

// find is the trail of a name or an ARN, here or in shadow (doc of
// GetTrailStatusInput; the error's text unverified).
func (s *state) find(m *awssim.Moment, text *string) (Trail, error) {
	for _, t := range s.trails {
		if t.here(m.Region()) && t.named(aws.ToString(text), m.Region(), m.Account()) {
			return t, nil
		}
	}
	return Trail{}, awssim.FailAs(http.StatusBadRequest, &types.TrailNotFoundException{Message: aws.String("Unknown trail: " + aws.ToString(text))})
}

func getTrailStatus(m *awssim.Moment, s *state, in *cloudtrail.GetTrailStatusInput) (*cloudtrail.GetTrailStatusOutput, error) {
	t, err := s.find(m, in.Name)
	if err != nil {
		return nil, err
	}
	return &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(!t.Stopped)}, nil
}

func getEventSelectors(m *awssim.Moment, s *state, in *cloudtrail.GetEventSelectorsInput) (*cloudtrail.GetEventSelectorsOutput, error) {
	t, err := s.find(m, in.TrailName)
	if err != nil {
		return nil, err
	}
	return &cloudtrail.GetEventSelectorsOutput{
		TrailARN: aws.String(t.arn()), EventSelectors: selectors(t.Selectors), AdvancedEventSelectors: advanced(t.Advanced),
	}, nil
}

// permission asks for a trail by its ARN; the actions are not in
// shared/facts/iam.json, that they can be restricted to trails is unverified.
func (s *state) permission(m *awssim.Moment, text *string) []awssim.Request {
	if t, err := s.find(m, text); err == nil {
		return []awssim.Request{{Resource: t.arn()}}
	}
	return []awssim.Request{{Resource: m.ARN("cloudtrail", "trail/"+aws.ToString(text))}}
}

func getTrailStatusPermissions(m *awssim.Moment, s *state, in *cloudtrail.GetTrailStatusInput) []awssim.Request {
	return s.permission(m, in.Name)
}

func getEventSelectorsPermissions(m *awssim.Moment, s *state, in *cloudtrail.GetEventSelectorsInput) []awssim.Request {
	return s.permission(m, in.TrailName)
}
