package imagerollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

// The group stays on its number, and the refresh brings the new one: then AWS itself
// can roll it back. A group has one refresh at a time, and that of a run is known by
// the version that it brings, which only the run has made (facts/apis.md 2).

// refresh replaces the group's instances, and follows that to its end.
func refresh(ctx context.Context, t *turn) error {
	if len(t.Plan.For(stepRefresh)) == 0 {
		return nil
	}
	id, to := target(t).ID, madeVersion(t)
	if to == 0 {
		return failure.Stopf("the number of the version that was made is not known")
	}
	r, found, err := refreshTo(ctx, t, id, to, time.Time{})
	if err != nil {
		return err
	}
	now := t.Clock.Now()
	if !found {
		return start(ctx, t, to)
	}
	lasted := now.Sub(t.Since)
	switch r.Status {
	case types.InstanceRefreshStatusSuccessful:
		return nil
	case types.InstanceRefreshStatusFailed, types.InstanceRefreshStatusCancelled,
		types.InstanceRefreshStatusRollbackSuccessful, types.InstanceRefreshStatusRollbackFailed:
		return failure.WithHint(failure.Stopf("instance refresh %s of group %s ended %s: %s", aws.ToString(r.InstanceRefreshId), t.Config.Group, r.Status, reasonOf(r)),
			"see what it did: aws autoscaling describe-instance-refreshes --auto-scaling-group-name %s --instance-refresh-ids %s", t.Config.Group, aws.ToString(r.InstanceRefreshId))
	default:
	}
	if lasted >= time.Duration(t.Config.Refresh.Limit) {
		return failure.Stopf("instance refresh %s of group %s has not ended within %s: %s", aws.ToString(r.InstanceRefreshId), t.Config.Group, t.Config.Refresh.Limit, progressOf(r))
	}
	return failure.Waitf(now.Add(patience(lasted)), "instance refresh %s of group %s to end: %s", aws.ToString(r.InstanceRefreshId), t.Config.Group, progressOf(r))
}

// start begins the refresh, if the group still launches from what it did.
func start(ctx context.Context, t *turn, to int64) error {
	if err := asPlanned(ctx, t); err != nil {
		return err
	}
	g, err := needGroup(ctx, t)
	if err != nil {
		return err
	}
	return startRefresh(ctx, t, g, to, t.Config.Refresh.preferences())
}

// startRefresh has the group's instances replaced by such of a version, and waits for
// AWS to show it.
func startRefresh(ctx context.Context, t *turn, g types.AutoScalingGroup, to int64, p *types.RefreshPreferences) error {
	now := t.Clock.Now()
	with := launchtemplate.UpdateTemplate(g, target(t).ID, strconv.FormatInt(to, 10))
	out, err := t.AWS.AutoScaling.StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{
		AutoScalingGroupName: aws.String(t.Config.Group), Strategy: types.RefreshStrategyRolling, Preferences: p,
		DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: with.LaunchTemplate, MixedInstancesPolicy: with.MixedInstancesPolicy},
	}, func(o *autoscaling.Options) {
		o.RetryMaxAttempts = 1 // another attempt begins with a look
	})
	switch {
	case cloud.Code(err) == "InstanceRefreshInProgress" && now.Sub(t.Since) < settling: // perhaps that of an attempt before
		return failure.Waitf(now.Add(lookAgain), "the instance refresh of group %s to be shown", t.Config.Group)
	case cloud.Code(err) == "InstanceRefreshInProgress":
		return failure.WithHint(failure.As(failure.Stop, fmt.Errorf("replace the instances of group %s: somebody else has begun to: %w", t.Config.Group, err)),
			"see which: aws autoscaling describe-instance-refreshes --auto-scaling-group-name %s", t.Config.Group)
	case err != nil:
		return fmt.Errorf("replace the instances of group %s: %w", t.Config.Group, err)
	}
	return failure.Waitf(now.Add(lookAgain), "instance refresh %s of group %s to end", aws.ToString(out.InstanceRefreshId), t.Config.Group)
}

// rollBack has the group's instances be of the old version again.
func rollBack(ctx context.Context, t *turn) error {
	id, to := target(t).ID, madeVersion(t)
	if len(t.Plan.For(stepRefresh)) == 0 || to == 0 {
		return nil
	}
	r, found, err := refreshTo(ctx, t, id, to, time.Time{})
	if err != nil {
		return err
	}
	none := "instance refresh of group " + t.Config.Group + " of this run that is still to begin"
	if !found {
		return t.Absent(none)
	}
	now := t.Clock.Now()
	switch r.Status {
	case types.InstanceRefreshStatusPending, types.InstanceRefreshStatusInProgress, types.InstanceRefreshStatusBaking:
		_, err := t.AWS.AutoScaling.RollbackInstanceRefresh(ctx, &autoscaling.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String(t.Config.Group)})
		if err != nil && cloud.Code(err) != "ActiveInstanceRefreshNotFound" {
			return failure.WithHint(fmt.Errorf("roll instance refresh %s of group %s back: %w", aws.ToString(r.InstanceRefreshId), t.Config.Group, err),
				"aws autoscaling rollback-instance-refresh --auto-scaling-group-name %s", t.Config.Group)
		}
		return failure.Waitf(now.Add(lookAgain), "instance refresh %s of group %s to be rolled back", aws.ToString(r.InstanceRefreshId), t.Config.Group)
	case types.InstanceRefreshStatusCancelling, types.InstanceRefreshStatusRollbackInProgress:
		return failure.Waitf(now.Add(patience(now.Sub(t.Since))), "instance refresh %s of group %s to be rolled back: %s", aws.ToString(r.InstanceRefreshId), t.Config.Group, progressOf(r))
	default:
	}
	if err := reverse(ctx, t, r); err != nil {
		return err
	}
	if err := leave(ctx, t, to); err != nil {
		return err
	}
	return t.Absent(none)
}

// reverse has those instances replaced that a refresh has left with the version that
// it brought: one that failed or was cancelled takes nothing back, and one that was
// successful after all stands.
func reverse(ctx context.Context, t *turn, r types.InstanceRefresh) error {
	from := target(t)
	to := strconv.FormatInt(madeVersion(t), 10)
	back, begun, err := refreshTo(ctx, t, from.ID, from.Number, aws.ToTime(r.StartTime))
	if err != nil {
		return err
	}
	g, found, err := describeGroup(ctx, t) // after the refresh, which may end in between
	if err != nil || !found {
		return err
	}
	left := instancesOf(g, from.ID, to)
	if len(left) == 0 && versionIn(g, from.ID) != to {
		return nil
	}
	now := t.Clock.Now()
	if !begun {
		p := t.Config.Refresh.preferences()
		p.AutoRollback, p.AlarmSpecification, p.BakeTime, p.CheckpointPercentages, p.CheckpointDelay = aws.Bool(false), nil, nil, nil, nil
		return startRefresh(ctx, t, g, from.Number, p)
	}
	switch back.Status {
	case types.InstanceRefreshStatusFailed, types.InstanceRefreshStatusCancelled, types.InstanceRefreshStatusSuccessful,
		types.InstanceRefreshStatusRollbackSuccessful, types.InstanceRefreshStatusRollbackFailed:
		return failure.WithHint(failure.Stopf("%s of group %s still have version %s of %s: instance refresh %s, by which they were to get version %d again, ended %s: %s",
			cmp.Or(strings.Join(left, " and "), "new instances"), t.Config.Group, to, from.ID, aws.ToString(back.InstanceRefreshId), from.Number, back.Status, reasonOf(back)),
			"replace them: aws autoscaling start-instance-refresh --auto-scaling-group-name %s --preferences SkipMatching=true --desired-configuration 'LaunchTemplate={LaunchTemplateId=%s,Version=%d}'", t.Config.Group, from.ID, from.Number)
	default:
	}
	return failure.Waitf(now.Add(patience(now.Sub(t.Since))), "instance refresh %s of group %s to bring version %d back: %s", aws.ToString(back.InstanceRefreshId), t.Config.Group, from.Number, progressOf(back))
}

// leave waits for machines to go that were launched from the version and are on their
// way out: it is in use until then, and cannot be deleted.
func leave(ctx context.Context, t *turn, number int64) error {
	of := target(t)
	by, err := launchtemplate.Uses(ctx, t.AWS, launchtemplate.Ref{ID: of.ID, Name: of.Name})
	if err != nil {
		return err
	}
	now := t.Clock.Now()
	if t.State.Leaving.IsZero() {
		t.State.Leaving = now
	}
	if who, used := by[number]; used && now.Sub(t.State.Leaving) < leaving {
		return failure.Waitf(now.Add(lookAgain), "version %d of %s not to be in use: %s", number, of.ID, who)
	}
	return nil // who uses it for longer is named when the version cannot be deleted
}

// refreshTo is the newest instance refresh of the group that brings a version of a
// template, and began after another.
func refreshTo(ctx context.Context, t *turn, id string, number int64, after time.Time) (types.InstanceRefresh, bool, error) {
	pages := autoscaling.NewDescribeInstanceRefreshesPaginator(t.AWS.AutoScaling, &autoscaling.DescribeInstanceRefreshesInput{
		AutoScalingGroupName: aws.String(t.Config.Group), MaxRecords: aws.Int32(refreshes),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return types.InstanceRefresh{}, false, fmt.Errorf("describe the instance refreshes of group %s: %w", t.Config.Group, err)
		}
		for _, r := range page.InstanceRefreshes {
			began := aws.ToTime(r.StartTime)
			if !began.IsZero() && began.Before(t.State.Observed.Add(-time.Hour)) {
				return types.InstanceRefresh{}, false, nil // they come newest first, and this run has begun none before
			}
			if (began.IsZero() || began.After(after)) && brings(r, id, strconv.FormatInt(number, 10)) {
				return r, true, nil
			}
		}
	}
	return types.InstanceRefresh{}, false, nil
}

// refreshes is how many a page holds, at most (facts/apis.md 2).
const refreshes = 100

// brings says whether a refresh has the group launch from a version of a template.
func brings(r types.InstanceRefresh, id, number string) bool {
	d := r.DesiredConfiguration
	if d == nil {
		return false
	}
	return versionIn(types.AutoScalingGroup{LaunchTemplate: d.LaunchTemplate, MixedInstancesPolicy: d.MixedInstancesPolicy}, id) == number
}

// preferences are those of the fleet file. What has the version already stays, so that
// a refresh that is begun again goes on where the last one has ended.
func (r Refresh) preferences() *types.RefreshPreferences {
	p := &types.RefreshPreferences{
		MinHealthyPercentage: int32Of(*r.MinHealthy), MaxHealthyPercentage: int32Of(*r.MaxHealthy),
		SkipMatching: aws.Bool(true), AutoRollback: aws.Bool(true),
		ScaleInProtectedInstances: protections[r.Protected], StandbyInstances: standbys[r.Standby],
	}
	if r.Warmup > 0 {
		p.InstanceWarmup = seconds(time.Duration(r.Warmup))
	}
	for _, percent := range r.Checkpoints {
		p.CheckpointPercentages = append(p.CheckpointPercentages, *int32Of(percent))
	}
	if last := len(r.Checkpoints) - 1; last >= 0 {
		if r.Checkpoints[last] < 100 { // AWS replaces no more than up to the last
			p.CheckpointPercentages = append(p.CheckpointPercentages, 100)
		}
		p.CheckpointDelay = seconds(time.Duration(r.Pause))
	}
	if r.Bake > 0 {
		p.BakeTime = seconds(time.Duration(r.Bake))
	}
	if len(r.Alarms) > 0 {
		p.AlarmSpecification = &types.AlarmSpecification{Alarms: r.Alarms}
	}
	return p
}

var protections = map[Blocked]types.ScaleInProtectedInstances{
	BlockedWait: types.ScaleInProtectedInstancesWait, BlockedIgnore: types.ScaleInProtectedInstancesIgnore, BlockedRefresh: types.ScaleInProtectedInstancesRefresh,
}

var standbys = map[Blocked]types.StandbyInstances{
	BlockedWait: types.StandbyInstancesWait, BlockedIgnore: types.StandbyInstancesIgnore, BlockedTerminate: types.StandbyInstancesTerminate,
}

func int32Of(n int) *int32 { return aws.Int32(int32(n)) } //nolint:gosec // a percentage, or seconds of days

func seconds(d time.Duration) *int32 { return int32Of(int(d / time.Second)) }

// progressOf tells how far a refresh is.
func progressOf(r types.InstanceRefresh) string {
	text := fmt.Sprintf("it is %s, %d%% done", r.Status, aws.ToInt32(r.PercentageComplete))
	if why := aws.ToString(r.StatusReason); why != "" {
		text += ": " + strings.TrimSuffix(why, ".")
	}
	return text
}

func reasonOf(r types.InstanceRefresh) string {
	why := aws.ToString(r.StatusReason)
	if d := r.RollbackDetails; d != nil {
		why = cmp.Or(aws.ToString(d.RollbackReason), why)
	}
	return cmp.Or(strings.TrimSuffix(why, "."), "AWS gives no reason")
}

// instancesOf are the group's instances that were launched from a version, but those on
// their way out.
func instancesOf(g types.AutoScalingGroup, id, number string) []string {
	var all []string
	for _, i := range g.Instances {
		if strings.HasPrefix(string(i.LifecycleState), string(types.LifecycleStateTerminating)) {
			continue
		}
		if spec := i.LaunchTemplate; spec != nil && aws.ToString(spec.LaunchTemplateId) == id && aws.ToString(spec.Version) == number {
			all = append(all, aws.ToString(i.InstanceId))
		}
	}
	slices.Sort(all)
	return all
}

// versionIn is the version of a template that a group launches from; "" if it does not
// launch from that.
func versionIn(g types.AutoScalingGroup, id string) string {
	for _, t := range templatesOf(g) {
		if t.ID == id {
			return t.Version
		}
	}
	return ""
}
