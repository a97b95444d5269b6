package ec2

// DescribeInstanceTypes, of the types that are in use most. Not modelled: other
// types, which RunInstances takes all the same, and what typeOut does not set.

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// instanceKind is a type of instance. The values are those of the EC2 User Guide's
// "Instance types" (interfaces of c5: facts/apis.md 1.3, last paragraph).
type instanceKind struct {
	name          types.InstanceType
	architectures []types.ArchitectureType
	vcpus, cores  int32
	memory        int64 // MiB
	interfaces    int32 // at most
	addresses     int32 // IPv4, of an interface, at most
	hypervisor    types.InstanceTypeHypervisor
	current       bool
}

func (k instanceKind) key() string { return string(k.name) }

// threads are those of a core.
func (k instanceKind) threads() int32 { return cmp.Or(k.vcpus/k.cores, 1) }

var (
	intel    = []types.ArchitectureType{types.ArchitectureTypeX8664}
	oldIntel = []types.ArchitectureType{types.ArchitectureTypeI386, types.ArchitectureTypeX8664}
	arm      = []types.ArchitectureType{types.ArchitectureTypeArm64}

	nitro = types.InstanceTypeHypervisorNitro
	xen   = types.InstanceTypeHypervisorXen
)

var instanceKinds = []instanceKind{
	{types.InstanceTypeC5Large, intel, 2, 1, 4096, 3, 10, nitro, true},
	{types.InstanceTypeC5Xlarge, intel, 4, 2, 8192, 4, 15, nitro, true},
	{types.InstanceTypeM1Small, oldIntel, 1, 1, 1740, 2, 4, xen, false},
	{types.InstanceTypeM5Large, intel, 2, 1, 8192, 3, 10, nitro, true},
	{types.InstanceTypeM5Xlarge, intel, 4, 2, 16384, 4, 15, nitro, true},
	{types.InstanceTypeM52xlarge, intel, 8, 4, 32768, 4, 15, nitro, true},
	{types.InstanceTypeM6gLarge, arm, 2, 2, 8192, 3, 10, nitro, true},
	{types.InstanceTypeM6iLarge, intel, 2, 1, 8192, 3, 10, nitro, true},
	{types.InstanceTypeR5Large, intel, 2, 1, 16384, 3, 10, nitro, true},
	{types.InstanceTypeT2Micro, oldIntel, 1, 1, 1024, 2, 2, xen, true},
	{types.InstanceTypeT3Large, intel, 2, 1, 8192, 3, 12, nitro, true},
	{types.InstanceTypeT3Medium, intel, 2, 1, 4096, 3, 6, nitro, true},
	{types.InstanceTypeT3Micro, intel, 2, 1, 1024, 2, 2, nitro, true},
	{types.InstanceTypeT3Small, intel, 2, 1, 2048, 3, 4, nitro, true},
	{types.InstanceTypeT4gMicro, arm, 2, 2, 1024, 2, 2, nitro, true},
	{types.InstanceTypeT4gSmall, arm, 2, 2, 2048, 3, 4, nitro, true},
}

func kindOf(name types.InstanceType) (instanceKind, bool) {
	at := slices.IndexFunc(instanceKinds, func(k instanceKind) bool { return k.name == name })
	if at < 0 {
		return instanceKind{}, false
	}
	return instanceKinds[at], true
}

var instanceKindFilters = filters[instanceKind]{
	"instance-type":              field(instanceKind.key),
	"hypervisor":                 field(func(k instanceKind) string { return string(k.hypervisor) }),
	"current-generation":         field(func(k instanceKind) string { return strconv.FormatBool(k.current) }),
	"vcpu-info.default-vcpus":    field(func(k instanceKind) string { return strconv.Itoa(int(k.vcpus)) }),
	"memory-info.size-in-mib":    field(func(k instanceKind) string { return strconv.FormatInt(k.memory, 10) }),
	"supported-root-device-type": func(*state, instanceKind) []string { return []string{string(types.RootDeviceTypeEbs)} },
	"processor-info.supported-architecture": func(_ *state, k instanceKind) []string {
		var names []string
		for _, a := range k.architectures {
			names = append(names, string(a))
		}
		return names
	},
}

// describeInstanceTypes refuses what is no type at all (GH
// scylladb/scylla-cluster-tests#12419).
func describeInstanceTypes(m *awssim.Moment, s *state, in *ec2.DescribeInstanceTypesInput) (*ec2.DescribeInstanceTypesOutput, error) {
	var unknown, ids []string
	for _, name := range in.InstanceTypes {
		if !slices.Contains(types.InstanceType("").Values(), name) {
			unknown = append(unknown, string(name))
		} else if _, ok := kindOf(name); !ok {
			return nil, m.NotModelled("instance type %q", name)
		}
		ids = append(ids, string(name))
	}
	if unknown != nil {
		return nil, invalid("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", strings.Join(unknown, ", "))
	}
	all := table[instanceKind]{}
	for _, k := range instanceKinds {
		all.put(k)
	}
	page, next, err := list(m, s, &all, "", listing{ids: ids, filters: in.Filters, most: in.MaxResults, token: in.NextToken, limit: 100, bare: true}, instanceKindFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstanceTypesOutput{NextToken: next}
	for _, k := range page {
		out.InstanceTypes = append(out.InstanceTypes, typeOut(k))
	}
	return out, nil
}

func typeOut(k instanceKind) types.InstanceTypeInfo {
	return types.InstanceTypeInfo{
		InstanceType:                 k.name,
		CurrentGeneration:            aws.Bool(k.current),
		Hypervisor:                   k.hypervisor,
		ProcessorInfo:                &types.ProcessorInfo{SupportedArchitectures: slices.Clone(k.architectures)},
		VCpuInfo:                     &types.VCpuInfo{DefaultVCpus: aws.Int32(k.vcpus), DefaultCores: aws.Int32(k.cores), DefaultThreadsPerCore: aws.Int32(k.threads())},
		MemoryInfo:                   &types.MemoryInfo{SizeInMiB: aws.Int64(k.memory)},
		NetworkInfo:                  &types.NetworkInfo{MaximumNetworkInterfaces: aws.Int32(k.interfaces), Ipv4AddressesPerInterface: aws.Int32(k.addresses)},
		SupportedRootDeviceTypes:     []types.RootDeviceType{types.RootDeviceTypeEbs},
		SupportedVirtualizationTypes: []types.VirtualizationType{types.VirtualizationTypeHvm},
	}
}
