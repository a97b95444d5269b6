package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestAttachAndDetach(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	id, primary := s.running()
	eni := s.newInterface()
	attach := func(i, n string, device int32) (*ec2.AttachNetworkInterfaceOutput, error) {
		return s.client.AttachNetworkInterface(ctx, &ec2.AttachNetworkInterfaceInput{InstanceId: &i, NetworkInterfaceId: &n, DeviceIndex: &device})
	}
	_, err := attach(id, eni, 0)
	wantCode(t, err, "InvalidParameterValue")
	_, err = attach(id, primary, 1)
	wantCode(t, err, "InvalidNetworkInterface.InUse")
	_, err = attach(*s.run(nil).InstanceId, eni, 1)
	wantCode(t, err, "IncorrectInstanceState")
	attached, err := attach(id, eni, 1)
	link := must(t, attached, err).AttachmentId
	_, err = s.client.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &eni})
	wantCode(t, err, "InvalidParameterValue")
	_, err = s.client.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: &id, SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(false)}})
	wantCode(t, err, "InvalidInstanceID")
	_, err = s.client.DetachNetworkInterface(ctx, &ec2.DetachNetworkInterfaceInput{AttachmentId: s.instance(id).NetworkInterfaces[0].Attachment.AttachmentId})
	wantCode(t, err, "OperationNotPermitted")

	detached, err := s.client.DetachNetworkInterface(ctx, &ec2.DetachNetworkInterfaceInput{AttachmentId: link})
	must(t, detached, err)
	_, err = s.client.DetachNetworkInterface(ctx, &ec2.DetachNetworkInterfaceInput{AttachmentId: link})
	wantCode(t, err, "InvalidAttachmentID.NotFound")
	deleted, err := s.client.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &eni})
	must(t, deleted, err)
	_, err = s.client.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &eni})
	wantCode(t, err, "InvalidNetworkInterfaceID.NotFound")
}

func TestSourceDestCheck(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	id, eni := s.running()
	if !*s.instance(id).SourceDestCheck {
		t.Error("the check is off by default")
	}
	off := &types.AttributeBooleanValue{Value: aws.Bool(false)}
	byInterface, err := s.client.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &eni, SourceDestCheck: off})
	must(t, byInterface, err)
	if *s.instance(id).SourceDestCheck {
		t.Error("still on after it was set by the interface")
	}
	byInstance, err := s.client.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: &id, SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(true)}})
	must(t, byInstance, err)
	out, err := s.client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: filter("source-dest-check", "true")})
	if got := must(t, out, err).NetworkInterfaces; len(got) != 1 || *got[0].NetworkInterfaceId != eni {
		t.Errorf("with the check on: %+v", got)
	}
	_, err = s.client.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: &eni, SourceDestCheck: off, Attachment: &types.NetworkInterfaceAttachmentChanges{},
	})
	wantCode(t, err, "InvalidParameterCombination")
	_, err = s.client.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: &eni, Attachment: &types.NetworkInterfaceAttachmentChanges{AttachmentId: aws.String("eni-attach-1")},
	})
	wantCode(t, err, "InvalidAttachmentID.NotFound")
}

func TestPrivateAddresses(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	small, err := s.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: aws.String("10.0.2.0/29")})
	id := must(t, small, err).Subnet.SubnetId
	for _, want := range []string{"10.0.2.4", "10.0.2.5", "10.0.2.6"} {
		out, err := s.client.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: id})
		if got := *must(t, out, err).NetworkInterface.PrivateIpAddress; got != want {
			t.Errorf("address %s, want %s", got, want)
		}
	}
	_, err = s.client.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: id})
	wantCode(t, err, "InsufficientFreeAddressesInSubnet")
	_, err = s.client.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: id, PrivateIpAddress: aws.String("10.0.2.4")})
	wantCode(t, err, "InvalidIPAddress.InUse")
	_, err = s.client.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: id, PrivateIpAddress: aws.String("10.0.3.4")})
	wantCode(t, err, "InvalidParameterValue")
	_, err = s.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: aws.String("10.1.0.0/24")})
	wantCode(t, err, "InvalidSubnet.Range")
}

func TestAddresses(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	_, eniA := s.running()
	idB, eniB := s.running()
	allocate := func() string {
		out, err := s.client.AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})
		return *must(t, out, err).AllocationId
	}
	associate := func(in ec2.AssociateAddressInput) string {
		t.Helper()
		out, err := s.client.AssociateAddress(ctx, &in)
		return *must(t, out, err).AssociationId
	}
	a := allocate()
	first := associate(ec2.AssociateAddressInput{AllocationId: &a, NetworkInterfaceId: &eniA})
	if again := associate(ec2.AssociateAddressInput{AllocationId: &a, NetworkInterfaceId: &eniA, AllowReassociation: aws.Bool(false)}); again != first {
		t.Errorf("associated twice: %s, %s", first, again)
	}
	_, err := s.client.AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: &a, NetworkInterfaceId: &eniB, AllowReassociation: aws.Bool(false)})
	wantCode(t, err, "Resource.AlreadyAssociated")
	moved := associate(ec2.AssociateAddressInput{AllocationId: &a, InstanceId: &idB})
	out, err := s.client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: filter("network-interface-id", eniB)})
	if got := must(t, out, err).Addresses; len(got) != 1 || *got[0].AllocationId != a || *got[0].InstanceId != idB || moved == first {
		t.Errorf("moved: %+v", got)
	}
	if ip := s.instance(idB).PublicIpAddress; aws.ToString(ip) != "203.0.113.1" {
		t.Errorf("public address %v", ip)
	}
	_, err = s.client.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &a})
	wantCode(t, err, "InvalidIPAddress.InUse")
	s.terminate(idB) // frees it
	_, err = s.client.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: &moved})
	wantCode(t, err, "InvalidAssociationID.NotFound")
	released, err := s.client.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &a})
	must(t, released, err)
	_, err = s.client.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &a})
	wantCode(t, err, "InvalidAllocationID.NotFound")
	pending := s.run(nil)
	b := allocate()
	_, err = s.client.AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: &b, InstanceId: pending.InstanceId})
	wantCode(t, err, "IncorrectInstanceState")
	for range 4 {
		allocate()
	}
	_, err = s.client.AllocateAddress(ctx, &ec2.AllocateAddressInput{})
	wantCode(t, err, "AddressLimitExceeded")
}

func TestTags(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	set, err := s.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{s.vpc, s.table}, Tags: []types.Tag{tag("a", "1"), tag("b", "2")}})
	must(t, set, err)
	over, err := s.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{s.table}, Tags: []types.Tag{tag("a", "3")}})
	must(t, over, err)
	gone, err := s.client.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{s.vpc, s.table}, Tags: []types.Tag{tag("a", "1"), {Key: aws.String("b")}}})
	must(t, gone, err)
	var got []string
	for p := ec2.NewDescribeTagsPaginator(s.client, &ec2.DescribeTagsInput{Filters: filter("resource-type", "route-table", "vpc")}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		for _, row := range must(t, out, err).Tags {
			got = append(got, *row.ResourceId+" "+*row.Key+"="+*row.Value)
		}
	}
	wantEqual(t, "tags", got, []string{s.table + " a=3"}) // of a=1 and a=3 only the first had the value to be deleted
	_, err = s.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{s.vpc, "subnet-1"}, Tags: []types.Tag{tag("c", "1")}})
	wantCode(t, err, "InvalidSubnetID.NotFound")
	var many []types.Tag
	for i := range 51 {
		many = append(many, tag(string(rune('A'+i)), ""))
	}
	_, err = s.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{s.vpc}, Tags: many})
	wantCode(t, err, "TagLimitExceeded")
	out, err := s.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{s.vpc}})
	if left := must(t, out, err).Vpcs[0].Tags; len(left) != 0 {
		t.Errorf("calls that failed left %v", left)
	}
}

// TestOutputsAreCopies: what a caller does to an answer does not reach the
// world.
func TestOutputsAreCopies(t *testing.T) {
	s := newScene(t)
	id, _ := s.running()
	i := s.instance(id)
	*i.ImageId, *i.NetworkInterfaces[0].NetworkInterfaceId, i.State.Name = "x", "x", "x"
	if again := s.instance(id); *again.ImageId != "ami-1" || *again.NetworkInterfaces[0].NetworkInterfaceId == "x" || again.State.Name != types.InstanceStateNameRunning {
		t.Errorf("got %+v", again)
	}
}
