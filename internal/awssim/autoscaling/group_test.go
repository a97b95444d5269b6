package autoscaling_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
)

func TestCreate(t *testing.T) {
	byName := &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("web")}
	policy := func(l *types.LaunchTemplate) *types.MixedInstancesPolicy {
		return &types.MixedInstancesPolicy{LaunchTemplate: l}
	}
	tests := map[string]struct {
		in         autoscaling.CreateAutoScalingGroupInput
		code, text string
	}{
		"by id":             {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: byID("lt-1", "$Latest")}, "", ""},
		"by name":           {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: byName}, "", ""},
		"by both":           {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: shown("lt-1", "web", "1")}, "ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName"},
		"by neither":        {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: &types.LaunchTemplateSpecification{Version: aws.String("1")}}, "ValidationError", "Valid requests must contain either launchTemplateId"},
		"no such template":  {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: byID("lt-9", "1")}, "ValidationError", "You must use a valid fully-formed launch template. The specified launch template does not exist."},
		"no such version":   {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: byID("lt-1", "5")}, "ValidationError", "You must use a valid fully-formed launch template. Could not find"},
		"policy":            {autoscaling.CreateAutoScalingGroupInput{MixedInstancesPolicy: policy(&types.LaunchTemplate{LaunchTemplateSpecification: byID("lt-1", "1")})}, "", ""},
		"empty policy":      {autoscaling.CreateAutoScalingGroupInput{MixedInstancesPolicy: policy(nil)}, "ValidationError", "Valid requests must contain either launchTemplateId"},
		"configuration":     {autoscaling.CreateAutoScalingGroupInput{LaunchConfigurationName: aws.String("old")}, "", ""},
		"nothing":           {autoscaling.CreateAutoScalingGroupInput{}, "ValidationError", "InstanceId or MixedInstancesPolicy"},
		"two sources":       {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: byName, LaunchConfigurationName: aws.String("old")}, "ValidationError", "Valid requests must contain either LaunchTemplate,"},
		"there already":     {autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("there"), LaunchTemplate: byName}, "AlreadyExists", "already exists"},
		"sizes upside down": {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: byName, MinSize: aws.Int32(4)}, "ValidationError", "Max bound, 3"},
		"too many desired":  {autoscaling.CreateAutoScalingGroupInput{LaunchTemplate: byName, DesiredCapacity: aws.Int32(4)}, "ValidationError", "Desired capacity:4"},
		"override template": {autoscaling.CreateAutoScalingGroupInput{MixedInstancesPolicy: policy(&types.LaunchTemplate{
			LaunchTemplateSpecification: byID("lt-1", "1"),
			Overrides:                   []types.LaunchTemplateOverrides{{InstanceType: aws.String("m7g.large"), LaunchTemplateSpecification: shown("lt-2", "arm", "1")}},
		})}, "ValidationError", "Valid requests must contain either launchTemplateId"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, awssim.Options{})
			s.made("there")
			if tt.in.AutoScalingGroupName == nil {
				tt.in.AutoScalingGroupName = aws.String("web")
			}
			failed(t, s.create(&tt.in), tt.code, tt.text)
			want := "there"
			if tt.code == "" {
				want += " web"
			}
			if got := names(s.sim.Groups()); got != want {
				t.Errorf("groups %s, want %s", got, want)
			}
		})
	}
	s := newScene(t, awssim.Options{})
	_, err := s.client.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(1), MaxSize: aws.Int32(1), LaunchTemplate: byName,
	})
	failed(t, err, "ValidationError", "At least one Availability Zone or VPC Subnet is required.")
	err = s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byName, Context: aws.String("x")})
	var not *awssim.NotModelled
	if !errors.As(err, &not) || not.What != `parameter "Context"` {
		t.Errorf("got %v", err)
	}
}

func TestNewGroup(t *testing.T) {
	s := newScene(t, awssim.Options{})
	if err := s.create(&autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("all"), LaunchConfigurationName: aws.String("old"), AvailabilityZones: []string{"us-west-1b", "us-west-1c"},
		DefaultCooldown: aws.Int32(60), TerminationPolicies: []string{"OldestInstance"}, HealthCheckType: aws.String("EBS"), HealthCheckGracePeriod: aws.Int32(300),
		NewInstancesProtectedFromScaleIn: aws.Bool(true), CapacityRebalance: aws.Bool(true), DesiredCapacity: aws.Int32(2),
	}); err != nil {
		t.Fatal(err)
	}
	same(t, types.AutoScalingGroup{
		AutoScalingGroupName:    aws.String("all"),
		AutoScalingGroupARN:     aws.String("arn:aws:autoscaling:us-west-1:123456789012:autoScalingGroup:00000000-0000-4000-8000-000000000001:autoScalingGroupName/all"),
		LaunchConfigurationName: aws.String("old"),
		MinSize:                 aws.Int32(1), MaxSize: aws.Int32(3), DesiredCapacity: aws.Int32(2), DefaultCooldown: aws.Int32(60),
		AvailabilityZones: []string{"us-west-1b", "us-west-1c"}, VPCZoneIdentifier: aws.String("subnet-1"),
		HealthCheckType: aws.String("EBS"), HealthCheckGracePeriod: aws.Int32(300), TerminationPolicies: []string{"OldestInstance"},
		NewInstancesProtectedFromScaleIn: aws.Bool(true), CapacityRebalance: aws.Bool(true), CreatedTime: aws.Time(dawn),
	}, s.group("all"))
	if err := s.create(&autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("web")},
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop"), PropagateAtLaunch: aws.Bool(true)}, {Key: aws.String("env"), Value: aws.String("prod")}},
	}); err != nil {
		t.Fatal(err)
	}
	tag := func(key, value string, propagate bool) types.TagDescription {
		return types.TagDescription{Key: &key, Value: &value, PropagateAtLaunch: &propagate, ResourceId: aws.String("web"), ResourceType: aws.String("auto-scaling-group")}
	}
	same(t, types.AutoScalingGroup{
		AutoScalingGroupName: aws.String("web"),
		AutoScalingGroupARN:  aws.String("arn:aws:autoscaling:us-west-1:123456789012:autoScalingGroup:00000000-0000-4000-8000-000000000002:autoScalingGroupName/web"),
		LaunchTemplate:       &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateName: aws.String("web")}, // no version was given
		MinSize:              aws.Int32(1), MaxSize: aws.Int32(3), DesiredCapacity: aws.Int32(1), DefaultCooldown: aws.Int32(300),
		AvailabilityZones: []string{"us-west-1a"}, VPCZoneIdentifier: aws.String("subnet-1"),
		HealthCheckType: aws.String("EC2"), HealthCheckGracePeriod: aws.Int32(0), TerminationPolicies: []string{"Default"},
		NewInstancesProtectedFromScaleIn: aws.Bool(false), CreatedTime: aws.Time(dawn),
		Tags: []types.TagDescription{tag("env", "prod", false), tag("team", "shop", true)},
	}, s.group("web"))
}

// An update changes what it says and nothing else.
func TestUpdate(t *testing.T) {
	type input = autoscaling.UpdateAutoScalingGroupInput
	type row = types.AutoScalingGroup
	tests := map[string]struct {
		in         input
		change     func(*row)
		code, text string
	}{
		"nothing":        {in: input{}, change: func(*row) {}},
		"version":        {in: input{LaunchTemplate: byID("lt-1", "$Latest")}, change: func(g *row) { g.LaunchTemplate = shown("lt-1", "web", "$Latest") }},
		"template":       {in: input{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("arm"), Version: aws.String("1")}}, change: func(g *row) { g.LaunchTemplate = shown("lt-2", "arm", "1") }},
		"configuration":  {in: input{LaunchConfigurationName: aws.String("old")}, change: func(g *row) { g.LaunchTemplate, g.LaunchConfigurationName = nil, aws.String("old") }},
		"higher minimum": {in: input{MinSize: aws.Int32(3)}, change: func(g *row) { g.MinSize, g.DesiredCapacity = aws.Int32(3), aws.Int32(3) }},
		"lower maximum":  {in: input{MaxSize: aws.Int32(1)}, change: func(g *row) { g.MaxSize, g.DesiredCapacity = aws.Int32(1), aws.Int32(1) }},
		"desired":        {in: input{DesiredCapacity: aws.Int32(3)}, change: func(g *row) { g.DesiredCapacity = aws.Int32(3) }},
		"the rest": {
			in: input{HealthCheckType: aws.String("ELB"), HealthCheckGracePeriod: aws.Int32(60), TerminationPolicies: []string{"OldestInstance"}, VPCZoneIdentifier: aws.String("subnet-2"), NewInstancesProtectedFromScaleIn: aws.Bool(true), AvailabilityZones: []string{"us-west-1c"}, CapacityRebalance: aws.Bool(false)},
			change: func(g *row) {
				g.HealthCheckType, g.HealthCheckGracePeriod, g.TerminationPolicies = aws.String("ELB"), aws.Int32(60), []string{"OldestInstance"}
				g.AvailabilityZones, g.CapacityRebalance = []string{"us-west-1c"}, aws.Bool(false)
				g.VPCZoneIdentifier, g.NewInstancesProtectedFromScaleIn = aws.String("subnet-2"), aws.Bool(true)
			},
		},
		"both names":      {in: input{LaunchTemplate: shown("lt-1", "web", "$Latest")}, code: "ValidationError", text: "Valid requests must contain either launchTemplateId or LaunchTemplateName"},
		"no such version": {in: input{LaunchTemplate: byID("lt-1", "9")}, code: "ValidationError", text: "fully-formed"},
		"two sources":     {in: input{LaunchTemplate: byID("lt-1", "1"), LaunchConfigurationName: aws.String("old")}, code: "ValidationError", text: "Valid requests"},
		"policy of none":  {in: input{MixedInstancesPolicy: &types.MixedInstancesPolicy{}}, code: "ValidationError", text: "Valid requests"},
		"out of bounds":   {in: input{DesiredCapacity: aws.Int32(9)}, code: "ValidationError", text: "Desired capacity:9"},
		"of no group":     {in: input{AutoScalingGroupName: aws.String("none"), MinSize: aws.Int32(1)}, code: "ValidationError", text: "AutoScalingGroup name not found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, awssim.Options{})
			if err := s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "1"), DesiredCapacity: aws.Int32(2)}); err != nil {
				t.Fatal(err)
			}
			s.made("other")
			want, other := s.group("web"), s.group("other")
			if tt.change != nil {
				tt.change(&want)
			}
			if tt.in.AutoScalingGroupName == nil {
				tt.in.AutoScalingGroupName = aws.String("web")
			}
			failed(t, s.update(&tt.in), tt.code, tt.text)
			same(t, want, s.group("web"))
			same(t, other, s.group("other"))
		})
	}
}

func TestDelete(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.made("empty")
	s.made("web")
	if err := s.sim.SetInstances("web", types.Instance{InstanceId: aws.String("i-1")}); err != nil {
		t.Fatal(err)
	}
	remove := func(name string, force bool) error {
		_, err := s.client.DeleteAutoScalingGroup(t.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: &name, ForceDelete: &force})
		return err
	}
	failed(t, remove("none", false), "ValidationError", "AutoScalingGroup name not found")
	failed(t, remove("empty", false), "", "")
	failed(t, remove("web", false), "ResourceInUse", "still in the group")
	failed(t, remove("web", true), "", "")
	g := s.group("web") // still there, and on its way out
	if aws.ToString(g.Status) != "Delete in progress" || g.Instances[0].LifecycleState != types.LifecycleStateTerminating {
		t.Errorf("got %+v", g)
	}
	failed(t, s.update(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(1)}), "ScalingActivityInProgress", "pending delete")
	failed(t, s.create(&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: byID("lt-1", "1")}), "AlreadyExists", "pending delete")
	s.clock.Advance(time.Minute)
	if got := names(s.describe(&autoscaling.DescribeAutoScalingGroupsInput{})); got != "" {
		t.Errorf("groups %s", got)
	}
	s.made("web")
}

func TestTags(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.made("a")
	s.made("b")
	tag := func(group, key, value string) types.Tag {
		return types.Tag{ResourceId: &group, ResourceType: aws.String("auto-scaling-group"), Key: &key, Value: &value}
	}
	set := func(tags ...types.Tag) error {
		_, err := s.client.CreateOrUpdateTags(t.Context(), &autoscaling.CreateOrUpdateTagsInput{Tags: tags})
		return err
	}
	failed(t, set(tag("a", "env", "prod"), tag("b", "env", "test"), tag("a", "team", "shop")), "", "")
	failed(t, set(tag("a", "env", "stage")), "", "")
	failed(t, set(tag("a", "lost", "x"), tag("none", "env", "x")), "ValidationError", "not found")
	failed(t, set(tag("a", "lost", "x"), types.Tag{ResourceId: aws.String("a"), ResourceType: aws.String("instance"), Key: aws.String("k")}), "ValidationError", "instance")
	want := map[string][2]string{"a": {"env=stage", "team=shop"}, "b": {"env=test"}}
	for name, tags := range want {
		var got [2]string
		for i, d := range s.group(name).Tags {
			got[i] = *d.Key + "=" + *d.Value
		}
		if got != tags {
			t.Errorf("%s: %s, want %s", name, got, tags)
		}
	}
}

func TestDescribe(t *testing.T) {
	s := newScene(t, awssim.Options{})
	for name, tags := range map[string][]string{"a": {"env", "prod"}, "b": {"env", "test"}, "c": {"team", "prod"}, "d": nil, "e": {"env", "prod"}} {
		in := &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, LaunchTemplate: byID("lt-1", "1")}
		if tags != nil {
			in.Tags = []types.Tag{{Key: &tags[0], Value: &tags[1]}}
		}
		if err := s.create(in); err != nil {
			t.Fatal(err)
		}
	}
	filter := func(name string, values ...string) types.Filter { return types.Filter{Name: &name, Values: values} }
	tests := map[string]struct {
		in   autoscaling.DescribeAutoScalingGroupsInput
		want string
	}{
		"all":                 {autoscaling.DescribeAutoScalingGroupsInput{}, "a b c d e"},
		"by name":             {autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"e", "none", "b"}}, "b e"},
		"tag":                 {autoscaling.DescribeAutoScalingGroupsInput{Filters: []types.Filter{filter("tag:env", "prod")}}, "a e"},
		"tag of either value": {autoscaling.DescribeAutoScalingGroupsInput{Filters: []types.Filter{filter("tag:env", "prod", "test")}}, "a b e"},
		"tag key":             {autoscaling.DescribeAutoScalingGroupsInput{Filters: []types.Filter{filter("tag-key", "env")}}, "a b e"},
		"tag value":           {autoscaling.DescribeAutoScalingGroupsInput{Filters: []types.Filter{filter("tag-value", "prod")}}, "a c e"},
		"two filters":         {autoscaling.DescribeAutoScalingGroupsInput{Filters: []types.Filter{filter("tag-value", "prod"), filter("tag-key", "team")}}, "c"},
		"no wildcards":        {autoscaling.DescribeAutoScalingGroupsInput{Filters: []types.Filter{filter("tag:env", "pro*")}}, ""},
		"name and tag":        {autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"a", "b"}, Filters: []types.Filter{filter("tag:env", "prod")}}, "a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := names(s.describe(&tt.in)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	_, err := s.client.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{Filters: []types.Filter{filter("status", "x")}})
	var not *awssim.NotModelled
	if !errors.As(err, &not) || not.What != `filter "status"` {
		t.Errorf("got %v", err)
	}
	_, err = s.client.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(101)})
	failed(t, err, "ValidationError", "between 1 and 100")
	_, err = s.client.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{NextToken: aws.String("x")})
	failed(t, err, "InvalidNextToken", "")
}
