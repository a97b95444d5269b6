package awssim_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/awssim/sns"
	"github.com/droverhq/drover/internal/awssim/sts"
	"github.com/droverhq/drover/internal/clock"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// scene is a world with a VPC, a subnet and a client.
type scene struct {
	*awssim.World
	clock  *clock.Virtual
	ec2    *ec2sim.Service
	client *ec2.Client
	vpc    string
	subnet string
}

func newScene(t *testing.T, o awssim.Options) *scene {
	t.Helper()
	s := &scene{clock: clock.NewVirtual(dawn), ec2: ec2sim.New(ec2sim.Times{})}
	s.World = awssim.New(s.clock, o, s.ec2, sns.New(), sts.New())
	s.client = ec2.NewFromConfig(s.Config())
	v, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	s.vpc = *v.Vpc.VpcId
	sub, err := s.client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	s.subnet = *sub.Subnet.SubnetId
	return s
}

// run launches an instance and returns its id.
func (s *scene) run(t *testing.T) string {
	t.Helper()
	out, err := s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-1"), SubnetId: aws.String(s.subnet), MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Instances[0].InstanceId
}

// state is the state of an instance as the API shows it.
func (s *scene) state(ctx context.Context, id string) (types.InstanceStateName, error) {
	out, err := s.client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		return "", err
	}
	return out.Reservations[0].Instances[0].State.Name, nil
}

func (s *scene) wantState(t *testing.T, id string, want types.InstanceStateName) {
	t.Helper()
	if got, err := s.state(t.Context(), id); err != nil || got != want {
		t.Errorf("%s is %q (%v), want %q", id, got, err, want)
	}
}

// vpcs counts the VPCs by reading all pages.
func (s *scene) vpcs(t *testing.T) int {
	t.Helper()
	n := 0
	for p := ec2.NewDescribeVpcsPaginator(s.client, &ec2.DescribeVpcsInput{}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Vpcs)
	}
	return n
}

// only is a fault for one operation.
func only(operation string, f awssim.Fault) func(awssim.Call) awssim.Fault {
	return func(c awssim.Call) awssim.Fault {
		if c.Operation == operation {
			return f
		}
		return awssim.Fault{}
	}
}
