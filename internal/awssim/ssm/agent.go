package ssm

// Agents on instances. Not modelled: nodes that are no instances, agents that lack the
// permissions of an instance profile (such an instance has no agent, see SetAgent), and
// of what DescribeInstanceInformation shows everything that agent.out does not set.

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
)

// States of the machine, as EC2 has them, that matter here.
const (
	pending      = "pending"
	running      = "running"
	stopped      = "stopped"
	shuttingDown = "shutting-down"
	terminated   = "terminated"
)

// agent is the agent of an instance, or the place where there is none.
type agent struct {
	instance   string
	machine    string // the state of the instance
	boot       uint64 // counts what an agent does not survive: the machine's states, its own death
	online     bool
	seen       time.Time // when it was online last, unless it is
	registered time.Time // zero until it was online for the first time
}

// InstanceIs tells at m of the state that an instance has entered: a running one has
// its agent online a while later, and any other has none. One that is first heard of
// and not pending was there before, and so was its agent. It is called with the world
// locked, see WatchInstances of the simulated ec2.
func (s *Service) InstanceIs(m *awssim.Moment, id, entered string) {
	s.store.Within(m, func(m *awssim.Moment, st *state) {
		a, known := st.agents[id]
		a.instance, a.machine = id, entered
		old := !known && entered != pending && !st.agentless(m, id)
		if old {
			a.registered, a.seen = m.Now, m.Now
		}
		switch st.lose(m, a); {
		case entered == running && old:
			st.comes(m, id)
		case entered == running:
			st.boots(m, id)
		}
	})
}

// SetAgent says whether an instance has an agent, from now on; each has one unless it
// is said otherwise. An agent that goes is missed some time later; one that comes is
// online some time later, if the instance runs.
func (s *Service) SetAgent(id string, has bool) {
	s.store.Do(func(m *awssim.Moment, st *state) {
		if st.bare[id] = !has; has {
			st.boots(m, id)
			return
		}
		a := st.agents[id]
		a.instance = id
		st.lose(m, a)
	})
}

func (s *state) agentless(m *awssim.Moment, id string) bool {
	return s.bare[id] || s.options.Agentless != nil && s.options.Agentless(m, id)
}

// lose ends what the agent was doing, if there is one.
func (s *state) lose(m *awssim.Moment, a agent) {
	if a.online {
		a.online, a.seen = false, m.Now
	}
	a.boot++
	s.agents[a.instance] = a
}

// boots has the agent of a running instance come online, unless it is lost before.
func (s *state) boots(m *awssim.Moment, id string) {
	a := s.agents[id]
	if a.machine != running || s.agentless(m, id) {
		return
	}
	m.After(s.options.Times.Agent, func(m *awssim.Moment) {
		if s.agents[id].boot == a.boot {
			s.comes(m, id)
		}
	})
}

// comes has the agent of an instance be online.
func (s *state) comes(m *awssim.Moment, id string) {
	a := s.agents[id]
	a.online = true
	if a.registered.IsZero() {
		a.registered = m.Now
	}
	s.agents[id] = a
	s.resume(m, a)
}

// ping is how an agent looks to AWS: it takes a while to miss one.
func (s *state) ping(m *awssim.Moment, a agent) types.PingStatus {
	if a.online || m.Now.Before(a.seen.Add(s.options.Times.Lost)) {
		return types.PingStatusOnline
	}
	return types.PingStatusConnectionLost
}

// listens says whether a command may be sent to an instance: if its agent has ever been
// online and it is not being terminated (doc of InvalidInstanceId). That AWS takes a
// command for an instance that is stopped is from there, too; facts/apis.md 3 has it
// refused (unverified which).
func (s *state) listens(id string) bool {
	a := s.agents[id]
	return !a.registered.IsZero() && a.machine != shuttingDown && a.machine != terminated
}

const maxInformation, minInformation = 50, 5 // doc of DescribeInstanceInformation.MaxResults

// describeInstanceInformation shows no instance that is stopped or terminated (doc of
// the operation), and none whose agent has never been online. It does not mind ids
// that it does not know (unverified).
func describeInstanceInformation(m *awssim.Moment, s *state, in *ssm.DescribeInstanceInformationInput) (*ssm.DescribeInstanceInformationOutput, error) {
	if in.MaxResults != nil && (*in.MaxResults < minInformation || *in.MaxResults > maxInformation) {
		return nil, invalid("MaxResults is %d, not %d to %d", *in.MaxResults, minInformation, maxInformation)
	}
	var keep []func(agent) bool
	for _, f := range in.Filters {
		values := f.Values
		switch key := aws.ToString(f.Key); key {
		case "InstanceIds":
			keep = append(keep, func(a agent) bool { return slices.Contains(values, a.instance) })
		case "PingStatus":
			keep = append(keep, func(a agent) bool { return slices.Contains(values, string(s.ping(m, a))) })
		default:
			return nil, m.NotModelled("filter %q", key)
		}
	}
	var shown []agent
	for _, id := range slices.Sorted(maps.Keys(s.agents)) {
		a := s.agents[id]
		hidden := a.registered.IsZero() || a.machine == stopped || a.machine == terminated
		if !hidden && !slices.ContainsFunc(keep, func(keeps func(agent) bool) bool { return !keeps(a) }) {
			shown = append(shown, a)
		}
	}
	page, next, err := awssim.Page(m, shown, func(a agent) string { return a.instance }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ssm.DescribeInstanceInformationOutput{NextToken: next}
	for _, a := range page {
		out.InstanceInformationList = append(out.InstanceInformationList, s.information(m, a))
	}
	return out, nil
}

func (s *state) information(m *awssim.Moment, a agent) types.InstanceInformation {
	seen := a.seen
	if a.online {
		seen = m.Now
	}
	return types.InstanceInformation{
		InstanceId: aws.String(a.instance), PingStatus: s.ping(m, a), ResourceType: types.ResourceTypeEc2Instance,
		LastPingDateTime: aws.Time(milliseconds(seen)), RegistrationDate: aws.Time(milliseconds(a.registered)),
	}
}

func milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// unfit is the answer about instances to which no command can be sent; the text is that
// of https://github.com/gravitational/teleport/issues/24176.
func unfit(m *awssim.Moment, ids []string) error {
	return awssim.FailAs(http.StatusBadRequest, &types.InvalidInstanceId{
		Message: aws.String("Instances " + list(ids) + " not in a valid state for account " + m.Account()),
	})
}
