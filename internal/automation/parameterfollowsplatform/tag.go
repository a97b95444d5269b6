package parameterfollowsplatform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/failure"
)

// readTags are the parameter's tags, as far as they are ours to write.
func readTags(ctx context.Context, t *turn) (map[string]string, error) {
	name := t.Config.Parameter
	out, err := t.AWS.SSM.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("list the tags of parameter %s: %w", name, err)
	}
	tags := map[string]string{}
	for _, tag := range out.TagList {
		if key := aws.ToString(tag.Key); slices.Contains([]string{tagFleet, tagAutomation, tagSource}, key) {
			tags[key] = aws.ToString(tag.Value)
		}
	}
	return tags, nil
}

// tag writes the tags that the plan says. Of what Drover writes on everything that
// it makes, the run and the ledger are left out: the parameter outlives both, and a
// sweep that compares them would write anew after every run.
func tag(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepTag)
	if len(changes) == 0 {
		return nil
	}
	name := t.Config.Parameter
	lacking, err := tagsIn(changes[0].To)
	if err != nil {
		return err
	}
	has, err := readTags(ctx, t)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(lacking, func(tag types.Tag) bool { return has[*tag.Key] != *tag.Value }) {
		return nil
	}
	if _, err := t.AWS.SSM.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{
		ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String(name), Tags: lacking,
	}); err != nil {
		return fmt.Errorf("tag parameter %s: %w", name, err)
	}
	return nil
}

// tagsIn reads what tagText has written. No value has a comma, see tagValue.
func tagsIn(text string) ([]types.Tag, error) {
	var tags []types.Tag
	for part := range strings.SplitSeq(text, ", ") {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, failure.Stopf("the plan has %q for tags", text)
		}
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return tags, nil
}
