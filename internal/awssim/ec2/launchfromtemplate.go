package ec2

// RunInstances from a launch template. Security groups by name, which only work in
// a default VPC, are passed over; any other member that is not modelled is refused.

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// fromTemplate is a request with what its launch template adds: whatever the
// request does not say itself, and the tags that show the version in use
// (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html).
func (s *state) fromTemplate(m *awssim.Moment, in *ec2.RunInstancesInput) (*ec2.RunInstancesInput, error) {
	if in.LaunchTemplate == nil {
		return in, nil
	}
	t, err := s.template(in.LaunchTemplate.LaunchTemplateId, in.LaunchTemplate.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	v, err := s.version(t, aws.ToString(orElse(in.LaunchTemplate.Version, aws.String(defaultVersion)))) // doc of ec2 types.LaunchTemplateSpecification.Version
	if err != nil {
		return nil, err
	}
	data := *copyData(v.data)
	if name := unmodelled(data); name != "" {
		return nil, m.NotModelled("%s in version %d of launch template %s", name, v.number, t.id)
	}
	whole := *in
	whole.ImageId = orElse(in.ImageId, data.ImageId)
	if in.InstanceType == "" {
		whole.InstanceType = data.InstanceType
	}
	if data.InstanceMarketOptions != nil && in.InstanceMarketOptions == nil {
		whole.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: data.InstanceMarketOptions.MarketType}
	}
	if lost := complete(&whole, data); lost != "" {
		return nil, m.NotModelled("%s in version %d of launch template %s", lost, v.number, t.id)
	}
	if len(in.NetworkInterfaces) == 0 {
		for _, n := range data.NetworkInterfaces {
			whole.NetworkInterfaces = append(whole.NetworkInterfaces, types.InstanceNetworkInterfaceSpecification{
				DeviceIndex: n.DeviceIndex, NetworkInterfaceId: n.NetworkInterfaceId, SubnetId: n.SubnetId,
				PrivateIpAddress: n.PrivateIpAddress, Description: n.Description, DeleteOnTermination: n.DeleteOnTermination,
				Groups: n.Groups, AssociatePublicIpAddress: n.AssociatePublicIpAddress,
			})
		}
	}
	whole.TagSpecifications = nil
	for _, spec := range data.TagSpecifications { // those of the request come after, and so win (unverified)
		if slices.Contains(launchedTypes, spec.ResourceType) { // nothing else is made that could be tagged
			whole.TagSpecifications = append(whole.TagSpecifications, types.TagSpecification{ResourceType: spec.ResourceType, Tags: spec.Tags})
		}
	}
	whole.TagSpecifications = append(whole.TagSpecifications, in.TagSpecifications...)
	whole.TagSpecifications = append(whole.TagSpecifications, types.TagSpecification{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{
		{Key: aws.String("aws:ec2launchtemplate:id"), Value: aws.String(t.id)},
		{Key: aws.String("aws:ec2launchtemplate:version"), Value: aws.String(strconv.FormatInt(v.number, 10))},
	}})
	return &whole, nil
}

// inherited are the members that a template has under the names they have in a
// request.
var inherited = []string{
	"DisableApiTermination", "EbsOptimized", "IamInstanceProfile", "InstanceInitiatedShutdownBehavior", "KeyName",
	"MetadataOptions", "Monitoring", "SecurityGroupIds", "UserData",
}

// complete gives a request the members of a template that it does not have itself,
// each as a whole, and the template's block devices before its own, which change
// them (unverified both). It returns what could not be taken over, or "".
func complete(whole *ec2.RunInstancesInput, data types.ResponseLaunchTemplateData) (lost string) {
	to, from := reflect.ValueOf(whole).Elem(), reflect.ValueOf(data)
	for _, name := range inherited {
		if target := to.FieldByName(name); target.IsZero() {
			if member := transfer(target, from.FieldByName(name)); member != "" {
				return name + "." + member
			}
		}
	}
	var devices []types.BlockDeviceMapping
	if member := transfer(reflect.ValueOf(&devices).Elem(), reflect.ValueOf(data.BlockDeviceMappings)); member != "" {
		return "BlockDeviceMappings." + member
	}
	whole.BlockDeviceMappings = append(devices, whole.BlockDeviceMappings...)
	return ""
}

func orElse(given, otherwise *string) *string {
	if given != nil {
		return given
	}
	return otherwise
}

// unmodelled names a member of a version's data that a launch would have to heed.
func unmodelled(data types.ResponseLaunchTemplateData) string {
	data.ImageId, data.InstanceType, data.TagSpecifications = nil, "", nil
	data.DisableApiTermination, data.EbsOptimized, data.IamInstanceProfile, data.InstanceInitiatedShutdownBehavior, data.KeyName = nil, nil, nil, "", nil
	data.Monitoring, data.SecurityGroupIds, data.SecurityGroups, data.UserData = nil, nil, nil, nil
	if o := data.MetadataOptions; o != nil && o.HttpProtocolIpv6 == "" {
		data.MetadataOptions = nil
	}
	for _, device := range data.BlockDeviceMappings {
		if device.VirtualName != nil {
			return "BlockDeviceMappings.VirtualName"
		}
		if ebs := device.Ebs; ebs != nil {
			plain := *ebs
			plain.SnapshotId, plain.VolumeSize, plain.VolumeType, plain.DeleteOnTermination = nil, nil, "", nil
			plain.Encrypted, plain.KmsKeyId, plain.Iops, plain.Throughput = nil, nil, nil, nil
			if name := firstSet(reflect.ValueOf(plain)); name != "" {
				return "BlockDeviceMappings.Ebs." + name
			}
		}
	}
	data.BlockDeviceMappings = nil
	if o := data.InstanceMarketOptions; o != nil && o.SpotOptions == nil {
		data.InstanceMarketOptions = nil
	}
	for _, n := range data.NetworkInterfaces {
		n.DeviceIndex, n.NetworkInterfaceId, n.SubnetId, n.PrivateIpAddress, n.Description, n.DeleteOnTermination = nil, nil, nil, nil, nil, nil
		n.Groups = nil
		if !aws.ToBool(n.AssociatePublicIpAddress) {
			n.AssociatePublicIpAddress = nil
		}
		if name := firstSet(reflect.ValueOf(n)); name != "" {
			return "NetworkInterfaces." + name
		}
	}
	data.NetworkInterfaces = nil
	return firstSet(reflect.ValueOf(data))
}

func firstSet(v reflect.Value) string {
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() && !v.Field(i).IsZero() {
			return v.Type().Field(i).Name
		}
	}
	return ""
}
