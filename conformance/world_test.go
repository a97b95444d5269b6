//go:build conformance

package conformance

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
	"github.com/droverhq/drover/internal/scenario"
)

const (
	region     = "us-west-1"
	account    = "123456789012" // moto's
	awaitLimit = 10 * time.Second
)

// world is moto behind a tap as a [scenario.World].
type world struct {
	moto  *server
	way   *makeshift
	tap   *tap
	clock clock.Clock
	ec2   *ec2.Client // past the tap: what only looks on is no part of a story
}

var _ scenario.World = (*world)(nil)

// newWorld is an empty world for the length of a test. The server is the
// test's alone until it has ended.
func newWorld(t *testing.T) *world {
	t.Helper()
	moto := <-idle
	t.Cleanup(func() { idle <- moto })
	return newWorldOn(t, moto)
}

// newWorldOn is newWorld on a server that nobody else uses.
func newWorldOn(t *testing.T, moto *server) *world {
	t.Helper()
	if err := moto.reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	way := newMakeshift(moto.url)
	return &world{moto: moto, way: way, tap: newTap(t, moto, way), clock: &hurried{}, ec2: ec2.NewFromConfig(configFor(moto.url))}
}

// configFor is a configuration with credentials that moto does not check.
// Retries are left to whoever uses it.
func configFor(endpoint string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("conformance", "conformance", ""),
	}
}

// AWS implements [scenario.World].
func (w *world) AWS() aws.Config { return configFor(w.tap.url) }

// Clock implements [scenario.World].
func (w *world) Clock() clock.Clock { return w.clock }

// Settling implements [scenario.World]: in moto an instance that runs passes
// its status checks at once.
func (w *world) Settling() time.Duration { return 0 }

// Restrict implements [scenario.World]. It does nothing: moto can enforce
// policies, but it asks for identities and has none of the condition keys that
// Drover's policy consists of. Stories run under it on simulated AWS.
func (w *world) Restrict(*iam.Policy) {}

// Mutations implements [scenario.World].
func (w *world) Mutations() []string {
	var made []string
	for _, r := range w.tap.requests() {
		if r.mutates() && r.done() {
			made = append(made, r.mutation())
		}
	}
	return made
}

// passing is the state that AWS, unlike moto, shows before another.
var passing = map[string]string{"running": "pending", "stopped": "stopping", "terminated": "shutting-down"}

// Await implements [scenario.World]: it looks until the instance is in the
// state, and returns the events that AWS would have emitted. They are dated
// when looking began and when the state was seen, both after the change.
func (w *world) Await(ctx context.Context, instance, state string) ([]event.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, awaitLimit)
	defer cancel()
	began := w.clock.Now()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		seen, err := w.stateOf(ctx, instance)
		if err != nil {
			return nil, err
		}
		if seen == state {
			var events []event.Event
			if before, ok := passing[state]; ok {
				events = append(events, event.NewInstanceStateChange(account, region, instance, before, began))
			}
			return append(events, event.NewInstanceStateChange(account, region, instance, state, w.clock.Now())), nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s is %s after %v, and not %s: %w", instance, seen, awaitLimit, state, ctx.Err())
		case <-tick.C:
		}
	}
}

// AwaitImage implements [scenario.World]: it looks until the image is in the
// state, and returns the event that AWS would have emitted. In moto an image that
// is deregistered is gone.
func (w *world) AwaitImage(ctx context.Context, image, state string) (event.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, awaitLimit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		out, err := w.ec2.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []types.Filter{{Name: aws.String("image-id"), Values: []string{image}}}})
		if err != nil {
			return event.Event{}, err
		}
		seen := "deregistered"
		if len(out.Images) > 0 {
			seen = string(out.Images[0].State)
		}
		if seen == state {
			return event.NewImageStateChange(account, region, image, state, "", w.clock.Now()), nil
		}
		select {
		case <-ctx.Done():
			return event.Event{}, fmt.Errorf("%s is %s after %v, and not %s: %w", image, seen, awaitLimit, state, ctx.Err())
		case <-tick.C:
		}
	}
}

func (w *world) stateOf(ctx context.Context, instance string) (string, error) {
	out, err := w.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{instance}})
	if err != nil {
		return "", err
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			return string(i.State.Name), nil
		}
	}
	return "", fmt.Errorf("%s is unknown to moto", instance)
}

// deleteRoute is somebody who interferes.
func (w *world) deleteRoute(ctx context.Context, table, destination string) error {
	_, err := w.ec2.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: aws.String(table), DestinationCidrBlock: aws.String(destination)})
	return err
}
