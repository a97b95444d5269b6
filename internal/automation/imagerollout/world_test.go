package imagerollout

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/awssim"
	simscaling "github.com/droverhq/drover/internal/awssim/autoscaling"
	simbackup "github.com/droverhq/drover/internal/awssim/backup"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simkms "github.com/droverhq/drover/internal/awssim/kms"
	simquotas "github.com/droverhq/drover/internal/awssim/servicequotas"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/iam"
)

// world is simulated AWS with a group "web" of two instances, on version 1 of a
// template.
type world struct {
	*testing.T
	clock  *clock.Virtual
	sim    *awssim.World
	ec2    *simec2.Service
	groups *simscaling.Service
	ssm    *simssm.Service
	kms    *simkms.Service
	quotas *simquotas.Service
	backup *simbackup.Service
	aws    *cloud.Clients

	subnet, security string
	template, base   string // the template, and its image
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewVirtual(t0.Add(-time.Hour)), ec2: simec2.New(simec2.Times{}), kms: simkms.New(), quotas: simquotas.New()}
	w.ssm = simssm.New(simssm.Options{Tags: w.ec2.TagsOf, ShutDown: w.ec2.ShutDownFromWithin})
	w.backup = simbackup.New(simbackup.Options{
		Images: func(a simbackup.AMI) {
			w.ec2.AddImage(simec2.Image{ID: a.ID, Name: a.Name, Tags: a.Tags, SourceInstance: a.Instance, Created: a.Created, Managed: true})
		},
		Deregister: func(image string) { w.must(w.ec2.DeregisterManaged(image)) },
		Instance:   w.ec2.InstanceTags,
	})
	w.groups = simscaling.New(simscaling.Options{
		Templates: func(m *awssim.Moment, id, name, version string) (simscaling.Template, error) {
			v, err := w.ec2.TemplateVersion(m, id, name, version)
			return simscaling.Template(v), err
		},
		Instances: w.instances(),
	})
	w.sim = awssim.New(w.clock, awssim.Options{}, w.ec2, w.groups, w.ssm, w.kms, w.quotas, w.backup)
	w.ec2.UseKeys(w.kms.Usable)
	w.ec2.WatchInstances(func(m *awssim.Moment, id string, state types.InstanceStateName) {
		w.ssm.InstanceIs(m, id, string(state))
	})
	w.aws = cloud.New(w.sim.Config(), "us-west-1", cloud.Options{Seed: 1, Clock: w.clock})
	w.ec2.AddInstanceProfile("builder", "ssm")
	w.ssm.Behave("Deploy", simssm.Behaviour{Takes: 3 * time.Minute})
	w.ssm.Behave("Smoke", simssm.Behaviour{Takes: time.Minute})
	w.build()
	return w
}

// instances is how Auto Scaling reaches EC2.
func (w *world) instances() simscaling.Instances {
	return simscaling.Instances{
		Launch: func(m *awssim.Moment, l simscaling.Launch) (simscaling.Launched, error) {
			i, err := w.ec2.LaunchForGroup(m, simec2.GroupLaunch(l))
			return simscaling.Launched(i), err
		},
		Terminate: w.ec2.TerminateForGroup,
		Health: func(m *awssim.Moment, id string) simscaling.Health {
			i := w.ec2.InstanceState(m, id)
			return simscaling.Health{
				Pending: i.Name == types.InstanceStateNamePending, Running: i.Name == types.InstanceStateNameRunning,
				Terminated: i.Name == types.InstanceStateNameTerminated, Impaired: i.Impaired,
			}
		},
		Watch: func(f func(*awssim.Moment, string)) {
			w.ec2.WatchInstances(func(m *awssim.Moment, id string, _ types.InstanceStateName) { f(m, id) })
		},
	}
}

// build makes the group, and waits until its instances are there.
func (w *world) build() {
	w.Helper()
	vpc, err := w.ec2.PlaceVPC(simec2.VPC{CIDR: "10.0.0.0/16"})
	w.must(err)
	w.subnet, err = w.ec2.PlaceSubnet("", vpc, "10.0.1.0/24", "us-west-1a")
	w.must(err)
	w.security, err = w.ec2.PlaceSecurityGroup(simec2.PlacedGroup{VPC: vpc, Name: "builders"})
	w.must(err)
	w.base = w.ec2.AddImage(simec2.Image{Name: "base", Created: t0.Add(-24 * time.Hour)})
	w.template = w.newTemplate("web", w.base, types.InstanceTypeT3Micro)
	w.group(&autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: at(w.template, "1"), DesiredCapacity: aws.Int32(2)})
	w.clock.Advance(t0.Sub(w.clock.Now()))
	if got := len(w.members()); got != 2 {
		w.Fatalf("the group has %d instances", got)
	}
}

func (w *world) newTemplate(name, image string, kind types.InstanceType) (id string) {
	w.Helper()
	out, err := w.aws.EC2.CreateLaunchTemplate(w.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(name), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(image), InstanceType: kind},
	})
	w.must(err)
	return *out.LaunchTemplate.LaunchTemplateId
}

// group makes the group, in place of the one that there is.
func (w *world) group(in *autoscaling.CreateAutoScalingGroupInput) {
	w.Helper()
	if _, there := w.groups.Group("web"); there {
		_, err := w.aws.AutoScaling.DeleteAutoScalingGroup(w.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), ForceDelete: aws.Bool(true)})
		w.must(err)
		w.clock.Advance(10 * time.Minute)
	}
	in.AutoScalingGroupName, in.MinSize, in.MaxSize, in.VPCZoneIdentifier = aws.String("web"), aws.Int32(0), aws.Int32(4), aws.String(w.subnet)
	_, err := w.aws.AutoScaling.CreateAutoScalingGroup(w.Context(), in)
	w.must(err)
	w.clock.Advance(10 * time.Minute)
}

func at(template, version string) *scaling.LaunchTemplateSpecification {
	return &scaling.LaunchTemplateSpecification{LaunchTemplateId: aws.String(template), Version: aws.String(version)}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// is fails unless an error is of a class and says something, with a hint if that is to
// stop the run and a person can do something about it.
func (w *world) is(err error, class failure.Class, says string) {
	w.Helper()
	if err == nil || failure.ClassOf(err) != class || !strings.Contains(err.Error(), says) {
		w.Errorf("%v\nwant an error of the class %v that says %q", err, class, says)
	}
}

// members are the ids of the group's instances.
func (w *world) members() []string {
	g, _ := w.groups.Group("web")
	var all []string
	for _, i := range g.Instances {
		all = append(all, *i.InstanceId)
	}
	slices.Sort(all)
	return all
}

// backUp has an instance of the group backed up, now.
func (w *world) backUp() (image string) {
	w.Helper()
	id, err := w.backup.AddCompletedJob(simbackup.Job{Instance: w.members()[0]}, time.Time{})
	w.must(err)
	for _, j := range w.backup.Jobs() {
		if j.ID == id {
			return j.Image
		}
	}
	w.Fatal("there is no job")
	return ""
}

// config is [config] for this world.
func (w *world) config(edit ...func(*Config)) Config {
	return config(append([]func(*Config){func(c *Config) {
		if c.Builder != nil {
			c.Builder.Subnet, c.Builder.SecurityGroups = w.subnet, []string{w.security}
		}
	}}, edit...)...)
}

// observe makes one look, and reports whether it was believed.
func (w *world) observe(c Config, events ...event.Event) (State, error) {
	t := &turn{Env: kindtest.Env("web", w.aws, w.clock, events...), Config: c}
	err := observe(w.Context(), t)
	return t.State, err
}

// rollout is a run, of which the plan is made.
type rollout struct {
	*world
	turn *turn
	plan automation.Plan // without values
}

// begin observes and decides.
func (w *world) begin(c Config) *rollout {
	w.Helper()
	r := &rollout{world: w, turn: &turn{Env: kindtest.Env("web", w.aws, w.clock), Config: c, State: w.look(c)}}
	r.plan = kindtest.Decide(w, Kind, c, r.turn.State, w.clock.Now())
	if len(r.plan.Changes) == 0 {
		w.Fatalf("nothing is planned: %+v", r.plan)
	}
	return r
}

func (r *rollout) step(name string) automation.Step[Config, State] {
	i := slices.IndexFunc(Kind.Steps, func(s automation.Step[Config, State]) bool { return s.Name == name })
	if i < 0 {
		r.Fatalf("no step %q", name)
	}
	return Kind.Steps[i]
}

// once makes one turn.
func (r *rollout) once(f func(context.Context, *turn) error) error {
	r.turn.Plan = r.plan.Filled(r.turn.Values)
	return f(r.Context(), r.turn)
}

// act makes the turns of a function of a step from its first attempt on, until it waits
// for nothing any more.
func (r *rollout) act(poll time.Duration, f func(context.Context, *turn) error) error {
	r.Helper()
	r.turn.Attempt, r.turn.Since = 1, r.clock.Now()
	r.turn.Settled = r.turn.Since.Add(5 * time.Minute)
	return r.resume(poll, f)
}

// resume goes on with the attempt that it is.
func (r *rollout) resume(poll time.Duration, f func(context.Context, *turn) error) error {
	r.Helper()
	for range 2000 {
		err := r.once(f)
		if err == nil || failure.ClassOf(err) != failure.Wait {
			return err
		}
		r.clock.Advance(max(failure.Until(err).Sub(r.clock.Now()), poll))
	}
	r.Fatal("it waits for ever")
	return nil
}

func (r *rollout) do(name string) error {
	r.Helper()
	s := r.step(name)
	return r.act(s.Poll, s.Do)
}

func (r *rollout) undo(name string) error {
	r.Helper()
	s := r.step(name)
	return r.act(s.Poll, s.Undo)
}

func (r *rollout) release(name string) error {
	r.Helper()
	s := r.step(name)
	return r.act(s.Poll, s.Release)
}

// upTo carries out all steps before one.
func (r *rollout) upTo(name string) *rollout {
	r.Helper()
	r.step(name)
	for _, s := range Kind.Steps {
		if s.Name == name {
			break
		}
		if err := r.do(s.Name); err != nil {
			r.Fatalf("%s: %v", s.Name, err)
		}
	}
	return r
}

// builder is that of the run, as it is.
func (r *rollout) builder() types.Instance { return r.instance(r.turn.Values["launch.builder"]) }

func (w *world) instance(id string) types.Instance {
	w.Helper()
	out, err := w.aws.EC2.DescribeInstances(w.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	w.must(err)
	return out.Reservations[0].Instances[0]
}

// calls counts those of an operation that had an effect.
func (w *world) calls(operation string) int {
	n := 0
	for _, c := range w.sim.Calls() {
		if c.Operation == operation && c.Applied {
			n++
		}
	}
	return n
}

// deny has some actions be denied.
func (w *world) deny(actions ...string) {
	w.sim.Authorize(func(action, _ string, _ map[string][]string) bool { return !slices.Contains(actions, action) })
}

// broken is an error after which the SDK itself tries again, unless it is told not to.
func broken() error {
	return awssim.Fail(http.StatusInternalServerError, "InternalServerError", "the connection is gone")
}

// lose has the answers of an operation be lost so many times, of which it has had its
// effect.
func (w *world) lose(operation string, times int) {
	w.sim.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation != operation || times == 0 {
			return awssim.Fault{}
		}
		times--
		return awssim.FailAfter(broken())
	})
}

// restrict has the run be allowed what a configuration asks for, and no more.
func (w *world) restrict(c Config) {
	w.Helper()
	policy := kindtest.Policy(w, Kind, c, iam.Vars{Region: "us-west-1", Account: "123456789012"})
	w.sim.Authorize(func(action, resource string, context map[string][]string) bool {
		allowed, _ := policy.Allows(iam.Request{Action: action, Resource: resource, Context: context})
		return allowed
	})
}

// TestFailingRollout: everything that a run has made before it fails is taken back, with
// no more than it is allowed.
func TestFailingRollout(t *testing.T) {
	w := newWorld(t)
	w.ec2.AddKeyPair("operators")
	w.backUp()
	c := w.config(everything, func(c *Config) { c.Builder.Role = "" })
	w.restrict(c)
	r := w.begin(c).upTo(stepConfirm)
	done := false
	for _, s := range slices.Backward(Kind.Steps) {
		if done = done || s.Name == stepConfirm; !done || s.Undo == nil {
			continue
		}
		if err := r.undo(s.Name); err != nil {
			t.Fatalf("undo %s: %v", s.Name, err)
		}
	}
	for _, s := range slices.Backward(Kind.Steps) {
		if s.Release != nil {
			if err := r.release(s.Name); err != nil {
				t.Fatalf("release %s: %v", s.Name, err)
			}
		}
	}
	w.clock.Advance(10 * time.Minute)
	w.wantLaunches("1 of 1, default 1")
	w.wantRunning("1")
	w.wantHolds(", max 4")
	r.noImages()
	if left := r.own(); len(left) > 0 {
		t.Errorf("machines are left: %q", left)
	}
}

// TestWholeRollout: with everything, one step after the other, from the backup to a
// fleet on the golden image.
func TestWholeRollout(t *testing.T) {
	w := newWorld(t)
	old := w.members()
	w.ec2.AddKeyPair("operators")
	backup := w.backUp()
	c := w.config(everything, func(c *Config) { c.Builder.Role = "" })
	w.restrict(c)
	r := w.begin(c)
	r.upTo("clean-up")
	w.must(r.do("clean-up"))
	golden := r.turn.Values["create-image.image"]
	g, _ := w.groups.Group("web")
	if got := *g.LaunchTemplate.Version; got != "2" {
		t.Errorf("the group launches from version %s", got)
	}
	for _, id := range w.members() {
		if slices.Contains(old, id) || aws.ToString(w.instance(id).ImageId) != golden {
			t.Errorf("%s is of %s", id, aws.ToString(w.instance(id).ImageId))
		}
	}
	if len(g.SuspendedProcesses) > 0 {
		t.Errorf("%v are suspended", g.SuspendedProcesses)
	}
	for _, id := range []string{r.turn.Values["launch.builder"], r.turn.Values["try.instance"]} {
		if i := w.instance(id); i.State.Name != types.InstanceStateNameTerminated {
			t.Errorf("%s is %s", id, i.State.Name)
		}
	}
	if p := w.backup.RecoveryPoints(); len(p) > 0 {
		t.Errorf("recovery points are left of %s: %v", backup, p)
	}
	if !r.turn.Trying[backup] {
		t.Error("nobody will know that it was tried")
	}
	again := decide(r.turn.Config, w.look(r.turn.Config), w.clock.Now())
	if again.Nothing == "" {
		t.Errorf("the next run finds something to do: %+v", again)
	}
}

// look is what a look finds that is believed.
func (w *world) look(c Config, events ...event.Event) State {
	w.Helper()
	s, err := w.observe(c, events...)
	w.must(err)
	return s
}
