package imagerollout

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/failure"
)

// prepare runs the documents on the builder, one after the other, and sees that it is
// stopped in the end.
func prepare(ctx context.Context, t *turn) error {
	id := t.Values[stepLaunch+"."+valueBuilder]
	if id == "" {
		return nil
	}
	if err := superseded(ctx, t); err != nil {
		return err
	}
	for i, d := range t.Config.Builder.Prepare {
		if err := carryOut(ctx, t, id, i, d); err != nil {
			return err
		}
	}
	return stop(ctx, t, id)
}

// stop waits until the builder is stopped, and stops it if its last document does not.
func stop(ctx context.Context, t *turn, id string) error {
	now := t.Clock.Now()
	s, shown, err := statusOf(ctx, t, id)
	switch {
	case err != nil:
		return fmt.Errorf("look how builder %s is: %w", id, err)
	case !shown || s.gone():
		return failure.Stopf("builder %s is gone: somebody else has terminated it", id)
	case s.State == types.InstanceStateNameStopped:
		return nil
	case s.State == types.InstanceStateNameRunning && !t.Config.Builder.stopsItself():
		if _, err := t.AWS.EC2.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{id}}); err != nil {
			return fmt.Errorf("stop builder %s: %w", id, err)
		}
	}
	return failure.Waitf(now.Add(lookAgain), "builder %s to stop", id)
}

// verify waits until the instance with the new image works: its status checks pass,
// and so does the document, if there is one.
func verify(ctx context.Context, t *turn) error {
	id := t.Values[stepTry+"."+valueInstance]
	if id == "" {
		return nil
	}
	if err := superseded(ctx, t); err != nil {
		return err
	}
	d := t.Config.Try.Verify
	if err := booted(ctx, t, id, "trial"); err != nil {
		return err
	}
	if d == nil {
		return nil
	}
	return carryOut(ctx, t, id, 0, *d)
}
