//go:build conformance

package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/schedule"
)

// toyConfig is the configuration of the toy: what it tags, and what goes wrong.
type toyConfig struct {
	Resource string `json:"resource"`
	// Trouble is the step at which it must fail.
	Trouble string `json:"trouble,omitempty"`
}

type toyTurn = automation.Turn[toyConfig, int]

// toy is a kind with every shape of step that there is: hold is given back at
// the end, build waits and can be undone, swap commits. What they do is to put
// tags on something.
var toy = automation.Kind[toyConfig, int]{
	Name: "toy", Title: "puts tags on something", Since: "0.1", Revision: 1,
	Claims: func(toyConfig) []automation.Claim { return nil },
	Listen: func(toyConfig) []automation.Trigger { return nil },
	Sweep:  func(toyConfig) schedule.Schedule { return schedule.Every(time.Hour) },
	About:  func(toyConfig, event.Event) (automation.Subject, bool) { return automation.Subject{}, false },
	Needs:  noNeeds,
	Observe: func(ctx context.Context, t *toyTurn) (err error) {
		t.State, err = countTags(ctx, t)
		return err
	},
	Decide: func(c toyConfig, tags int, _ time.Time) automation.Plan {
		var p automation.Plan
		for _, step := range []string{"build", "swap"} {
			p.Changes = append(p.Changes, automation.Change{
				Step: step, Operation: "ec2:CreateTags", Resource: c.Resource, From: fmt.Sprintf("%d tags", tags), To: step, Why: "toys do so",
			})
		}
		return p
	},
	Steps: []automation.Step[toyConfig, int]{
		{Name: "hold", Title: "hold", Attempt: 10 * time.Second, Limit: time.Minute, Needs: noNeeds, Do: putTag("hold"), Undo: takeTag("hold"), Release: takeTag("hold")},
		{Name: "build", Title: "build", Attempt: 10 * time.Second, Limit: time.Minute, Poll: time.Second, Needs: noNeeds, Do: buildTag, Undo: takeTag("build")},
		{Name: "swap", Title: "swap", Attempt: 10 * time.Second, Limit: time.Minute, Needs: noNeeds, Do: putTag("swap"), Undo: takeTag("swap"), Commit: true},
	},
}

func noNeeds(toyConfig) []iam.Need { return nil }

func countTags(ctx context.Context, t *toyTurn) (int, error) {
	out, err := t.AWS.EC2.DescribeTags(ctx, &ec2.DescribeTagsInput{
		Filters: []types.Filter{{Name: aws.String("resource-id"), Values: []string{t.Config.Resource}}},
	})
	if err != nil {
		return 0, fmt.Errorf("describe the tags of %s: %w", t.Config.Resource, err)
	}
	return len(out.Tags), nil
}

// buildTag is not ready at first.
func buildTag(ctx context.Context, t *toyTurn) error {
	if t.State >= 0 { // as it was counted
		t.State = -1
		return failure.Waitf(t.Clock.Now(), "the tag to dry")
	}
	return putTag("build")(ctx, t)
}

func putTag(step string) func(context.Context, *toyTurn) error {
	return func(ctx context.Context, t *toyTurn) error {
		_, err := t.AWS.EC2.CreateTags(ctx, &ec2.CreateTagsInput{
			Resources: []string{t.Config.Resource}, Tags: []types.Tag{{Key: aws.String(step), Value: aws.String("toy")}},
		})
		if err == nil && t.Config.Trouble == step {
			err = failure.Stopf("the tag %s has come off", step)
		}
		return err
	}
}

func takeTag(step string) func(context.Context, *toyTurn) error {
	return func(ctx context.Context, t *toyTurn) error {
		_, err := t.AWS.EC2.DeleteTags(ctx, &ec2.DeleteTagsInput{
			Resources: []string{t.Config.Resource}, Tags: []types.Tag{{Key: aws.String(step)}},
		})
		return err
	}
}
