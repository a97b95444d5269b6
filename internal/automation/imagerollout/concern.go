package imagerollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/filter"
	"github.com/droverhq/drover/internal/cloud/look"
	"github.com/droverhq/drover/internal/event"
)

// Every automation hears of every backup, since the event does not say of which group
// the instance is. Where there are many groups, one request tells all of them.

// elsewhere says why nothing that the run was told of concerns it; "" if something may.
func elsewhere(ctx context.Context, t *turn) (why string, err error) {
	if t.Config.Source.Backups == nil || len(t.Events) == 0 {
		return "", nil
	}
	var others []string
	for _, e := range t.Events {
		job, ok, err := event.AsBackupJobStateChange(e)
		_, instance, named := strings.Cut(job.Resource, ":instance/")
		if !ok || err != nil || !named {
			return "", nil //nolint:nilerr // whoever reads it says so
		}
		tags, shown, err := tagsNow(ctx, t, instance)
		if err != nil {
			return "", fmt.Errorf("look of which group %s is: %w", instance, err)
		}
		if !shown || carries(tags, t.Config.backedUp()) {
			return "", nil
		}
		others = append(others, instance)
	}
	slices.Sort(others)
	what := "of group " + t.Config.Group
	if tags := t.Config.Source.Backups.Tags; len(tags) > 0 {
		what = "of those with " + tagText(tags)
	}
	return fmt.Sprintf("%s is backed up, which is not %s", strings.Join(slices.Compact(others), " and "), what), nil
}

// backedUp are the tags of instances whose backups count.
func (c Config) backedUp() map[string]string {
	if tags := c.Source.Backups.Tags; len(tags) > 0 {
		return tags
	}
	return map[string]string{tagGroup: c.Group}
}

// carries says whether all of some tags are there.
func carries(tags, wanted map[string]string) bool {
	for k, v := range wanted {
		if got, ok := tags[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// tagsNow are the tags of an instance, as they are by now for all who ask. It reports
// false if EC2 does not show the instance.
func tagsNow(ctx context.Context, t *turn, instance string) (map[string]string, bool, error) {
	l := cloud.Share(t.AWS, "imagerollout.instances", func() *look.Look[map[string]string] {
		return look.New(most, func(ctx context.Context, ids []string) (map[string]map[string]string, error) {
			all := map[string]map[string]string{}
			pages := ec2.NewDescribeInstancesPaginator(t.AWS.EC2, &ec2.DescribeInstancesInput{Filters: []types.Filter{filter.By("instance-id", ids...)}})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				for _, r := range page.Reservations {
					for _, i := range r.Instances {
						all[aws.ToString(i.InstanceId)] = tagsOf(i.Tags)
					}
				}
			}
			return all, nil
		})
	})
	return l.At(ctx, instance, t.Clock.Now(), time.Time{})
}
