package ec2

// The permissions of RunInstances, as shared/facts/iam.json has them, and of the calls
// that end instances. Not modelled: the keys of spot requests, placement, key pair
// types and operators, and of snapshots, which are not named apart from their images.

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// runInstancesPermissions asks for everything that a launch takes and makes: image,
// instance, volume, interfaces with their subnets and security groups, key pair and
// template; for the tags of what is made; and for passing the role of the profile.
// What comes from a template is asked for as if the request named it. A request that
// cannot be read is asked for by what can be, and refused later.
func runInstancesPermissions(m *awssim.Moment, s *state, in *ec2.RunInstancesInput) []awssim.Request {
	whole, err := s.fromTemplate(m, in)
	if err != nil {
		whole = in
	}
	l := launchPermissions{m: m, s: s, asked: in, whole: whole}
	if in.LaunchTemplate != nil {
		l.template = s.templatePermissions(m, in.LaunchTemplate.LaunchTemplateId, in.LaunchTemplate.LaunchTemplateName)
	}
	for i, r := range l.template {
		l.template[i] = l.request(r.Resource, r.Context, false)
	}
	return slices.Concat(l.template, l.taken(), l.network(), l.made(), l.passed())
}

type launchPermissions struct {
	m            *awssim.Moment
	s            *state
	asked, whole *ec2.RunInstancesInput // whole: with what the template adds
	template     []awssim.Request       // at most one
}

// request adds the keys about the template: which it is, and whether it is what
// names the resource.
func (l launchPermissions) request(resource string, keys map[string][]string, named bool) awssim.Request {
	if l.template != nil {
		keys["ec2:LaunchTemplate"] = []string{l.template[0].Resource}
		keys["ec2:IsLaunchTemplateResource"] = []string{strconv.FormatBool(!named)}
	}
	return awssim.Request{Resource: resource, Context: keys}
}

// taken is what there is and no part of the network.
func (l launchPermissions) taken() []awssim.Request {
	image := l.s.imagePermissions(l.m, l.whole.ImageId)[0]
	all := []awssim.Request{l.request(image.Resource, image.Context, l.asked.ImageId != nil)}
	if name := aws.ToString(l.whole.KeyName); name != "" {
		keys := map[string][]string{"ec2:Region": {l.m.Region()}, "ec2:KeyPairName": {name}}
		all = append(all, l.request(l.m.ARN("ec2", "key-pair/"+name), keys, l.asked.KeyName != nil))
	}
	return all
}

// network is each subnet and security group once, in the order of their interfaces,
// and the interfaces that there are; those to be made are in made.
func (l launchPermissions) network() []awssim.Request {
	specs, err := interfaceSpecs(l.m, l.whole)
	if err != nil {
		return nil
	}
	listed := len(l.asked.NetworkInterfaces) > 0
	var all []awssim.Request
	add := func(r awssim.Request) {
		if !slices.ContainsFunc(all, func(other awssim.Request) bool { return other.Resource == r.Resource }) {
			all = append(all, r)
		}
	}
	for _, spec := range specs {
		if spec.NetworkInterfaceId != nil {
			id := *spec.NetworkInterfaceId
			keys := l.s.conditions(l.m, id)
			keys["ec2:NetworkInterfaceID"] = []string{id}
			add(l.request(l.m.ARN("ec2", "network-interface/"+id), keys, listed))
			continue
		}
		sub, _ := l.s.subnets.get(aws.ToString(spec.SubnetId))
		keys := l.s.conditions(l.m, sub.id)
		keys["ec2:SubnetID"] = []string{aws.ToString(spec.SubnetId)}
		maps.Copy(keys, l.place(sub))
		add(l.request(l.m.ARN("ec2", "subnet/"+aws.ToString(spec.SubnetId)), keys, listed || l.asked.SubnetId != nil))
		ids, err := l.s.groupsIn(sub, spec.Groups)
		if err != nil {
			ids = spec.Groups
		}
		for _, id := range ids {
			g, _ := l.s.groups.get(id)
			keys := l.s.conditions(l.m, id)
			keys["ec2:SecurityGroupID"] = []string{id}
			if g.vpc != "" {
				keys["ec2:Vpc"] = []string{l.m.ARN("ec2", "vpc/"+g.vpc)}
			}
			add(l.request(l.m.ARN("ec2", "security-group/"+id), keys, listed || len(l.asked.SecurityGroupIds) > 0))
		}
	}
	return all
}

// place are the keys of where something is that goes into a subnet.
func (l launchPermissions) place(sub subnet) map[string][]string {
	if sub.id == "" {
		return nil
	}
	return map[string][]string{"ec2:AvailabilityZone": {sub.zone}, "ec2:Vpc": {l.m.ARN("ec2", "vpc/"+sub.vpc)}}
}

// made is what is yet to be made, each with the tags it gets, and ec2:CreateTags for
// those (facts/iam.md 1, "Tag-on-create").
func (l launchPermissions) made() []awssim.Request {
	var sub subnet
	fresh := true // an interface is made
	if specs, err := interfaceSpecs(l.m, l.whole); err == nil {
		sub, _ = l.s.subnets.get(aws.ToString(specs[0].SubnetId))
		fresh = slices.ContainsFunc(specs, func(spec types.InstanceNetworkInterfaceSpecification) bool { return spec.NetworkInterfaceId == nil })
	}
	var all []awssim.Request
	for _, kind := range launchedTypes {
		if kind == types.ResourceTypeNetworkInterface && !fresh {
			continue
		}
		given := creation(l.m, kind, l.asked.TagSpecifications) // that those of the template do not count is unverified
		arn := l.m.ARN("ec2", string(kind)+"/*")
		keys := maps.Clone(given.Context)
		switch kind {
		case types.ResourceTypeInstance:
			maps.Copy(keys, l.instance(sub))
		case types.ResourceTypeNetworkInterface:
			maps.Copy(keys, l.place(sub))
			if sub.id != "" {
				keys["ec2:Subnet"] = []string{l.m.ARN("ec2", "subnet/"+sub.id)}
			}
		default:
			if sub.id != "" {
				keys["ec2:AvailabilityZone"] = []string{sub.zone}
			}
		}
		all = append(all, l.request(arn, keys, true))
		for _, r := range tagging(l.m, kind, l.whole.TagSpecifications, "RunInstances") {
			r.Resource = arn
			all = append(all, r)
		}
	}
	return all
}

// tagging is ec2:CreateTags for what a call makes with tags.
func tagging(m *awssim.Moment, kind types.ResourceType, specs []types.TagSpecification, by string) []awssim.Request {
	r := creation(m, kind, specs)
	if onlyOfAWS(r.Context["aws:TagKeys"]) {
		return nil
	}
	r.Action, r.Context["ec2:CreateAction"] = "ec2:CreateTags", []string{by}
	return []awssim.Request{r}
}

// onlyOfAWS says whether all tags are such as AWS sets itself.
func onlyOfAWS(keys []string) bool {
	return !slices.ContainsFunc(keys, func(key string) bool { return !strings.HasPrefix(key, "aws:") })
}

func (l launchPermissions) instance(sub subnet) map[string][]string {
	keys := map[string][]string{
		"ec2:InstanceType": {string(l.whole.InstanceType)}, "ec2:RootDeviceType": {string(types.DeviceTypeEbs)}, "ec2:Tenancy": {string(types.TenancyDefault)},
		"ec2:EbsOptimized": {strconv.FormatBool(aws.ToBool(l.whole.EbsOptimized))},
	}
	if sub.id != "" {
		keys["ec2:AvailabilityZone"] = []string{sub.zone}
	}
	if p := l.whole.IamInstanceProfile; p != nil {
		keys["ec2:InstanceProfile"] = []string{profileARN(l.m, profileName(p.Name, p.Arn))}
	}
	if o, err := metadata(l.whole.MetadataOptions); err == nil {
		keys["ec2:MetadataHttpTokens"], keys["ec2:MetadataHttpEndpoint"] = []string{string(o.tokens)}, []string{string(o.endpoint)}
		keys["ec2:MetadataHttpPutResponseHopLimit"], keys["ec2:InstanceMetadataTags"] = []string{strconv.Itoa(int(o.hops))}, []string{string(o.tags)}
	}
	return keys
}

// passed is the role that the instance gets.
func (l launchPermissions) passed() []awssim.Request {
	p := l.whole.IamInstanceProfile
	if p == nil {
		return nil
	}
	return []awssim.Request{{
		Action: "iam:PassRole", Resource: "arn:aws:iam::" + l.m.Account() + ":role/" + l.s.roleOf(profileName(p.Name, p.Arn)),
		Context: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}},
	}}
}

// instancePermissions asks for instances that there are.
func (s *state) instancePermissions(m *awssim.Moment, ids []string) []awssim.Request {
	var all []awssim.Request
	for _, id := range ids {
		keys := s.conditions(m, id)
		keys["ec2:InstanceID"] = []string{id}
		if i, ok := s.instances.get(id); ok {
			keys["ec2:AvailabilityZone"], keys["ec2:InstanceType"] = []string{i.zone}, []string{string(i.kind)}
			if i.made.profile != "" {
				keys["ec2:InstanceProfile"] = []string{profileARN(m, i.made.profile)}
			}
		}
		all = append(all, awssim.Request{Resource: m.ARN("ec2", "instance/"+id), Context: keys})
	}
	return all
}

func terminateInstancesPermissions(m *awssim.Moment, s *state, in *ec2.TerminateInstancesInput) []awssim.Request {
	return s.instancePermissions(m, in.InstanceIds)
}

func modifyInstanceAttributePermissions(m *awssim.Moment, s *state, in *ec2.ModifyInstanceAttributeInput) []awssim.Request {
	return s.instancePermissions(m, []string{aws.ToString(in.InstanceId)})
}

func stopInstancesPermissions(m *awssim.Moment, s *state, in *ec2.StopInstancesInput) []awssim.Request {
	return s.instancePermissions(m, in.InstanceIds)
}

func startInstancesPermissions(m *awssim.Moment, s *state, in *ec2.StartInstancesInput) []awssim.Request {
	return s.instancePermissions(m, in.InstanceIds)
}
