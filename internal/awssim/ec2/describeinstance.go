package ec2

// DescribeInstances. A page may split a reservation. Not modelled: everything
// about an instance that instanceOut does not set.

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// live makes a filter of a value that an instance loses when it is terminated.
func live(of func(instance) string) func(*state, instance) []string {
	return field(func(i instance) string {
		if i.state == types.InstanceStateNameTerminated {
			return ""
		}
		return of(i)
	})
}

// ofInterfaces makes a filter of a value that each interface of an instance has.
func ofInterfaces(of func(networkInterface) string) func(*state, instance) []string {
	return func(s *state, i instance) []string {
		var values []string
		for _, n := range s.interfacesOf(i.id) {
			values = append(values, of(n))
		}
		return values
	}
}

var instanceFilters = filters[instance]{
	"instance-id":         field(instance.key),
	"instance-state-name": field(func(i instance) string { return string(i.state) }),
	"instance-state-code": field(func(i instance) string { return strconv.Itoa(int(codes[i.state])) }),
	"instance-type":       field(func(i instance) string { return string(i.kind) }),
	"image-id":            field(func(i instance) string { return i.image }),
	"client-token":        field(func(i instance) string { return i.clientToken }),
	"availability-zone":   field(func(i instance) string { return i.zone }),
	"reservation-id":      field(func(i instance) string { return i.reservation }),
	"instance-lifecycle": field(func(i instance) string {
		if i.spot {
			return string(types.InstanceLifecycleTypeSpot)
		}
		return ""
	}),
	"vpc-id":                                 live(func(i instance) string { return i.vpc }),
	"subnet-id":                              live(func(i instance) string { return i.subnet }),
	"network-interface.network-interface-id": ofInterfaces(networkInterface.key),
	"instance.group-id": func(s *state, i instance) []string {
		var ids []string
		for _, n := range s.interfacesOf(i.id) {
			ids = append(ids, n.groups...)
		}
		return ids
	},
	"architecture":                 field(func(i instance) string { return string(i.made.architecture) }),
	"key-name":                     field(func(i instance) string { return i.made.keyName }),
	"metadata-options.http-tokens": field(func(i instance) string { return string(i.made.metadata.tokens) }),
	"network-interface.vpc-id":     ofInterfaces(func(n networkInterface) string { return n.vpc }),
	"network-interface.subnet-id":  ofInterfaces(func(n networkInterface) string { return n.subnet }),
	"private-ip-address":           ofInterfaces(func(n networkInterface) string { return n.address }),
}

func describeInstances(m *awssim.Moment, s *state, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	if _, err := s.named(in.InstanceIds); err != nil {
		return nil, err
	}
	page, next, err := list(m, s, &s.instances, "i", listing{ids: in.InstanceIds, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 1000}, instanceFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstancesOutput{NextToken: next}
	for _, i := range page {
		last := len(out.Reservations) - 1
		if last < 0 || *out.Reservations[last].ReservationId != i.reservation {
			out.Reservations = append(out.Reservations, types.Reservation{ReservationId: aws.String(i.reservation), OwnerId: aws.String(m.Account())})
			last++
		}
		out.Reservations[last].Instances = append(out.Reservations[last].Instances, s.instanceOut(m, i))
	}
	return out, nil
}

func (s *state) instanceOut(m *awssim.Moment, i instance) types.Instance {
	out := types.Instance{
		InstanceId:     aws.String(i.id),
		AmiLaunchIndex: aws.Int32(i.index),
		ImageId:        aws.String(i.image),
		InstanceType:   i.kind,
		LaunchTime:     aws.Time(i.launched),
		Placement:      &types.Placement{AvailabilityZone: aws.String(i.zone), Tenancy: types.TenancyDefault},
		State:          stateOut(i.state),
		Tags:           s.tagSet(i.id),
	}
	if i.clientToken != "" {
		out.ClientToken = aws.String(i.clientToken)
	}
	if i.spot {
		out.InstanceLifecycle = types.InstanceLifecycleTypeSpot
	}
	if k, known := kindOf(i.kind); known {
		out.CpuOptions = &types.CpuOptions{CoreCount: aws.Int32(k.cores), ThreadsPerCore: aws.Int32(k.threads())}
	}
	i.made.show(m, &out)
	out.StateReason = i.reason.out()
	if i.state == types.InstanceStateNameTerminated {
		return out
	}
	out.BlockDeviceMappings = s.volumesOut(i.id)
	out.RootDeviceType = types.DeviceTypeEbs
	if len(out.BlockDeviceMappings) > 0 {
		out.RootDeviceName = out.BlockDeviceMappings[0].DeviceName
	}
	out.SubnetId, out.VpcId = aws.String(i.subnet), aws.String(i.vpc)
	for _, n := range s.interfacesOf(i.id) {
		shown := s.instanceInterfaceOut(m, n)
		out.NetworkInterfaces = append(out.NetworkInterfaces, shown)
		if n.attachment.device != 0 {
			continue
		}
		out.SecurityGroups = shown.Groups
		out.PrivateIpAddress, out.SourceDestCheck = shown.PrivateIpAddress, shown.SourceDestCheck
		if shown.Association != nil {
			out.PublicIpAddress = shown.Association.PublicIp
		}
	}
	return out
}

func (s *state) instanceInterfaceOut(m *awssim.Moment, n networkInterface) types.InstanceNetworkInterface {
	out := types.InstanceNetworkInterface{
		NetworkInterfaceId: aws.String(n.id),
		SubnetId:           aws.String(n.subnet),
		VpcId:              aws.String(n.vpc),
		PrivateIpAddress:   aws.String(n.address),
		PrivateIpAddresses: []types.InstancePrivateIpAddress{{Primary: aws.Bool(true), PrivateIpAddress: aws.String(n.address)}},
		Description:        aws.String(n.description),
		Groups:             s.groupsOut(n.groups),
		OwnerId:            aws.String(m.Account()),
		SourceDestCheck:    aws.Bool(n.sourceDestCheck),
		Status:             n.status(),
		Attachment: &types.InstanceNetworkInterfaceAttachment{
			AttachmentId:        aws.String(n.attachment.id),
			AttachTime:          aws.Time(n.attachment.at),
			DeleteOnTermination: aws.Bool(n.attachment.deleteOnTermination),
			DeviceIndex:         aws.Int32(n.attachment.device),
			NetworkCardIndex:    aws.Int32(0),
			Status:              types.AttachmentStatusAttached,
		},
	}
	if a, ok := s.addressOf(n.id); ok {
		out.Association = &types.InstanceNetworkInterfaceAssociation{IpOwnerId: aws.String(m.Account()), PublicIp: aws.String(a.ip)}
	}
	return out
}
