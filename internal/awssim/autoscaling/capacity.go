package autoscaling

// The instances of a group: how they come into service, what becomes of those that
// are lost, and that there are as many as are wanted. Not modelled: cooldowns,
// termination policies other than the default, of which the order here is a
// simplification; balancing of zones other than by where the next instance comes or
// goes; load balancers; spot instances; of a mixed policy any override but the first.

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

// member is what is not shown of an instance.
type member struct {
	subnet, image string
	round         string // of which refresh it was launched by, see run.round
	launched      time.Time
	running       time.Time // since when EC2 says so
	inService     time.Time
	sick          time.Time // since when it is lost or fails its checks
	ending        time.Time
	cause         string // of its last activity
}

// tending is one look at a group, at one moment. What it changes is put back as a
// whole.
type tending struct {
	*state
	m     *awssim.Moment
	group *group
	next  time.Time // the earliest time at which something is due
	surge int       // instances beyond the desired capacity that a refresh wants
}

// tends says whether the instances of a group are launched and ended by themselves.
func (s *state) tends(g group) bool {
	return s.options.Instances.Launch != nil && s.options.Templates != nil && !g.staged && g.Status == nil && g.LaunchConfigurationName == nil
}

// soon has a group tended when the present change is over.
func (s *state) soon(m *awssim.Moment, name string) {
	m.After(0, func(m *awssim.Moment) { s.tend(m, name) })
}

// notice has the group of an instance tended, whose health has changed.
func (s *Service) notice(m *awssim.Moment, id string) {
	for _, g := range s.store.At(m).groups {
		if _, ours := g.members[id]; ours {
			s.store.Within(m, func(m *awssim.Moment, st *state) { st.soon(m, g.name()) })
		}
	}
}

func (s *state) tend(m *awssim.Moment, name string) {
	g, ok := s.get(name)
	if !ok || !s.tends(g) {
		return
	}
	g.Instances, g.refreshes = slices.Clone(g.Instances), slices.Clone(g.refreshes)
	if g.members = maps.Clone(g.members); g.members == nil {
		g.members = map[string]member{}
	}
	t := &tending{state: s, m: m, group: &g}
	t.observe()
	t.refresh()
	t.replaceUnhealthy()
	t.fit()
	// One wake-up is enough: whatever wakes the group finds what is due next.
	if !t.next.IsZero() && (!g.wake.After(m.Now) || t.next.Before(g.wake)) {
		g.wake = t.next
		m.After(t.next.Sub(m.Now), func(m *awssim.Moment) { s.tend(m, name) })
	}
	s.put(g)
}

// due says whether a time has come. If not, the group is tended then.
func (t *tending) due(at time.Time) bool {
	if !at.After(t.m.Now) {
		return true
	}
	if t.next.IsZero() || at.Before(t.next) {
		t.next = at
	}
	return false
}

// observe takes what EC2 says of the instances.
func (t *tending) observe() {
	g := t.group
	g.Instances = slices.DeleteFunc(g.Instances, func(i types.Instance) bool {
		id := *i.InstanceId
		if i.LifecycleState != types.LifecycleStateTerminating || !t.options.Instances.Health(t.m, id).Terminated {
			return false
		}
		t.ended(i, g.members[id])
		delete(g.members, id)
		return true
	})
	for n := range g.Instances {
		i := &g.Instances[n]
		id := *i.InstanceId
		own, health := g.members[id], t.options.Instances.Health(t.m, id)
		switch i.LifecycleState {
		case types.LifecycleStatePending:
			t.settle(i, &own, health)
		case types.LifecycleStateInService:
			t.examine(i, &own, health)
		default: // on standby nobody looks (unverified)
		}
		g.members[id] = own
	}
}

// settle brings an instance into service that has been running for long enough. One
// of an unfit image never gets there.
func (t *tending) settle(i *types.Instance, own *member, health Health) {
	switch {
	case !health.Pending && !health.Running:
		t.examine(i, own, health)
		return
	case !health.Running || t.unfit[own.image]:
		return
	case own.running.IsZero():
		own.running = t.m.Now
	}
	if t.due(own.running.Add(t.options.Times.InService)) {
		i.LifecycleState = types.LifecycleStateInService
		own.inService = t.m.Now
		t.launched(*i, *own)
	}
}

// examine finds an instance unhealthy that has been lost for some time, or fails its
// checks beyond its grace period, which it takes the process HealthCheck for (what is
// left when one process is suspended, here and below, is unverified).
func (t *tending) examine(i *types.Instance, own *member, health Health) {
	lost := !health.Pending && !health.Running
	if !lost && !health.Impaired {
		own.sick = time.Time{}
		return
	}
	if own.sick.IsZero() {
		own.sick = t.m.Now
	}
	found := own.sick.Add(t.options.Times.Notice)
	if grace := own.inService.Add(time.Duration(aws.ToInt32(t.group.HealthCheckGracePeriod)) * time.Second); !lost && grace.After(found) {
		found = grace
	}
	if !t.suspended("HealthCheck") && t.due(found) {
		i.HealthStatus = aws.String(unhealthy)
	}
}

const (
	healthy   = "Healthy"
	unhealthy = "Unhealthy"
)

// replaceUnhealthy ends instances that are unhealthy. Protection from scale in does
// not protect from that (unverified).
func (t *tending) replaceUnhealthy() {
	if t.suspended("ReplaceUnhealthy") || t.suspended("Terminate") {
		return
	}
	for n, i := range t.group.Instances {
		if present(i) && *i.HealthStatus == unhealthy {
			t.end(n, "an instance was taken out of service in response to an EC2 instance status checks failure.")
		}
	}
}

// present says whether an instance counts as capacity.
func present(i types.Instance) bool {
	return i.LifecycleState == types.LifecycleStatePending || i.LifecycleState == types.LifecycleStateInService
}

// size is how many instances there are, and how many there are to be.
func (t *tending) size() (have, want int) {
	for _, i := range t.group.Instances {
		if present(i) {
			have++
		}
	}
	return have, int(aws.ToInt32(t.group.DesiredCapacity)) + t.surge
}

// fit launches what is missing, and ends what there is too much of and not protected
// from that.
func (t *tending) fit() {
	have, want := t.size()
	for ; have < want && !t.suspended("Launch"); have++ {
		if !t.launch(have, want) {
			return
		}
	}
	for ; have > want && !t.suspended("Terminate"); have-- {
		n := t.surplus()
		if n < 0 {
			return
		}
		t.end(n, fmt.Sprintf("an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from %d to %d.", have, have-1))
	}
}

// surplus is the instance that goes first, or -1: of the zone that has most, of the
// oldest version, the oldest.
func (t *tending) surplus() int {
	zones := map[string]int{}
	for _, i := range t.group.Instances {
		if present(i) {
			zones[*i.AvailabilityZone]++
		}
	}
	first := -1
	for n, i := range t.group.Instances {
		if !present(i) || aws.ToBool(i.ProtectedFromScaleIn) {
			continue
		}
		if first < 0 {
			first = n
			continue
		}
		old := t.group.Instances[first]
		if cmp.Or(
			cmp.Compare(zones[*old.AvailabilityZone], zones[*i.AvailabilityZone]), cmp.Compare(versionOf(i), versionOf(old)), strings.Compare(*i.InstanceId, *old.InstanceId),
		) < 0 {
			first = n
		}
	}
	return first
}

func versionOf(i types.Instance) int64 {
	n, _ := strconv.ParseInt(aws.ToString(i.LaunchTemplate.Version), 10, 64) // what was launched here has a number
	return n
}

func (t *tending) end(n int, cause string) {
	i := &t.group.Instances[n]
	id := *i.InstanceId
	own := t.group.members[id]
	own.ending, own.cause = t.m.Now, cause
	t.group.members[id] = own
	i.LifecycleState = types.LifecycleStateTerminating
	if t.options.Instances.Health(t.m, id).Terminated {
		t.next = t.m.Now // nothing will tell of its end
		return
	}
	t.options.Instances.Terminate(t.m, id)
}

// Launches that fail are tried again, each time after twice as long, until there is
// no hope unless the group is changed (facts/apis.md 2 has that Auto Scaling slows
// down; the figures unverified).
const (
	firstRetry  = time.Minute
	mostRetries = 6
)

// launch launches one instance, unless that is to be left for later.
func (t *tending) launch(have, want int) bool {
	g := t.group
	if g.failures > mostRetries || !t.due(g.retry) {
		return false
	}
	cause := fmt.Sprintf("an instance was started in response to a difference between desired and actual capacity, increasing the capacity from %d to %d.", have, want)
	l, from, err := t.wanted()
	var made Launched
	if err == nil {
		made, err = t.options.Instances.Launch(t.m, l)
	}
	if unknown := (*awssim.NotModelled)(nil); errors.As(err, &unknown) {
		panic(fmt.Sprintf("awssim: launch an instance of %s: %v", g.name(), err)) // there is nobody else to tell
	}
	if err != nil {
		g.retry = t.m.Now.Add(firstRetry << g.failures)
		g.failures++
		t.notLaunched(l, cause, err)
		if g.failures <= mostRetries {
			t.due(g.retry)
		}
		return false
	}
	g.failures, g.retry = 0, time.Time{}
	i := types.Instance{
		InstanceId: aws.String(made.ID), InstanceType: aws.String(made.Type), AvailabilityZone: aws.String(made.Zone), HealthStatus: aws.String(healthy),
		LifecycleState: types.LifecycleStatePending, ProtectedFromScaleIn: deep(g.NewInstancesProtectedFromScaleIn),
		LaunchTemplate: &types.LaunchTemplateSpecification{
			LaunchTemplateId: aws.String(from.ID), LaunchTemplateName: aws.String(from.Name), Version: aws.String(strconv.FormatInt(from.Number, 10)),
		},
	}
	if l.Image != "" {
		i.ImageId = aws.String(l.Image) // doc of types.Instance
	}
	g.Instances = append(g.Instances, i)
	g.members[made.ID] = member{subnet: l.Subnet, image: made.Image, round: g.run.round(), launched: t.m.Now, cause: cause}
	return true
}

// wanted is the next instance of a group, and the version it is launched from.
func (t *tending) wanted() (Launch, Template, error) {
	g := t.group
	l := Launch{Group: g.name(), Subnet: t.subnet()}
	spec, override := t.target().first()
	if override != nil {
		l.Type, l.Image = aws.ToString(override.InstanceType), aws.ToString(override.ImageId)
	}
	from, err := t.resolve(t.m, spec)
	if err != nil {
		return l, from, err
	}
	l.Template, l.Version = from.ID, from.Number
	for _, tag := range g.Tags {
		if !aws.ToBool(tag.PropagateAtLaunch) {
			continue
		}
		if l.Tags == nil {
			l.Tags = map[string]string{}
		}
		l.Tags[*tag.Key] = *tag.Value
	}
	return l, from, nil
}

// first is the template of a source, and its first override if it has any.
func (s source) first() (*types.LaunchTemplateSpecification, *types.LaunchTemplateOverrides) {
	if s.policy == nil {
		return s.template, nil
	}
	l := s.policy.LaunchTemplate
	if len(l.Overrides) == 0 {
		return l.LaunchTemplateSpecification, nil
	}
	o := &l.Overrides[0]
	return cmp.Or(o.LaunchTemplateSpecification, l.LaunchTemplateSpecification), o
}

// subnet is the one of the group's that has fewest instances.
func (t *tending) subnet() string {
	used := map[string]int{}
	for _, i := range t.group.Instances {
		if present(i) {
			used[t.group.members[*i.InstanceId].subnet]++
		}
	}
	all := strings.Split(aws.ToString(t.group.VPCZoneIdentifier), ",")
	return slices.MinFunc(all, func(a, b string) int { return cmp.Compare(used[a], used[b]) })
}
