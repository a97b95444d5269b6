//go:build conformance

package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/scenario"
)

// yard is a world in which an image is to be rolled out to groups, as far as moto
// carries that: by a builder that is stopped, an image of it that is tried, and a
// version of the template. Documents and refreshes it does not.
type yard struct {
	*testing.T
	*world
	stage       *scenario.Stage
	base, image string
	told        event.Event // that the image is available
	security    string      // group of builders
	templates   map[string]string
	more        []string // lines of fleet files
	names       []string // of what moto has made, in pairs: so that two worlds compare
}

const keyPair = "operators"

func newYard(t *testing.T, w *world) *yard {
	t.Helper()
	y := &yard{T: t, world: w, stage: scenario.NewStage(t.Context(), w), templates: map[string]string{}}
	y.stage.Set(scenario.Layout{Gateways: 1})
	y.base = y.stage.Ready("base", "made by hand")
	y.image, _ = y.stage.Image("golden-1", "", nil)
	y.told = y.stage.Available(y.image)
	ready(t, y.stage)
	client := ec2.NewFromConfig(w.AWS())
	security, err := client.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("builders"), Description: aws.String("nothing at all"), VpcId: aws.String(y.stage.VPC),
	})
	if err != nil {
		t.Fatal(err)
	}
	y.security = *security.GroupId
	if _, err := client.CreateKeyPair(t.Context(), &ec2.CreateKeyPairInput{KeyName: aws.String(keyPair)}); err != nil {
		t.Fatal(err)
	}
	return y
}

// stake is a group with a template and a fleet of its own name.
func (y *yard) stake(name string) stake {
	y.Helper()
	y.templates[name] = y.stage.TemplateOf(name, y.base, nil)
	y.stage.Group(name, y.templates[name], "1", nil)
	ready(y.T, y.stage)
	return stake{fleet: y.fleet(name), event: y.told}
}

// fleet is a fleet file of the group's name.
func (y *yard) fleet(group string) string {
	lines := append([]string{
		"group: " + group, "source: { images: { name: golden-* } }",
		fmt.Sprintf("builder: { subnet: %s, security-groups: [%s], key: %s }", y.stage.Subnets[0], y.security, keyPair),
	}, y.more...)
	text := y.stage.Fleet("image-rollout", "    "+strings.Join(lines, "\n    ")+"\n")
	return strings.Replace(text, "fleet: stage\n", "fleet: "+group+"\n", 1)
}

// stands is how a group stands: the versions of its template, from which it launches,
// and what of it is suspended.
func (y *yard) stands(group string) []string {
	y.Helper()
	names, template := strings.NewReplacer(append(y.names, y.base, "ami-base")...), y.templates[group]
	out, err := y.ec2.DescribeLaunchTemplateVersions(y.Context(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: aws.String(template)})
	if err != nil {
		y.Fatal(err)
	}
	var all []string
	for _, v := range out.LaunchTemplateVersions {
		line := fmt.Sprintf("%d %s", *v.VersionNumber, names.Replace(aws.ToString(v.LaunchTemplateData.ImageId)))
		if aws.ToBool(v.DefaultVersion) {
			line += " default"
		}
		all = append(all, line)
	}
	slices.Sort(all)
	groups, err := autoscaling.NewFromConfig(configFor(y.moto.url)).DescribeAutoScalingGroups(y.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{group}})
	if err != nil {
		y.Fatal(err)
	}
	for _, g := range groups.AutoScalingGroups {
		all = append(all, "launches "+aws.ToString(g.LaunchTemplate.Version))
		for _, p := range g.SuspendedProcesses {
			all = append(all, aws.ToString(p.ProcessName)+" suspended")
		}
	}
	return all
}
