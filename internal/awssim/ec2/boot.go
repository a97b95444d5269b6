package ec2

// What becomes of instances while they boot, as tests and scenarios want it, and why
// an instance is in its state. Not modelled: reasons of failures other than of
// encryption (encryption.go).

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Boot is how instances of an image boot, each time they do. The zero value is a
// boot at which nothing happens. Times count from when the instance is running.
type Boot struct {
	Checks     time.Duration // until the status checks are over; default Times.Checks
	Impaired   bool          // the checks of the instance itself fail
	Stops      time.Duration // after which it shuts down from within, as after a bad sysprep; default never
	Terminated time.Duration // after which somebody terminates it; default never
	Agentless  bool          // no agent of Systems Manager comes online, see BootsWithoutAgent
}

// SetBoot says how instances boot whose image has an id or a name, those that are
// to be launched or started; the id goes before the name. The image need not exist
// yet.
func (s *Service) SetBoot(image string, b Boot) {
	s.store.Do(func(_ *awssim.Moment, st *state) { st.boots.put(boot{image, b}) })
}

// BootsWithoutAgent says whether an instance is one whose image has no agent that
// comes online, for Systems Manager, which is called with the world locked.
func (s *Service) BootsWithoutAgent(m *awssim.Moment, id string) bool {
	st := s.store.At(m)
	i, ok := st.instances.get(id)
	return ok && st.bootOf(i).Agentless
}

type boot struct {
	image string
	Boot
}

func (b boot) key() string { return b.image }

// bootOf is how an instance boots.
func (s *state) bootOf(i instance) Boot {
	b, known := s.boots.get(i.image)
	if !known {
		if from, ok := s.images.get(i.image); ok {
			b, _ = s.boots.get(from.name)
		}
	}
	return b.Boot
}

// booted is an instance that has become running, which is about to have what its
// boot says.
func (s *state) booted(m *awssim.Moment, i instance) {
	b := s.bootOf(i)
	later := func(d time.Duration, change func(*awssim.Moment, instance)) {
		if d == 0 {
			return
		}
		m.After(d, func(m *awssim.Moment) {
			if then, ok := s.instances.get(i.id); ok && then.state == types.InstanceStateNameRunning && then.since.Equal(i.since) {
				change(m, then)
			}
		})
	}
	later(b.Stops, s.shutDown)
	later(b.Terminated, func(m *awssim.Moment, then instance) {
		then.reason = userShutdown
		s.enter(m, then, types.InstanceStateNameShuttingDown)
	})
}

// shutDown is a shutdown from within: it stops or terminates the instance, by what
// it was launched with (doc of ec2
// RunInstancesInput.InstanceInitiatedShutdownBehavior).
func (s *state) shutDown(m *awssim.Moment, i instance) {
	i.reason = ownShutdown
	into := types.InstanceStateNameStopping
	if i.made.shutdown == types.ShutdownBehaviorTerminate {
		into = types.InstanceStateNameShuttingDown
	}
	s.enter(m, i, into)
}

// stateReason is why an instance is in its state (doc of ec2 types.StateReason).
type stateReason struct{ code, message string }

var (
	userShutdown = stateReason{"Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"}
	ownShutdown  = stateReason{"Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown"}
	launchError  = stateReason{"Client.InternalError", "Client.InternalError: Client error on launch"}
)

func (r stateReason) out() *types.StateReason {
	if r.code == "" {
		return nil
	}
	return &types.StateReason{Code: aws.String(r.code), Message: aws.String(r.message)}
}
