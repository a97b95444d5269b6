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
		if v, ok := made(t, l.versions, c.To); ok {
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
		VersionDescription: aws.String(describe(t.Run, c.To, source.Number)),
		LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(c.To)},
	})
	if err != nil {
		return fmt.Errorf("create a version of launch template %s with %s: %w", c.Resource, c.To, err)
	}
	v := versionOf(*out.LaunchTemplateVersion)
	if warning := warningIn(out.Warning); warning != "" {
		return failure.WithHint(
			failure.Stopf("create a version of launch template %s with %s: AWS says that instances could not be launched from version %d: %s", c.Resource, c.To, v.Number, warning),
			"mend version %d of %s, from which it was made; the next sweep tries again", source.Number, c.Resource)
	}
	return settled(ctx, t, v)
}

// settled looks whether the version can be seen, and provides its number. If
// somebody has made a version meanwhile that this one ought to have been made
// from, this one goes, and the run begins anew.
func settled(ctx context.Context, t *turn, v templateVersion) error {
	of := t.State.Template
	since, err := versionsLike(ctx, t, ref{id: of.ID}, &ec2.DescribeLaunchTemplateVersionsInput{MinVersion: aws.String(strconv.FormatInt(of.Latest.Number, 10))})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(since, func(x templateVersion) bool { return x.Number == v.Number && x.Image == v.Image }) {
		return failure.Retryf("version %d of launch template %s cannot be seen yet", v.Number, of.ID)
	}
	for _, other := range since {
		if other.Number <= of.Latest.Number || other.Number >= v.Number || strings.HasPrefix(other.description, signed(t.Run)) {
			continue
		}
		if t.Config.From == FromDefault && (other.Image != v.Image || !strings.HasPrefix(other.description, signature(t.Run))) {
			continue
		}
		if err := deleteVersions(ctx, t, of.ID, []int64{v.Number}); err != nil {
			return err
		}
		t.State.Undone++
		return &automation.Replan{Why: fmt.Sprintf("somebody has made version %d of %s while version %d was made", other.Number, of.ID, v.Number)}
	}
	t.Provide(stepCreate, valueNumber, strconv.FormatInt(v.Number, 10))
	return nil
}

// made finds the version with an image that this run has made.
func made(t *turn, all []templateVersion, image string) (templateVersion, bool) {
	i := slices.IndexFunc(all, func(v templateVersion) bool {
		return v.Image == image && strings.HasPrefix(v.description, signed(t.Run))
	})
	if i < 0 {
		return templateVersion{}, false
	}
	return all[i], true
}

// undoVersion deletes every version that the run has made, unless somebody has
// begun to use it.
func undoVersion(ctx context.Context, t *turn) error {
	id := t.State.Template.ID // not that of the plan: an earlier plan's version may be there
	all, err := describeVersions(ctx, t, ref{id: id})
	if err != nil {
		return err
	}
	var ours []int64
	for _, v := range all {
		if !strings.HasPrefix(v.description, signed(t.Run)) {
			continue
		}
		if v.standard {
			return failure.WithHint(failure.Stopf("version %d of launch template %s is the default", v.Number, id),
				"make another version the default, then delete it: aws ec2 delete-launch-template-versions --launch-template-id %s --versions %d", id, v.Number)
		}
		ours = append(ours, v.Number)
	}
	slices.Sort(ours)
	if len(ours) > 0 {
		if err := notInUse(ctx, t, all, ours); err != nil {
			return err
		}
		if err := deleteVersions(ctx, t, id, ours); err != nil {
			return err
		}
	}
	// Also after a version was deleted: a call that is late may make another.
	if err := t.Absent("version of " + id + " that this run has made"); err != nil {
		return err
	}
	t.State.Undone++
	return nil
}

func notInUse(ctx context.Context, t *turn, all []templateVersion, numbers []int64) error {
	found, err := foundIn(all)
	if err != nil {
		return err
	}
	uses, err := describeUses(ctx, t, found)
	if err != nil {
		return err
	}
	for _, u := range uses {
		if slices.Contains(numbers, u.Version) {
			return failure.WithHint(failure.Stopf("version %d of launch template %s is in use: %s", u.Version, found.ID, u.By),
				"let it be, or have what uses it use another version and delete it: aws ec2 delete-launch-template-versions --launch-template-id %s --versions %d", found.ID, u.Version)
		}
	}
	return nil
}

func warningIn(w *types.ValidationWarning) string {
	if w == nil {
		return ""
	}
	var all []string
	for _, e := range w.Errors {
		all = append(all, aws.ToString(e.Code)+": "+aws.ToString(e.Message))
	}
	return strings.Join(all, "; ")
}
