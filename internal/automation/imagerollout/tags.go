package imagerollout

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/cloud/filter"
)

// What a rollout writes on what it makes, beside who made it.
const (
	tagName      = "Name"
	tagTemporary = "drover:temporary" // what it is for
	tagSource    = "drover:source"    // the image that another was made from
	tagFrom      = "drover:source-created"

	tagRun        = "drover:run"
	tagFleet      = "drover:fleet"
	tagAutomation = "drover:automation"
	tagLedger     = "drover:ledger"
)

// signed are the tags of what a run makes.
func signed(run automation.Identity, more map[string]string) map[string]string {
	tags := map[string]string{tagRun: run.ID, tagFleet: run.Fleet, tagAutomation: run.Automation, tagLedger: run.Ledger}
	maps.Copy(tags, more)
	return tags
}

// specify gives tags to resources of several types at their creation.
func specify(tags map[string]string, kinds ...types.ResourceType) []types.TagSpecification {
	var specs []types.TagSpecification
	for _, kind := range kinds {
		specs = append(specs, types.TagSpecification{ResourceType: kind, Tags: tagList(tags)})
	}
	return specs
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}

func tagsOf(list []types.Tag) map[string]string {
	tags := map[string]string{}
	for _, t := range list {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags
}

// ownedBy filters for what a run has made.
func ownedBy(run automation.Identity) []types.Filter {
	return []types.Filter{filter.By("tag:"+tagRun, run.ID), filter.By("tag:"+tagLedger, run.Ledger)}
}

// stamp writes a time into a tag.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
