package ec2

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// Times say how long the transitions of instances and images take. AWS promises
// none of them; the defaults are of the usual size. Zero is the default.
type Times struct {
	Pending      time.Duration // pending → running; 8 s
	Stopping     time.Duration // stopping → stopped; 20 s
	ShuttingDown time.Duration // shutting-down → terminated; 5 s
	Checks       time.Duration // running → status checks ok; 2 min
	Image        time.Duration // pending → available, its snapshots with it; 4 min
}

// How long a terminated instance is still shown (facts/apis.md 1.3
// DescribeInstances), and how long after its warning a spot instance is
// interrupted (facts/events.md 3); how long a deregistered image is still shown has
// no figure (apis.md 1.3 DescribeImages: "shortly").
const (
	terminatedShown   = time.Hour
	spotNotice        = 2 * time.Minute
	deregisteredShown = 5 * time.Minute
)

// Service is EC2 in one world.
type Service struct {
	times Times
	store *awssim.Store[*state]

	watchers []func(m *awssim.Moment, id string, state types.InstanceStateName) // see WatchInstances
	watched  map[string]InstanceState                                           // as they were told last
}

// New makes the service for [awssim.New].
func New(t Times) *Service {
	orDefault := func(d *time.Duration, usual time.Duration) {
		if *d == 0 {
			*d = usual
		}
	}
	orDefault(&t.Pending, 8*time.Second)
	orDefault(&t.Stopping, 20*time.Second)
	orDefault(&t.ShuttingDown, 5*time.Second)
	orDefault(&t.Checks, 2*time.Minute)
	orDefault(&t.Image, 4*time.Minute)
	return &Service{times: t, watched: map[string]InstanceState{}}
}

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	st := awssim.NewStore(w, "ec2", &state{times: s.times, maxVersions: maxVersions}, (*state).clone)
	s.store = st
	st.OnCommit(s.tellWatchers)

	awssim.Write(st, createVpc, "CidrBlock", "TagSpecifications")
	awssim.Read(st, describeVpcs, "VpcIds", "Filters", "MaxResults", "NextToken")
	awssim.Write(st, createSubnet, "VpcId", "CidrBlock", "AvailabilityZone", "TagSpecifications")
	awssim.Read(st, describeSubnets, "SubnetIds", "Filters", "MaxResults", "NextToken")
	awssim.Write(st, createInternetGateway, "TagSpecifications")
	awssim.Write(st, attachInternetGateway, "InternetGatewayId", "VpcId")
	awssim.Write(st, createManagedPrefixList, "PrefixListName", "AddressFamily", "MaxEntries", "Entries", "TagSpecifications", "ClientToken")
	awssim.Read(st, describeManagedPrefixLists, "PrefixListIds", "Filters", "MaxResults", "NextToken")

	awssim.Write(st, createRouteTable, "VpcId", "TagSpecifications", "ClientToken")
	awssim.Read(st, describeRouteTables, "RouteTableIds", "Filters", "MaxResults", "NextToken")
	awssim.Write(st, associateRouteTable, "RouteTableId", "SubnetId")
	awssim.Write(st, disassociateRouteTable, "AssociationId")
	awssim.Write(st, deleteRouteTable, "RouteTableId")
	awssim.Write(st, createRoute, "RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId", "NetworkInterfaceId", "InstanceId", "GatewayId")
	awssim.Write(st, replaceRoute, "RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId", "NetworkInterfaceId", "InstanceId", "GatewayId")
	awssim.Write(st, deleteRoute, "RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")

	awssim.Write(st, startInstances, "InstanceIds")
	awssim.Write(st, stopInstances, "InstanceIds", "Force")
	awssim.Write(st, terminateInstances, "InstanceIds")
	awssim.Read(st, describeInstances, "InstanceIds", "Filters", "MaxResults", "NextToken")
	awssim.Read(st, describeInstanceStatus, "InstanceIds", "Filters", "MaxResults", "NextToken", "IncludeAllInstances")
	awssim.Write(st, modifyInstanceAttribute, "InstanceId", "SourceDestCheck", "InstanceInitiatedShutdownBehavior",
		"BlockDeviceMappings.DeviceName", "BlockDeviceMappings.Ebs.DeleteOnTermination")

	awssim.Write(st, createNetworkInterface, "SubnetId", "PrivateIpAddress", "Description", "Groups", "TagSpecifications", "ClientToken")
	awssim.Write(st, attachNetworkInterface, "InstanceId", "NetworkInterfaceId", "DeviceIndex", "NetworkCardIndex")
	awssim.Write(st, detachNetworkInterface, "AttachmentId", "Force")
	awssim.Write(st, deleteNetworkInterface, "NetworkInterfaceId")
	awssim.Read(st, describeNetworkInterfaces, "NetworkInterfaceIds", "Filters", "MaxResults", "NextToken")
	awssim.Write(st, modifyNetworkInterfaceAttribute, "NetworkInterfaceId", "SourceDestCheck", "Attachment.AttachmentId", "Attachment.DeleteOnTermination")

	awssim.Write(st, allocateAddress, "Domain", "TagSpecifications")
	awssim.Write(st, associateAddress, "AllocationId", "NetworkInterfaceId", "InstanceId", "AllowReassociation")
	awssim.Write(st, disassociateAddress, "AssociationId")
	awssim.Write(st, releaseAddress, "AllocationId")
	awssim.Read(st, describeAddresses, "AllocationIds", "PublicIps", "Filters")

	s.attachLaunches()
	s.attachTemplates()
	s.attachImages()

	awssim.Write(st, createTags, "Resources", "Tags")
	awssim.Write(st, deleteTags, "Resources", "Tags")
	awssim.Read(st, describeTags, "Filters", "MaxResults", "NextToken")

	awssim.Requests(st, createRoutePermissions)
	awssim.Requests(st, replaceRoutePermissions)
	awssim.Requests(st, deleteRoutePermissions)
	awssim.Requests(st, modifyNetworkInterfaceAttributePermissions)
	awssim.OtherRequests(st, anywhere)
	awssim.Limits(st, limits)
}

// attachLaunches are RunInstances and what it refers to.
func (s *Service) attachLaunches() {
	st := s.store
	awssim.Write(st, runInstances, "ImageId", "InstanceType", "MinCount", "MaxCount", "SubnetId", "TagSpecifications", "ClientToken", "LaunchTemplate",
		"NetworkInterfaces.DeviceIndex", "NetworkInterfaces.NetworkInterfaceId", "NetworkInterfaces.SubnetId", "NetworkInterfaces.Groups",
		"NetworkInterfaces.PrivateIpAddress", "NetworkInterfaces.Description", "NetworkInterfaces.DeleteOnTermination", "NetworkInterfaces.AssociatePublicIpAddress",
		"InstanceMarketOptions.MarketType", "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "InstanceMarketOptions.SpotOptions.SpotInstanceType",
		"SecurityGroupIds", "IamInstanceProfile", "KeyName", "UserData", "Monitoring",
		"InstanceInitiatedShutdownBehavior", "DisableApiTermination", "EbsOptimized",
		"MetadataOptions.HttpTokens", "MetadataOptions.HttpEndpoint", "MetadataOptions.HttpPutResponseHopLimit", "MetadataOptions.InstanceMetadataTags",
		"BlockDeviceMappings.DeviceName", "BlockDeviceMappings.NoDevice",
		"BlockDeviceMappings.Ebs.SnapshotId", "BlockDeviceMappings.Ebs.VolumeSize", "BlockDeviceMappings.Ebs.VolumeType", "BlockDeviceMappings.Ebs.DeleteOnTermination",
		"BlockDeviceMappings.Ebs.Encrypted", "BlockDeviceMappings.Ebs.KmsKeyId", "BlockDeviceMappings.Ebs.Iops", "BlockDeviceMappings.Ebs.Throughput")
	awssim.Read(st, describeInstanceTypes, "InstanceTypes", "Filters", "MaxResults", "NextToken")
	awssim.Read(st, describeKeyPairs, "KeyNames", "Filters")

	awssim.Write(st, createSecurityGroup, "GroupName", "Description", "VpcId", "TagSpecifications")
	awssim.Read(st, describeSecurityGroups, "GroupIds", "Filters", "MaxResults", "NextToken")
	awssim.Write(st, revokeSecurityGroupEgress, "GroupId", "IpPermissions.IpProtocol", "IpPermissions.IpRanges.CidrIp")

	awssim.Requests(st, runInstancesPermissions)
	awssim.Requests(st, startInstancesPermissions)
	awssim.Requests(st, stopInstancesPermissions)
	awssim.Requests(st, modifyInstanceAttributePermissions)
	awssim.Requests(st, terminateInstancesPermissions)

	awssim.Trails(st, runInstancesRecord)
	awssim.Trails(st, createSecurityGroupRecord)
	awssim.Trails(st, revokeSecurityGroupEgressRecord)
}

func (s *Service) attachTemplates() {
	st := s.store
	awssim.Write(st, createLaunchTemplate, "LaunchTemplateName", "LaunchTemplateData", "VersionDescription", "TagSpecifications", "ClientToken")
	awssim.Read(st, describeLaunchTemplates, "LaunchTemplateIds", "LaunchTemplateNames", "Filters", "MaxResults", "NextToken")
	awssim.Write(st, modifyLaunchTemplate, "LaunchTemplateId", "LaunchTemplateName", "DefaultVersion", "ClientToken")
	awssim.Write(st, deleteLaunchTemplate, "LaunchTemplateId", "LaunchTemplateName")
	awssim.Write(st, createLaunchTemplateVersion, "LaunchTemplateId", "LaunchTemplateName", "SourceVersion", "LaunchTemplateData", "VersionDescription", "ClientToken")
	awssim.Read(st, describeLaunchTemplateVersions, "LaunchTemplateId", "LaunchTemplateName", "Versions", "MinVersion", "MaxVersion", "Filters", "MaxResults", "NextToken")
	awssim.Write(st, deleteLaunchTemplateVersions, "LaunchTemplateId", "LaunchTemplateName", "Versions")

	awssim.Requests(st, createLaunchTemplateVersionPermissions)
	awssim.Requests(st, modifyLaunchTemplatePermissions)
	awssim.Requests(st, deleteLaunchTemplateVersionsPermissions)

	awssim.Trails(st, createLaunchTemplateRecord)
	awssim.Trails(st, modifyLaunchTemplateRecord)
	awssim.Trails(st, deleteLaunchTemplateRecord)
	awssim.Trails(st, createLaunchTemplateVersionRecord)
	awssim.Trails(st, deleteLaunchTemplateVersionsRecord)
}

func (s *Service) attachImages() {
	st := s.store
	awssim.Write(st, createImage, "InstanceId", "Name", "Description", "NoReboot", "TagSpecifications")
	awssim.Write(st, copyImage, "SourceImageId", "SourceRegion", "Name", "Description", "CopyImageTags", "TagSpecifications", "ClientToken")
	awssim.Read(st, describeImages, "ImageIds", "Owners", "Filters", "IncludeDeprecated", "MaxResults", "NextToken")
	awssim.Write(st, deregisterImage, "ImageId", "DeleteAssociatedSnapshots")
	awssim.Write(st, enableImageDeprecation, "ImageId", "DeprecateAt")
	awssim.Read(st, describeSnapshots, "SnapshotIds", "OwnerIds", "Filters", "MaxResults", "NextToken")
	awssim.Write(st, deleteSnapshot, "SnapshotId")
	awssim.Read(st, describeVolumes, "VolumeIds", "Filters", "MaxResults", "NextToken")

	awssim.Requests(st, createImagePermissions)
	awssim.Requests(st, copyImagePermissions)
	awssim.Requests(st, deregisterImagePermissions)
	awssim.Requests(st, enableImageDeprecationPermissions)
	awssim.Requests(st, deleteSnapshotPermissions)

	awssim.Trails(st, createImageRecord)
	awssim.Trails(st, copyImageRecord)
	awssim.Trails(st, deregisterImageRecord)
	awssim.Trails(st, enableImageDeprecationRecord)
	awssim.Trails(st, deleteSnapshotRecord)
}
