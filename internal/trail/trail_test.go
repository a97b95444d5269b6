package trail_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/droverhq/drover/internal/awssim"
	trailsim "github.com/droverhq/drover/internal/awssim/cloudtrail"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/trail"
)

func selects(category, field, value string) []types.AdvancedEventSelector {
	s := types.AdvancedEventSelector{FieldSelectors: []types.AdvancedFieldSelector{{Field: aws.String("eventCategory"), Equals: []string{category}}}}
	if field != "" {
		s.FieldSelectors = append(s.FieldSelectors, types.AdvancedFieldSelector{Field: aws.String(field), Equals: []string{value}})
	}
	return []types.AdvancedEventSelector{s}
}

func basic(management bool, what types.ReadWriteType) []types.EventSelector {
	return []types.EventSelector{{IncludeManagementEvents: aws.Bool(management), ReadWriteType: what}}
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		trails []trailsim.Trail // none: there is no trail
		want   string           // part of the error; empty: events arrive
	}{
		"none":                  {nil, "there is no trail"},
		"stopped":               {[]trailsim.Trail{{Name: "a", Stopped: true}}, "trail a is stopped"},
		"reads only":            {[]trailsim.Trail{{Name: "a", Selectors: basic(true, types.ReadWriteTypeReadOnly)}}, "trail a does not log management events"},
		"data only":             {[]trailsim.Trail{{Name: "a", Selectors: basic(false, types.ReadWriteTypeAll)}}, "trail a does not log management events"},
		"advanced, data only":   {[]trailsim.Trail{{Name: "a", Advanced: selects("Data", "", "")}}, "trail a does not log management events"},
		"advanced, reads only":  {[]trailsim.Trail{{Name: "a", Advanced: selects("Management", "readOnly", "true")}}, "trail a does not log management events"},
		"elsewhere":             {[]trailsim.Trail{{Name: "a", Home: "eu-west-1"}}, "there is no trail"},
		"two that will not do":  {[]trailsim.Trail{{Name: "b", Stopped: true}, {Name: "a", Selectors: basic(true, types.ReadWriteTypeReadOnly)}}, "trail a does not log management events of calls that change something, trail b is stopped"},
		"one of two":            {[]trailsim.Trail{{Name: "a", Stopped: true}, {Name: "b"}}, ""},
		"writes only":           {[]trailsim.Trail{{Name: "a", Selectors: basic(true, types.ReadWriteTypeWriteOnly)}}, ""},
		"advanced":              {[]trailsim.Trail{{Name: "a", Advanced: selects("Management", "", "")}}, ""},
		"advanced, writes only": {[]trailsim.Trail{{Name: "a", Advanced: selects("Management", "readOnly", "false")}}, ""},
		"of all regions":        {[]trailsim.Trail{{Name: "a", Home: "eu-west-1", MultiRegion: true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			clk := clock.NewVirtual(time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC))
			w := awssim.New(clk, awssim.Options{NoTrail: test.want != ""}, trailsim.New(test.trails...))
			err := trail.Check(t.Context(), cloud.New(w.Config(), "us-west-1", cloud.Options{Clock: clk, Seed: 1}))
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var missing *trail.Missing
			if !errors.As(err, &missing) || !strings.Contains(err.Error(), test.want) || failure.ClassOf(err) != failure.Stop || len(failure.Hints(err)) != 1 {
				t.Errorf("got %v, hints %q; want %q", err, failure.Hints(err), test.want)
			}
		})
	}
}

func TestWhatCannotBeFoundOutIsNotMissing(t *testing.T) {
	clk := clock.NewVirtual(time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC))
	w := awssim.New(clk, awssim.Options{}, trailsim.New())
	w.Authorize(func(action, _ string, _ map[string][]string) bool {
		return !strings.HasSuffix(action, "GetTrailStatus")
	})
	err := trail.Check(t.Context(), cloud.New(w.Config(), "us-west-1", cloud.Options{Clock: clk, Seed: 1}))
	var missing *trail.Missing
	if err == nil || errors.As(err, &missing) || !strings.Contains(err.Error(), "see whether a trail logs the calls of us-west-1") {
		t.Errorf("got %v", err)
	}
}
