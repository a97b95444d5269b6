package ec2

// What an instance is launched with beside its network and its volumes. Not
// modelled: changing any of it later, except as instance.go has it; key pairs
// other than their names.

import (
	"cmp"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
)

// configuration is what an instance was launched with.
type configuration struct {
	profile, keyName, userData string
	architecture               types.ArchitectureValues
	windows                    bool
	shutdown                   types.ShutdownBehavior // what a shutdown from within does
	protected                  bool                   // from being terminated by the API
	ebsOptimized, monitored    bool
	metadata                   metadataOptions
}

type metadataOptions struct {
	tokens   types.HttpTokensState
	endpoint types.InstanceMetadataEndpointState
	tags     types.InstanceMetadataTagsState
	hops     int32
}

// profile is an instance profile with the role in it.
type profile struct{ name, role string }

type keyPair struct{ name string }

func (p profile) key() string { return p.name }
func (k keyPair) key() string { return k.name }

const mostUserData = 16 << 10 // bytes, before the encoding (doc of ec2 RunInstancesInput.UserData)

// configure reads a request.
func (s *state) configure(in *ec2.RunInstancesInput, from image) (configuration, error) {
	kind := cmp.Or(in.InstanceType, types.InstanceTypeM1Small)
	c := configuration{
		keyName: aws.ToString(in.KeyName), userData: aws.ToString(in.UserData),
		architecture: cmp.Or(from.architecture, usual(kind)), windows: from.windows,
		shutdown:  cmp.Or(in.InstanceInitiatedShutdownBehavior, types.ShutdownBehaviorStop), // doc of ec2 RunInstancesInput
		protected: aws.ToBool(in.DisableApiTermination), ebsOptimized: aws.ToBool(in.EbsOptimized),
		monitored: in.Monitoring != nil && aws.ToBool(in.Monitoring.Enabled),
	}
	var err error
	if c.metadata, err = metadata(in.MetadataOptions); err != nil {
		return c, err
	}
	if c.profile, err = s.knownProfile(in.IamInstanceProfile); err != nil {
		return c, err
	}
	if _, known := s.keyPairs.get(c.keyName); c.keyName != "" && !known && len(s.keyPairs.rows) > 0 { // GH spurin/diveintoansible-lab#71
		return c, invalid("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", c.keyName)
	}
	data, err := base64.StdEncoding.DecodeString(c.userData)
	switch {
	case err != nil: // facts/apis.md 1.3 RunInstances; the text unverified
		return c, invalid("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	case len(data) > mostUserData: // unverified
		return c, invalid("InvalidParameterValue", "User data is limited to %d bytes", mostUserData)
	}
	return c, fits(kind, from)
}

// metadata are the options that a request asks for, and the defaults of the rest
// (doc of ec2 types.InstanceMetadataOptionsRequest, but for images of which IMDSv2
// is the default, which are not modelled).
func metadata(asked *types.InstanceMetadataOptionsRequest) (metadataOptions, error) {
	o := metadataOptions{tokens: types.HttpTokensStateOptional, endpoint: types.InstanceMetadataEndpointStateEnabled, tags: types.InstanceMetadataTagsStateDisabled, hops: 1}
	if asked == nil {
		return o, nil
	}
	o.tokens, o.endpoint, o.tags = cmp.Or(asked.HttpTokens, o.tokens), cmp.Or(asked.HttpEndpoint, o.endpoint), cmp.Or(asked.InstanceMetadataTags, o.tags)
	if asked.HttpPutResponseHopLimit != nil {
		o.hops = *asked.HttpPutResponseHopLimit
	}
	if o.hops < 1 || o.hops > 64 { // code unverified
		return o, invalid("InvalidParameterValue", "Value (%d) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64.", o.hops)
	}
	return o, nil
}

// knownProfile is the name of the profile of a request. Which profiles exist this
// world may have been told, see [Service.AddInstanceProfile]; if not, all do.
func (s *state) knownProfile(asked *types.IamInstanceProfileSpecification) (string, error) {
	if asked == nil {
		return "", nil
	}
	name := profileName(asked.Name, asked.Arn)
	if _, known := s.profiles.get(name); known || len(s.profiles.rows) == 0 {
		return name, nil
	}
	if asked.Name != nil { // GH CiscoDevNet/cloud-cml#4
		return "", invalid("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", name)
	}
	return "", invalid("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN", *asked.Arn) // unverified
}

// profileName is the name of a profile that is named by either; an ARN ends in it.
func profileName(name, arn *string) string {
	if name != nil {
		return *name
	}
	path := strings.Split(aws.ToString(arn), "/")
	return path[len(path)-1]
}

// roleOf is the role of a profile, which is taken to have the profile's name if
// nobody said otherwise.
func (s *state) roleOf(name string) string {
	p, _ := s.profiles.get(name)
	return cmp.Or(p.role, name)
}

func profileARN(m *awssim.Moment, name string) string {
	return "arn:aws:iam::" + m.Account() + ":instance-profile/" + name
}

// fits says whether an image can run on a type of instance (GH
// skypilot-org/skypilot#6315). Types of which instancetype.go knows nothing run
// everything.
func fits(kind types.InstanceType, i image) error {
	t, known := kindOf(kind)
	if !known || i.architecture == "" || slices.Contains(t.architectures, types.ArchitectureType(i.architecture)) {
		return nil
	}
	return invalid("InvalidParameterValue", "The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. "+
		"Specify an instance type and an AMI that have matching architectures, and try again. "+
		"You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.", usual(kind), i.architecture)
}

// usual is the architecture of images for a type of instance.
func usual(kind types.InstanceType) types.ArchitectureValues {
	if t, known := kindOf(kind); known {
		return types.ArchitectureValues(t.architectures[len(t.architectures)-1])
	}
	return types.ArchitectureValuesX8664
}

// show adds the configuration to an instance.
func (c configuration) show(m *awssim.Moment, out *types.Instance) {
	out.Architecture = c.architecture
	out.EbsOptimized = aws.Bool(c.ebsOptimized)
	out.Monitoring = &types.Monitoring{State: types.MonitoringStateDisabled}
	if c.monitored {
		out.Monitoring.State = types.MonitoringStateEnabled
	}
	out.PlatformDetails, out.UsageOperation = aws.String(platform(c.windows)), aws.String(usage(c.windows))
	if c.windows {
		out.Platform = types.PlatformValuesWindows
	}
	if c.keyName != "" {
		out.KeyName = aws.String(c.keyName)
	}
	if c.profile != "" {
		out.IamInstanceProfile = &types.IamInstanceProfile{Arn: aws.String(profileARN(m, c.profile)), Id: aws.String("AIPASIMULATED" + strings.ToUpper(notLetters.ReplaceAllString(c.profile, "")))}
	}
	out.MetadataOptions = &types.InstanceMetadataOptionsResponse{
		State: types.InstanceMetadataOptionsStateApplied, HttpTokens: c.metadata.tokens, HttpEndpoint: c.metadata.endpoint,
		HttpPutResponseHopLimit: aws.Int32(c.metadata.hops), InstanceMetadataTags: c.metadata.tags,
	}
}

var notLetters = regexp.MustCompile(`[^0-9A-Za-z]`)

// platform and usage are what images and instances say of their operating system
// (EC2 User Guide, "AMI billing information fields").
func platform(windows bool) string {
	if windows {
		return "Windows"
	}
	return "Linux/UNIX"
}

func usage(windows bool) string {
	if windows {
		return "RunInstances:0002"
	}
	return "RunInstances"
}

var keyPairFilters = filters[keyPair]{"key-name": field(keyPair.key)}

func describeKeyPairs(m *awssim.Moment, s *state, in *ec2.DescribeKeyPairsInput) (*ec2.DescribeKeyPairsOutput, error) {
	for _, name := range in.KeyNames {
		if _, known := s.keyPairs.get(name); !known {
			return nil, invalid("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", name)
		}
	}
	pass, err := matcher(m, s, listing{filters: in.Filters, bare: true}, keyPairFilters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeKeyPairsOutput{}
	for _, k := range s.keyPairs.all(func(k keyPair) bool {
		return (len(in.KeyNames) == 0 || slices.Contains(in.KeyNames, k.name)) && pass(k)
	}) {
		out.KeyPairs = append(out.KeyPairs, types.KeyPairInfo{KeyName: aws.String(k.name)})
	}
	return out, nil
}
