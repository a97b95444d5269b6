package templatefollowsimage

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/templatestep"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

// createVersion makes the version, or finds the one that an attempt before has
// made: by its description, which names the run.
func createVersion(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepCreate)
	if len(changes) == 0 {
		return nil
	}
	c := changes[0]
	if !isFresh(t) {
		l, err := read(ctx, t)
		if err != nil {
			return err
		}
		if v, ok := made(t, l.template.Versions, c.To); ok {
			return settled(ctx, t, v)
		}
		if err := agree(t, l); err != nil {
			return err
		}
	}
	source := t.State.source(t.Config)
	out, err := t.AWS.EC2.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
		ClientToken:        aws.String(t.Run.Token(stepCreate, c.Resource, c.To, source.Number, t.State.Undone)),
		LaunchTemplateId:   aws.String(c.Resource),
		SourceVersion:      aws.String(strconv.FormatInt(source.Number, 10)),
		VersionDescription: aws.String(version.Describe(t.Run, c.To, source.Number)),
		LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(c.To)},
	})
	if err != nil {
		return fmt.Errorf("create a version of launch template %s with %s: %w", c.Resource, c.To, err)
	}
	v := launchtemplate.VersionOf(*out.LaunchTemplateVersion)
	if warning := launchtemplate.Warning(out.Warning); warning != "" {
		return failure.WithHint(
			failure.Stopf("create a version of launch template %s with %s: AWS says that instances could not be launched from version %d: %s", c.Resource, c.To, v.Number, warning),
			"mend version %d of %s, from which it was made; the next sweep tries again", source.Number, c.Resource)
	}
	return settled(ctx, t, v)
}

// settled looks whether the version can be seen, and provides its number. If
// somebody has made a version meanwhile that this one ought to have been made
// from, this one goes, and the run begins anew.
func settled(ctx context.Context, t *turn, v launchtemplate.Version) error {
	of := t.State.Template
	since, err := launchtemplate.Versions(ctx, t.AWS.EC2, launchtemplate.Ref{ID: of.ID}, ec2.DescribeLaunchTemplateVersionsInput{MinVersion: aws.String(strconv.FormatInt(of.Latest.Number, 10))})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(since, func(x launchtemplate.Version) bool { return x.Number == v.Number && x.Image == v.Image }) {
		return failure.Retryf("version %d of launch template %s cannot be seen yet", v.Number, of.ID)
	}
	for _, other := range since {
		if other.Number <= of.Latest.Number || other.Number >= v.Number || strings.HasPrefix(other.Description, version.Signed(t.Run)) {
			continue
		}
		if t.Config.From == FromDefault && (other.Image != v.Image || !strings.HasPrefix(other.Description, version.Signature(t.Run))) {
			continue
		}
		if err := launchtemplate.Delete(ctx, t.AWS.EC2, of.ID, []int64{v.Number}); err != nil {
			return err
		}
		t.State.Undone++
		return &automation.Replan{Why: fmt.Sprintf("somebody has made version %d of %s while version %d was made", other.Number, of.ID, v.Number)}
	}
	t.Provide(stepCreate, valueNumber, strconv.FormatInt(v.Number, 10))
	return nil
}

// made finds the version with an image that this run has made.
func made(t *turn, all []launchtemplate.Version, image string) (launchtemplate.Version, bool) {
	i := slices.IndexFunc(all, func(v launchtemplate.Version) bool {
		return v.Image == image && strings.HasPrefix(v.Description, version.Signed(t.Run))
	})
	if i < 0 {
		return launchtemplate.Version{}, false
	}
	return all[i], true
}

// undoVersion takes back every version that the run has made. It goes by the template
// that was read, not by that of the plan: an earlier plan's version may be there.
func undoVersion(ctx context.Context, t *turn) error {
	if err := templatestep.TakeBack(ctx, t.Env, t.State.Template.ID); err != nil {
		return err
	}
	t.State.Undone++
	return nil
}
