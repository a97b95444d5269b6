// Package templatestep is what steps of several kinds do to the versions of a launch
// template: delete old ones, and take back those that the run has made.
//
// Callers may rely on this: a version that is the default or in use by the time of the
// call is not deleted, whatever the plan says, and everything is safe to repeat.
package templatestep

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

const (
	// fresh is how old a look may be when versions are deleted.
	fresh = 2 * time.Second
	// One read may be behind. What disagrees with the plan is read this often and for
	// this long before it is believed.
	rereadEvery = 3 * time.Second
	rereadFor   = 15 * time.Second
)

// Prune deletes the versions that the plan names for a step, with changes that
// [version.Deletions] has made, except those that have become the default, that somebody
// has begun to use, or that others have made the newest by deleting some: EC2 itself
// would only refuse the default (https://github.com/aws/aws-cli/issues/8892). The
// newest are kept, and those that stay for another reason.
func Prune(ctx context.Context, e automation.Env, step string, keep int, stay ...int64) error {
	var now inventory
	var looked time.Time
	for _, c := range e.Plan.For(step) {
		template, planned, err := version.Deleted(c)
		if err != nil {
			return failure.As(failure.Stop, err)
		}
		if e.Clock.Now().Sub(looked) > fresh {
			looked = e.Clock.Now()
			if now, err = inventoryOf(ctx, e, template, keep, stay); err != nil {
				return err
			}
		}
		left, spared := now.split(planned)
		if len(spared) > 0 {
			if err := e.Await(fmt.Sprintf("a read that agrees with the plan to delete %s of %s", version.List(spared), template), rereadEvery, rereadFor); err != nil {
				return err
			}
			e.Log.InfoContext(ctx, "versions are kept that were to be deleted: they are in use by now", "template", template, "versions", version.List(spared))
		}
		if len(left) == 0 {
			continue
		}
		if err := launchtemplate.Delete(ctx, e.AWS.EC2, template, left); err != nil {
			return err
		}
	}
	return nil
}

// inventory says which versions there are, and which of them may go.
type inventory struct{ all, surplus []int64 }

func inventoryOf(ctx context.Context, e automation.Env, template string, keep int, stay []int64) (inventory, error) {
	found, err := launchtemplate.Describe(ctx, e.AWS.EC2, launchtemplate.Ref{ID: template})
	if err != nil {
		return inventory{}, err
	}
	by, err := launchtemplate.Uses(ctx, e.AWS, found.Ref)
	if err != nil {
		return inventory{}, err
	}
	i := inventory{all: found.Numbers()}
	i.surplus, _ = version.Surplus(i.all, keep, version.Uses(by), append(slices.Clone(stay), found.Default.Number)...)
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
