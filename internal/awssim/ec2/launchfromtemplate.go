package ec2

// RunInstances from a launch template. These members of a template are about parts
// of an instance that are nowhere modelled, and are passed over: block devices,
// EBS optimisation, instance profile, key, metadata options, monitoring, security
// groups and user data. Any other that is not modelled is refused.

import (
	"reflect"
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
	if len(in.NetworkInterfaces) == 0 {
		for _, n := range data.NetworkInterfaces {
			whole.NetworkInterfaces = append(whole.NetworkInterfaces, types.InstanceNetworkInterfaceSpecification{
				DeviceIndex: n.DeviceIndex, NetworkInterfaceId: n.NetworkInterfaceId, SubnetId: n.SubnetId,
				PrivateIpAddress: n.PrivateIpAddress, Description: n.Description, DeleteOnTermination: n.DeleteOnTermination,
			})
		}
	}
	whole.TagSpecifications = nil
	for _, spec := range data.TagSpecifications { // those of the request come after, and so win (unverified)
		if spec.ResourceType == types.ResourceTypeInstance || spec.ResourceType == types.ResourceTypeNetworkInterface { // there are no volumes to tag
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

func orElse(given, otherwise *string) *string {
	if given != nil {
		return given
	}
	return otherwise
}

// unmodelled names a member of a version's data that a launch would have to heed.
func unmodelled(data types.ResponseLaunchTemplateData) string {
	data.ImageId, data.InstanceType, data.TagSpecifications = nil, "", nil
	data.BlockDeviceMappings, data.EbsOptimized, data.IamInstanceProfile, data.KeyName = nil, nil, nil, nil
	data.MetadataOptions, data.Monitoring, data.SecurityGroupIds, data.SecurityGroups, data.UserData = nil, nil, nil, nil, nil
	if o := data.InstanceMarketOptions; o != nil && o.SpotOptions == nil {
		data.InstanceMarketOptions = nil
	}
	for _, n := range data.NetworkInterfaces {
		n.DeviceIndex, n.NetworkInterfaceId, n.SubnetId, n.PrivateIpAddress, n.Description, n.DeleteOnTermination = nil, nil, nil, nil, nil, nil
		n.Groups = nil
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
