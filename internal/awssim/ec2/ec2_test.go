package ec2_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// scene is a VPC with a subnet, an internet gateway and a route table.
type scene struct {
	t                       *testing.T
	world                   *awssim.World
	clock                   *clock.Virtual
	sim                     *ec2sim.Service
	client                  *ec2.Client
	vpc, subnet, igw, table string
}

// must returns what a call answered, or ends the test.
func must[Out any](t *testing.T, out *Out, err error) *Out {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, clock: clock.NewVirtual(dawn), sim: ec2sim.New(ec2sim.Times{})}
	s.world = awssim.New(s.clock, awssim.Options{}, s.sim)
	s.client = ec2.NewFromConfig(s.world.Config())
	ctx := t.Context()
	vpc, err := s.client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	s.vpc = *must(t, vpc, err).Vpc.VpcId
	subnet, err := s.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: aws.String("10.0.1.0/24")})
	s.subnet = *must(t, subnet, err).Subnet.SubnetId
	igw, err := s.client.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})
	s.igw = *must(t, igw, err).InternetGateway.InternetGatewayId
	attached, err := s.client.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{VpcId: &s.vpc, InternetGatewayId: &s.igw})
	must(t, attached, err)
	table, err := s.client.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &s.vpc})
	s.table = *must(t, table, err).RouteTable.RouteTableId
	return s
}

// run launches one instance, with changes to the request.
func (s *scene) run(change func(*ec2.RunInstancesInput)) types.Instance {
	s.t.Helper()
	in := &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
	if change != nil {
		change(in)
	}
	out, err := s.client.RunInstances(s.t.Context(), in)
	return must(s.t, out, err).Instances[0]
}

// running launches one instance and waits for it; it returns the ids of the
// instance and of its interface.
func (s *scene) running() (id, eni string) {
	s.t.Helper()
	i := s.run(nil)
	s.clock.Advance(time.Minute)
	return *i.InstanceId, *i.NetworkInterfaces[0].NetworkInterfaceId
}

func (s *scene) instance(id string) types.Instance {
	s.t.Helper()
	out, err := s.client.DescribeInstances(s.t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	return must(s.t, out, err).Reservations[0].Instances[0]
}

func (s *scene) stop(id string) {
	s.t.Helper()
	out, err := s.client.StopInstances(s.t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}})
	must(s.t, out, err)
	s.clock.Advance(time.Minute)
}

func (s *scene) start(id string) {
	s.t.Helper()
	out, err := s.client.StartInstances(s.t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}})
	must(s.t, out, err)
	s.clock.Advance(time.Minute)
}

func (s *scene) terminate(id string) {
	s.t.Helper()
	out, err := s.client.TerminateInstances(s.t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	must(s.t, out, err)
	s.clock.Advance(time.Minute)
}

// newInterface makes an interface that is attached to nothing.
func (s *scene) newInterface() string {
	s.t.Helper()
	out, err := s.client.CreateNetworkInterface(s.t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: &s.subnet})
	return *must(s.t, out, err).NetworkInterface.NetworkInterfaceId
}

func (s *scene) route(destination, eni string) {
	s.t.Helper()
	out, err := s.client.CreateRoute(s.t.Context(), &ec2.CreateRouteInput{RouteTableId: &s.table, DestinationCidrBlock: &destination, NetworkInterfaceId: &eni})
	must(s.t, out, err)
}

// filter is one filter as a list.
func filter(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: &name, Values: values}}
}

// specs are new interfaces in a subnet at these device indexes.
func specs(subnet string, devices ...int32) []types.InstanceNetworkInterfaceSpecification {
	var list []types.InstanceNetworkInterfaceSpecification
	for _, d := range devices {
		list = append(list, types.InstanceNetworkInterfaceSpecification{DeviceIndex: &d, SubnetId: &subnet})
	}
	return list
}

// code is AWS's code of an error, "" if it has none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// wantCode checks an error's code.
func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if code(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// states are the routes in short: destination, instance, state.
func (s *scene) states() []string {
	var list []string
	for _, r := range s.sim.Routes() {
		list = append(list, short(r))
	}
	return list
}

func short(r ec2sim.RouteView) string {
	return fmt.Sprintf("%s %s %s", r.Destination, cmp.Or(r.InstanceID, r.InterfaceID, r.GatewayID), r.State)
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// ids are the instances that DescribeInstances returns on all its pages.
func (s *scene) ids(in *ec2.DescribeInstancesInput) []string {
	s.t.Helper()
	var ids []string
	for p := ec2.NewDescribeInstancesPaginator(s.client, in); p.HasMorePages(); {
		out, err := p.NextPage(s.t.Context())
		for _, r := range must(s.t, out, err).Reservations {
			for _, i := range r.Instances {
				ids = append(ids, *i.InstanceId)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
