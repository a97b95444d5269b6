package scenario

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simsns "github.com/droverhq/drover/internal/awssim/sns"
	simsts "github.com/droverhq/drover/internal/awssim/sts"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
)

// Simulated is simulated AWS as a [World].
type Simulated struct {
	*awssim.World
	EC2 *simec2.Service
	SNS *simsns.Service

	clock clock.Clock

	mu     sync.Mutex
	events []event.Event
	policy *iam.Policy
}

// NewSimulated makes a world with EC2, SNS and STS in it.
func NewSimulated(clk clock.Clock, o awssim.Options) *Simulated {
	s := &Simulated{EC2: simec2.New(simec2.Times{}), SNS: simsns.New(), clock: clk}
	s.World = awssim.New(clk, o, s.EC2, s.SNS, simsts.New())
	s.Subscribe(func(e event.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	})
	s.Authorize(func(action, resource string, context map[string][]string) bool {
		s.mu.Lock()
		policy := s.policy
		s.mu.Unlock()
		if policy == nil {
			return true
		}
		allowed, _ := policy.Allows(iam.Request{Action: action, Resource: resource, Context: context})
		return allowed
	})
	return s
}

// AWS implements [World].
func (s *Simulated) AWS() aws.Config { return s.Config() }

// Clock implements [World].
func (s *Simulated) Clock() clock.Clock { return s.clock }

// Settling implements [World].
func (s *Simulated) Settling() time.Duration { return 5 * time.Minute }

// Mutations implements [World].
func (s *Simulated) Mutations() []string {
	var made []string
	for _, c := range s.Calls() {
		if c.Mutating && c.Applied {
			resource, to := call.Effect(c.Input)
			made = append(made, Mutation(c.Operation, resource, to))
		}
	}
	return made
}

// Restrict implements [World].
func (s *Simulated) Restrict(policy *iam.Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = policy
}

// Await implements [World]: it lets time pass from one thing that is due to
// the next.
func (s *Simulated) Await(ctx context.Context, instance, state string) ([]event.Event, error) {
	var seen []event.Event
	for {
		s.Settle()
		for _, e := range s.Take() {
			change, ok, err := event.AsInstanceStateChange(e)
			if err != nil {
				return nil, err
			}
			if !ok || change.InstanceID != instance {
				continue
			}
			seen = append(seen, e)
			if change.State == state {
				return seen, nil
			}
		}
		due, ok := s.NextDue()
		if !ok {
			return nil, fmt.Errorf("nothing more happens, and %s is not %s", instance, state)
		}
		if err := s.clock.Sleep(ctx, due.Sub(s.clock.Now())); err != nil {
			return nil, err
		}
	}
}

// Take returns the events that were emitted since it was last called.
func (s *Simulated) Take() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}
