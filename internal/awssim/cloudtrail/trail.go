package cloudtrail

// Trails and what they record. Not modelled: advanced selectors by other fields
// than those of management events.

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Trail is a trail. The zero value is one of this account and region that
// records every management event of this region.
type Trail struct {
	Name string // default "management-events"
	// Home is the region it was made in, Account whose it is; the world's by
	// default. An organization's trail belongs to another account.
	Home, Account string
	MultiRegion   bool
	Organization  bool
	Stopped       bool
	// Selectors or Advanced choose what is recorded; at most one of them is set.
	Selectors []types.EventSelector
	Advanced  []types.AdvancedEventSelector
}

func (t Trail) arn() string {
	return "arn:aws:cloudtrail:" + t.Home + ":" + t.Account + ":trail/" + t.Name
}

// in completes a trail as seen in a world.
func (t Trail) in(w *awssim.World) Trail {
	t.Name = cmp.Or(t.Name, "management-events")
	t.Home, t.Account = cmp.Or(t.Home, w.Region()), cmp.Or(t.Account, w.Account())
	if len(t.Selectors) == 0 && len(t.Advanced) == 0 {
		t.Selectors = []types.EventSelector{{}}
	}
	t.Selectors = selectors(t.Selectors)
	for i := range t.Selectors {
		t.Selectors[i].ReadWriteType = cmp.Or(t.Selectors[i].ReadWriteType, types.ReadWriteTypeAll) // doc of types.EventSelector, as the next
		t.Selectors[i].IncludeManagementEvents = cmp.Or(t.Selectors[i].IncludeManagementEvents, aws.Bool(true))
	}
	t.Advanced = advanced(t.Advanced)
	return t
}

// selectors copies selectors with all they hold.
func selectors(all []types.EventSelector) []types.EventSelector {
	c := slices.Clone(all)
	for i, s := range c {
		if s.IncludeManagementEvents != nil {
			c[i].IncludeManagementEvents = aws.Bool(*s.IncludeManagementEvents)
		}
		c[i].ExcludeManagementEventSources = slices.Clone(s.ExcludeManagementEventSources)
		c[i].DataResources = slices.Clone(s.DataResources)
		for j, r := range s.DataResources {
			c[i].DataResources[j] = types.DataResource{Type: aws.String(aws.ToString(r.Type)), Values: slices.Clone(r.Values)}
		}
	}
	return c
}

// advanced is [selectors] for the other kind.
func advanced(all []types.AdvancedEventSelector) []types.AdvancedEventSelector {
	c := slices.Clone(all)
	for i, s := range c {
		if s.Name != nil {
			c[i].Name = aws.String(*s.Name)
		}
		c[i].FieldSelectors = slices.Clone(s.FieldSelectors)
		for j, f := range s.FieldSelectors {
			c[i].FieldSelectors[j] = types.AdvancedFieldSelector{
				Field:  aws.String(aws.ToString(f.Field)),
				Equals: slices.Clone(f.Equals), StartsWith: slices.Clone(f.StartsWith), EndsWith: slices.Clone(f.EndsWith),
				NotEquals: slices.Clone(f.NotEquals), NotStartsWith: slices.Clone(f.NotStartsWith), NotEndsWith: slices.Clone(f.NotEndsWith),
			}
		}
	}
	return c
}

// here says whether a trail, or the shadow of one, is in a region.
func (t Trail) here(region string) bool { return t.MultiRegion || t.Home == region }

// records says whether EventBridge learns from a trail of the calls that change
// something in the services the world has events of.
func (t Trail) records(region string) bool {
	return !t.Stopped && t.here(region) && (slices.ContainsFunc(t.Selectors, writes) || slices.ContainsFunc(t.Advanced, advancedWrites))
}

func writes(s types.EventSelector) bool {
	return *s.IncludeManagementEvents && s.ReadWriteType != types.ReadWriteTypeReadOnly
}

// advancedWrites says whether a selector takes management events that are not
// read-only, of all sources or of all but KMS and the RDS Data API, which is all
// that can be left out (doc of types.AdvancedFieldSelector).
func advancedWrites(s types.AdvancedEventSelector) bool {
	management := false
	for _, f := range s.FieldSelectors {
		switch aws.ToString(f.Field) {
		case "eventCategory":
			management = slices.Contains(f.Equals, "Management")
		case "readOnly":
			if !slices.Contains(f.Equals, "false") {
				return false
			}
		case "eventSource":
			if len(f.NotEquals) == 0 {
				return false
			}
		default:
			return false
		}
	}
	return management
}

// named says whether a trail is meant by a name or an ARN. A name is only for
// trails made in this region by this account (docs of the inputs).
func (t Trail) named(text, region, account string) bool {
	if strings.HasPrefix(text, "arn:") {
		return text == t.arn()
	}
	return text == t.Name && t.Home == region && t.Account == account
}

func (t Trail) out() types.Trail {
	return types.Trail{
		Name: aws.String(t.Name), TrailARN: aws.String(t.arn()), HomeRegion: aws.String(t.Home),
		IsMultiRegionTrail: aws.Bool(t.MultiRegion), IsOrganizationTrail: aws.Bool(t.Organization),
		IncludeGlobalServiceEvents: aws.Bool(t.MultiRegion), S3BucketName: aws.String("trail-" + t.Account),
		HasCustomEventSelectors: aws.Bool(len(t.Advanced) > 0 || !slices.ContainsFunc(t.Selectors, usual)),
		HasInsightSelectors:     aws.Bool(false), LogFileValidationEnabled: aws.Bool(false),
	}
}

// usual says whether a selector is the one that a trail has by default.
func usual(s types.EventSelector) bool {
	return s.ReadWriteType == types.ReadWriteTypeAll && aws.ToBool(s.IncludeManagementEvents) && len(s.DataResources)+len(s.ExcludeManagementEventSources) == 0
}
