// Package trail finds out whether AWS tells of API calls in a region at all:
// EventBridge has the events "AWS API Call via CloudTrail" only where a trail
// logs the management events that change something
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html).
// Without one, an automation that waits for them waits for ever, and nothing
// says so.
package trail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// Trail is what matters of a trail that covers a region.
type Trail struct {
	Name    string
	Logging bool
	Writes  bool // of the management events, it logs those of calls that change something
}

// Check looks for a trail that logs the calls of the clients' region. The
// error, if there is none, says why and has a hint; it is of class Stop. Any
// other error means that it could not be found out.
func Check(ctx context.Context, c *cloud.Clients) error {
	trails, err := read(ctx, c)
	if err != nil {
		return fmt.Errorf("see whether a trail logs the calls of %s: %w", c.Region, err)
	}
	if why := Judge(trails); why != "" {
		return failure.WithHint(failure.As(failure.Stop, &Missing{Region: c.Region, Why: why}),
			"aws cloudtrail create-trail --name management-events --s3-bucket-name BUCKET --is-multi-region-trail, "+
				"then aws cloudtrail start-logging --name management-events, in %s", c.Region)
	}
	return nil
}

// Missing is the error for a region of whose calls no trail tells.
type Missing struct{ Region, Why string }

func (m *Missing) Error() string {
	return fmt.Sprintf("no event tells of API calls in %s: %s. Only sweeps notice what is done there", m.Region, m.Why)
}

// Judge says why none of the trails that cover a region will do. It is empty
// if one does.
func Judge(trails []Trail) string {
	if len(trails) == 0 {
		return "there is no trail"
	}
	var why []string
	for _, t := range trails {
		switch {
		case t.Logging && t.Writes:
			return ""
		case !t.Logging:
			why = append(why, "trail "+t.Name+" is stopped")
		default:
			why = append(why, "trail "+t.Name+" does not log management events of calls that change something")
		}
	}
	slices.Sort(why)
	return strings.Join(why, ", ")
}

// read lists the trails that cover the region: its own, those of all regions,
// and the organization's. DescribeTrails has no pages.
func read(ctx context.Context, c *cloud.Clients) ([]Trail, error) {
	out, err := c.CloudTrail.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("list trails: %w", err)
	}
	var trails []Trail
	for _, found := range out.TrailList {
		if aws.ToString(found.HomeRegion) != c.Region && !aws.ToBool(found.IsMultiRegionTrail) {
			continue
		}
		t := Trail{Name: aws.ToString(found.Name)}
		status, err := c.CloudTrail.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: found.TrailARN})
		if err != nil {
			return nil, fmt.Errorf("read the status of trail %s: %w", t.Name, err)
		}
		t.Logging = aws.ToBool(status.IsLogging)
		selectors, err := c.CloudTrail.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: found.TrailARN})
		if err != nil {
			return nil, fmt.Errorf("read what trail %s logs: %w", t.Name, err)
		}
		t.Writes = logsWrites(selectors)
		trails = append(trails, t)
	}
	return trails, nil
}

// logsWrites says whether management events of calls that change something are
// among what a trail logs. A trail has selectors of one of the two forms.
func logsWrites(s *cloudtrail.GetEventSelectorsOutput) bool {
	if len(s.AdvancedEventSelectors) > 0 {
		return slices.ContainsFunc(s.AdvancedEventSelectors, advanced)
	}
	return slices.ContainsFunc(s.EventSelectors, func(e types.EventSelector) bool {
		return aws.ToBool(e.IncludeManagementEvents) && e.ReadWriteType != types.ReadWriteTypeReadOnly
	})
}

func advanced(s types.AdvancedEventSelector) bool {
	management := false
	for _, f := range s.FieldSelectors {
		switch aws.ToString(f.Field) {
		case "eventCategory":
			management = slices.Contains(f.Equals, "Management")
		case "readOnly":
			if slices.Contains(f.Equals, "true") {
				return false
			}
		}
	}
	return management
}
