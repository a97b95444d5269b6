package awssim_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestTransitionsTakeTheirTime(t *testing.T) {
	s := newScene(t, awssim.Options{NoTrail: true})
	var got []string
	s.Subscribe(func(e event.Event) {
		got = append(got, fmt.Sprintf("%v %s %s %s", e.Time.Sub(dawn), e.DetailType, e.Resources, e.Detail))
	})
	id := s.run(t)
	if due, ok := s.NextDue(); !ok || !due.Equal(dawn.Add(8*time.Second)) {
		t.Errorf("next due %v %v", due, ok)
	}
	s.clock.Advance(8*time.Second - 1)
	s.wantState(t, id, types.InstanceStateNamePending)
	s.clock.Advance(1)
	s.wantState(t, id, types.InstanceStateNameRunning)
	if _, err := s.client.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	s.wantState(t, id, types.InstanceStateNameStopping)
	s.clock.Advance(5 * time.Second)
	if _, err := s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Minute) // well past the stop that termination made void
	s.Settle()
	line := func(at, state string) string {
		return at + ` EC2 Instance State-change Notification [arn:aws:ec2:us-west-1:123456789012:instance/` + id +
			`] {"instance-id":"` + id + `","state":"` + state + `"}`
	}
	want := []string{line("0s", "pending"), line("8s", "running"), line("8s", "stopping"), line("13s", "shutting-down"), line("18s", "terminated")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestAgendaKeepsOrder: what is due at the same time happens in the order in
// which it was scheduled.
func TestAgendaKeepsOrder(t *testing.T) {
	s := newScene(t, awssim.Options{NoTrail: true})
	want := []string{s.run(t), s.run(t), s.run(t)}
	var got []string
	s.Subscribe(func(e event.Event) {
		change, _, err := event.AsInstanceStateChange(e)
		if err != nil {
			t.Error(err)
		}
		got = append(got, change.InstanceID)
	})
	s.clock.Advance(time.Minute)
	s.Settle()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTerminatedInstancesAreShownForAnHour(t *testing.T) {
	s := newScene(t, awssim.Options{})
	id := s.run(t)
	if _, err := s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Hour)
	s.wantState(t, id, types.InstanceStateNameTerminated)
	s.clock.Advance(time.Minute)
	if _, err := s.state(t.Context(), id); code(err) != "InvalidInstanceID.NotFound" {
		t.Errorf("got %v", err)
	}
}

// TestRunSettles: in a bubble time passes by itself, and events come without
// anybody calling.
func TestRunSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := awssim.New(clock.Real{}, awssim.Options{}, ec2sim.New(ec2sim.Times{Pending: 3 * time.Second}))
		start := time.Now()
		at := make(chan time.Duration, 10)
		w.Subscribe(func(event.Event) { at <- time.Since(start) })
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go w.Run(ctx)
		synctest.Wait() // Run is asleep with nothing due, and must be woken
		s := &scene{World: w, client: ec2.NewFromConfig(w.Config())}
		v, err := s.client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		if err != nil {
			t.Fatal(err)
		}
		sub, err := s.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24")})
		if err != nil {
			t.Fatal(err)
		}
		s.subnet = *sub.Subnet.SubnetId
		s.run(t)
		if pending, running := <-at, <-at; pending != 0 || running != 3*time.Second {
			t.Errorf("pending at %v, running at %v", pending, running)
		}
	})
}

func TestFailAfterHasItsEffect(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.Intercept(only("ec2:CreateVpc", awssim.FailAfter(awssim.Denied("ec2:CreateVpc", "*"))))
	_, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")})
	if code(err) != "UnauthorizedOperation" {
		t.Errorf("got %v", err)
	}
	if n := s.vpcs(t); n != 2 {
		t.Errorf("%d VPCs, want 2", n)
	}
}

func TestFailBeforeHasNone(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.Intercept(only("ec2:CreateVpc", awssim.FailBefore(awssim.Denied("ec2:CreateVpc", "*"))))
	_, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")})
	if code(err) != "UnauthorizedOperation" {
		t.Errorf("got %v", err)
	}
	if n := s.vpcs(t); n != 1 {
		t.Errorf("%d VPCs, want 1", n)
	}
}

func TestFailLateLandsLater(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.Intercept(only("ec2:CreateVpc", awssim.FailLate(30*time.Second, awssim.Denied("ec2:CreateVpc", "*"))))
	_, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")})
	if code(err) != "UnauthorizedOperation" {
		t.Errorf("got %v", err)
	}
	s.clock.Advance(29 * time.Second)
	if n := s.vpcs(t); n != 1 {
		t.Errorf("%d VPCs after 29s, want 1", n)
	}
	s.clock.Advance(time.Second)
	if n := s.vpcs(t); n != 2 {
		t.Errorf("%d VPCs after 30s, want 2", n)
	}
	var told, landed []awssim.Call
	for _, c := range s.Calls()[2:] {
		switch {
		case c.Operation == "ec2:CreateVpc" && c.Applied:
			landed = append(landed, c)
		case c.Operation == "ec2:CreateVpc":
			told = append(told, c)
		}
	}
	if len(told) != 1 || len(landed) != 1 || !landed[0].At.Equal(dawn.Add(30*time.Second)) || landed[0].RequestID != told[0].RequestID {
		t.Errorf("told %+v, landed %+v", told, landed)
	}
}

func TestStaleReads(t *testing.T) {
	s := newScene(t, awssim.Options{PageSize: 100})
	s.clock.Advance(time.Hour)
	var age time.Duration
	s.StaleReads(func(awssim.Call) time.Duration { return age })
	create := func() {
		s.clock.Advance(10 * time.Second)
		if _, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")}); err != nil {
			t.Fatal(err)
		}
	}
	create()
	create()
	create() // 1, 2, 3 and 4 VPCs at 0, 10, 20 and 30 seconds; now is 30
	for _, c := range []struct {
		age  time.Duration
		want int
	}{{0, 4}, {time.Second, 3}, {10 * time.Second, 3}, {11 * time.Second, 2}, {25 * time.Second, 1}, {time.Hour, 1}, {0, 4}} {
		age = c.age
		if n := s.vpcs(t); n != c.want {
			t.Errorf("%d VPCs at age %v, want %d", n, c.age, c.want)
		}
	}
	s.clock.Advance(awssim.MaxStale - 25*time.Second)
	create() // now is 15 seconds more than MaxStale: between the first and the second creation
	age = 100 * time.Hour
	if n := s.vpcs(t); n != 2 {
		t.Errorf("%d VPCs at the greatest age, want 2", n)
	}
	s.clock.Advance(awssim.MaxStale) // and nothing has changed since
	if n := s.vpcs(t); n != 5 {
		t.Errorf("%d VPCs at the greatest age after a quiet time, want 5", n)
	}
}

func TestWritesActOnThePresent(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.StaleReads(func(awssim.Call) time.Duration { return time.Minute })
	v, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Second)
	if _, err := s.client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{*v.Vpc.VpcId}}); code(err) != "InvalidVpcID.NotFound" {
		t.Errorf("the stale read got %v", err)
	}
	if _, err := s.client.CreateRouteTable(t.Context(), &ec2.CreateRouteTableInput{VpcId: v.Vpc.VpcId}); err != nil {
		t.Errorf("the write got %v", err)
	}
}

func TestRateLimits(t *testing.T) {
	s := newScene(t, awssim.Options{RateLimits: true})
	client := ec2.NewFromConfig(s.Config(), func(o *ec2.Options) { o.RetryMaxAttempts = 1 })
	create := func() error {
		_, err := client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")})
		return err
	}
	for range 49 { // the scene took one of fifty
		if err := create(); err != nil {
			t.Fatal(err)
		}
	}
	if err := create(); code(err) != "RequestLimitExceeded" {
		t.Errorf("the 51st got %v", err)
	}
	if _, err := client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}); err != nil {
		t.Errorf("another bucket: %v", err)
	}
	s.clock.Advance(time.Second) // five more
	for range 5 {
		if err := create(); err != nil {
			t.Fatal(err)
		}
	}
	if err := create(); code(err) != "RequestLimitExceeded" {
		t.Errorf("after the refill got %v", err)
	}
	s.clock.Advance(time.Hour) // no more than full
	for range 50 {
		if err := create(); err != nil {
			t.Fatal(err)
		}
	}
	if err := create(); code(err) != "RequestLimitExceeded" {
		t.Errorf("after an hour the 51st got %v", err)
	}
}

func TestAuthorize(t *testing.T) {
	s := newScene(t, awssim.Options{})
	ctx := t.Context()
	id := s.run(t)
	eni := s.ec2Interface(t, id)
	table, err := s.client.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &s.vpc, TagSpecifications: []types.TagSpecification{
		{ResourceType: types.ResourceTypeRouteTable, Tags: []types.Tag{{Key: aws.String("role"), Value: aws.String("inner")}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	rtb := *table.RouteTable.RouteTableId
	type request struct {
		Action, Resource string
		Context          map[string][]string
	}
	var asked []request
	s.Authorize(func(action, resource string, context map[string][]string) bool {
		asked = append(asked, request{action, resource, context})
		return action != "ec2:CreateRoute"
	})
	_, err = s.client.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &rtb, DestinationCidrBlock: aws.String("0.0.0.0/0"), NetworkInterfaceId: &eni})
	if code(err) != "UnauthorizedOperation" {
		t.Errorf("got %v", err)
	}
	if routes := s.ec2.Routes(); len(routes) != 0 {
		t.Errorf("a denied call made %v", routes)
	}
	if _, err := s.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}); err != nil {
		t.Error(err)
	}
	if _, err := s.client.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: &eni, SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(false)},
	}); err != nil {
		t.Error(err)
	}
	arn := "arn:aws:ec2:us-west-1:123456789012:"
	want := []request{
		{"ec2:CreateRoute", arn + "route-table/" + rtb, map[string][]string{
			"ec2:Region": {"us-west-1"}, "ec2:RouteTableID": {rtb}, "ec2:Vpc": {arn + "vpc/" + s.vpc},
			"aws:ResourceTag/role": {"inner"}, "ec2:ResourceTag/role": {"inner"},
		}},
		{"ec2:DescribeVpcs", "*", map[string][]string{"ec2:Region": {"us-west-1"}}},
		{"ec2:ModifyNetworkInterfaceAttribute", arn + "network-interface/" + eni, map[string][]string{
			"ec2:Region": {"us-west-1"}, "ec2:NetworkInterfaceID": {eni}, "ec2:AvailabilityZone": {"us-west-1a"},
			"ec2:Subnet": {arn + "subnet/" + s.subnet}, "ec2:Vpc": {arn + "vpc/" + s.vpc},
			"ec2:Attribute": {"SourceDestCheck"}, "ec2:Attribute/SourceDestCheck": {"false"},
		}},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// ec2Interface is the primary interface of an instance.
func (s *scene) ec2Interface(t *testing.T, id string) string {
	t.Helper()
	out, err := s.client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Reservations[0].Instances[0].NetworkInterfaces[0].NetworkInterfaceId
}

func TestPages(t *testing.T) {
	for _, size := range []int{1, 2, 3, 1000} {
		s := newScene(t, awssim.Options{PageSize: size})
		for range 4 {
			if _, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")}); err != nil {
				t.Fatal(err)
			}
		}
		before := len(s.Calls())
		if n := s.vpcs(t); n != 5 {
			t.Errorf("page size %d: %d VPCs, want 5", size, n)
		}
		if pages, want := len(s.Calls())-before, (5+size-1)/size; pages != want {
			t.Errorf("page size %d: %d pages, want %d", size, pages, want)
		}
	}
	s := newScene(t, awssim.Options{})
	for want, in := range map[string]*ec2.DescribeVpcsInput{
		"InvalidParameterValue":       {MaxResults: aws.Int32(4)},
		"InvalidNextToken":            {NextToken: aws.String("x")},
		"InvalidParameterCombination": {MaxResults: aws.Int32(5), VpcIds: []string{s.vpc}},
	} {
		if _, err := s.client.DescribeVpcs(t.Context(), in); code(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestHooksMayCall: hooks run outside the lock, one after the other, also those
// that a hook causes itself.
func TestHooksMayCall(t *testing.T) {
	s := newScene(t, awssim.Options{})
	var got []string
	s.OnCall(func(c awssim.Call) {
		got = append(got, "begin "+c.Operation)
		if c.Operation == "ec2:CreateVpc" {
			if _, err := s.client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}); err != nil {
				t.Error(err)
			}
		}
		got = append(got, "end "+c.Operation)
	})
	if _, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")}); err != nil {
		t.Fatal(err)
	}
	want := []string{"begin ec2:CreateVpc", "end ec2:CreateVpc", "begin ec2:DescribeVpcs", "end ec2:DescribeVpcs"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestConcurrentCalls is for the race detector.
func TestConcurrentCalls(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.StaleReads(func(awssim.Call) time.Duration { return time.Second })
	events := 0
	s.Subscribe(func(event.Event) { events++ })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			id := s.run(t)
			s.clock.Advance(time.Second)
			if _, err := s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
				t.Error(err)
			}
			if _, err := s.client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s.clock.Advance(time.Minute)
	s.Settle()
	if events < 8*3 {
		t.Errorf("%d events, want at least pending, shutting-down and terminated of each of 8", events)
	}
}
