package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	simbackup "github.com/droverhq/drover/internal/awssim/backup"
)

// Crowd is many groups that get new images at the same time, each from a backup of its
// own.
type Crowd struct {
	Groups    []string
	Templates []string // of each group; it launches from version 1
	Servers   []string // of each group the instance that is backed up

	Base, Security string
}

// Crowd builds so many groups of two instances, and waits until those are there.
func (s *Stage) Crowd(groups int) Crowd {
	s.Set(Layout{Gateways: 1})
	c := Crowd{Base: s.Ready("base", "made by hand")}
	s.inSimulated("make an instance profile, and have room", func(sim *Simulated) error {
		sim.EC2.AddInstanceProfile(builderProfile, ssmRole)
		sim.ServiceQuotas.SetStandardInstances(10 * groups)
		return nil
	})
	s.try("make groups to roll out to", func() error {
		security, err := s.ec2.CreateSecurityGroup(s.ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("builders"), Description: aws.String("nothing but Systems Manager"), VpcId: aws.String(s.VPC),
		})
		if err != nil {
			return err
		}
		c.Security = *security.GroupId
		for i := range groups {
			name := fmt.Sprintf("web-%02d", i+1)
			template, err := s.ec2.CreateLaunchTemplate(s.ctx, &ec2.CreateLaunchTemplateInput{
				LaunchTemplateName: aws.String(name),
				LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(c.Base), InstanceType: types.InstanceTypeT3Micro},
			})
			if err != nil {
				return err
			}
			c.Groups, c.Templates = append(c.Groups, name), append(c.Templates, *template.LaunchTemplate.LaunchTemplateId)
			_, err = s.groups.CreateAutoScalingGroup(s.ctx, &autoscaling.CreateAutoScalingGroupInput{
				AutoScalingGroupName: aws.String(name), LaunchTemplate: spec(c.Templates[i], "1"),
				MinSize: aws.Int32(0), MaxSize: aws.Int32(10), DesiredCapacity: aws.Int32(2), VPCZoneIdentifier: aws.String(strings.Join(s.Subnets, ",")),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	s.Pass(10 * time.Minute)
	s.inSimulated("see what runs", func(sim *Simulated) error {
		for _, name := range c.Groups {
			g, found := sim.AutoScaling.Group(name)
			if !found || len(g.Instances) != 2 {
				return fmt.Errorf("group %s has %d instances, want 2", name, len(g.Instances))
			}
			c.Servers = append(c.Servers, *g.Instances[0].InstanceId)
		}
		return nil
	})
	return c
}

// RollOutTo is a fleet file with an automation for each group of a crowd, named after
// it: from backups, with a builder that sysprep is run on, and what more is said.
func (s *Stage) RollOutTo(c Crowd, more ...string) string {
	lines := append([]string{
		"source: { backups: {} }",
		s.builder(Estate{Security: c.Security}, fmt.Sprintf("profile: %s, prepare: [{ document: AWSEC2-RunSysprep }]", builderProfile)),
	}, more...)
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nfleet: stage\nregion: %s\nnotify: { topic: \"%s\" }\nautomations:\n", s.AWS().Region, s.Topic)
	for _, name := range c.Groups {
		fmt.Fprintf(&b, "  %s:\n    kind: image-rollout\n    group: %[1]s\n    %s\n", name, strings.Join(lines, "\n    "))
	}
	return b.String()
}

// BackUp begins a backup of an instance of each group of a crowd, as a backup plan does.
func (s *Stage) BackUp(c Crowd, apart time.Duration) {
	s.inSimulated("begin backups", func(sim *Simulated) error {
		for i, instance := range c.Servers {
			// Each takes a little longer than the one before.
			if _, err := sim.Backup.Start(simbackup.Job{Instance: instance, Takes: 10*time.Minute + time.Duration(i)*apart}); err != nil {
				return err
			}
		}
		return nil
	})
}

// ExpectCrowd makes the story fail unless every group of a crowd launches from version
// 2 of its template, with an image of a machine that was launched from its own backup,
// and with its maximum as it was; and, if it is said so, runs nothing else.
func (s *Stage) ExpectCrowd(c Crowd, replaced bool) {
	s.inSimulated("look what the groups have", func(sim *Simulated) error {
		images := map[string]string{} // what they are made of
		for _, i := range sim.EC2.Images() {
			if i.State == types.ImageStateAvailable {
				images[i.ID] = i.SourceInstance
			}
		}
		from := map[string]string{} // the images of instances
		for _, i := range sim.EC2.Instances() {
			from[i.ID] = i.Image
		}
		for i, name := range c.Groups {
			g, _ := sim.AutoScaling.Group(name)
			if got := aws.ToString(g.LaunchTemplate.Version); got != "2" || aws.ToInt32(g.MaxSize) != 10 || len(g.SuspendedProcesses) > 0 {
				return fmt.Errorf("group %s launches from version %s, and %d is its maximum", name, got, aws.ToInt32(g.MaxSize))
			}
			golden := ""
			for _, t := range sim.EC2.Templates() {
				if t.ID == c.Templates[i] {
					golden = t.Versions[0].Image
				}
			}
			backup := from[images[golden]]
			if backup == "" || images[backup] != c.Servers[i] {
				return fmt.Errorf("group %s launches from %s, which is made of %q, which is of %q", name, golden, images[golden], backup)
			}
			for _, i := range g.Instances {
				if replaced && from[*i.InstanceId] != golden {
					return fmt.Errorf("%s of group %s is of %s, want %s", *i.InstanceId, name, from[*i.InstanceId], golden)
				}
			}
		}
		return nil
	})
}
