package templatefollowsimage

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

// move is a change of the default version.
type move struct {
	template string
	from, to int64
}

// moveIn is the plan's change of the default version, if it has one.
func moveIn(p automation.Plan) (m move, ok bool, err error) {
	changes := p.For(stepDefault)
	if len(changes) == 0 {
		return move{}, false, nil
	}
	c := changes[0]
	m.template, _, _ = strings.Cut(c.Resource, " ")
	if m.from, err = version.Number(c.From); err != nil {
		return move{}, false, failure.As(failure.Stop, err)
	}
	if m.to, err = version.Number(c.To); err != nil {
		return move{}, false, failure.As(failure.Stop, err)
	}
	return m, true, nil
}

// setDefault makes the version the default. Instances that are launched from
// $Default have the image from now on, so nothing is undone after it.
func setDefault(ctx context.Context, t *turn) error {
	m, ok, err := moveIn(t.Plan)
	if !ok {
		return err
	}
	if !isFresh(t) || len(t.Plan.For(stepCreate)) > 0 {
		now, err := defaultOf(ctx, t, m.template)
		switch {
		case err != nil:
			return err
		case now == m.to:
			return nil
		case now != m.from && len(t.Plan.For(stepCreate)) > 0:
			return failure.WithHint(failure.Stopf("the default version of launch template %s was %d and is %d: somebody has set it meanwhile", m.template, m.from, now),
				"decide anew: drover run --fleet FILE --sweep")
		case now != m.from:
			return &automation.Replan{Why: fmt.Sprintf("the default version of %s was %d and is %d", m.template, m.from, now)}
		}
	}
	if !isFresh(t) {
		if err := stillAvailable(ctx, t); err != nil {
			return err
		}
	}
	if err := makeDefault(ctx, t, m.template, m.to); err != nil {
		return err
	}
	return seen(ctx, t, m.template, m.to)
}

// stillAvailable looks whether the image can still be launched: a run may have been
// interrupted for hours after it made the version.
func stillAvailable(ctx context.Context, t *turn) error {
	image, _ := t.State.chosen()
	matched, err := describeMatching(ctx, t)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(matched, func(i Image) bool { return i.ID == image.ID && i.State == stateAvailable }) {
		return nil
	}
	if err := t.Await(image.ID+" to be shown by EC2 as available", rereadEvery, rereadFor); err != nil {
		return err // one read may be behind
	}
	if len(t.Plan.For(stepCreate)) == 0 {
		return &automation.Replan{Why: image.ID + " is not available any more"}
	}
	return failure.WithHint(failure.Stopf("%s is not available any more", image.ID), "decide anew: drover run --fleet FILE --sweep")
}

func seen(ctx context.Context, t *turn, template string, number int64) error {
	now, err := defaultOf(ctx, t, template)
	if err != nil {
		return err
	}
	if now != number {
		return failure.Retryf("launch template %s still shows version %d as its default, not %d", template, now, number)
	}
	return nil
}

// undoDefault makes the version the default again that was it, if the one of this
// run still is.
func undoDefault(ctx context.Context, t *turn) error {
	m, ok, err := moveIn(t.Plan)
	if !ok {
		return err
	}
	now, err := defaultOf(ctx, t, m.template)
	if err != nil {
		return err
	}
	if now == m.to {
		if err := makeDefault(ctx, t, m.template, m.from); err != nil {
			return err
		}
		if err := seen(ctx, t, m.template, m.from); err != nil {
			return err
		}
	}
	// Also after it was set back: a call that is late may set it once more.
	return t.Absent(fmt.Sprintf("call under way that makes version %d of %s the default", m.to, m.template))
}

// makeDefault counts attempts in its token: EC2 would take a second call with the
// token of the first for done, whatever has been set in between.
func makeDefault(ctx context.Context, t *turn, template string, number int64) error {
	_, err := t.AWS.EC2.ModifyLaunchTemplate(ctx, &ec2.ModifyLaunchTemplateInput{
		ClientToken:      aws.String(t.Run.Token(stepDefault, template, number, t.Since.UnixNano(), t.Attempt)),
		LaunchTemplateId: aws.String(template),
		DefaultVersion:   aws.String(strconv.FormatInt(number, 10)),
	})
	if err != nil {
		return fmt.Errorf("make version %d of launch template %s the default: %w", number, template, err)
	}
	return nil
}

func defaultOf(ctx context.Context, t *turn, template string) (int64, error) {
	all, err := launchtemplate.Versions(ctx, t.AWS.EC2, launchtemplate.Ref{ID: template}, ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{string(FromDefault)}})
	if err != nil {
		return 0, err
	}
	for _, v := range all {
		return v.Number, nil
	}
	return 0, fmt.Errorf("describe launch template %s: it has no default version", template)
}
