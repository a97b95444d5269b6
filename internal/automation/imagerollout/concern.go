package imagerollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/look"
	"github.com/droverhq/drover/internal/event"
)

// Every automation hears of every backup, since the event does not say of which group
// the instance is. Where there are many groups, one request tells all of them.

// elsewhere says why nothing that the run was told of concerns the group; "" if
// something may.
func elsewhere(ctx context.Context, t *turn) (why string, err error) {
	if b := t.Config.Source.Backups; b == nil || len(b.Tags) > 0 || len(t.Events) == 0 {
		return "", nil
	}
	var told []string
	for _, e := range t.Events {
		job, ok, err := event.AsBackupJobStateChange(e)
		_, instance, named := strings.Cut(job.Resource, ":instance/")
		if !ok || err != nil || !named {
			return "", nil //nolint:nilerr // whoever reads it says so
		}
		told = append(told, instance)
	}
	g, found, err := groupNow(ctx, t)
	if err != nil || !found || slices.ContainsFunc(g.Instances, func(i scaling.Instance) bool { return slices.Contains(told, aws.ToString(i.InstanceId)) }) {
		return "", err
	}
	slices.Sort(told)
	return fmt.Sprintf("%s is backed up, which is not of group %s", strings.Join(slices.Compact(told), " and "), t.Config.Group), nil
}

// mostGroups is how many groups one request names (facts/apis.md 2).
const mostGroups = 50

// groupNow is the group, as it is by now for all who ask.
func groupNow(ctx context.Context, t *turn) (scaling.AutoScalingGroup, bool, error) {
	l := cloud.Share(t.AWS, "imagerollout.groups", func() *look.Look[scaling.AutoScalingGroup] {
		return look.New(mostGroups, func(ctx context.Context, names []string) (map[string]scaling.AutoScalingGroup, error) {
			all := map[string]scaling.AutoScalingGroup{}
			pages := autoscaling.NewDescribeAutoScalingGroupsPaginator(t.AWS.AutoScaling, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: names})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return nil, fmt.Errorf("describe groups %s: %w", strings.Join(names, ", "), err)
				}
				for _, g := range page.AutoScalingGroups {
					all[aws.ToString(g.AutoScalingGroupName)] = g
				}
			}
			return all, nil
		})
	})
	return l.At(ctx, t.Config.Group, t.Clock.Now(), time.Time{})
}
