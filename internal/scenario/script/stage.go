package script

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/imagebuilder"
	ibtypes "github.com/aws/aws-sdk-go-v2/service/imagebuilder/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/scenario"
)

// before is for how long a world has been there when its scenario begins: what
// happens after it was made is over by then.
const before = 30 * 24 * time.Hour

// settling is how long the instances of groups have by then to come into service.
const settling = time.Hour

// elsewhere is an image of somebody's of which nothing is known, which EC2 takes to
// be in order.
const elsewhere = "ami-0123456789abcdef0"

// stage is the world of a scenario.
type stage struct {
	*scenario.Simulated
	clock *clock.Virtual
	names *names
	// pipelines are the ARNs of pipelines by their names.
	pipelines map[string]string
	// backups are the images of jobs of AWS Backup that the scenario starts, by the ids of
	// the jobs.
	backups map[string]string
	members map[string]int  // how many instances of groups have names, and builders
	boots   []Boots         // of images that are still to be made
	told    map[string]bool // ids of images whose states the timeline tells of
	own     map[string]bool // ids of what is in the world before it begins

	ec2 *ec2.Client
	ssm *ssm.Client
}

// newStage makes the world that a file describes, at the time at which it begins.
func newStage(ctx context.Context, f File, start time.Time, fleet *fleetfile.Fleet, n *names) (*stage, error) {
	clk := clock.NewVirtual(start.Add(-before))
	s := &stage{
		clock: clk, names: n, pipelines: map[string]string{}, backups: map[string]string{}, members: map[string]int{}, own: map[string]bool{}, told: map[string]bool{},
		Simulated: scenario.NewSimulated(clk, awssim.Options{
			Region: fleet.Region, Account: accountOf(fleet.Notify.Topic), NoTrail: f.World.NoTrail,
		}),
	}
	cfg := s.AWS()
	s.ec2, s.ssm = ec2.NewFromConfig(cfg), ssm.NewFromConfig(cfg)
	topic := fleet.Notify.Topic[strings.LastIndexByte(fleet.Notify.Topic, ':')+1:]
	if _, err := sns.NewFromConfig(cfg).CreateTopic(ctx, &sns.CreateTopicInput{Name: &topic}); err != nil {
		return nil, err
	}
	w := f.World
	s.olderImages(w, start)
	for _, make := range []func(context.Context, World) error{
		s.networks, s.access, s.instances, s.tables, s.templates, s.groups, s.platforms, s.parameters, s.recipes,
	} {
		if err := make(ctx, w); err != nil {
			return nil, fmt.Errorf("make the world: %w", err)
		}
	}
	s.clock.Advance(settling)
	if err := s.populate(w); err != nil {
		return nil, fmt.Errorf("make the world: %w", err)
	}
	s.documents(w.Documents)
	s.clock.Advance(before - settling)
	s.Settle()
	s.Take() // the events of making it
	s.learn()
	for _, id := range s.everything() {
		s.own[id] = true
	}
	return s, nil
}

// accountOf is the account in an ARN.
func accountOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 {
		return parts[4]
	}
	return ""
}

// networks makes the VPCs, with a subnet in every zone that something is in.
func (s *stage) networks(_ context.Context, w World) error {
	for _, name := range s.names.of("VPC") {
		v := w.VPCs[name]
		cidr := cmp.Or(v.CIDR, "10.0.0.0/16")
		id, err := s.EC2.PlaceVPC(simec2.VPC{ID: s.names.id(name), CIDR: cidr, Tags: v.Tags})
		if err != nil {
			return err
		}
		for _, zone := range w.zones(name, s.names.of("VPC")[0]) {
			part, err := subnetOf(cidr, int(zone[0]-'a'))
			if err != nil {
				return err
			}
			if _, err := s.EC2.PlaceSubnet(s.subnet(name, zone), id, part, s.Region()+zone); err != nil {
				return err
			}
		}
	}
	return nil
}

// subnetOf is one of eight equal parts of a VPC's addresses.
func subnetOf(cidr string, n int) (string, error) {
	whole, err := netip.ParsePrefix(cidr)
	if err != nil || !whole.Addr().Is4() || whole.Bits() > 25 {
		return "", fmt.Errorf("VPC addresses %q: wanted an IPv4 block such as 10.0.0.0/16", cidr)
	}
	bytes := whole.Masked().Addr().As4()
	at := uint32(bytes[0])<<24 | uint32(bytes[1])<<16 | uint32(bytes[2])<<8 | uint32(bytes[3])
	at += uint32(n) << (32 - whole.Bits() - 3)
	addr := netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)})
	return netip.PrefixFrom(addr, whole.Bits()+3).String(), nil
}

// vpcName is the name of a VPC, where the only one need not be named.
func (s *stage) vpcName(name string) string { return cmp.Or(name, s.names.of("VPC")[0]) }

func (s *stage) instances(_ context.Context, w World) error {
	for _, name := range slices.Sorted(maps.Keys(w.Instances)) {
		i := w.Instances[name]
		spec := simec2.PlacedInstance{
			ID: s.names.id(name), Subnet: s.subnet(i.VPC, cmp.Or(i.Zone, "a")), Image: s.names.id(cmp.Or(i.Image, elsewhere)),
			Type: types.InstanceTypeC5Large, Spot: i.Spot, Stopped: i.Stopped, Tags: i.Tags,
			Profile: i.Profile, KeyPair: i.KeyPair, Groups: s.ids(i.SecurityGroups),
		}
		if i.NoAgent {
			s.SSM.SetAgent(spec.ID, false)
		}
		for _, own := range i.interfaces() {
			spec.Interfaces = append(spec.Interfaces, simec2.PlacedInterface{ID: s.names.id(name + "." + own.Name), Checked: own.Checked, Stays: own.Stays})
		}
		if _, err := s.EC2.PlaceInstance(spec); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) tables(_ context.Context, w World) error {
	gateways := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(w.RouteTables)) {
		t := w.RouteTables[name]
		vpc := s.vpcName(t.VPC)
		spec := simec2.PlacedTable{ID: s.names.id(name), VPC: s.names.id(vpc), Tags: t.Tags, Routes: map[string]string{}}
		for _, zone := range t.Zones {
			spec.Subnets = append(spec.Subnets, s.subnet(vpc, zone))
		}
		for destination, target := range t.Routes {
			if target == internet && gateways[vpc] == "" {
				var err error
				if gateways[vpc], err = s.EC2.PlaceInternetGateway("", s.names.id(vpc)); err != nil {
					return err
				}
			}
			spec.Routes[destination] = s.names.target(target)
			if target == internet {
				spec.Routes[destination] = gateways[vpc]
			}
		}
		if _, err := s.EC2.PlaceTable(spec); err != nil {
			return err
		}
	}
	return nil
}

// olderImages puts the images there. Their ages are given, so that their order does
// not matter.
func (s *stage) olderImages(w World, start time.Time) {
	for _, name := range slices.Sorted(maps.Keys(w.Images)) {
		i := w.Images[name]
		s.EC2.AddImage(simec2.Image{
			ID: s.names.id(name), Name: name, Description: i.Description, Owner: i.Owner, Tags: i.Tags,
			Windows: i.Windows, SourceInstance: s.names.ids[i.Instance], Created: start.Add(-cmp.Or(time.Duration(i.Age), 24*time.Hour)),
		})
	}
}

func (s *stage) templates(_ context.Context, w World) error {
	for _, name := range slices.Sorted(maps.Keys(w.Templates)) {
		t := w.Templates[name]
		spec := simec2.PlacedTemplate{ID: s.names.id(name), Name: name, Default: int64(t.Default), Tags: t.Tags}
		for _, image := range t.Versions {
			data := &types.RequestLaunchTemplateData{ImageId: aws.String(s.names.id(image)), InstanceType: types.InstanceTypeC5Large, SecurityGroupIds: s.ids(t.SecurityGroups)}
			if t.Profile != "" {
				data.IamInstanceProfile = &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: &t.Profile}
			}
			if t.KeyPair != "" {
				data.KeyName = &t.KeyPair
			}
			spec.Versions = append(spec.Versions, data)
		}
		if _, err := s.EC2.PlaceTemplate(spec); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) platforms(_ context.Context, w World) error {
	for _, branch := range slices.Sorted(maps.Keys(w.Platforms)) {
		p := w.Platforms[branch]
		s.ElasticBeanstalk.AddBranch(simelasticbeanstalk.Branch{Name: branch, Platform: p.Platform})
		for _, number := range slices.SortedFunc(maps.Keys(p.Versions), byNumber) {
			if err := s.publish(PublishPlatform{Branch: branch, Version: number, Image: p.Versions[number]}, p.System, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// byNumber compares versions such as 2.10.0.
func byNumber(a, b string) int {
	parts := func(text string) []int {
		var all []int
		for part := range strings.SplitSeq(text, ".") {
			n, _ := strconv.Atoi(part) // what is no number comes first
			all = append(all, n)
		}
		return all
	}
	return cmp.Or(slices.Compare(parts(a), parts(b)), strings.Compare(a, b))
}

func (s *stage) publish(p PublishPlatform, system string, ready bool) error {
	_, err := s.ElasticBeanstalk.AddVersion(simelasticbeanstalk.Version{
		Branch: p.Branch, Number: p.Version, System: system, Ready: ready,
		Images: []simelasticbeanstalk.Image{{ID: s.names.id(p.Image), Virtualization: "hvm"}},
	})
	return err
}

func (s *stage) parameters(ctx context.Context, w World) error {
	for _, name := range slices.Sorted(maps.Keys(w.Parameters)) {
		p := w.Parameters[name]
		in := &ssm.PutParameterInput{Name: &name, Value: aws.String(s.names.fill(p.Value)), Type: ssmtypes.ParameterTypeString}
		if p.Secure {
			in.Type = ssmtypes.ParameterTypeSecureString
		}
		if p.DataType != "" {
			in.DataType = &p.DataType
		}
		if _, err := s.ssm.PutParameter(ctx, in); err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	return nil
}

// recipes makes pipelines, each with its recipe.
func (s *stage) recipes(_ context.Context, w World) error {
	for _, name := range slices.Sorted(maps.Keys(w.Pipelines)) {
		p := w.Pipelines[name]
		recipe, err := s.ImageBuilder.AddRecipe(&imagebuilder.CreateImageRecipeInput{
			Name: &name, SemanticVersion: aws.String(cmp.Or(p.Recipe, "1.0.0")), ParentImage: aws.String(s.names.id(p.Parent)),
			Components: []ibtypes.ComponentConfiguration{{ComponentArn: aws.String("arn:aws:imagebuilder:" + s.Region() + ":aws:component/update-windows/x.x.x")}},
		})
		if err != nil {
			return err
		}
		pipeline := ibtypes.ImagePipeline{Name: &name, ImageRecipeArn: &recipe, Status: ibtypes.PipelineStatusEnabled}
		if p.Disabled {
			pipeline.Status = ibtypes.PipelineStatusDisabled
		}
		arn, err := s.ImageBuilder.AddPipeline(pipeline)
		if err != nil {
			return err
		}
		s.pipelines[name] = arn
		s.names.add("pipeline", name, arn, "")
	}
	return nil
}
