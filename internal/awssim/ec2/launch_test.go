package ec2_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	ec2sim "github.com/droverhq/drover/internal/awssim/ec2"
)

// newGroup makes a security group in the VPC of the scene.
func (s *scene) newGroup(name string) string {
	s.t.Helper()
	out, err := s.client.CreateSecurityGroup(s.t.Context(), &ec2.CreateSecurityGroupInput{VpcId: &s.vpc, GroupName: &name, Description: aws.String("of a test")})
	return *must(s.t, out, err).GroupId
}

// tagged is the tag "run" for a type of resource.
func tagged(kind types.ResourceType, value string) types.TagSpecification {
	return types.TagSpecification{ResourceType: kind, Tags: []types.Tag{{Key: aws.String("run"), Value: &value}}}
}

// windows is an image for Windows with a second volume, encrypted.
func (s *scene) windows() string {
	return s.sim.AddImage(ec2sim.Image{Name: "backup", Windows: true, Devices: []ec2sim.Device{{Size: 50, Type: types.VolumeTypeGp3}, {Name: "xvdb", Size: 10, Key: "k-1"}}})
}

// TestBuilder launches with all that a builder of images is given, and looks at
// what DescribeInstances shows of it.
func TestBuilder(t *testing.T) {
	s := newScene(t)
	image, group := s.windows(), s.newGroup("builder")
	s.sim.AddInstanceProfile("builder", "")
	s.sim.AddKeyPair("ops")
	launched := s.run(func(in *ec2.RunInstancesInput) {
		in.ImageId, in.InstanceType, in.ClientToken = &image, types.InstanceTypeM5Large, aws.String("once")
		in.SecurityGroupIds = []string{group}
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Arn: aws.String("arn:aws:iam::123456789012:instance-profile/builder")}
		in.KeyName, in.UserData, in.EbsOptimized = aws.String("ops"), aws.String("eA=="), aws.Bool(true)
		in.Monitoring = &types.RunInstancesMonitoringEnabled{Enabled: aws.Bool(true)}
		in.InstanceInitiatedShutdownBehavior = types.ShutdownBehaviorStop
		in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpTokens: types.HttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(2), InstanceMetadataTags: types.InstanceMetadataTagsStateEnabled}
		in.BlockDeviceMappings = []types.BlockDeviceMapping{
			{DeviceName: aws.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(60), Iops: aws.Int32(4000)}},
			{DeviceName: aws.String("xvdc"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(5), Encrypted: aws.Bool(true), DeleteOnTermination: aws.Bool(false)}},
		}
		in.TagSpecifications = []types.TagSpecification{
			tagged(types.ResourceTypeInstance, "1"), tagged(types.ResourceTypeVolume, "2"), tagged(types.ResourceTypeNetworkInterface, "3"),
		}
	})
	i := s.instance(*launched.InstanceId)
	var devices []string
	for _, d := range i.BlockDeviceMappings {
		devices = append(devices, *d.DeviceName)
	}
	wantEqual(t, "instance", map[string]string{
		"image": *i.ImageId, "platform": string(i.Platform) + ", " + *i.PlatformDetails + ", " + *i.UsageOperation, "architecture": string(i.Architecture),
		"devices": strings.Join(devices, " "), "root": *i.RootDeviceName, "group": *i.SecurityGroups[0].GroupId + " " + *i.SecurityGroups[0].GroupName,
		"profile": *i.IamInstanceProfile.Arn, "key": *i.KeyName, "monitoring": string(i.Monitoring.State), "optimized": fmt.Sprint(*i.EbsOptimized),
		"metadata": fmt.Sprint(i.MetadataOptions.HttpTokens, *i.MetadataOptions.HttpPutResponseHopLimit, i.MetadataOptions.InstanceMetadataTags, i.MetadataOptions.HttpEndpoint),
		"token":    *i.ClientToken,
	}, map[string]string{
		"image": image, "platform": "Windows, Windows, RunInstances:0002", "architecture": "x86_64",
		"devices": "/dev/sda1 xvdb xvdc", "root": "/dev/sda1", "group": group + " builder",
		"profile": "arn:aws:iam::123456789012:instance-profile/builder", "key": "ops", "monitoring": "enabled", "optimized": "true",
		"metadata": "required2enabledenabled",
		"token":    "once",
	})
	if data, err := s.sim.UserData(*i.InstanceId); err != nil || data != "eA==" {
		t.Errorf("user data %q, %v", data, err)
	}
	const key = "arn:aws:kms:us-west-1:123456789012:key/"
	var volumes []string
	for _, v := range s.sim.Volumes() {
		volumes = append(volumes, fmt.Sprint(v.Device, " ", v.Size, v.Type, " ", strings.TrimPrefix(v.Key, key), " ", v.Tags["run"], " ", v.Instance == *i.InstanceId))
	}
	wantEqual(t, "volumes", volumes, []string{"/dev/sda1 60gp3  2 true", "xvdb 10gp2 k-1 2 true", "xvdc 5gp2 " + ec2sim.DefaultKey + " 2 true"})
	for kind, want := range map[string]string{"instance": "1", "volume": "2", "network-interface": "3"} {
		out, err := s.client.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: append(filter("resource-type", kind), filter("key", "run")...)})
		for _, tag := range must(t, out, err).Tags {
			wantEqual(t, kind, *tag.Value, want)
		}
	}
	s.clock.Advance(time.Minute)
	s.terminate(*i.InstanceId)
	left := s.sim.Volumes()
	if len(left) != 1 || left[0].Device != "xvdc" || left[0].Instance != "" {
		t.Errorf("left %+v", left)
	}
}

// TestLaunchDefaults: what a request leaves out.
func TestLaunchDefaults(t *testing.T) {
	s := newScene(t)
	i := s.run(nil)
	wantEqual(t, "instance", fmt.Sprint(i.MetadataOptions.HttpTokens, *i.MetadataOptions.HttpPutResponseHopLimit, " ", *i.SecurityGroups[0].GroupName, " ", len(i.BlockDeviceMappings), " ", i.Platform, i.Architecture, " ", i.KeyName == nil, i.IamInstanceProfile == nil),
		"optional1 default 1 x86_64 true true")
}

// TestLaunchRefuses what facts/apis.md 1.3 lists, and leaves nothing behind.
func TestLaunchRefuses(t *testing.T) {
	s := newScene(t)
	s.sim.AddInstanceProfile("builder", "")
	s.sim.AddKeyPair("ops")
	other, err := s.sim.PlaceVPC(ec2sim.VPC{CIDR: "10.9.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := s.sim.PlaceSecurityGroup(ec2sim.PlacedGroup{VPC: other, Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	arm := s.sim.AddImage(ec2sim.Image{Name: "arm", Architecture: types.ArchitectureValuesArm64})
	big := s.windows()
	for _, c := range []struct {
		want   string
		change func(*ec2.RunInstancesInput)
	}{
		{"InvalidGroup.NotFound: The security group 'sg-9' does not exist", func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = []string{"sg-9"} }},
		{"InvalidParameter: Security group " + foreign + " and subnet " + s.subnet + " belong to different networks.", func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = []string{foreign} }},
		{"InvalidParameterCombination", func(in *ec2.RunInstancesInput) {
			in.SubnetId, in.NetworkInterfaces, in.SecurityGroupIds = nil, specs(s.subnet, 0), []string{foreign}
		}},
		{"InvalidParameterValue: Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", func(in *ec2.RunInstancesInput) {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String("x")}
		}},
		{"InvalidKeyPair.NotFound: The key pair 'x' does not exist", func(in *ec2.RunInstancesInput) { in.KeyName = aws.String("x") }},
		{"InvalidUserData.Malformed", func(in *ec2.RunInstancesInput) { in.UserData = aws.String("not base64") }},
		{"InvalidParameterValue: User data", func(in *ec2.RunInstancesInput) {
			in.UserData = aws.String(base64.StdEncoding.EncodeToString(make([]byte, 16<<10+1)))
		}},
		{"InvalidParameterValue: Value (65)", func(in *ec2.RunInstancesInput) {
			in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpPutResponseHopLimit: aws.Int32(65)}
		}},
		{"InvalidParameterValue: The architecture 'x86_64' of the specified instance type does not match the architecture 'arm64' of the specified AMI.", func(in *ec2.RunInstancesInput) {
			in.ImageId, in.InstanceType = &arm, types.InstanceTypeT3Micro
		}},
		{"InvalidParameterValue: The architecture 'arm64' of the specified instance type", func(in *ec2.RunInstancesInput) {
			in.ImageId, in.InstanceType = &big, types.InstanceTypeT4gMicro
		}},
		{"InvalidBlockDeviceMapping", func(in *ec2.RunInstancesInput) {
			in.ImageId = &big
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(30)}}}
		}},
		{"InvalidParameterDependency", func(in *ec2.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{KmsKeyId: aws.String("k-1")}}}
		}},
		{"ec2:RunInstances: a public address of an instance's own is not modelled", func(in *ec2.RunInstancesInput) {
			in.SubnetId, in.NetworkInterfaces = nil, specs(s.subnet, 0)
			in.NetworkInterfaces[0].AssociatePublicIpAddress = aws.Bool(true)
		}},
	} {
		in := &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), SubnetId: &s.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
		c.change(in)
		if _, err := s.client.RunInstances(t.Context(), in); !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	if left := s.sim.Volumes(); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
	if i := s.run(func(in *ec2.RunInstancesInput) { in.ImageId, in.InstanceType = &arm, types.InstanceTypeT4gMicro }); i.Architecture != types.ArchitectureValuesArm64 {
		t.Errorf("architecture %s", i.Architecture)
	}
}

// TestTemplateForBuilder: what a request leaves out comes from its template.
func TestTemplateForBuilder(t *testing.T) {
	s := newScene(t)
	group := s.newGroup("web")
	image := s.windows()
	id := s.newTemplate(types.RequestLaunchTemplateData{
		ImageId: &image, InstanceType: types.InstanceTypeM5Large, SecurityGroupIds: []string{group}, KeyName: aws.String("ops"), UserData: aws.String("eA=="),
		IamInstanceProfile:                &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("web")},
		MetadataOptions:                   &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: types.LaunchTemplateHttpTokensStateRequired},
		InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorTerminate, DisableApiTermination: aws.Bool(true),
		BlockDeviceMappings: []types.LaunchTemplateBlockDeviceMappingRequest{{DeviceName: aws.String("/dev/sda1"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(80)}}},
		TagSpecifications:   []types.LaunchTemplateTagSpecificationRequest{{ResourceType: types.ResourceTypeVolume, Tags: []types.Tag{{Key: aws.String("of"), Value: aws.String("web")}}}},
	})
	i := s.run(func(in *ec2.RunInstancesInput) {
		in.ImageId, in.LaunchTemplate = nil, &types.LaunchTemplateSpecification{LaunchTemplateId: &id}
		in.KeyName = aws.String("mine")
		in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeType: types.VolumeTypeIo2}}}
	})
	wantEqual(t, "instance", fmt.Sprint(*i.SecurityGroups[0].GroupId, " ", *i.KeyName, " ", *i.IamInstanceProfile.Arn, " ", i.MetadataOptions.HttpTokens),
		group+" mine arn:aws:iam::123456789012:instance-profile/web required")
	root := s.sim.Volumes()[0]
	wantEqual(t, "root volume", fmt.Sprint(root.Size, root.Type, root.Tags["of"]), "80io2web")
	_, err := s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*i.InstanceId}})
	wantCode(t, err, "OperationNotPermitted")
	if state := s.instance(*i.InstanceId).State.Name; state != types.InstanceStateNamePending {
		t.Errorf("a protected instance is %s", state)
	}
}

// TestSecurityGroups: a group that lets nothing out can be told from one that does.
func TestSecurityGroups(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	isolated := s.newGroup("isolated")
	open := s.newGroup("open")
	_, err := s.client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &s.vpc, GroupName: aws.String("open"), Description: aws.String("again")})
	wantCode(t, err, "InvalidGroup.Duplicate")
	revoke := func() error {
		_, err := s.client.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &isolated, IpPermissions: []types.IpPermission{
			{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}},
		}})
		return err
	}
	wantCode(t, revoke(), "")
	wantCode(t, revoke(), "InvalidPermission.NotFound")
	placed, err := s.sim.PlaceSecurityGroup(ec2sim.PlacedGroup{ID: "sg-0a1b2c3d4e5f60718", VPC: s.vpc, Name: "placed", Isolated: true, Tags: map[string]string{"role": "test"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{isolated, open, placed}})
	egress := map[string]int{}
	for _, g := range must(t, out, err).SecurityGroups {
		egress[*g.GroupId] = len(g.IpPermissionsEgress)
	}
	wantEqual(t, "egress", egress, map[string]int{isolated: 0, open: 1, placed: 0})
	out, err = s.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: append(filter("tag:role", "test"), filter("vpc-id", s.vpc)...)})
	if found := must(t, out, err).SecurityGroups; len(found) != 1 || *found[0].GroupName != "placed" {
		t.Errorf("found %+v", found)
	}
	_, err = s.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-9"}})
	wantCode(t, err, "InvalidGroup.NotFound")
	i := s.run(func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = []string{isolated, open} })
	wantEqual(t, "by group", s.ids(&ec2.DescribeInstancesInput{Filters: filter("instance.group-id", open)}), []string{*i.InstanceId})
	made, err := s.client.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &s.subnet, Groups: []string{isolated}})
	must(t, made, err)
	nics, err := s.client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: filter("group-id", isolated)})
	if n := len(must(t, nics, err).NetworkInterfaces); n != 2 {
		t.Errorf("%d interfaces have the group, want 2", n)
	}
}

// TestSubnetRunsOut: the addresses that are left go down with every interface.
func TestSubnetRunsOut(t *testing.T) {
	s := newScene(t)
	free := func() int32 {
		out, err := s.client.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{s.subnet}})
		return *must(t, out, err).Subnets[0].AvailableIpAddressCount
	}
	wantEqual(t, "at first", free(), int32(251))
	id, _ := s.running()
	wantEqual(t, "with an instance", free(), int32(250))
	s.terminate(id)
	wantEqual(t, "and without it", free(), int32(251))
}

func TestInstanceTypesAndKeyPairs(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	var arm []string
	for p := ec2.NewDescribeInstanceTypesPaginator(s.client, &ec2.DescribeInstanceTypesInput{Filters: filter("processor-info.supported-architecture", "arm64")}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		for _, k := range must(t, out, err).InstanceTypes {
			arm = append(arm, string(k.InstanceType))
		}
	}
	wantEqual(t, "arm", arm, []string{"m6g.large", "t4g.micro", "t4g.small"})
	out, err := s.client.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{types.InstanceTypeM5Xlarge}})
	k := must(t, out, err).InstanceTypes[0]
	wantEqual(t, "m5.xlarge", fmt.Sprint(*k.VCpuInfo.DefaultVCpus, *k.MemoryInfo.SizeInMiB, k.ProcessorInfo.SupportedArchitectures, *k.NetworkInfo.MaximumNetworkInterfaces), "4 16384 [x86_64] 4")
	_, err = s.client.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"m5.tiny"}})
	wantCode(t, err, "InvalidInstanceType")
	_, err = s.client.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{types.InstanceTypeX1e32xlarge}})
	if !strings.Contains(fmt.Sprint(err), `instance type "x1e.32xlarge" is not modelled`) {
		t.Errorf("got %v", err)
	}

	s.sim.AddKeyPair("ops")
	pairs, err := s.client.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: []string{"ops"}})
	if found := must(t, pairs, err).KeyPairs; len(found) != 1 || *found[0].KeyName != "ops" {
		t.Errorf("found %+v", found)
	}
	_, err = s.client.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: []string{"none"}})
	wantCode(t, err, "InvalidKeyPair.NotFound")
}

// TestVolumesInTime: a volume goes with its instance, unless it is to stay.
func TestVolumesInTime(t *testing.T) {
	s := newScene(t)
	launched := s.run(func(in *ec2.RunInstancesInput) {
		in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("xvdb"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(5), DeleteOnTermination: aws.Bool(false)}}}
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeVolume, Tags: []types.Tag{{Key: aws.String("of"), Value: aws.String("builder")}}}}
	})
	s.clock.Advance(time.Minute)
	listed := func(status string) []string {
		t.Helper()
		out, err := s.client.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{Filters: append(filter("tag:of", "builder"), filter("status", status)...)})
		var all []string
		for _, v := range must(t, out, err).Volumes {
			all = append(all, fmt.Sprint(v.State, " ", *v.Size, " ", *v.Tags[0].Value))
		}
		return all
	}
	wantEqual(t, "while it runs", listed("in-use"), []string{"in-use 8 builder", "in-use 5 builder"})
	_, err := s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*launched.InstanceId}})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Minute)
	wantEqual(t, "of what is gone", listed("in-use"), []string(nil))
	wantEqual(t, "left", listed("available"), []string{"available 5 builder"})
}
