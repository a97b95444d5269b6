package imagerollout

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

// pin has a group that launches from $Latest or $Default launch from the number that
// this is: AWS rolls a refresh back to a number alone.
func pin(ctx context.Context, t *turn) error {
	if len(t.Plan.For(stepPin)) == 0 {
		return nil
	}
	from := target(t)
	return point(ctx, t, from.Version, strconv.FormatInt(from.Number, 10))
}

// unpin is the way back.
func unpin(ctx context.Context, t *turn) error {
	if len(t.Plan.For(stepPin)) == 0 {
		return nil
	}
	from := target(t)
	return pointBack(ctx, t, strconv.FormatInt(from.Number, 10), from.Version)
}

// move has the group launch from the new version: it gets the number, or the version
// becomes the template's default. A group on $Latest needs neither.
func move(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepMove)
	if len(changes) == 0 {
		return nil
	}
	from, to := target(t), madeVersion(t)
	if to == 0 {
		return failure.Stopf("the number of the version that was made is not known")
	}
	if changes[0].Operation == opDefault {
		return makeDefault(ctx, t, from.Default, to)
	}
	return point(ctx, t, from.Version, strconv.FormatInt(to, 10))
}

// moveBack has the group launch from the version it had, if it has the run's.
func moveBack(ctx context.Context, t *turn) error {
	changes, from, to := t.Plan.For(stepMove), target(t), madeVersion(t)
	if len(changes) == 0 || to == 0 {
		return nil
	}
	if changes[0].Operation != opDefault {
		return pointBack(ctx, t, strconv.FormatInt(to, 10), from.Version)
	}
	now, err := launchtemplate.Describe(ctx, t.AWS.EC2, launchtemplate.Ref{ID: from.ID})
	if err != nil {
		return err
	}
	if now.Default.Number == to {
		if err := setDefault(ctx, t, from.Default); err != nil {
			return err
		}
		return failure.Waitf(t.Clock.Now().Add(lookAgain), "version %d of %s to be the default again", from.Default, from.ID)
	}
	// Also after it was set back: a call that is late may set it once more.
	return t.Absent(fmt.Sprintf("call under way that makes version %d of %s the default", to, from.ID))
}

// point has the group launch from another version of the target, if it launches from
// the one that is expected.
func point(ctx context.Context, t *turn, from, to string) error {
	g, err := needGroup(ctx, t)
	if err != nil {
		return err
	}
	id := target(t).ID
	switch now := versionIn(g, id); now {
	case to:
		return nil
	case from:
	default:
		return failure.Stopf("group %s launches from version %s of %s, not from %s: somebody has changed it meanwhile", t.Config.Group, now, id, from)
	}
	if err := setVersion(ctx, t, g, to); err != nil {
		return err
	}
	return failure.Waitf(t.Clock.Now().Add(lookAgain), "group %s to launch from version %s of %s", t.Config.Group, to, id)
}

// pointBack is the way back: what somebody has set meanwhile stays.
func pointBack(ctx context.Context, t *turn, from, to string) error {
	g, found, err := describeGroup(ctx, t)
	if err != nil || !found {
		return err
	}
	id := target(t).ID
	if versionIn(g, id) == from {
		if err := setVersion(ctx, t, g, to); err != nil {
			return err
		}
		return failure.Waitf(t.Clock.Now().Add(lookAgain), "group %s to launch from version %s of %s again", t.Config.Group, to, id)
	}
	// Also after it was set back: a call that is late may set it once more.
	return t.Absent(fmt.Sprintf("call under way that has group %s launch from version %s of %s", t.Config.Group, from, id))
}

// setVersion gives the group another version of the target.
func setVersion(ctx context.Context, t *turn, g scaling.AutoScalingGroup, to string) error {
	id := target(t).ID
	_, err := t.AWS.AutoScaling.UpdateAutoScalingGroup(ctx, launchtemplate.UpdateTemplate(g, id, to), func(o *autoscaling.Options) {
		o.RetryMaxAttempts = 1 // another attempt begins with a look
	})
	if err != nil {
		return fmt.Errorf("have group %s launch from version %s of %s: %w", t.Config.Group, to, id, err)
	}
	return nil
}

// makeDefault makes a version the target's default, if the one that is expected is.
func makeDefault(ctx context.Context, t *turn, from, to int64) error {
	id := target(t).ID
	now, err := launchtemplate.Describe(ctx, t.AWS.EC2, launchtemplate.Ref{ID: id})
	switch {
	case err != nil:
		return err
	case now.Default.Number == to:
		return nil
	case now.Default.Number != from:
		return failure.Stopf("version %d is the default of %s by now, not %d: somebody has changed it meanwhile", now.Default.Number, id, from)
	}
	if err := setDefault(ctx, t, to); err != nil {
		return err
	}
	return failure.Waitf(t.Clock.Now().Add(lookAgain), "version %d of %s to be the default", to, id)
}

func setDefault(ctx context.Context, t *turn, number int64) error {
	id := target(t).ID
	_, err := t.AWS.EC2.ModifyLaunchTemplate(ctx, &ec2.ModifyLaunchTemplateInput{
		// Another time it is another act, which EC2 is not to take for the first.
		ClientToken:      aws.String(t.Run.Token(stepMove, number, t.Since.UnixNano(), t.Attempt, t.Clock.Now().UnixNano())),
		LaunchTemplateId: aws.String(id),
		DefaultVersion:   aws.String(strconv.FormatInt(number, 10)),
	})
	if err != nil {
		return fmt.Errorf("make version %d of launch template %s the default: %w", number, id, err)
	}
	return nil
}

// confirm reads back what the seed's operators look up by hand: the image in the
// template that the group launches from is the new one. Then the rollout is done, and
// nothing is taken back any more.
func confirm(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepTemplate)
	if len(changes) == 0 {
		return nil
	}
	g, err := needGroup(ctx, t)
	if err != nil {
		return err
	}
	id, image := target(t).ID, changes[0].To
	for _, now := range templatesOf(g) {
		if now.ID != id {
			continue
		}
		now, err := readTemplate(ctx, t, now)
		if err != nil {
			return err
		}
		if now.Current.ID == image {
			return nil
		}
		if waiting := t.Await(fmt.Sprintf("group %s to launch from %s; it launches from %s, of version %d", t.Config.Group, image, now.Current.ID, now.Number), lookAgain, settling); waiting != nil {
			return waiting
		}
		return failure.Stopf("group %s launches from %s, of version %d of %s, and not from %s: somebody has changed it meanwhile", t.Config.Group, now.Current.ID, now.Number, id, image)
	}
	return failure.Stopf("group %s does not launch from %s any more: somebody has changed it meanwhile", t.Config.Group, id)
}

// needGroup is the group, without which nothing can be done.
func needGroup(ctx context.Context, t *turn) (scaling.AutoScalingGroup, error) {
	g, found, err := describeGroup(ctx, t)
	if err == nil && !found {
		err = failure.Stopf("group %s is gone", t.Config.Group)
	}
	return g, err
}
