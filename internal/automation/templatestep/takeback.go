package templatestep

import (
	"context"
	"slices"
	"strings"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

// TakeBack is the Undo of a step that makes versions: it deletes every version of a
// template that the run has made, unless somebody has begun to use it. It returns nil
// once it is certain that none is left. A version that is made afterwards needs another
// client token: EC2 answers one that it knows with what it did before.
func TakeBack(ctx context.Context, e automation.Env, template string) error {
	now, err := launchtemplate.Describe(ctx, e.AWS.EC2, launchtemplate.Ref{ID: template})
	if err != nil {
		return err
	}
	var ours []int64
	for _, v := range now.Versions {
		if !strings.HasPrefix(v.Description, version.Signed(e.Run)) {
			continue
		}
		if v.Default {
			return failure.WithHint(failure.Stopf("version %d of launch template %s is the default", v.Number, template),
				"make another version the default, then delete it: aws ec2 delete-launch-template-versions --launch-template-id %s --versions %d", template, v.Number)
		}
		ours = append(ours, v.Number)
	}
	slices.Sort(ours)
	if len(ours) > 0 {
		if err := notInUse(ctx, e, now.Ref, ours); err != nil {
			return err
		}
		if err := launchtemplate.Delete(ctx, e.AWS.EC2, template, ours); err != nil {
			return err
		}
	}
	// Also after a version was deleted: a call that is late may make another.
	return e.Absent("version of " + template + " that this run has made")
}

func notInUse(ctx context.Context, e automation.Env, of launchtemplate.Ref, numbers []int64) error {
	by, err := launchtemplate.Uses(ctx, e.AWS, of)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if who, used := by[n]; used {
			return failure.WithHint(failure.Stopf("version %d of launch template %s is in use: %s", n, of.ID, who),
				"let it be, or have what uses it use another version and delete it: aws ec2 delete-launch-template-versions --launch-template-id %s --versions %d", of.ID, n)
		}
	}
	return nil
}
