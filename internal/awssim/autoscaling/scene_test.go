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
)

// records are the CloudTrail records that arrived, in order.
func (s *scene) records() []map[string]any {
	s.t.Helper()
	s.clock.Advance(time.Hour)
	s.world.Settle()
	var all []map[string]any
	for _, e := range s.events {
		if e.Source != "aws.autoscaling" || e.DetailType != "AWS API Call via CloudTrail" {
			s.t.Errorf("an event %s of %s", e.DetailType, e.Source)
		}
		var r map[string]any
		if err := json.Unmarshal(e.Detail, &r); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func (s *scene) brief() []string {
	s.t.Helper()
	var all []string
	for _, r := range s.records() {
		request, err := json.Marshal(r["requestParameters"])
		if err != nil {
			s.t.Fatal(err)
		}
		if r["responseElements"] != nil {
			s.t.Errorf("%s: response %v", r["eventName"], r["responseElements"])
		}
		line := fmt.Sprintf("%s %s", r["eventName"], request)
		if r["errorCode"] != nil {
			line += fmt.Sprintf(" %s", r["errorCode"])
		}
		all = append(all, line)
	}
	return all
}

func TestRecords(t *testing.T) {
	s := newScene(t, awssim.Options{})
	ctx := t.Context()
	s.made("web")
	failed(t, s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "1")}), "AlreadyExists", "")
	failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-9", "1")}), "ValidationError", "")
	failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: &types.MixedInstancesPolicy{
		LaunchTemplate: &types.LaunchTemplate{
			LaunchTemplateSpecification: &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("web"), Version: aws.String("$Latest")},
			Overrides:                   []types.LaunchTemplateOverrides{{InstanceType: aws.String("m7i.large")}},
		},
		InstancesDistribution: &types.InstancesDistribution{OnDemandBaseCapacity: aws.Int32(0)},
	}}), "", "")
	_, err := s.client.CreateOrUpdateTags(ctx, &autoscaling.CreateOrUpdateTagsInput{Tags: []types.Tag{{
		ResourceId: aws.String("web"), ResourceType: aws.String("auto-scaling-group"), Key: aws.String("k"), Value: aws.String("v"), PropagateAtLaunch: aws.Bool(false),
	}}})
	failed(t, err, "", "")
	s.world.Authorize(func(action, _ string, _ map[string][]string) bool {
		return action != "autoscaling:UpdateAutoScalingGroup"
	})
	failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "1")}), "AccessDenied", "")
	_, err = s.client.DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web")})
	failed(t, err, "", "")
	s.describe(&autoscaling.DescribeAutoScalingGroupsInput{})
	const created = `CreateAutoScalingGroup {"autoScalingGroupName":"web","launchTemplate":{"launchTemplateId":"lt-1","version":"1"},"maxSize":3,"minSize":1,"vPCZoneIdentifier":"subnet-1"}`
	want := []string{
		created,
		created + " AlreadyExistsFault",
		`UpdateAutoScalingGroup {"autoScalingGroupName":"web","launchTemplate":{"launchTemplateId":"lt-9","version":"1"}} ValidationException`,
		`UpdateAutoScalingGroup {"autoScalingGroupName":"web","mixedInstancesPolicy":{"instancesDistribution":{"onDemandBaseCapacity":0},"launchTemplate":{"launchTemplateSpecification":{"launchTemplateName":"web","version":"$Latest"},"overrides":[{"instanceType":"m7i.large"}]}}}`,
		`CreateOrUpdateTags {"tags":[{"key":"k","propagateAtLaunch":false,"resourceId":"web","resourceType":"auto-scaling-group","value":"v"}]}`,
		`UpdateAutoScalingGroup null AccessDenied`,
		`DeleteAutoScalingGroup {"autoScalingGroupName":"web"}`,
	}
	if diff := gocmp.Diff(want, s.brief()); diff != "" {
		t.Error(diff)
	}
}

func TestNoTrailNoRecords(t *testing.T) {
	s := newScene(t, awssim.Options{NoTrail: true})
	s.made("web")
	if got := s.brief(); got != nil {
		t.Errorf("got %s", got)
	}
}

// What somebody else does leaves no trace among the calls, only in CloudTrail.
func TestSomebodyElse(t *testing.T) {
	s := newScene(t, awssim.Options{})
	const formation = "cloudformation.amazonaws.com"
	in := &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "1")}
	if err := s.sim.Create(formation, in); err != nil {
		t.Fatal(err)
	}
	if in.MinSize != nil {
		t.Error("the input was changed")
	}
	if err := s.sim.Update(formation, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "2")}); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		s.sim.Create(formation, in),
		s.sim.Create(formation, &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("x"), LaunchTemplate: byID("lt-1", "1"), Context: aws.String("x")}),
		s.sim.Update(formation, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("x")}),
	} {
		if err == nil || !strings.Contains(err.Error(), "by "+formation+": ") {
			t.Errorf("got %v", err)
		}
	}
	if n := len(s.world.Calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
	same(t, shown("lt-1", "web", "2"), s.group("web").LaunchTemplate)
	want := []string{
		`CreateAutoScalingGroup {"autoScalingGroupName":"web","availabilityZones":["us-west-1a"],"launchTemplate":{"launchTemplateId":"lt-1","version":"1"},"maxSize":1,"minSize":1}`,
		`UpdateAutoScalingGroup {"autoScalingGroupName":"web","launchTemplate":{"launchTemplateId":"lt-1","version":"2"}}`,
	}
	if diff := gocmp.Diff(want, s.brief()); diff != "" {
		t.Error(diff)
	}
	if who := s.records()[0]["userIdentity"].(map[string]any)["invokedBy"]; who != formation {
		t.Errorf("by %v", who)
	}
}

// What somebody does to a group's processes, instances and refreshes is done as by a
// call of theirs, and CloudTrail names them.
func TestSomebodyElsesGroup(t *testing.T) {
	l := newLife(t)
	l.grow(2)
	l.rest()
	const jo = "cloudformation.amazonaws.com"
	id := l.ids()[0]
	l.must(l.sim.Suspend(jo, "web", "AZRebalance", "Launch"))
	l.must(l.sim.Resume(jo, "web", "Launch"))
	l.must(l.sim.EnterStandby(jo, "web", id))
	l.rest()
	if g, _ := l.sim.Group("web"); len(g.SuspendedProcesses) != 1 || *g.DesiredCapacity != 1 || g.Instances[0].LifecycleState != types.LifecycleStateStandby {
		t.Errorf("%d processes are suspended, %d instances wanted, %s is %s", len(g.SuspendedProcesses), *g.DesiredCapacity, id, g.Instances[0].LifecycleState)
	}
	l.must(l.sim.ExitStandby(jo, "web", id))
	l.must(l.sim.StartRefresh(jo, &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}))
	l.pass(time.Hour)
	if all := l.sim.Refreshes("web"); len(all) != 1 || all[0].Status != types.InstanceRefreshStatusSuccessful || slices.Contains(l.ids(), id) {
		t.Errorf("refreshes %+v of %v", all, l.ids())
	}
	for _, operation := range []string{"SuspendProcesses", "ResumeProcesses", "EnterStandby", "ExitStandby", "StartInstanceRefresh"} {
		if got := l.callers(operation); !slices.Equal(got, []string{jo}) {
			t.Errorf("%s was called by %q", operation, got)
		}
	}
	for what, err := range map[string]error{
		"unknown process": l.sim.Suspend(jo, "web", "Sleep"), "no group": l.sim.Resume(jo, "api"), "not on standby": l.sim.ExitStandby(jo, "web", "i-1"),
		"no instance": l.sim.EnterStandby(jo, "web", "i-1"), "no group to refresh": l.sim.StartRefresh(jo, &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("api")}),
	} {
		if err == nil || !strings.Contains(err.Error(), jo) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestInstances(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.made("web")
	s.following("mixed")
	if err := s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("old"), LaunchConfigurationName: aws.String("conf")}); err != nil {
		t.Fatal(err)
	}
	id := func(id string) *string { return &id }
	for name, instances := range map[string][]types.Instance{
		"web":   {{InstanceId: id("i-5"), LifecycleState: types.LifecycleStatePending}, {InstanceId: id("i-1"), LaunchTemplate: &types.LaunchTemplateSpecification{Version: aws.String("77")}}},
		"mixed": {{InstanceId: id("i-2")}, {InstanceId: id("i-4"), LaunchTemplate: shown("lt-2", "arm", "1")}},
		"old":   {{InstanceId: id("i-3")}},
	} {
		if err := s.sim.SetInstances(name, instances...); err != nil {
			t.Fatal(err)
		}
	}
	list := func(in *autoscaling.DescribeAutoScalingInstancesInput) []string {
		var all []string
		for p := autoscaling.NewDescribeAutoScalingInstancesPaginator(s.client, in); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range out.AutoScalingInstances {
				from := aws.ToString(i.LaunchConfigurationName)
				if l := i.LaunchTemplate; l != nil {
					from = *l.LaunchTemplateId + " " + *l.LaunchTemplateName + " " + *l.Version
				}
				all = append(all, fmt.Sprintf("%s %s %s %s: %s", *i.InstanceId, *i.AutoScalingGroupName, *i.LifecycleState, *i.HealthStatus, from))
			}
		}
		return all
	}
	want := []string{
		"i-1 web InService Healthy: lt-1 web 77", // a version that may be gone
		"i-2 mixed InService Healthy: lt-1 web 4",
		"i-3 old InService Healthy: conf",
		"i-4 mixed InService Healthy: lt-2 arm 1",
		"i-5 web Pending Healthy: lt-1 web 1",
	}
	if diff := gocmp.Diff(want, list(&autoscaling.DescribeAutoScalingInstancesInput{})); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff([]string{want[2]}, list(&autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: []string{"i-9", "i-3"}})); diff != "" {
		t.Error(diff)
	}
	_, err := s.client.DescribeAutoScalingInstances(t.Context(), &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: make([]string, 51)})
	failed(t, err, "ValidationError", "51")
	if g := s.group("mixed"); len(g.Instances) != 2 || *g.Instances[0].InstanceId != "i-2" {
		t.Errorf("instances %+v", g.Instances)
	}
	without := s.describe(&autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"mixed"}, IncludeInstances: aws.Bool(false)})
	if without[0].Instances != nil {
		t.Error("instances that were not wanted")
	}
	for name, i := range map[string]types.Instance{
		"none": {InstanceId: id("i-6")}, "web": {}, "mixed": {InstanceId: id("i-7"), LaunchTemplate: byID("lt-9", "$Latest")},
	} {
		if err := s.sim.SetInstances(name, i); err == nil {
			t.Errorf("%s got %+v", name, i)
		}
	}
	if got := list(&autoscaling.DescribeAutoScalingInstancesInput{}); !slices.Equal(got, want) {
		t.Errorf("what failed had an effect: %s", got)
	}
}

// following makes a group whose policy follows the latest version.
func (s *scene) following(name string) {
	s.t.Helper()
	p := mixed()
	p.LaunchTemplate.LaunchTemplateSpecification.Version = aws.String("$Latest")
	if err := s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, MixedInstancesPolicy: p}); err != nil {
		s.t.Fatal(err)
	}
}

func TestRefreshes(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.made("web")
	list := func(ids ...string) []string {
		var all []string
		for p := autoscaling.NewDescribeInstanceRefreshesPaginator(s.client, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("web"), InstanceRefreshIds: ids}); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out.InstanceRefreshes {
				all = append(all, *r.InstanceRefreshId+" "+string(r.Status))
			}
		}
		return all
	}
	if got := list(); got != nil {
		t.Errorf("refreshes of a new group: %s", got)
	}
	_, err := s.client.DescribeInstanceRefreshes(t.Context(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("none")})
	failed(t, err, "ValidationError", "AutoScalingGroup name not found")

	old := func(id string, hours int) types.InstanceRefresh {
		return types.InstanceRefresh{InstanceRefreshId: &id, Status: types.InstanceRefreshStatusSuccessful, StartTime: aws.Time(dawn.Add(-time.Duration(hours) * time.Hour)), DesiredConfiguration: &types.DesiredConfiguration{}}
	}
	wanted := &types.DesiredConfiguration{LaunchTemplate: shown("lt-1", "web", "2")}
	tests := map[string]struct {
		now    types.InstanceRefresh
		locked bool
	}{
		"to another version":    {types.InstanceRefresh{DesiredConfiguration: wanted}, true},
		"of what there is":      {types.InstanceRefresh{}, false},
		"rolling back":          {types.InstanceRefresh{DesiredConfiguration: wanted, Status: types.InstanceRefreshStatusRollbackInProgress}, true},
		"rolled back":           {types.InstanceRefresh{DesiredConfiguration: wanted, Status: types.InstanceRefreshStatusRollbackSuccessful}, false},
		"cancelled, not yet so": {types.InstanceRefresh{DesiredConfiguration: wanted, Status: types.InstanceRefreshStatusCancelling}, true},
		"cancelled":             {types.InstanceRefresh{DesiredConfiguration: wanted, Status: types.InstanceRefreshStatusCancelled}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.now.InstanceRefreshId = aws.String("now")
			if err := s.sim.SetRefreshes("web", old("b", 2), tt.now, old("a", 1)); err != nil {
				t.Fatal(err)
			}
			status := string(types.InstanceRefreshStatusInProgress)
			if tt.now.Status != "" {
				status = string(tt.now.Status)
			}
			if diff := gocmp.Diff([]string{"now " + status, "a Successful", "b Successful"}, list()); diff != "" {
				t.Error(diff)
			}
			if diff := gocmp.Diff([]string{"b Successful"}, list("b", "c")); diff != "" {
				t.Error(diff)
			}
			want := ""
			if tt.locked {
				want = "ValidationError"
			}
			failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "3")}), want, "An active instance refresh with a desired configuration exists.")
			failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), HealthCheckType: aws.String("ELB")}), "", "")
		})
	}
	if err := s.sim.SetRefreshes("none"); err == nil {
		t.Error("refreshes of no group")
	}
}

func TestPermissions(t *testing.T) {
	s := newScene(t, awssim.Options{})
	type asked struct {
		action, resource string
		keys             map[string][]string
	}
	var got []asked
	s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
		got = append(got, asked{strings.TrimPrefix(action, "autoscaling:"), strings.TrimPrefix(resource, "arn:aws:autoscaling:us-west-1:123456789012:autoScalingGroup:"), keys})
		return true
	})
	tags := []types.Tag{{ResourceId: aws.String("web"), ResourceType: aws.String("auto-scaling-group"), Key: aws.String("env"), Value: aws.String("prod")}}
	if err := s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "1"), Tags: tags}); err != nil {
		t.Fatal(err)
	}
	failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "$Latest"), MaxSize: aws.Int32(2)}), "", "")
	failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: mixed()}), "", "")
	failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchConfigurationName: aws.String("old")}), "", "")
	_, err := s.client.CreateOrUpdateTags(t.Context(), &autoscaling.CreateOrUpdateTagsInput{Tags: tags})
	failed(t, err, "", "")
	s.group("web")
	_, err = s.client.DeleteAutoScalingGroup(t.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web")})
	failed(t, err, "", "")
	const web = "00000000-0000-4000-8000-000000000001:autoScalingGroupName/web"
	keys := func(more ...string) map[string][]string {
		all := map[string][]string{}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = []string{more[i+1]}
		}
		return all
	}
	const own, ours = "aws:ResourceTag/env", "autoscaling:ResourceTag/env"
	want := []asked{
		{"CreateAutoScalingGroup", "*:autoScalingGroupName/web", keys("autoscaling:MinSize", "1", "autoscaling:MaxSize", "3", "autoscaling:LaunchTemplateVersionSpecified", "true", "aws:RequestTag/env", "prod", "aws:TagKeys", "env")},
		{"UpdateAutoScalingGroup", web, keys(own, "prod", ours, "prod", "autoscaling:MaxSize", "2", "autoscaling:LaunchTemplateVersionSpecified", "false")},
		{"UpdateAutoScalingGroup", web, keys(own, "prod", ours, "prod", "autoscaling:LaunchTemplateVersionSpecified", "true")},
		{"UpdateAutoScalingGroup", web, keys(own, "prod", ours, "prod", "autoscaling:LaunchConfigurationName", "old")},
		{"CreateOrUpdateTags", web, keys(own, "prod", ours, "prod", "aws:RequestTag/env", "prod", "aws:TagKeys", "env")},
		{"DescribeAutoScalingGroups", "*", nil},
		{"DeleteAutoScalingGroup", web, keys(own, "prod", ours, "prod")},
	}
	if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(asked{})); diff != "" {
		t.Error(diff)
	}
}

// Who gives a group a template must be allowed to launch from it, and from the
// templates of overrides.
func TestPermissionsToLaunch(t *testing.T) {
	s := &scene{t: t, clock: clock.NewVirtual(dawn), sim: asgsim.New(asgsim.Options{Templates: func(m *awssim.Moment, id, name, version string) (asgsim.Template, error) {
		found, err := templates(m, id, name, version)
		if found.Image = "ami-" + found.ID; found.ID == "lt-2" {
			found.Profile, found.Tagged = "arm", true
		}
		return found, err
	}})}
	s.world = awssim.New(s.clock, awssim.Options{}, s.sim)
	s.client = autoscaling.NewFromConfig(s.world.Config())
	failed(t, s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "1")}), "", "")
	asks := func(in autoscaling.UpdateAutoScalingGroupInput) string {
		var got []string
		s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
			if !strings.HasPrefix(action, "autoscaling:") {
				got = append(got, fmt.Sprintf("%s %s %s%s%s", action, resource[strings.LastIndex(resource, ":")+1:], keys["ec2:IsLaunchTemplateResource"], keys["ec2:CreateAction"], keys["iam:PassedToService"]))
			}
			return true
		})
		in.AutoScalingGroupName = aws.String("web")
		failed(t, s.update(&in), "", "")
		return strings.Join(got, "\n")
	}
	run := func(id string) string {
		return strings.ReplaceAll(`ec2:RunInstances image/ami-ID [true][][]
ec2:RunInstances launch-template/ID [true][][]
ec2:RunInstances instance/* [false][][]
ec2:RunInstances volume/* [false][][]
ec2:RunInstances network-interface/* [false][][]
ec2:RunInstances security-group/* [false][][]
ec2:RunInstances subnet/subnet-1 [false][][]`, "ID", id)
	}
	const more = "\nec2:CreateTags instance/* [][RunInstances][]\niam:PassRole role/arm [][][ec2.amazonaws.com]"
	for name, test := range map[string]struct {
		in   autoscaling.UpdateAutoScalingGroupInput
		want string
	}{
		"template":    {autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: byID("lt-1", "$Latest")}, run("lt-1")},
		"with a role": {autoscaling.UpdateAutoScalingGroupInput{LaunchTemplate: byID("lt-2", "1")}, run("lt-2") + more},
		"no template": {autoscaling.UpdateAutoScalingGroupInput{MaxSize: aws.Int32(5)}, ""},
		"policy": {autoscaling.UpdateAutoScalingGroupInput{MixedInstancesPolicy: &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{
			LaunchTemplateSpecification: byID("lt-1", "1"),
			Overrides:                   []types.LaunchTemplateOverrides{{InstanceType: aws.String("c5.large")}, {LaunchTemplateSpecification: byID("lt-2", "1")}},
		}}}, run("lt-1") + "\n" + run("lt-2") + more},
	} {
		if diff := gocmp.Diff(test.want, asks(test.in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The templates of EC2 are what groups are checked against, and what their
// instances are launched from.
func TestTemplatesOfEC2(t *testing.T) {
	templates := ec2sim.New(ec2sim.Times{})
	s := &scene{t: t, clock: clock.NewVirtual(dawn), sim: asgsim.New(asgsim.Options{Templates: func(m *awssim.Moment, id, name, version string) (asgsim.Template, error) {
		v, err := templates.TemplateVersion(m, id, name, version)
		return asgsim.Template(v), err
	}})}
	s.world = awssim.New(s.clock, awssim.Options{}, s.sim, templates)
	s.client = autoscaling.NewFromConfig(s.world.Config())
	client := ec2.NewFromConfig(s.world.Config())
	data := &ec2types.RequestLaunchTemplateData{ImageId: aws.String("ami-1")}
	made, err := client.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"), LaunchTemplateData: data})
	if err != nil {
		t.Fatal(err)
	}
	id := *made.LaunchTemplate.LaunchTemplateId
	if _, err := client.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id, LaunchTemplateData: data}); err != nil {
		t.Fatal(err)
	}
	failed(t, s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID(id, "3")}), "ValidationError", "You must use a valid fully-formed launch template. ")
	failed(t, s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID(id, "$Latest")}), "", "")
	if err := s.sim.SetInstances("web", types.Instance{InstanceId: aws.String("i-1")}); err != nil {
		t.Fatal(err)
	}
	g := s.group("web")
	same(t, shown(id, "web", "$Latest"), g.LaunchTemplate)
	same(t, shown(id, "web", "2"), g.Instances[0].LaunchTemplate)
}

// Without templates to look things up in, a group shows what it was told.
func TestWithoutTemplates(t *testing.T) {
	sim := asgsim.New(asgsim.Options{})
	awssim.New(clock.NewVirtual(dawn), awssim.Options{}, sim)
	if err := sim.Create("cloudformation.amazonaws.com", &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-9", "$Latest")}); err != nil {
		t.Fatal(err)
	}
	g, _ := sim.Group("web")
	same(t, byID("lt-9", "$Latest"), g.LaunchTemplate)
	if err := sim.SetInstances("web", types.Instance{InstanceId: aws.String("i-1")}); err == nil {
		t.Error("an instance of an unknown version")
	}
	if err := sim.SetInstances("web", types.Instance{InstanceId: aws.String("i-1"), LaunchTemplate: &types.LaunchTemplateSpecification{Version: aws.String("3")}}); err != nil {
		t.Error(err)
	}
}

// A stale read sees a group as it was, whatever has become of it.
func TestStaleReads(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.made("web")
	s.world.StaleReads(func(awssim.Call) time.Duration { return 10 * time.Second })
	s.clock.Advance(time.Minute)
	if err := s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "2")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1", "2"} {
		if got := *s.group("web").LaunchTemplate.Version; got != want {
			t.Errorf("version %s, want %s", got, want)
		}
		s.clock.Advance(20 * time.Second)
	}
}
