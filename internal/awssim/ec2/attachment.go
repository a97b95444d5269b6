package ec2

// Attaching and detaching, and the attributes of interfaces. Not modelled: that
// attaching and detaching take time (states attaching and detaching), the
// largest number of interfaces an instance type can have.

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// interfacesOf are the interfaces of an instance by device index.
func (s *state) interfacesOf(instance string) []networkInterface {
	of := s.interfaces.all(func(n networkInterface) bool { return n.attachment.instance == instance })
	slices.SortFunc(of, func(a, b networkInterface) int { return cmp.Compare(a.attachment.device, b.attachment.device) })
	return of
}

// onlyInterface is the interface of an instance that has one, as some calls
// demand (facts/apis.md 1.3 ReplaceRoute, ModifyInstanceAttribute).
func (s *state) onlyInterface(i instance) (networkInterface, error) {
	all := s.interfacesOf(i.id)
	switch len(all) {
	case 0: // terminated
		return networkInterface{}, invalid("IncorrectInstanceState", "The instance '%s' has no network interface", i.id)
	case 1:
		return all[0], nil
	default:
		return networkInterface{}, invalid("InvalidInstanceID",
			"There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", i.id)
	}
}

// attach links an interface that is free to an instance.
func (s *state) attach(m *awssim.Moment, n networkInterface, instance string, device int32, deleteOnTermination bool) attachment {
	n.attachment = attachment{id: m.ID("eni-attach"), instance: instance, device: device, deleteOnTermination: deleteOnTermination, at: seconds(m)}
	s.interfaces.put(n)
	return n.attachment
}

func inUse(n networkInterface) error { // facts/apis.md 1.3 AttachNetworkInterface
	return invalid("InvalidNetworkInterface.InUse", "Interface: [%s] in use.", n.id)
}

func attachNetworkInterface(m *awssim.Moment, s *state, in *ec2.AttachNetworkInterfaceInput) (*ec2.AttachNetworkInterfaceOutput, error) {
	n, err := need(&s.interfaces, "eni", in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	i, err := need(&s.instances, "i", in.InstanceId)
	if err != nil {
		return nil, err
	}
	device := aws.ToInt32(in.DeviceIndex)
	switch { // facts/apis.md 1.3 AttachNetworkInterface
	case aws.ToInt32(in.NetworkCardIndex) != 0:
		return nil, m.NotModelled("network card %d", *in.NetworkCardIndex)
	case n.attachment.id != "":
		return nil, inUse(n)
	case i.state != types.InstanceStateNameRunning && i.state != types.InstanceStateNameStopped:
		return nil, invalid("IncorrectInstanceState", "Instance '%s' is not 'running' or 'stopped'.", i.id)
	case i.zone != n.zone:
		return nil, invalid("InvalidParameterCombination", "You may not attach a network interface to an instance if they are not in the same availability zone")
	}
	for _, other := range s.interfacesOf(i.id) {
		if other.attachment.device == device {
			return nil, invalid("InvalidParameterValue", "Instance '%s' already has an interface attached at device index '%d'.", i.id, device)
		}
	}
	at := s.attach(m, n, i.id, device, false) // facts/apis.md 1.3, last paragraph: it survives
	return &ec2.AttachNetworkInterfaceOutput{AttachmentId: aws.String(at.id), NetworkCardIndex: aws.Int32(0)}, nil
}

func detachNetworkInterface(_ *awssim.Moment, s *state, in *ec2.DetachNetworkInterfaceInput) (*ec2.DetachNetworkInterfaceOutput, error) {
	id := aws.ToString(in.AttachmentId)
	n, ok := s.interfaces.first(func(n networkInterface) bool { return n.attachment.id == id })
	if !ok || id == "" {
		return nil, notFound("eni-attach", id) // facts/apis.md 1.3 DetachNetworkInterface
	}
	if n.attachment.device == 0 { // facts/apis.md 1.3 DetachNetworkInterface
		return nil, invalid("OperationNotPermitted", "The network interface at device index 0 cannot be detached.")
	}
	n.attachment = attachment{}
	s.interfaces.put(n)
	return &ec2.DetachNetworkInterfaceOutput{}, nil
}

// modifyNetworkInterfaceAttribute changes one attribute a call (facts/apis.md
// 1.3).
func modifyNetworkInterfaceAttribute(_ *awssim.Moment, s *state, in *ec2.ModifyNetworkInterfaceAttributeInput) (*ec2.ModifyNetworkInterfaceAttributeOutput, error) {
	n, err := need(&s.interfaces, "eni", in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	switch {
	case (in.Attachment == nil) == (in.SourceDestCheck == nil):
		return nil, invalid("InvalidParameterCombination", "Exactly one attribute must be specified")
	case in.SourceDestCheck != nil:
		n.sourceDestCheck = aws.ToBool(in.SourceDestCheck.Value)
	case n.attachment.id == "" || aws.ToString(in.Attachment.AttachmentId) != n.attachment.id:
		return nil, notFound("eni-attach", aws.ToString(in.Attachment.AttachmentId))
	default:
		n.attachment.deleteOnTermination = aws.ToBool(in.Attachment.DeleteOnTermination)
	}
	s.interfaces.put(n)
	return &ec2.ModifyNetworkInterfaceAttributeOutput{}, nil
}

// modifyInstanceAttribute sets the check of the instance's only interface, or what a
// shutdown from within does: one attribute at a time (doc of the operation).
func modifyInstanceAttribute(_ *awssim.Moment, s *state, in *ec2.ModifyInstanceAttributeInput) (*ec2.ModifyInstanceAttributeOutput, error) {
	i, err := need(&s.instances, "i", in.InstanceId)
	if err != nil {
		return nil, err
	}
	switch behavior := in.InstanceInitiatedShutdownBehavior; {
	case len(in.BlockDeviceMappings) > 0 && (in.SourceDestCheck != nil || behavior != nil):
		return nil, invalid("InvalidParameterCombination", "Fields for multiple attribute types specified")
	case len(in.BlockDeviceMappings) > 0:
		return s.keepVolumes(i.id, in.BlockDeviceMappings)
	case in.SourceDestCheck == nil && behavior == nil:
		return nil, invalid("InvalidParameterCombination", "No attributes specified.")
	case in.SourceDestCheck != nil && behavior != nil:
		return nil, invalid("InvalidParameterCombination", "Fields for multiple attribute types specified")
	case behavior != nil:
		i.made.shutdown = types.ShutdownBehavior(aws.ToString(behavior.Value))
		if !slices.Contains(i.made.shutdown.Values(), i.made.shutdown) {
			return nil, invalid("InvalidParameterValue", "Invalid value '%s' for InstanceInitiatedShutdownBehavior.", i.made.shutdown)
		}
		s.instances.put(i)
		return &ec2.ModifyInstanceAttributeOutput{}, nil
	}
	n, err := s.onlyInterface(i)
	if err != nil {
		return nil, err
	}
	n.sourceDestCheck = aws.ToBool(in.SourceDestCheck.Value)
	s.interfaces.put(n)
	return &ec2.ModifyInstanceAttributeOutput{}, nil
}
