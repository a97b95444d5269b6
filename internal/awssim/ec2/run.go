package ec2

// RunInstances. Not modelled: default subnets, several network cards, public
// addresses, prices and requests of spot instances.

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

func runInstances(m *awssim.Moment, s *state, in *ec2.RunInstancesInput) (*ec2.RunInstancesOutput, error) {
	plain := *in
	plain.ClientToken = nil
	reservation, done, err := s.once(in.ClientToken, "RunInstances", plain)
	if err != nil {
		return nil, err
	}
	if !done {
		whole, err := s.fromTemplate(m, in)
		if err != nil {
			return nil, err
		}
		if reservation, err = s.launch(m, whole); err != nil {
			return nil, err
		}
		s.remember(in.ClientToken, "RunInstances", plain, reservation)
	}
	all := s.instances.all(func(i instance) bool { return i.reservation == reservation })
	out := &ec2.RunInstancesOutput{ReservationId: aws.String(reservation), OwnerId: aws.String(m.Account())}
	for _, i := range all {
		if i.state == types.InstanceStateNameTerminated { // facts/apis.md 1.2
			return nil, invalid("IdempotentInstanceTerminated", "The instance created with this client token is terminated: %s", i.id)
		}
		out.Instances = append(out.Instances, s.instanceOut(m, i))
	}
	if len(all) == 0 { // terminated, and no longer shown
		return nil, invalid("IdempotentInstanceTerminated", "The instances created with this client token are terminated")
	}
	return out, nil
}

// launchedTypes are the types of what a launch makes.
var launchedTypes = []types.ResourceType{types.ResourceTypeInstance, types.ResourceTypeNetworkInterface, types.ResourceTypeVolume}

// launch makes the instances of a request, or changes nothing.
func (s *state) launch(m *awssim.Moment, in *ec2.RunInstancesInput) (string, error) {
	least, most := aws.ToInt32(in.MinCount), aws.ToInt32(in.MaxCount)
	if least < 1 || most < least {
		return "", invalid("InvalidParameterValue", "Value (%d to %d) for the number of instances is invalid.", least, most)
	}
	specs, err := interfaceSpecs(m, in)
	if err != nil {
		return "", err
	}
	from, err := s.launchable(m, aws.ToString(in.ImageId))
	if err != nil {
		return "", err
	}
	made, err := s.configure(in, from)
	if err != nil {
		return "", err
	}
	devices, err := devicesOf(m, from, in.BlockDeviceMappings)
	if err != nil {
		return "", err
	}
	tags, err := tagsFor(in.TagSpecifications, launchedTypes...)
	if err != nil {
		return "", err
	}
	untouched := s.clone()
	reservation := m.ID("r")
	var launched []instance
	for n := range most {
		i := instance{
			id: m.ID("i"), reservation: reservation, index: n,
			image: aws.ToString(in.ImageId), clientToken: aws.ToString(in.ClientToken),
			kind: in.InstanceType, launched: seconds(m), made: made,
			spot: in.InstanceMarketOptions != nil && in.InstanceMarketOptions.MarketType == types.MarketTypeSpot,
		}
		if i.kind == "" {
			i.kind = types.InstanceTypeM1Small // doc of ec2 RunInstancesInput.InstanceType
		}
		for _, spec := range specs {
			if i, err = s.equip(m, i, spec, tags[types.ResourceTypeNetworkInterface]); err != nil {
				*s = *untouched
				return "", err
			}
		}
		s.provision(m, i.id, devices, tags[types.ResourceTypeVolume])
		s.tag(i.id, tags[types.ResourceTypeInstance])
		launched = append(launched, i)
	}
	for _, i := range launched {
		s.enter(m, i, types.InstanceStateNamePending)
	}
	return reservation, nil
}

// interfaceSpecs are the interfaces of a request: those it lists, or one in its
// subnet.
func interfaceSpecs(m *awssim.Moment, in *ec2.RunInstancesInput) ([]types.InstanceNetworkInterfaceSpecification, error) {
	if len(in.NetworkInterfaces) == 0 {
		if in.SubnetId == nil { // unverified
			return nil, invalid("VPCIdNotSpecified", "No default VPC for this user")
		}
		return []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: in.SubnetId, Groups: in.SecurityGroupIds}}, nil
	}
	if in.SubnetId != nil { // unverified
		return nil, invalid("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID may not be specified on the same request")
	}
	if len(in.SecurityGroupIds) > 0 { // unverified
		return nil, invalid("InvalidParameterCombination", "Network interfaces and an instance-level security groups may not be specified on the same request")
	}
	devices := map[int32]bool{}
	for _, spec := range in.NetworkInterfaces {
		if aws.ToBool(spec.AssociatePublicIpAddress) {
			return nil, m.NotModelled("a public address of an instance's own")
		}
		device := aws.ToInt32(spec.DeviceIndex)
		if devices[device] { // facts/apis.md 1.3 AttachNetworkInterface
			return nil, invalid("InvalidParameterValue", "Each network interface requires a unique device index: %d", device)
		}
		devices[device] = true
		if spec.NetworkInterfaceId != nil && aws.ToInt32(in.MaxCount) > 1 {
			return nil, invalid("InvalidParameterCombination", "One network interface cannot be given to several instances")
		}
		if spec.NetworkInterfaceId != nil && len(spec.Groups) > 0 { // unverified
			return nil, invalid("InvalidParameterCombination", "A network interface may not specify both a network interface ID and security groups")
		}
	}
	if !devices[0] {
		return nil, invalid("InvalidParameterValue", "There is no network interface at device index 0")
	}
	return in.NetworkInterfaces, nil
}

// equip attaches an interface, new or given, to an instance that is being made,
// and places the instance where its first interface is.
func (s *state) equip(m *awssim.Moment, i instance, spec types.InstanceNetworkInterfaceSpecification, tags []types.Tag) (instance, error) {
	n, deleteOnTermination, err := s.specified(m, spec, tags)
	if err != nil {
		return i, err
	}
	device := aws.ToInt32(spec.DeviceIndex)
	if i.zone != "" && i.zone != n.zone {
		return i, invalid("InvalidParameterCombination", "%s is in %s, the other interfaces are in %s", n.id, n.zone, i.zone)
	}
	i.zone = n.zone
	if device == 0 {
		i.subnet, i.vpc = n.subnet, n.vpc
	}
	s.attach(m, n, i.id, device, deleteOnTermination)
	return i, nil
}

// specified is the interface of a specification. One that is made for the
// instance goes with it by default, one that existed stays (doc of ec2
// types.InstanceNetworkInterfaceSpecification.DeleteOnTermination).
func (s *state) specified(m *awssim.Moment, spec types.InstanceNetworkInterfaceSpecification, tags []types.Tag) (n networkInterface, deleteOnTermination bool, err error) {
	if spec.NetworkInterfaceId != nil {
		n, err = need(&s.interfaces, "eni", spec.NetworkInterfaceId)
		if err == nil && n.attachment.id != "" {
			err = inUse(n)
		}
		return n, aws.ToBool(spec.DeleteOnTermination), err
	}
	sub, err := need(&s.subnets, "subnet", spec.SubnetId)
	if err != nil {
		return n, false, err
	}
	n, err = s.newInterface(m, sub, spec.PrivateIpAddress, spec.Description, spec.Groups...)
	if err != nil {
		return n, false, err
	}
	s.tag(n.id, tags)
	return n, spec.DeleteOnTermination == nil || *spec.DeleteOnTermination, nil
}
