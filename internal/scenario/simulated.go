package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	simautoscaling "github.com/droverhq/drover/internal/awssim/autoscaling"
	simbackup "github.com/droverhq/drover/internal/awssim/backup"
	simcloudtrail "github.com/droverhq/drover/internal/awssim/cloudtrail"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
	simimagebuilder "github.com/droverhq/drover/internal/awssim/imagebuilder"
	simkms "github.com/droverhq/drover/internal/awssim/kms"
	simservicequotas "github.com/droverhq/drover/internal/awssim/servicequotas"
	simsns "github.com/droverhq/drover/internal/awssim/sns"
	simsqs "github.com/droverhq/drover/internal/awssim/sqs"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	simsts "github.com/droverhq/drover/internal/awssim/sts"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/iam"
)

// Simulated is simulated AWS as a [World].
type Simulated struct {
	*awssim.World
	AutoScaling      *simautoscaling.Service
	Backup           *simbackup.Service
	EC2              *simec2.Service
	ElasticBeanstalk *simelasticbeanstalk.Service
	ImageBuilder     *simimagebuilder.Service
	KMS              *simkms.Service
	ServiceQuotas    *simservicequotas.Service
	SNS              *simsns.Service
	SQS              *simsqs.Service
	SSM              *simssm.Service

	// Invalid, if not nil, says which images Parameter Store refuses when it validates
	// them, although EC2 has them.
	Invalid func(image string) bool

	clock clock.Clock

	mu     sync.Mutex
	events []event.Event
	policy *iam.Policy
}

// NewSimulated makes a world with all services that are simulated.
func NewSimulated(clk clock.Clock, o awssim.Options) *Simulated {
	return NewTimed(clk, o, simec2.Times{})
}

// NewTimed is NewSimulated with other times for what EC2 does.
func NewTimed(clk clock.Clock, o awssim.Options, times simec2.Times) *Simulated {
	s := &Simulated{
		EC2: simec2.New(times), ElasticBeanstalk: simelasticbeanstalk.New(simelasticbeanstalk.Times{}),
		KMS: simkms.New(), ServiceQuotas: simservicequotas.New(),
		SNS: simsns.New(), SQS: simsqs.New(clk, simsqs.Options{}), clock: clk,
	}
	hasImage := func(m *awssim.Moment, id string) bool { return s.EC2.HasImage(m, id) }
	s.SSM = simssm.New(simssm.Options{
		Images: func(m *awssim.Moment, id string) bool {
			return hasImage(m, id) && (s.Invalid == nil || !s.Invalid(id))
		},
		Tags:      s.EC2.TagsOf,
		ShutDown:  s.EC2.ShutDownFromWithin,
		Agentless: s.EC2.BootsWithoutAgent,
	})
	s.ImageBuilder = simimagebuilder.New(simimagebuilder.Options{
		Images: func(a simimagebuilder.AMI) {
			s.EC2.AddImage(simec2.Image{ID: a.ID, Name: a.Name, Description: a.Description, Tags: a.Tags})
		},
		Parent:    hasImage,
		Parameter: s.SSM.Value,
	})
	s.Backup = simbackup.New(simbackup.Options{
		Images: func(a simbackup.AMI) {
			s.EC2.AddImage(simec2.Image{
				ID: a.ID, Name: a.Name, Description: a.Description, Tags: a.Tags, SourceInstance: a.Instance, Created: a.Created, Managed: true,
				Windows: slices.ContainsFunc(s.EC2.Instances(), func(i simec2.InstanceView) bool { return i.ID == a.Instance && i.Windows }),
			})
		},
		Deregister: func(image string) { _ = s.EC2.DeregisterManaged(image) }, // there is one for as long as its recovery point is
		Instance:   s.EC2.InstanceTags,
	})
	s.AutoScaling = simautoscaling.New(simautoscaling.Options{
		Templates: func(m *awssim.Moment, id, name, version string) (simautoscaling.Template, error) {
			v, err := s.EC2.TemplateVersion(m, id, name, version)
			return simautoscaling.Template(v), err
		},
		Instances: s.instances(),
	})
	s.World = awssim.New(clk, o, s.AutoScaling, s.Backup, simcloudtrail.New(), s.EC2, s.ElasticBeanstalk, s.ImageBuilder, s.KMS, s.ServiceQuotas, s.SNS, s.SQS, s.SSM, simsts.New())
	s.EC2.UseKeys(s.KMS.Usable)
	s.EC2.WatchInstances(func(m *awssim.Moment, id string, state ec2types.InstanceStateName) {
		s.SSM.InstanceIs(m, id, string(state))
	})
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

// instances is how Auto Scaling reaches EC2.
func (s *Simulated) instances() simautoscaling.Instances {
	return simautoscaling.Instances{
		Launch: func(m *awssim.Moment, l simautoscaling.Launch) (simautoscaling.Launched, error) {
			i, err := s.EC2.LaunchForGroup(m, simec2.GroupLaunch(l))
			return simautoscaling.Launched(i), err
		},
		Terminate: s.EC2.TerminateForGroup,
		Health: func(m *awssim.Moment, id string) simautoscaling.Health {
			i := s.EC2.InstanceState(m, id)
			return simautoscaling.Health{
				Pending: i.Name == ec2types.InstanceStateNamePending, Running: i.Name == ec2types.InstanceStateNameRunning,
				Terminated: i.Name == ec2types.InstanceStateNameTerminated, Impaired: i.Impaired,
			}
		},
		Watch: func(f func(*awssim.Moment, string)) {
			s.EC2.WatchInstances(func(m *awssim.Moment, id string, _ ec2types.InstanceStateName) { f(m, id) })
		},
	}
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

// Await implements [World].
func (s *Simulated) Await(ctx context.Context, instance, state string) ([]event.Event, error) {
	var seen []event.Event
	err := s.until(ctx, fmt.Sprintf("%s is not %s", instance, state), func(e event.Event) (bool, error) {
		change, ok, err := event.AsInstanceStateChange(e)
		if err != nil || !ok || change.InstanceID != instance {
			return false, err
		}
		seen = append(seen, e)
		return change.State == state, nil
	})
	return seen, err
}

// AwaitImage implements [World].
func (s *Simulated) AwaitImage(ctx context.Context, image, state string) (told event.Event, err error) {
	err = s.until(ctx, fmt.Sprintf("%s is not %s", image, state), func(e event.Event) (bool, error) {
		change, ok, err := event.AsImageStateChange(e)
		told = e
		return ok && change.ImageID == image && change.State == state, err
	})
	return told, err
}

// Told implements [World].
func (s *Simulated) Told(ctx context.Context, operation string) (told event.Event, err error) {
	err = s.until(ctx, "CloudTrail does not tell of "+operation, func(e event.Event) (bool, error) {
		call, ok, err := event.AsAPICall(e)
		service, _, _ := strings.Cut(call.Service, ".")
		told = e
		return ok && service+":"+call.Operation == operation, err
	})
	return told, err
}

// until lets time pass from one thing that is due to the next, until an event is
// the last one that is wanted. Events before that are taken.
func (s *Simulated) until(ctx context.Context, missing string, last func(event.Event) (bool, error)) error {
	for {
		s.Settle()
		events := s.Take()
		for i, e := range events {
			done, err := last(e)
			if done || err != nil {
				s.giveBack(events[i+1:])
				return err
			}
		}
		due, ok := s.NextDue()
		if more := s.Take(); len(more) > 0 { // somebody else has let it happen meanwhile
			s.giveBack(more)
			continue
		}
		if !ok {
			return fmt.Errorf("nothing more happens, and %s", missing)
		}
		if err := s.clock.Sleep(ctx, due.Sub(s.clock.Now())); err != nil {
			return err
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

// giveBack has events be taken again.
func (s *Simulated) giveBack(events []event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(slices.Clone(events), s.events...)
}
