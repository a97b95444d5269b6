package templatefollowsimage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/failure"
)

// prune deletes the versions that the plan names, except those that have become
// the default, that somebody has begun to use, or that others have made the newest
// by deleting some: EC2 itself would only refuse the default
// (https://github.com/aws/aws-cli/issues/8892).
func prune(ctx context.Context, t *turn) error {
	var now inventory
	var looked time.Time
	for _, c := range t.Plan.For(stepPrune) {
		template, list, _ := strings.Cut(c.Resource, " ")
		planned, err := numbersOf(list)
		if err != nil {
			return failure.As(failure.Stop, err)
		}
		if t.Clock.Now().Sub(looked) > fresh {
			looked = t.Clock.Now()
			if now, err = inventoryOf(ctx, t, template); err != nil {
				return err
			}
		}
		left, spared := now.split(planned)
		if len(spared) > 0 {
			if err := t.Await(fmt.Sprintf("a read that agrees with the plan to delete %s of %s", versions(spared), template), rereadEvery, rereadFor); err != nil {
				return err // one read may be behind
			}
			t.Log.InfoContext(ctx, "versions are kept that were to be deleted: they are in use by now", "template", template, "versions", versions(spared))
		}
		if len(left) == 0 {
			continue
		}
		if err := deleteVersions(ctx, t, template, left); err != nil {
			return err
		}
	}
	return nil
}

// inventory says which versions there are, and which of them may go.
type inventory struct{ all, surplus []int64 }

func inventoryOf(ctx context.Context, t *turn, template string) (inventory, error) {
	all, err := describeVersions(ctx, t, ref{id: template})
	if err != nil {
		return inventory{}, err
	}
	found, err := foundIn(all)
	if err != nil {
		return inventory{}, err
	}
	uses, err := describeUses(ctx, t, found)
	if err != nil {
		return inventory{}, err
	}
	i := inventory{all: numbersIn(all)}
	i.surplus, _ = surplus(State{Template: found, Numbers: i.all, Uses: uses}, t.Config.Keep, false, found.Default.Number)
	return i, nil
}

// split says which versions are still to go and which are not to any more. Those
// that are gone are neither.
func (i inventory) split(planned []int64) (left, spared []int64) {
	for _, n := range planned {
		switch {
		case slices.Contains(i.surplus, n):
			left = append(left, n)
		case slices.Contains(i.all, n):
			spared = append(spared, n)
		}
	}
	return left, spared
}

// deleteVersions deletes versions, at most atOnce of them. EC2 answers for each
// (shared/facts/apis.md 1.3); one that is gone already is as good as deleted.
func deleteVersions(ctx context.Context, t *turn, template string, numbers []int64) error {
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = strconv.FormatInt(n, 10)
	}
	out, err := t.AWS.EC2.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: aws.String(template), Versions: names})
	if err != nil {
		return fmt.Errorf("delete %s of launch template %s: %w", versions(numbers), template, err)
	}
	var problems []error
	for _, item := range out.UnsuccessfullyDeletedLaunchTemplateVersions {
		why := item.ResponseError
		if why == nil || why.Code == types.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist {
			continue
		}
		problems = append(problems, failure.Retryf("delete version %d of launch template %s: %s: %s", aws.ToInt64(item.VersionNumber), template, why.Code, aws.ToString(why.Message)))
	}
	return errors.Join(problems...)
}
