package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

func TestLaunchTimeIsOfTheLastStart(t *testing.T) {
	s := newScene(t)
	id, _ := s.running()
	s.stop(id)
	if at := *s.instance(id).LaunchTime; !at.Equal(dawn) {
		t.Errorf("launched %v, want %v", at, dawn)
	}
	s.start(id)
	if at := *s.instance(id).LaunchTime; !at.Equal(dawn.Add(2 * time.Minute)) {
		t.Errorf("launched %v, want two minutes later", at)
	}
}

func TestStateErrors(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	pending := *s.run(nil).InstanceId
	_, err := s.client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{pending}})
	wantCode(t, err, "IncorrectInstanceState")
	s.clock.Advance(time.Minute)
	running := pending
	same, err := s.client.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{running}})
	if got := must(t, same, err).StartingInstances[0]; got.CurrentState.Name != types.InstanceStateNameRunning || *got.CurrentState.Code != 16 {
		t.Errorf("starting a running instance: %+v", got)
	}
	other := *s.run(nil).InstanceId
	s.terminate(other)
	_, err = s.client.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{running, other}})
	wantCode(t, err, "IncorrectInstanceState")
	_, err = s.client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{running, "i-00000000000000099"}})
	wantCode(t, err, "InvalidInstanceID.NotFound")
	_, err = s.client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{"web"}})
	wantCode(t, err, "InvalidInstanceID.Malformed")
	if got := s.instance(running).State.Name; got != types.InstanceStateNameRunning {
		t.Errorf("calls that failed left it %s", got)
	}
	again, err := s.client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{other}})
	if got := must(t, again, err).TerminatingInstances[0].CurrentState.Name; got != types.InstanceStateNameTerminated {
		t.Errorf("terminated again: %s", got)
	}
}

func TestTerminationAndInterfaces(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	own := s.newInterface()
	i := s.run(func(in *ec2.RunInstancesInput) {
		in.SubnetId = nil
		in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{
			{DeviceIndex: aws.Int32(0), NetworkInterfaceId: &own}, // stays by default
			{DeviceIndex: aws.Int32(1), SubnetId: &s.subnet},      // goes by default
			{DeviceIndex: aws.Int32(2), SubnetId: &s.subnet, DeleteOnTermination: aws.Bool(false)},
		}
	})
	if len(i.NetworkInterfaces) != 3 || *i.NetworkInterfaces[0].NetworkInterfaceId != own {
		t.Fatalf("interfaces %+v", i.NetworkInterfaces)
	}
	s.clock.Advance(time.Minute)
	last := i.NetworkInterfaces[2]
	changed, err := s.client.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: last.NetworkInterfaceId,
		Attachment:         &types.NetworkInterfaceAttachmentChanges{AttachmentId: last.Attachment.AttachmentId, DeleteOnTermination: aws.Bool(true)},
	})
	must(t, changed, err)
	s.terminate(*i.InstanceId)
	left, err := s.client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{})
	if got := must(t, left, err).NetworkInterfaces; len(got) != 1 || *got[0].NetworkInterfaceId != own || got[0].Status != types.NetworkInterfaceStatusAvailable || got[0].Attachment != nil {
		t.Errorf("left: %+v", got)
	}
	dead := s.instance(*i.InstanceId)
	if dead.State.Name != types.InstanceStateNameTerminated || dead.NetworkInterfaces != nil || dead.VpcId != nil || dead.PrivateIpAddress != nil {
		t.Errorf("terminated: %+v", dead)
	}
	wantEqual(t, "by VPC", s.ids(&ec2.DescribeInstancesInput{Filters: filter("vpc-id", s.vpc)}), []string(nil))
}

func TestDescribeInstancesFilters(t *testing.T) {
	s := newScene(t)
	web := s.run(func(in *ec2.RunInstancesInput) {
		in.MinCount, in.MaxCount = aws.Int32(3), aws.Int32(3)
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("role"), Value: aws.String("web-1")}}}}
	})
	s.clock.Advance(time.Minute)
	late := s.run(nil)
	all := []string{"i-00000000000000001", "i-00000000000000002", "i-00000000000000003", "i-00000000000000004"}
	for _, c := range []struct {
		filter []types.Filter
		want   []string
	}{
		{nil, all},
		{filter("tag:role", "web-?"), all[:3]},
		{filter("tag-key", "role"), all[:3]},
		{filter("instance-state-name", "pending", "stopped"), all[3:]},
		{filter("instance-state-code", "16"), all[:3]},
		{filter("network-interface.network-interface-id", *web.NetworkInterfaces[0].NetworkInterfaceId, *late.NetworkInterfaces[0].NetworkInterfaceId), []string{all[0], all[3]}},
		{filter("subnet-id", s.subnet), all},
		{filter("instance-id", all[1], "i-0000000000000000f"), all[1:2]},
		{append(filter("tag-key", "role"), filter("instance-id", all[2:]...)...), all[2:3]},
	} {
		wantEqual(t, "filter", s.ids(&ec2.DescribeInstancesInput{Filters: c.filter}), c.want)
	}
	_, err := s.client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{all[0], "i-0000000000000000f"}})
	wantCode(t, err, "InvalidInstanceID.NotFound")
	_, err = s.client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: all[:1], MaxResults: aws.Int32(5)})
	wantCode(t, err, "InvalidParameterCombination")
}

func TestClientToken(t *testing.T) {
	s := newScene(t)
	in := &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ClientToken: aws.String("once")}
	first, err := s.client.RunInstances(t.Context(), in)
	id := *must(t, first, err).Instances[0].InstanceId
	second, err := s.client.RunInstances(t.Context(), in)
	if got := *must(t, second, err).Instances[0].InstanceId; got != id {
		t.Errorf("the token made %s and %s", id, got)
	}
	in.ImageId = aws.String("ami-2")
	_, err = s.client.RunInstances(t.Context(), in)
	wantCode(t, err, "IdempotentParameterMismatch")
	in.ImageId = aws.String("ami-1")
	s.terminate(id)
	_, err = s.client.RunInstances(t.Context(), in)
	wantCode(t, err, "IdempotentInstanceTerminated")
	s.clock.Advance(2 * time.Hour) // it is no longer shown
	_, err = s.client.RunInstances(t.Context(), in)
	wantCode(t, err, "IdempotentInstanceTerminated")
}

// TestRunInstancesIsAllOrNothing: the second interface cannot be had, so the
// first must not be left behind.
func TestRunInstancesIsAllOrNothing(t *testing.T) {
	s := newScene(t)
	_, err := s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-1"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{
			{DeviceIndex: aws.Int32(0), SubnetId: &s.subnet, PrivateIpAddress: aws.String("10.0.1.9")},
			{DeviceIndex: aws.Int32(1), SubnetId: &s.subnet, PrivateIpAddress: aws.String("10.0.1.9")},
		},
	})
	wantCode(t, err, "InvalidIPAddress.InUse")
	out, err := s.client.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{})
	if n := len(must(t, out, err).NetworkInterfaces); n != 0 {
		t.Errorf("%d interfaces left behind", n)
	}
	wantEqual(t, "instances", s.ids(&ec2.DescribeInstancesInput{}), []string(nil))
}

func TestStatusChecks(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	id, _ := s.running()
	stopped, _ := s.running()
	s.stop(stopped)
	status := func(in *ec2.DescribeInstanceStatusInput) []string {
		var got []string
		for p := ec2.NewDescribeInstanceStatusPaginator(s.client, in); p.HasMorePages(); {
			out, err := p.NextPage(ctx)
			for _, i := range must(t, out, err).InstanceStatuses {
				got = append(got, *i.InstanceId+" "+string(i.InstanceStatus.Status)+" "+string(i.SystemStatus.Status))
			}
		}
		return got
	}
	third := *s.run(nil).InstanceId
	s.clock.Advance(10 * time.Second)
	wantEqual(t, "running only", status(&ec2.DescribeInstanceStatusInput{}), []string{id + " ok ok", third + " initializing initializing"})
	wantEqual(t, "a stopped one by id", status(&ec2.DescribeInstanceStatusInput{InstanceIds: []string{stopped}}), []string(nil))
	wantEqual(t, "all", status(&ec2.DescribeInstanceStatusInput{IncludeAllInstances: aws.Bool(true)}),
		[]string{id + " ok ok", stopped + " not-applicable not-applicable", third + " initializing initializing"})
	if err := s.sim.FailChecks(id, true); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "impaired", status(&ec2.DescribeInstanceStatusInput{Filters: filter("instance-status.status", "impaired")}), []string{id + " impaired ok"})
	if err := s.sim.FailChecks(id, false); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "well again", status(&ec2.DescribeInstanceStatusInput{InstanceIds: []string{id}}), []string{id + " ok ok"})
}

func TestSpot(t *testing.T) {
	s := newScene(t)
	var events []string
	s.world.Subscribe(func(e event.Event) {
		if e.DetailType != awssim.TypeTrailCall {
			events = append(events, e.Time.Sub(dawn).String()+" "+e.DetailType+" "+string(e.Detail))
		}
	})
	i := s.run(func(in *ec2.RunInstancesInput) {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot}
	})
	id := *i.InstanceId
	if i.InstanceLifecycle != types.InstanceLifecycleTypeSpot {
		t.Errorf("lifecycle %q", i.InstanceLifecycle)
	}
	if err := s.sim.InterruptSpot(id, types.InstanceInterruptionBehaviorTerminate); err == nil {
		t.Error("a pending instance was interrupted")
	}
	s.clock.Advance(time.Minute)
	if err := s.sim.RecommendRebalance(id); err != nil {
		t.Fatal(err)
	}
	if err := s.sim.InterruptSpot(id, types.InstanceInterruptionBehaviorHibernate); err == nil {
		t.Error("hibernation is said not to be modelled")
	}
	if err := s.sim.InterruptSpot(id, types.InstanceInterruptionBehaviorTerminate); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Hour)
	s.world.Settle()
	change := func(state string) string {
		return ` EC2 Instance State-change Notification {"instance-id":"` + id + `","state":"` + state + `"}`
	}
	wantEqual(t, "events", events, []string{
		"0s" + change("pending"),
		"8s" + change("running"),
		`1m0s EC2 Instance Rebalance Recommendation {"instance-id":"` + id + `"}`,
		`1m0s EC2 Spot Instance Interruption Warning {"instance-id":"` + id + `","instance-action":"terminate"}`,
		"3m0s" + change("shutting-down"),
		"3m5s" + change("terminated"),
	})
	plain, _ := s.running()
	if s.sim.RecommendRebalance(plain) == nil || s.sim.InterruptSpot(plain, types.InstanceInterruptionBehaviorStop) == nil || s.sim.FailChecks("i-1", true) == nil {
		t.Error("what is no spot instance, or none at all, was accepted")
	}
}
