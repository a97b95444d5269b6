package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestSubnets(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	for _, zone := range []string{"us-west-1a", "us-west-1b", "us-west-1b"} {
		out, err := s.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: aws.String("10.0.9.0/24"), AvailabilityZone: &zone})
		must(t, out, err)
	}
	var zones []string
	for p := ec2.NewDescribeSubnetsPaginator(s.client, &ec2.DescribeSubnetsInput{Filters: filter("cidr-block", "10.0.9.*")}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		for _, sub := range must(t, out, err).Subnets {
			zones = append(zones, *sub.AvailabilityZone)
		}
	}
	wantEqual(t, "zones", zones, []string{"us-west-1a", "us-west-1b", "us-west-1b"})
}

func TestInternetGatewayIsAttachedOnce(t *testing.T) {
	s := newScene(t)
	_, err := s.client.AttachInternetGateway(t.Context(), &ec2.AttachInternetGatewayInput{VpcId: &s.vpc, InternetGatewayId: &s.igw})
	wantCode(t, err, "Resource.AlreadyAssociated")
}

// TestCreationsWithTokens: those that are no instances.
func TestCreationsWithTokens(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	for name, create := range map[string]func(description string) (string, error){
		"prefix list": func(description string) (string, error) {
			out, err := s.client.CreateManagedPrefixList(ctx, &ec2.CreateManagedPrefixListInput{
				ClientToken: aws.String("t"), PrefixListName: &description, AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(1),
			})
			if err != nil {
				return "", err
			}
			return *out.PrefixList.PrefixListId, nil
		},
		"interface": func(description string) (string, error) {
			out, err := s.client.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{
				ClientToken: aws.String("t"), SubnetId: &s.subnet, Description: &description,
			})
			if err != nil {
				return "", err
			}
			return *out.NetworkInterface.NetworkInterfaceId, nil
		},
		"route table": func(description string) (string, error) {
			out, err := s.client.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{
				ClientToken: aws.String("t"), VpcId: &s.vpc, TagSpecifications: []types.TagSpecification{
					{ResourceType: types.ResourceTypeRouteTable, Tags: []types.Tag{{Key: aws.String("d"), Value: &description}}},
				},
			})
			if err != nil {
				return "", err
			}
			return *out.RouteTable.RouteTableId, nil
		},
	} {
		first, err := create("x")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again, err := create("x"); err != nil || again != first {
			t.Errorf("%s: made %s, then %s, %v", name, first, again, err)
		}
		_, err = create("y")
		wantCode(t, err, "IdempotentParameterMismatch")
	}
	out, err := s.client.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{Filters: filter("prefix-list-name", "x")})
	if got := must(t, out, err).PrefixLists; len(got) != 1 || got[0].State != types.PrefixListStateCreateComplete {
		t.Errorf("prefix lists %+v", got)
	}
}

// TestWrongTagType: tags are for the resource that is made.
func TestWrongTagType(t *testing.T) {
	s := newScene(t)
	_, err := s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16"), TagSpecifications: []types.TagSpecification{
		{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
	}})
	wantCode(t, err, "InvalidParameterValue")
}

// TestFilterWithoutValues fails instead of matching all or nothing.
func TestFilterWithoutValues(t *testing.T) {
	s := newScene(t)
	_, err := s.client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: filter("vpc-id")})
	wantCode(t, err, "InvalidParameterValue")
}
