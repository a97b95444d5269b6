package ec2_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
)

// TestRates empties the buckets of facts/apis.md 1.1 without time passing.
func TestRates(t *testing.T) {
	w := awssim.New(clock.NewVirtual(dawn), awssim.Options{RateLimits: true}, ec2sim.New(ec2sim.Times{}))
	client := ec2.NewFromConfig(w.Config(), func(o *ec2.Options) { o.RetryMaxAttempts = 1 })
	ctx := t.Context()
	ids := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("i-%017x", i) // that none of them exists comes out only after the bucket
		}
		return list
	}
	for _, c := range []struct {
		name string
		call func() error
		want int
	}{
		{"a heavy listing, bare", func() error { _, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{}); return err }, 50},
		{"the same, filtered", func() error {
			_, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: filter("instance-id", "x")})
			return err
		}, 100},
		{"a light listing, bare", func() error { _, err := client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}); return err }, 100},
		{"a write", func() error {
			_, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
			return err
		}, 50},
		{"a launch", func() error {
			_, err := client.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: ids(1)})
			return err
		}, 5},
		{"snapshots, bare", func() error { _, err := client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{}); return err }, 50},
		{"images, bare", func() error { _, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{}); return err }, 100},
		{"a new version", func() error {
			_, err := client.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateData: &types.RequestLaunchTemplateData{}})
			return err
		}, 100},
		{"deleting versions", func() error {
			_, err := client.DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: aws.String("lt-1"), Versions: []string{"1"}})
			return err
		}, 50},
		{"many instances", func() error {
			_, err := client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: ids(300)})
			return err
		}, 3},
	} {
		n := 0
		for ; n < 200; n++ {
			if err := c.call(); code(err) == "RequestLimitExceeded" {
				break
			}
		}
		if n != c.want {
			t.Errorf("%s: throttled after %d, want %d", c.name, n, c.want)
		}
	}
}

// TestRoutePermissions: creating, replacing and deleting all ask for the table.
func TestRoutePermissions(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	_, eni := s.running()
	var asked []string
	s.world.Authorize(func(action, resource string, context map[string][]string) bool {
		asked = append(asked, action+" "+resource+" "+context["ec2:Vpc"][0])
		return true
	})
	there := aws.String("10.9.0.0/16")
	created, err := s.client.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, NetworkInterfaceId: &eni})
	must(t, created, err)
	replaced, err := s.client.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there, NetworkInterfaceId: &eni})
	must(t, replaced, err)
	deleted, err := s.client.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &s.table, DestinationCidrBlock: there})
	must(t, deleted, err)
	arn := "arn:aws:ec2:us-west-1:123456789012:"
	rest := " " + arn + "route-table/" + s.table + " " + arn + "vpc/" + s.vpc
	wantEqual(t, "asked", asked, []string{"ec2:CreateRoute" + rest, "ec2:ReplaceRoute" + rest, "ec2:DeleteRoute" + rest})
}

// TestWhatDoesNotExist names the missing thing by AWS's code.
func TestWhatDoesNotExist(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	for want, call := range map[string]func() error{
		"InvalidVpcID.NotFound": func() error {
			_, err := s.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: aws.String("vpc-1"), CidrBlock: aws.String("10.0.0.0/24")})
			return err
		},
		"InvalidSubnetID.NotFound": func() error {
			_, err := s.client.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: aws.String("subnet-1")})
			return err
		},
		"InvalidInternetGatewayID.NotFound": func() error {
			_, err := s.client.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{VpcId: &s.vpc, InternetGatewayId: aws.String("igw-1")})
			return err
		},
		"InvalidRouteTableID.NotFound": func() error {
			_, err := s.client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{s.table, "rtb-1"}})
			return err
		},
		"InvalidAssociationID.NotFound": func() error {
			_, err := s.client.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: aws.String("rtbassoc-1")})
			return err
		},
		"InvalidAllocationID.NotFound": func() error {
			_, err := s.client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{"eipalloc-1"}})
			return err
		},
		"InvalidAddress.NotFound": func() error {
			_, err := s.client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{PublicIps: []string{"203.0.113.9"}})
			return err
		},
		"InvalidLaunchTemplateId.NotFound": func() error {
			_, err := s.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{"lt-1"}, Tags: []types.Tag{{Key: aws.String("k")}}})
			return err
		},
		"InvalidAMIID.NotFound": func() error {
			_, err := s.client.EnableImageDeprecation(ctx, &ec2.EnableImageDeprecationInput{ImageId: aws.String("ami-1"), DeprecateAt: aws.Time(dawn)})
			return err
		},
		"InvalidSnapshot.NotFound": func() error {
			_, err := s.client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{SnapshotIds: []string{"snap-1"}})
			return err
		},
		"MissingParameter": func() error { _, err := s.client.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{}); return err },
	} {
		wantCode(t, call(), want)
	}
}

// TestRequestsThatContradictThemselves: what RunInstances refuses.
func TestRequestsThatContradictThemselves(t *testing.T) {
	s := newScene(t)
	for _, c := range []struct {
		want   string
		change func(*ec2.RunInstancesInput)
	}{
		{"InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.MinCount = aws.Int32(2) }},
		{"VPCIdNotSpecified", func(in *ec2.RunInstancesInput) { in.SubnetId = nil }},
		{"InvalidParameterCombination", func(in *ec2.RunInstancesInput) { in.NetworkInterfaces = specs(s.subnet, 0) }},
		{"InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.SubnetId, in.NetworkInterfaces = nil, specs(s.subnet, 0, 0) }},
		{"InvalidParameterValue", func(in *ec2.RunInstancesInput) { in.SubnetId, in.NetworkInterfaces = nil, specs(s.subnet, 1) }},
	} {
		in := &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
		c.change(in)
		_, err := s.client.RunInstances(t.Context(), in)
		wantCode(t, err, c.want)
	}
}
