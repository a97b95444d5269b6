package ec2_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

// neighbour is a service that is not EC2 and does things to it.
type neighbour struct{ store *awssim.Store[*struct{}] }

func (n *neighbour) Attach(w *awssim.World) {
	n.store = awssim.NewStore(w, "neighbour", &struct{}{}, func(s *struct{}) *struct{} { return s })
}

func TestShutDownFromWithin(t *testing.T) {
	for behavior, want := range map[string][]string{
		"":          {"pending 0s", "running 8s", "stopping 1m0s", "stopped 1m20s"},
		"stop":      {"pending 0s", "running 8s", "stopping 1m0s", "stopped 1m20s"},
		"terminate": {"pending 0s", "running 8s", "shutting-down 1m0s", "terminated 1m5s"},
	} {
		t.Run(behavior, func(t *testing.T) {
			s := newScene(t)
			s.sim = ec2sim.New(ec2sim.Times{})
			s.clock = clock.NewVirtual(dawn)
			other := &neighbour{}
			s.world = awssim.New(s.clock, awssim.Options{}, s.sim, other)
			s.client = ec2.NewFromConfig(s.world.Config())
			vpc, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
			subnet, err2 := s.client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: must(t, vpc, err).Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24")})
			s.subnet = *must(t, subnet, err2).Subnet.SubnetId

			var told, seen []string
			s.world.Subscribe(func(e event.Event) {
				if change, ok, err := event.AsInstanceStateChange(e); ok && err == nil {
					told = append(told, fmt.Sprint(change.State, " ", e.Time.Sub(dawn)))
				}
			})
			s.sim.WatchInstances(func(m *awssim.Moment, _ string, state types.InstanceStateName) {
				seen = append(seen, fmt.Sprint(state, " ", m.Now.Sub(dawn)))
			})
			id := *s.run(nil).InstanceId
			if behavior != "" {
				out, err := s.client.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{
					InstanceId: &id, InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: &behavior},
				})
				must(t, out, err)
			}
			shutDown := func() {
				other.store.Do(func(m *awssim.Moment, _ *struct{}) {
					s.sim.ShutDownFromWithin(m, id)
					s.sim.ShutDownFromWithin(m, "i-0")
				})
			}
			shutDown() // pending: there is nothing within yet
			s.clock.Advance(time.Minute)
			s.world.StaleReads(func(awssim.Call) time.Duration { return 5 * time.Second })
			shutDown()
			s.clock.Advance(2 * time.Second)
			if got := s.instance(id).State.Name; got != types.InstanceStateNameRunning {
				t.Errorf("a stale read shows it %s", got)
			}
			s.clock.Advance(time.Minute)
			shutDown() // stopped: nothing happens
			s.world.Settle()
			if diff := gocmp.Diff(want, told); diff != "" {
				t.Errorf("events: %s", diff)
			}
			if diff := gocmp.Diff(want, seen); diff != "" {
				t.Errorf("seen by the other service: %s", diff)
			}
		})
	}
}

func TestShutdownBehaviorErrors(t *testing.T) {
	s := newScene(t)
	id, _ := s.running()
	for want, in := range map[string]ec2.ModifyInstanceAttributeInput{
		"InvalidParameterValue": {InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: aws.String("hibernate")}},
		"InvalidParameterCombination": {
			InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: aws.String("stop")},
			SourceDestCheck:                   &types.AttributeBooleanValue{Value: aws.Bool(false)},
		},
	} {
		in.InstanceId = &id
		_, err := s.client.ModifyInstanceAttribute(t.Context(), &in)
		wantCode(t, err, want)
	}
}
