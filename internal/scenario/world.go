package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
)

// Mutation writes a mutating call the way plans and worlds are compared: what
// it sets on which resource.
func Mutation(operation, resource, to string) string {
	return fmt.Sprintf("%s %s -> %s", operation, resource, to)
}

// World is where a story plays.
type World interface {
	// AWS is the configuration for every call, Drover's and the stage's.
	AWS() aws.Config
	// Clock is the world's time.
	Clock() clock.Clock
	// Await lets time pass until the instance is in the state, and returns the
	// events that AWS emitted about it meanwhile, oldest first.
	Await(ctx context.Context, instance, state string) ([]event.Event, error)
	// AwaitImage lets time pass until the image is in the state, and returns the
	// event in which EC2 says so.
	AwaitImage(ctx context.Context, image, state string) (event.Event, error)
	// Told lets time pass until CloudTrail has told of a call of an operation, such
	// as "autoscaling:CreateAutoScalingGroup", and returns the event. Stories ask at
	// once after the call, so that it is that one.
	Told(ctx context.Context, operation string) (event.Event, error)
	// Settling is how long a new instance takes to pass its status checks.
	Settling() time.Duration
	// Mutations lists the mutating calls that the world has carried out so far,
	// whoever made them, as [Mutation] writes them.
	Mutations() []string
	// Restrict makes the world refuse, from now on, what the policy does not
	// allow. Nil allows everything. A world that cannot do that ignores it.
	Restrict(policy *iam.Policy)
}
