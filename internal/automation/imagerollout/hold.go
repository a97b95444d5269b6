package imagerollout

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/failure"
)

// approve waits until somebody has approved the rollout, and writes down which image
// the run tries: from here on it may change AWS.
func approve(ctx context.Context, t *turn) error {
	image := source(t.Plan)
	t.Try(image)
	if err := approved(ctx, t, image); err != nil {
		return err
	}
	for name := range t.Trying {
		if strings.Contains(name, loweredTo) {
			t.Forget(name) // of a plan that was replaced
		}
	}
	for _, c := range t.Plan.For(stepHold) {
		if c.Operation == opUpdate { // should it not be restored, the next run knows the true one
			t.Try(loweredName(sizeIn(c.From), sizeIn(c.To)))
			t.Forget(restoredName)
		}
	}
	return nil
}

// approved waits for the person, if the fleet file asks for one.
func approved(ctx context.Context, t *turn, image string) error {
	if t.Config.Approval == 0 {
		return nil
	}
	if asked := t.State.Approving; asked != "" && asked != image {
		t.Forget(asked)
		t.Forget(image) // the next run asks for it
		return failure.Stopf("superseded: %s was to be approved, and %s would be rolled out by now; it is asked for by itself", asked, image)
	}
	t.State.Approving = image
	if err := t.Approved(fmt.Sprintf("the rollout of %s to group %s", image, t.Config.Group), time.Duration(t.Config.Approval)); err != nil {
		if newer := superseded(ctx, t); newer != nil {
			return newer
		}
		return err
	}
	// A day may have passed since the plan was made.
	t.State.Looked = time.Time{}
	if err := superseded(ctx, t); err != nil {
		return err
	}
	return unchanged(ctx, t, target(t))
}

// source is the image that a plan rolls out.
func source(p automation.Plan) string {
	if launches := p.For(stepLaunch); len(launches) > 0 {
		return launches[0].Resource
	}
	if versions := p.For(stepTemplate); len(versions) > 0 {
		return versions[0].To // without a builder
	}
	return ""
}

// hold keeps the group from growing, as the plan says.
func hold(ctx context.Context, t *turn) error {
	if t.State.LetGo { // the run is tried again, for what comes after
		return nil
	}
	for _, c := range t.Plan.For(stepHold) {
		if c.Operation == opUpdate {
			if err := stillFits(ctx, t, sizeIn(c.To)); err != nil {
				return err
			}
			if err := setMaxSize(ctx, t, sizeIn(c.To)); err != nil {
				return err
			}
			continue
		}
		_, err := t.AWS.AutoScaling.SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{
			AutoScalingGroupName: aws.String(c.Resource), ScalingProcesses: processesIn(c.To),
		})
		if err != nil {
			return fmt.Errorf("suspend %s of group %s: %w", inWords(processesIn(c.To)), t.Config.Group, err)
		}
	}
	return nil
}

// stillFits looks whether a maximum is still no less than what runs: what is above it
// AWS would terminate. The group may have grown since the plan was made.
func stillFits(ctx context.Context, t *turn, size int) error {
	g, err := needGroup(ctx, t)
	if err != nil {
		return err
	}
	if now := groupOf(g); now.least() > size {
		return &automation.Replan{Why: fmt.Sprintf("group %s has grown, and a maximum of %d would be less than what runs", t.Config.Group, size)}
	}
	return nil
}

// release lets the group grow again. What let-go has released already stays as it is
// by now: it may be somebody else's doing.
func release(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepHold)
	if len(changes) == 0 || t.State.LetGo {
		return nil
	}
	g, found, err := describeGroup(ctx, t)
	if err != nil {
		return fmt.Errorf("see whether group %s still has %s, to take it back: %w", t.Config.Group, changes[0].To, err)
	}
	if !found {
		return nil
	}
	for _, c := range changes {
		if err := restore(ctx, t, g, c); err != nil {
			return err
		}
	}
	// Also after it was given back: a call that is late may take it again.
	return t.Absent("hold of this run on group " + t.Config.Group)
}

// letGo gives back before the end of the run what is not needed any more.
func letGo(ctx context.Context, t *turn) error {
	g, found, err := describeGroup(ctx, t)
	if err != nil || !found {
		return err
	}
	for _, c := range t.Plan.For(stepHold) {
		if len(t.Plan.For(stepLetGo)) == 0 {
			break
		}
		if err := restore(ctx, t, g, c); err != nil {
			return err
		}
	}
	t.State.LetGo = len(t.Plan.For(stepLetGo)) > 0
	if slices.ContainsFunc(t.Plan.For(stepLetGo), func(c automation.Change) bool { return c.Operation == opTerminate }) {
		return terminateAll(ctx, t)
	}
	return nil
}

// restore takes one change of the group back, if it is still as that has left it:
// processes that were not suspended before are resumed, and a lowered maximum is
// restored. It is nil when nothing is left to take back.
func restore(ctx context.Context, t *turn, g types.AutoScalingGroup, c automation.Change) error {
	now := t.Clock.Now()
	if c.Operation == opUpdate {
		if original := sizeIn(c.From); int(aws.ToInt32(g.MaxSize)) == sizeIn(c.To) {
			if err := setMaxSize(ctx, t, original); err != nil {
				return failure.WithHint(err, "aws autoscaling update-auto-scaling-group --auto-scaling-group-name %s --max-size %d", t.Config.Group, original)
			}
			return failure.Waitf(now.Add(lookAgain), "group %s to have its %s again", t.Config.Group, c.From)
		}
		t.Try(restoredName)
		return nil
	}
	held := slices.DeleteFunc(processesIn(c.To), func(p string) bool { return !slices.Contains(suspended(g), p) })
	if len(held) == 0 {
		return nil
	}
	_, err := t.AWS.AutoScaling.ResumeProcesses(ctx, &autoscaling.ResumeProcessesInput{AutoScalingGroupName: aws.String(t.Config.Group), ScalingProcesses: held})
	if err != nil {
		return failure.WithHint(fmt.Errorf("resume %s of group %s: %w", inWords(held), t.Config.Group, err),
			"aws autoscaling resume-processes --auto-scaling-group-name %s --scaling-processes %s", t.Config.Group, strings.Join(held, " "))
	}
	return failure.Waitf(now.Add(lookAgain), "%s of group %s to be resumed", inWords(held), t.Config.Group)
}

func setMaxSize(ctx context.Context, t *turn, size int) error {
	_, err := t.AWS.AutoScaling.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(t.Config.Group), MaxSize: aws.Int32(int32(size)), //nolint:gosec // it was read as one
	})
	if err != nil {
		return fmt.Errorf("set the maximum of group %s to %d: %w", t.Config.Group, size, err)
	}
	return nil
}

// processesIn reads the processes that a change suspends.
func processesIn(to string) []string { return strings.Split(strings.TrimSuffix(to, isSuspended), ", ") }

// sizeIn reads the maximum that a change sets; 0 if there is none.
func sizeIn(value string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(value, maxSize))
	if err != nil {
		return 0
	}
	return n
}

// loweredName is what a run tries that lowers a maximum.
func loweredName(from, to int) string { return fmt.Sprintf("%s%d%s%d", maxSize, from, loweredTo, to) }

const loweredTo = " lowered to "

// restoredName is what a run tries that restores it. The last run counts.
const restoredName = maxSize + "restored"

// originalOf is the maximum of a group before a run lowered it that ended without
// restoring it; 0 if no run has left it so. It is mended if somebody has: the maximum is
// another by now, so that what the run did is over.
func originalOf(tried map[string]automation.Trial, size int) (original int, mended bool) {
	var last time.Time
	to := ""
	for name, trial := range tried {
		from, after, ok := strings.Cut(name, loweredTo)
		if ok && trial.Run != tried[restoredName].Run && trial.Ended.After(last) {
			last, original, to = trial.Ended, sizeIn(from), after
		}
	}
	switch {
	case last.IsZero(), last.Before(tried[restoredName].Ended): // a later run has restored it
		return 0, false
	case to != strconv.Itoa(size):
		return 0, true
	}
	return original, false
}

func suspended(g types.AutoScalingGroup) []string {
	var names []string
	for _, p := range g.SuspendedProcesses {
		names = append(names, aws.ToString(p.ProcessName))
	}
	slices.Sort(names)
	return names
}

func inWords(all []string) string { return strings.Join(all, " and ") }
