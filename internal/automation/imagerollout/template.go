package imagerollout

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation/templatestep"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

// target is the template that gets the image, as it was when the plan was made.
func target(t *turn) Template {
	for _, c := range t.Plan.For(stepTemplate) {
		if found, ok := t.State.template(c.Resource); ok {
			return found
		}
	}
	return Template{}
}

// madeVersion is the number of the version that the run has made; 0 if it has made none.
func madeVersion(t *turn) int64 {
	n, err := strconv.ParseInt(t.Values[stepTemplate+"."+valueNumber], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// createVersion makes a version with the new image from the one that the group
// launches from, or finds the one that an attempt before has made: by its
// description, which names the run.
func createVersion(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepTemplate)
	if len(changes) == 0 {
		return nil
	}
	c, from := changes[0], target(t)
	if t.Attempt > 1 {
		n, err := ownVersion(ctx, t, c.To)
		if err != nil {
			return err
		}
		if n > 0 {
			t.Provide(stepTemplate, valueNumber, strconv.FormatInt(n, 10))
			return nil
		}
	}
	// From here on a newer image waits for its turn: this is the last look.
	t.State.Looked = time.Time{}
	if err := superseded(ctx, t); err != nil {
		return err
	}
	if err := asPlanned(ctx, t); err != nil {
		return err
	}
	out, err := t.AWS.EC2.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
		ClientToken:        aws.String(t.Run.Token(stepTemplate, c.Resource, c.To, from.Number, t.State.Undone)),
		LaunchTemplateId:   aws.String(c.Resource),
		SourceVersion:      aws.String(strconv.FormatInt(from.Number, 10)),
		VersionDescription: aws.String(version.Describe(t.Run, c.To, from.Number)),
		LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(c.To)},
	})
	if err != nil {
		return fmt.Errorf("create a version of launch template %s with %s: %w", c.Resource, c.To, err)
	}
	v := launchtemplate.VersionOf(*out.LaunchTemplateVersion)
	if warning := launchtemplate.Warning(out.Warning); warning != "" {
		return failure.WithHint(
			failure.Stopf("create a version of launch template %s with %s: AWS says that instances could not be launched from version %d: %s", c.Resource, c.To, v.Number, warning),
			"mend version %d of %s, from which it was made, and start again: drover retry %s", from.Number, c.Resource, t.Run.ID)
	}
	t.Provide(stepTemplate, valueNumber, strconv.FormatInt(v.Number, 10))
	return nil
}

// ownVersion is the version with an image that the run has made; 0 if there is none.
func ownVersion(ctx context.Context, t *turn, image string) (int64, error) {
	from := target(t)
	all, err := launchtemplate.Versions(ctx, t.AWS.EC2, launchtemplate.Ref{ID: from.ID}, ec2.DescribeLaunchTemplateVersionsInput{
		MinVersion: aws.String(strconv.FormatInt(max(1, from.Latest), 10)),
	})
	if err != nil {
		return 0, err
	}
	for _, v := range all {
		if v.Image == image && strings.HasPrefix(v.Description, version.Signed(t.Run)) {
			return v.Number, nil
		}
	}
	return 0, nil
}

// removeVersion deletes every version that the run has made.
func removeVersion(ctx context.Context, t *turn) error {
	if err := templatestep.TakeBack(ctx, t.Env, target(t).ID); err != nil {
		return err
	}
	t.State.Undone++
	return nil
}

// asPlanned looks whether the group still launches from what it did when the plan was
// made: hours may have passed. What somebody has done since counts.
func asPlanned(ctx context.Context, t *turn) error { return unchanged(ctx, t, expected(t)) }

// unchanged looks whether the group launches from a template as it did then.
func unchanged(ctx context.Context, t *turn, then Template) error {
	g, err := needGroup(ctx, t)
	if err != nil {
		return err
	}
	for _, now := range templatesOf(g) {
		if now.ID == then.ID && now.Version == then.Version {
			return nil
		}
	}
	return failure.WithHint(failure.Stopf("group %s launched from version %s of %s when the rollout began, and does not any more: somebody has changed it meanwhile",
		t.Config.Group, then.Version, then.ID), "roll out again: drover rollout start --image %s", source(t.Plan))
}

// expected is the template as the group has it by the plan, before it is moved: pinned
// to a number, if it is pinned.
func expected(t *turn) Template {
	then := target(t)
	if len(t.Plan.For(stepPin)) > 0 {
		then.Version = strconv.FormatInt(then.Number, 10)
	}
	return then
}
