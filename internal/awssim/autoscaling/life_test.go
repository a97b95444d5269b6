package autoscaling_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	asgsim "github.com/droverhq/drover/internal/awssim/autoscaling"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

// life is a scene in which groups launch instances, in two subnets, from the template
// web (t.template), whose versions 1, 2, 3 launch ami-1, ami-2, ami-3.
type life struct {
	*scene
	ec2      *ec2sim.Service
	calls    *ec2.Client
	template string
	subnets  string
}

func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{scene: &scene{t: t, clock: clock.NewVirtual(dawn)}, ec2: ec2sim.New(ec2sim.Times{})}
	l.sim = asgsim.New(asgsim.Options{
		Templates: func(m *awssim.Moment, id, name, version string) (asgsim.Template, error) {
			v, err := l.ec2.TemplateVersion(m, id, name, version)
			return asgsim.Template(v), err
		},
		Instances: asgsim.Instances{
			Launch: func(m *awssim.Moment, a asgsim.Launch) (asgsim.Launched, error) {
				i, err := l.ec2.LaunchForGroup(m, ec2sim.GroupLaunch(a))
				return asgsim.Launched(i), err
			},
			Terminate: l.ec2.TerminateForGroup,
			Health: func(m *awssim.Moment, id string) asgsim.Health {
				i := l.ec2.InstanceState(m, id)
				return asgsim.Health{
					Pending: i.Name == ec2types.InstanceStateNamePending, Running: i.Name == ec2types.InstanceStateNameRunning,
					Terminated: i.Name == ec2types.InstanceStateNameTerminated, Impaired: i.Impaired,
				}
			},
			Watch: func(f func(*awssim.Moment, string)) {
				l.ec2.WatchInstances(func(m *awssim.Moment, id string, _ ec2types.InstanceStateName) { f(m, id) })
			},
		},
	})
	l.world = awssim.New(l.clock, awssim.Options{PageSize: 100}, l.sim, l.ec2)
	l.world.Subscribe(func(e event.Event) { l.events = append(l.events, e) })
	l.client = autoscaling.NewFromConfig(l.world.Config(), func(o *autoscaling.Options) { o.RetryMaxAttempts = 1 })
	l.calls = ec2.NewFromConfig(l.world.Config())

	vpc, err := l.calls.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	l.must(err)
	var subnets []string
	for n, zone := range []string{"us-west-1a", "us-west-1b"} {
		subnet, err := l.calls.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
			VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(fmt.Sprintf("10.0.%d.0/24", n)), AvailabilityZone: aws.String(zone),
		})
		l.must(err)
		subnets = append(subnets, *subnet.Subnet.SubnetId)
	}
	l.subnets = strings.Join(subnets, ",")
	data := func(n int) *ec2types.RequestLaunchTemplateData {
		return &ec2types.RequestLaunchTemplateData{ImageId: aws.String(fmt.Sprintf("ami-%d", n)), InstanceType: ec2types.InstanceTypeC5Large}
	}
	made, err := l.calls.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"), LaunchTemplateData: data(1)})
	l.must(err)
	l.template = *made.LaunchTemplate.LaunchTemplateId
	for n := 2; n <= 3; n++ {
		_, err := l.calls.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &l.template, LaunchTemplateData: data(n)})
		l.must(err)
	}
	return l
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// grow makes the group web of so many instances of version 1, at most 10, and waits
// until all are in service.
func (l *life) grow(desired int32) {
	l.t.Helper()
	l.must(l.create(&autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID(l.template, "1"), MinSize: aws.Int32(0), MaxSize: aws.Int32(10), DesiredCapacity: &desired,
		VPCZoneIdentifier: &l.subnets, Tags: []types.Tag{
			{Key: aws.String("tier"), Value: aws.String("front"), PropagateAtLaunch: aws.Bool(true)}, {Key: aws.String("own"), Value: aws.String("x"), PropagateAtLaunch: aws.Bool(false)},
		},
	}))
	l.rest()
	l.events = nil
}

// step lets time pass until the next thing happens, and says whether anything does.
func (l *life) step() bool {
	l.world.Settle()
	due, ok := l.world.NextDue()
	if ok {
		l.clock.Advance(due.Sub(l.clock.Now()))
		l.world.Settle()
	}
	return ok
}

// rest lets time pass for a minute, which is enough for all that only moves.
func (l *life) rest() { l.pass(time.Minute) }

// pass lets time pass, from one thing to the next.
func (l *life) pass(d time.Duration) {
	end := l.clock.Now().Add(d)
	for {
		l.world.Settle()
		due, ok := l.world.NextDue()
		if !ok || due.After(end) {
			l.clock.Advance(end.Sub(l.clock.Now()))
			l.world.Settle()
			return
		}
		l.clock.Advance(due.Sub(l.clock.Now()))
	}
}

// fleet is the instances of the group, such as "InService:1 Pending:2", sorted.
func (l *life) fleet() string {
	l.t.Helper()
	var all []string
	for _, i := range l.group("web").Instances {
		all = append(all, fmt.Sprintf("%s:%s", i.LifecycleState, *i.LaunchTemplate.Version))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func (l *life) ids() []string {
	l.t.Helper()
	var all []string
	for _, i := range l.group("web").Instances {
		all = append(all, *i.InstanceId)
	}
	slices.Sort(all)
	return all
}

func (l *life) wantFleet(want string) {
	l.t.Helper()
	if got := l.fleet(); got != want {
		l.t.Errorf("the group has %q, want %q", got, want)
	}
}

// told are the events of the group's refreshes and, as "+" and "-", of instances that
// have come and gone.
func (l *life) told() string {
	l.t.Helper()
	var all []string
	for _, e := range l.events {
		change, ok, err := event.AsRefreshChange(e)
		l.must(err)
		switch {
		case ok && change.Type == event.TypeRefreshCheckpoint:
			all = append(all, fmt.Sprintf("Checkpoint %d %v", change.Percentage, change.Delay))
		case ok:
			all = append(all, strings.TrimPrefix(change.Type, "EC2 Auto Scaling Instance Refresh "))
		case e.DetailType == "EC2 Instance Launch Successful":
			all = append(all, "+")
		case e.DetailType == "EC2 Instance Terminate Successful":
			all = append(all, "-")
		case e.DetailType == "EC2 Instance Launch Unsuccessful":
			all = append(all, "!")
		}
	}
	return strings.Join(all, ", ")
}

func (l *life) wantTold(want string) {
	l.t.Helper()
	if diff := gocmp.Diff(want, l.told()); diff != "" {
		l.t.Error(diff)
	}
}

func TestGroupLaunches(t *testing.T) {
	l := newLife(t)
	l.must(l.create(&autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID(l.template, "2"), MaxSize: aws.Int32(4), DesiredCapacity: aws.Int32(3),
		VPCZoneIdentifier: &l.subnets, NewInstancesProtectedFromScaleIn: aws.Bool(true),
		Tags: []types.Tag{{Key: aws.String("tier"), Value: aws.String("front"), PropagateAtLaunch: aws.Bool(true)}, {Key: aws.String("own"), Value: aws.String("x")}},
	}))
	l.wantFleet("Pending:2 Pending:2 Pending:2")
	l.pass(12 * time.Second) // running after 8 s
	l.wantFleet("Pending:2 Pending:2 Pending:2")
	l.pass(time.Second)
	l.wantFleet("InService:2 InService:2 InService:2")
	l.wantTold("+, +, +")

	out, err := l.calls.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{{Name: aws.String("tag:aws:autoscaling:groupName"), Values: []string{"web"}}}})
	l.must(err)
	subnets := map[string]int{}
	for _, r := range out.Reservations {
		i := r.Instances[0]
		subnets[*i.SubnetId]++
		var tags []string
		for _, tag := range i.Tags {
			tags = append(tags, *tag.Key+"="+*tag.Value)
		}
		same(t, []string{"aws:autoscaling:groupName=web", "aws:ec2launchtemplate:id=" + l.template, "aws:ec2launchtemplate:version=2", "tier=front"}, tags)
		if *i.ImageId != "ami-2" || i.InstanceType != ec2types.InstanceTypeC5Large {
			t.Errorf("%s is a %s of %s", *i.InstanceId, i.InstanceType, *i.ImageId)
		}
	}
	one, two, _ := strings.Cut(l.subnets, ",")
	same(t, map[string]int{one: 2, two: 1}, subnets)

	details, err := l.client.DescribeAutoScalingInstances(t.Context(), &autoscaling.DescribeAutoScalingInstancesInput{})
	l.must(err)
	if n := len(details.AutoScalingInstances); n != 3 || !*details.AutoScalingInstances[0].ProtectedFromScaleIn || *details.AutoScalingInstances[0].LifecycleState != "InService" {
		t.Errorf("%d instances, the first %+v", n, details.AutoScalingInstances[0])
	}
	if callers := l.callers("RunInstances"); len(callers) != 3 || callers[0] != "autoscaling.amazonaws.com" {
		t.Errorf("instances were run by %s", callers)
	}
	for l.step() { // the world comes to rest
	}
	l.wantFleet("InService:2 InService:2 InService:2")
}

// callers are who called an operation, as CloudTrail tells.
func (l *life) callers(operation string) []string {
	l.t.Helper()
	l.rest()
	var all []string
	for _, e := range l.events {
		if e.DetailType != awssim.TypeTrailCall {
			continue
		}
		var d struct {
			EventName    string
			UserIdentity struct{ InvokedBy string }
		}
		l.must(json.Unmarshal(e.Detail, &d))
		if d.EventName == operation {
			all = append(all, d.UserIdentity.InvokedBy)
		}
	}
	return all
}

func TestTheLaunchEvent(t *testing.T) {
	l := newLife(t)
	l.must(l.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID(l.template, "1"), VPCZoneIdentifier: &l.subnets}))
	l.rest()
	n := slices.IndexFunc(l.events, func(e event.Event) bool { return e.DetailType == "EC2 Instance Launch Successful" })
	if n < 0 {
		t.Fatal("none")
	}
	one, _, _ := strings.Cut(l.subnets, ",")
	same(t, []string{*l.group("web").AutoScalingGroupARN, "arn:aws:ec2:us-west-1:123456789012:instance/" + l.ids()[0]}, l.events[n].Resources)
	const want = `{"StatusCode":"InProgress","Description":"Launching a new EC2 instance: ID","AutoScalingGroupName":"web","ActivityId":"00000000-0000-4000-8000-000000000001",` +
		`"Details":{"Availability Zone":"us-west-1a","Subnet ID":"SUBNET"},"RequestId":"REQUEST","StatusMessage":"","EndTime":"2026-01-02T03:04:18Z","EC2InstanceId":"ID",` +
		`"StartTime":"2026-01-02T03:04:05Z","Cause":"At 2026-01-02T03:04:05Z an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 0 to 1.",` +
		`"Origin":"EC2","Destination":"AutoScalingGroup"}`
	var d struct {
		RequestID string `json:"RequestId"`
	}
	l.must(json.Unmarshal(l.events[n].Detail, &d))
	same(t, strings.NewReplacer("SUBNET", one, "ID\"", l.ids()[0]+"\"", "REQUEST", d.RequestID).Replace(strings.ReplaceAll(want, "Subnet ID\"", "Subnet-ID'")),
		strings.ReplaceAll(string(l.events[n].Detail), "Subnet ID\"", "Subnet-ID'"))
}

func TestSizes(t *testing.T) {
	l := newLife(t)
	l.grow(3)
	web := aws.String("web")
	first := l.ids()
	_, err := l.client.SetInstanceProtection(t.Context(), &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: web, InstanceIds: first[:1], ProtectedFromScaleIn: aws.Bool(true)})
	l.must(err)
	l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: web, MinSize: aws.Int32(4), LaunchTemplate: byID(l.template, "2")}))
	l.rest()
	l.wantFleet("InService:1 InService:1 InService:1 InService:2")
	l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: web, MinSize: aws.Int32(0), MaxSize: aws.Int32(2)}))
	l.wantFleet("InService:1 InService:2 Terminating:1 Terminating:1")
	l.rest()
	l.wantFleet("InService:1 InService:2")
	l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: web, DesiredCapacity: aws.Int32(0)}))
	l.rest()
	same(t, first[:1], l.ids()) // it is protected
	l.must(l.sim.Protect("web", first[0], false))
	l.rest()
	l.wantFleet("")
	l.wantTold("+, -, -, -, -")
}

func TestReplacement(t *testing.T) {
	lost := map[string]func(l *life, id string) error{
		"terminated": func(l *life, id string) error {
			_, err := l.calls.TerminateInstances(l.t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
			return err
		},
		"stopped": func(l *life, id string) error {
			_, err := l.calls.StopInstances(l.t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}})
			return err
		},
		"impaired": func(l *life, id string) error { return l.ec2.FailChecks(id, true) },
	}
	for name, lose := range lost {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.grow(2)
			id := l.ids()[0]
			l.must(l.sim.Protect("web", id, true)) // which does not help
			l.must(lose(l, id))
			l.pass(5 * time.Minute)
			l.wantFleet("InService:1 InService:1")
			if slices.Contains(l.ids(), id) {
				t.Error("it is still there")
			}
			l.wantTold("-, +")
		})
	}
	for _, process := range []string{"HealthCheck", "ReplaceUnhealthy", "Terminate", "Launch"} {
		t.Run("suspended "+process, func(t *testing.T) {
			l := newLife(t)
			l.grow(2)
			id := l.ids()[0]
			l.suspend(process)
			l.must(lost["terminated"](l, id))
			l.pass(5 * time.Minute)
			want := "InService:1 InService:1" // one of which is no more
			if process == "Launch" {
				want = "InService:1"
			}
			l.wantFleet(want)
			l.resume()
			l.pass(5 * time.Minute)
			l.wantFleet("InService:1 InService:1")
			if slices.Contains(l.ids(), id) {
				t.Error("it is still there")
			}
		})
	}
}

func (l *life) suspend(names ...string) {
	l.t.Helper()
	_, err := l.client.SuspendProcesses(l.t.Context(), &autoscaling.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: names})
	l.must(err)
}

func (l *life) resume(names ...string) {
	l.t.Helper()
	_, err := l.client.ResumeProcesses(l.t.Context(), &autoscaling.ResumeProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: names})
	l.must(err)
}

func TestSuspendedProcesses(t *testing.T) {
	l := newLife(t)
	l.grow(1)
	list := func() []string {
		var all []string
		for _, p := range l.group("web").SuspendedProcesses {
			if !strings.HasPrefix(*p.SuspensionReason, "User suspended at 2026-01-02T03:0") {
				t.Errorf("%s: %s", *p.ProcessName, *p.SuspensionReason)
			}
			all = append(all, *p.ProcessName)
		}
		return all
	}
	l.suspend("AlarmNotification", "ScheduledActions")
	l.suspend("AlarmNotification")
	same(t, []string{"AlarmNotification", "ScheduledActions"}, list())
	for name, scale := range map[string]func(string, int32) (bool, error){"AlarmNotification": l.sim.Scale, "ScheduledActions": l.sim.ScaleOnSchedule} {
		if scaled, err := scale("web", 3); scaled || err != nil {
			t.Errorf("%s: scaled %v, %v", name, scaled, err)
		}
		l.resume(name)
		if scaled, err := scale("web", 30); !scaled || err != nil || *l.group("web").DesiredCapacity != 10 {
			t.Errorf("%s: scaled %v, %v, to %d", name, scaled, err, *l.group("web").DesiredCapacity)
		}
		l.suspend(name)
		l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(1)}))
	}
	l.suspend()
	if n := len(list()); n != 9 {
		t.Errorf("%d are suspended", n)
	}
	l.resume("Launch")
	if got := list(); len(got) != 8 || slices.Contains(got, "Launch") {
		t.Errorf("%s are suspended", got)
	}
	l.resume()
	same(t, []string(nil), list())
	_, err := l.client.SuspendProcesses(t.Context(), &autoscaling.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: []string{"Sleep"}})
	failed(t, err, "ValidationError", "'Sleep'")
	_, err = l.client.ResumeProcesses(t.Context(), &autoscaling.ResumeProcessesInput{AutoScalingGroupName: aws.String("none")})
	failed(t, err, "ValidationError", "not found")
}

// Launches that fail are told, tried again ever more slowly, and given up.
func TestFailingLaunches(t *testing.T) {
	l := newLife(t)
	web := aws.String("web")
	l.must(l.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: web, LaunchTemplate: byID(l.template, "1"), VPCZoneIdentifier: aws.String("subnet-0")}))
	l.pass(2 * time.Minute)
	l.wantTold("!, !")
	for l.step() { // the world comes to rest
	}
	l.wantFleet("")
	l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: web, VPCZoneIdentifier: &l.subnets}))
	l.rest()
	l.wantFleet("InService:1")
}

func TestStandby(t *testing.T) {
	l := newLife(t)
	l.grow(2)
	web, ids := aws.String("web"), l.ids()
	_, err := l.client.EnterStandby(t.Context(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: web, InstanceIds: ids[:1], ShouldDecrementDesiredCapacity: aws.Bool(true)})
	l.must(err)
	l.rest()
	l.wantFleet("InService:1 Standby:1")
	_, err = l.client.EnterStandby(t.Context(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: web, InstanceIds: ids[1:], ShouldDecrementDesiredCapacity: aws.Bool(false)})
	l.must(err)
	l.rest()
	l.wantFleet("InService:1 Standby:1 Standby:1")
	_, err = l.client.EnterStandby(t.Context(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: web, InstanceIds: ids[1:], ShouldDecrementDesiredCapacity: aws.Bool(false)})
	failed(t, err, "ValidationError", "not in InService")
	out, err := l.client.ExitStandby(t.Context(), &autoscaling.ExitStandbyInput{AutoScalingGroupName: web, InstanceIds: ids})
	l.must(err)
	l.rest()
	l.wantFleet("InService:1 InService:1 InService:1")
	if len(out.Activities) != 2 || *l.group("web").DesiredCapacity != 3 {
		t.Errorf("%d activities, %d are wanted", len(out.Activities), *l.group("web").DesiredCapacity)
	}
	_, err = l.client.SetInstanceProtection(t.Context(), &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: web, InstanceIds: []string{"i-0"}, ProtectedFromScaleIn: aws.Bool(true)})
	failed(t, err, "ValidationError", "i-0")
	l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: web, DesiredCapacity: aws.Int32(4)}))
	young := l.group("web").Instances
	_, err = l.client.SetInstanceProtection(t.Context(), &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: web, InstanceIds: []string{*young[len(young)-1].InstanceId}, ProtectedFromScaleIn: aws.Bool(true)})
	failed(t, err, "ValidationError", "is not in InService or EnteringStandby or Standby.")
}

// A group that is deleted by force takes its instances with it.
func TestDeletedWithInstances(t *testing.T) {
	l := newLife(t)
	l.grow(2)
	id := l.ids()[0]
	_, err := l.client.DeleteAutoScalingGroup(t.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), ForceDelete: aws.Bool(true)})
	l.must(err)
	l.rest()
	if groups := l.sim.Groups(); len(groups) != 0 {
		t.Errorf("there is %s still", *groups[0].AutoScalingGroupName)
	}
	out, err := l.calls.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	l.must(err)
	if state := out.Reservations[0].Instances[0].State.Name; state != ec2types.InstanceStateNameTerminated {
		t.Errorf("%s is %s", id, state)
	}
}

// What a scene gives a group stays as it is, whatever its sizes.
func TestInstancesOfAScene(t *testing.T) {
	l := newLife(t)
	l.grow(0)
	l.must(l.sim.SetInstances("web", types.Instance{InstanceId: aws.String("i-1")}))
	l.must(l.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(5)}))
	l.rest()
	same(t, []string{"i-1"}, l.ids())
	_, err := l.client.StartInstanceRefresh(t.Context(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	if err == nil || !strings.Contains(err.Error(), "not modelled") {
		t.Errorf("refreshed: %v", err)
	}
}
