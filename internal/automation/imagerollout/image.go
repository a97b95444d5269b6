package imagerollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/ami"
	"github.com/droverhq/drover/internal/failure"
)

// createImage makes the image of the builder, or finds the one that an attempt before
// has made: CreateImage has no token, but a name is given once.
func createImage(ctx context.Context, t *turn) error {
	changes := t.Plan.For(stepImage)
	if len(changes) == 0 {
		return nil
	}
	builder, name := changes[0].Resource, changes[0].To
	if err := superseded(ctx, t); err != nil {
		return err
	}
	if t.Attempt > 1 {
		found, err := made(ctx, t)
		if err != nil {
			return err
		}
		for _, i := range found {
			if aws.ToString(i.Name) == name {
				t.Provide(stepImage, valueImage, aws.ToString(i.ImageId))
				return nil
			}
		}
	}
	from, _ := t.State.image(source(t.Plan))
	tags := signed(t.Run, map[string]string{tagName: name, tagSource: from.ID, tagFrom: stamp(from.Created)})
	out, err := t.AWS.EC2.CreateImage(ctx, &ec2.CreateImageInput{
		InstanceId: aws.String(builder), Name: aws.String(name),
		Description:       aws.String(fmt.Sprintf("Made from %s for group %s by drover %s/%s", from.ID, t.Config.Group, t.Run.Fleet, t.Run.Automation)),
		TagSpecifications: specify(tags, types.ResourceTypeImage, types.ResourceTypeSnapshot),
	}, func(o *ec2.Options) {
		o.RetryMaxAttempts = 1 // another attempt begins with a look
	})
	switch {
	case cloud.Code(err) == "InvalidAMIName.Duplicate" && t.Clock.Now().Sub(t.Since) > imageLimit/8: // then it would be shown
		return failure.Stopf("make an image of builder %s: an image that is not this run's is called %s", builder, name)
	case cloud.Code(err) == "InvalidAMIName.Duplicate": // facts/apis.md 1.3: probably our earlier attempt
		return failure.Retryf("make an image of builder %s: %w", builder, err)
	case err != nil:
		return fmt.Errorf("make an image of builder %s: %w", builder, err)
	}
	t.Provide(stepImage, valueImage, aws.ToString(out.ImageId))
	return nil
}

// made are the images that the run has made, as far as EC2 shows them.
func made(ctx context.Context, t *turn) ([]types.Image, error) {
	all, err := ami.Describe(ctx, t.AWS.EC2, ec2.DescribeImagesInput{Owners: []string{self}, Filters: ownedBy(t.Run), IncludeDeprecated: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("find the images of the run: %w", err)
	}
	return all, nil
}

// removeImage deregisters what the run has made, with its snapshots.
func removeImage(ctx context.Context, t *turn) error {
	images, err := made(ctx, t)
	if err != nil {
		return err
	}
	now := t.Clock.Now()
	asked := false
	var problems []error
	for _, i := range images {
		id := aws.ToString(i.ImageId)
		if i.State == types.ImageStateDeregistered {
			continue
		}
		if i.State == types.ImageStatePending { // facts/apis.md 1.3: it is refused until then
			return failure.Waitf(now.Add(patience(now.Sub(t.Since))), "%s to be complete, so that it can be deregistered", id)
		}
		asked = true
		_, err := t.AWS.EC2.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: i.ImageId, DeleteAssociatedSnapshots: aws.Bool(true)})
		switch cloud.Code(err) {
		case "":
			problems = append(problems, err)
		case "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable":
			// gone, or not shown as it is yet: the next look tells
		default:
			problems = append(problems, failure.WithHint(fmt.Errorf("deregister %s: %w", id, err), "aws ec2 deregister-image --image-id %s --delete-associated-snapshots", id))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if asked {
		return failure.Waitf(now.Add(lookAgain), "the images of the run to be gone")
	}
	if err := removeSnapshots(ctx, t); err != nil {
		return err
	}
	return t.Absent("image that this run has made")
}

// removeSnapshots deletes what deregistering has left, or an image that failed.
func removeSnapshots(ctx context.Context, t *turn) error {
	out, err := t.AWS.EC2.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{self}, Filters: ownedBy(t.Run)})
	if err != nil {
		return fmt.Errorf("find the snapshots of the run: %w", err)
	}
	for _, s := range out.Snapshots {
		_, err := t.AWS.EC2.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: s.SnapshotId})
		if err != nil && cloud.Code(err) != "InvalidSnapshot.NotFound" {
			return failure.WithHint(fmt.Errorf("delete snapshot %s: %w", aws.ToString(s.SnapshotId), err), "aws ec2 delete-snapshot --snapshot-id %s", aws.ToString(s.SnapshotId))
		}
	}
	return nil
}

// awaitImage waits until the new image is available.
func awaitImage(ctx context.Context, t *turn) error {
	id := t.Values[stepImage+"."+valueImage]
	if id == "" {
		return nil
	}
	if err := superseded(ctx, t); err != nil {
		return err
	}
	i, shown, err := imageNow(ctx, t, id)
	if err != nil {
		return err
	}
	now := t.Clock.Now()
	return available("the new image "+id, id, i, shown, now, now.Sub(t.Since))
}

// available is nil once an image is, of which EC2 shows this, or nothing, and for which
// somebody has waited for so long.
func available(what, id string, i types.Image, shown bool, now time.Time, lasted time.Duration) error {
	switch {
	case shown && i.State == types.ImageStateAvailable:
		return nil
	case shown && i.State == types.ImageStatePending:
		return failure.Waitf(now.Add(patience(lasted)), "%s to be available", id)
	case shown && i.StateReason != nil:
		return failure.Stopf("%s is %s: %s", what, i.State, aws.ToString(i.StateReason.Message))
	case shown:
		return failure.Stopf("%s is %s", what, i.State)
	case lasted < settling:
		return failure.Waitf(now.Add(lookAgain), "%s to be shown by EC2", id)
	}
	return failure.Stopf("%s is gone: somebody else has deregistered it", what)
}
