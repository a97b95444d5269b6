package ec2

// The life of an instance. Not modelled: lack of capacity, stop protection,
// hibernation, and that a one-time spot instance cannot be stopped.

import (
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

type instance struct {
	id, reservation    string
	index              int32 // in its reservation
	image, subnet, vpc string
	zone, clientToken  string
	kind               types.InstanceType
	spot               bool
	state              types.InstanceStateName
	since              time.Time // in this state
	launched           time.Time // started last
	impaired           bool      // its status checks fail
	made               configuration
	reason             stateReason // for its state, if there is one to be told
}

func (i instance) key() string { return i.id }

var codes = map[types.InstanceStateName]int32{ // doc of ec2 types.InstanceState.Code
	types.InstanceStateNamePending:      0,
	types.InstanceStateNameRunning:      16,
	types.InstanceStateNameShuttingDown: 32,
	types.InstanceStateNameTerminated:   48,
	types.InstanceStateNameStopping:     64,
	types.InstanceStateNameStopped:      80,
}

func stateOut(name types.InstanceStateName) *types.InstanceState {
	return &types.InstanceState{Name: name, Code: aws.Int32(codes[name])}
}

// enter puts an instance into a state, sends the event (facts/events.md 3) and
// schedules what follows by itself. That is void if the instance has been
// terminated meanwhile: a state from which something follows is left in no other
// way before its time.
func (s *state) enter(m *awssim.Moment, i instance, into types.InstanceStateName) {
	fresh := i.since.IsZero() // it has been in no state before
	i.state, i.since = into, m.Now
	s.instances.put(i)
	m.Emit(event.NewInstanceStateChange(m.Account(), m.Region(), i.id, string(into), seconds(m)))
	follow := func(d time.Duration, change func(*awssim.Moment, instance)) {
		m.After(d, func(m *awssim.Moment) {
			if then, ok := s.instances.get(i.id); ok && then.state == into {
				change(m, then)
			}
		})
	}
	become := func(next types.InstanceStateName) func(*awssim.Moment, instance) {
		return func(m *awssim.Moment, then instance) { s.enter(m, then, next) }
	}
	switch into {
	case types.InstanceStateNamePending:
		next := become(types.InstanceStateNameRunning)
		if s.lockedOut(m, i) {
			next = s.failStart(fresh)
		}
		follow(s.times.Pending, next)
	case types.InstanceStateNameStopping:
		follow(s.times.Stopping, become(types.InstanceStateNameStopped))
	case types.InstanceStateNameShuttingDown:
		follow(s.times.ShuttingDown, become(types.InstanceStateNameTerminated))
	case types.InstanceStateNameTerminated:
		s.releaseInterfaces(i)
		s.releaseVolumes(i.id)
		follow(terminatedShown, func(_ *awssim.Moment, then instance) {
			s.instances.remove(then.id)
			s.tags.remove(then.id)
		})
	case types.InstanceStateNameRunning:
		s.booted(m, i)
	case types.InstanceStateNameStopped:
	}
}

// releaseInterfaces happens at termination: an interface goes with its instance
// or survives it, by its DeleteOnTermination (facts/apis.md 1.3).
func (s *state) releaseInterfaces(i instance) {
	for _, n := range s.interfacesOf(i.id) {
		if n.attachment.deleteOnTermination {
			s.removeInterface(n)
			continue
		}
		n.attachment = attachment{}
		s.interfaces.put(n)
	}
}

// seconds is now as EC2 tells it, in whole seconds of UTC: in events
// (facts/events/ec2-*.json), launch and attach times.
func seconds(m *awssim.Moment) time.Time { return m.Now.UTC().Truncate(time.Second) }

var instanceID = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// named are the instances with these ids, all of which must exist: one unknown
// fails the whole call (facts/apis.md 1.3 DescribeInstances).
func (s *state) named(ids []string) ([]instance, error) {
	var all []instance
	for _, id := range ids {
		if !instanceID.MatchString(id) {
			return nil, invalid("InvalidInstanceID.Malformed", "Invalid id: \"%s\"", id)
		}
		i, err := need(&s.instances, "i", &id)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

// transition sends instances into a state by request. Those in one of already
// stay as they are; those in neither already nor from fail the whole call
// (facts/apis.md 1.2 and 1.3: Start, Stop and Terminate are idempotent).
func (s *state) transition(m *awssim.Moment, ids []string, verb string, into types.InstanceStateName, from, already []types.InstanceStateName) ([]types.InstanceStateChange, error) {
	all, err := s.named(ids)
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if !slices.Contains(from, i.state) && !slices.Contains(already, i.state) {
			return nil, invalid("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be %s.", i.id, verb)
		}
	}
	var changes []types.InstanceStateChange
	for _, i := range all {
		before := i.state
		if into == types.InstanceStateNamePending && before == types.InstanceStateNameStopped {
			i.launched = seconds(m)
		}
		if slices.Contains(from, before) {
			i.reason = userShutdown
			if into == types.InstanceStateNamePending {
				i.reason = stateReason{}
			}
			s.enter(m, i, into)
		}
		now, _ := s.instances.get(i.id)
		changes = append(changes, types.InstanceStateChange{InstanceId: aws.String(i.id), PreviousState: stateOut(before), CurrentState: stateOut(now.state)})
	}
	return changes, nil
}

type states = []types.InstanceStateName

func startInstances(m *awssim.Moment, s *state, in *ec2.StartInstancesInput) (*ec2.StartInstancesOutput, error) {
	changes, err := s.transition(m, in.InstanceIds, "started", types.InstanceStateNamePending,
		states{types.InstanceStateNameStopped}, states{types.InstanceStateNamePending, types.InstanceStateNameRunning})
	if err != nil {
		return nil, err
	}
	return &ec2.StartInstancesOutput{StartingInstances: changes}, nil
}

func stopInstances(m *awssim.Moment, s *state, in *ec2.StopInstancesInput) (*ec2.StopInstancesOutput, error) {
	changes, err := s.transition(m, in.InstanceIds, "stopped", types.InstanceStateNameStopping,
		states{types.InstanceStateNameRunning}, states{types.InstanceStateNameStopping, types.InstanceStateNameStopped})
	if err != nil {
		return nil, err
	}
	return &ec2.StopInstancesOutput{StoppingInstances: changes}, nil
}

// terminateInstances passes through shutting-down from every state; whether EC2
// skips it for stopped instances is unverified.
//
// One that is protected fails the whole call (GH rebuy-de/aws-nuke#279; that it
// does so for others beside it is unverified).
func terminateInstances(m *awssim.Moment, s *state, in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error) {
	for _, id := range in.InstanceIds {
		if i, ok := s.instances.get(id); ok && i.made.protected && i.state != types.InstanceStateNameTerminated {
			return nil, invalid("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", id)
		}
	}
	changes, err := s.transition(m, in.InstanceIds, "terminated", types.InstanceStateNameShuttingDown,
		states{types.InstanceStateNamePending, types.InstanceStateNameRunning, types.InstanceStateNameStopping, types.InstanceStateNameStopped},
		states{types.InstanceStateNameShuttingDown, types.InstanceStateNameTerminated})
	if err != nil {
		return nil, err
	}
	return &ec2.TerminateInstancesOutput{TerminatingInstances: changes}, nil
}
