package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/event"
)

// The automations of the second act.
const (
	newestBackup = "newest-backup"
	webGroups    = "web-groups"
)

// templates is the act of template-follows-image and group-follows-template: the
// two functions of the source document 001.
func templates(n *narrator) {
	n.Set(Layout{Gateways: 1}) // a server to make images of
	template := n.TemplateOf("web", n.Ready("web-first", "made by hand"), nil)
	if n.Err() != nil {
		return
	}
	a := &backups{narrator: n}
	n.noun, n.names, n.show, n.summary = "groups", a.named, a.shown, a.told
	n.hire(fmt.Sprintf(`version: 1
fleet: backup-region
region: %s
notify: { topic: "%s" }
automations:
  %s:
    kind: template-follows-image
    images: { description: EC2_BACKUP }
    template: { id: %s }
    keep: 2
    expect: 26h
  %s:
    kind: group-follows-template
    groups: ["web-*"]
    version: $Latest
`, n.AWS().Region, n.Topic, newestBackup, template, webGroups))
	n.clock.Advance(time.Hour)
	n.say("aws", "a launch template with one version; every night a backup makes an image")
	n.after(9*time.Minute, "operator", "deploys a stack: CloudFormation makes the group web-blue, and can say no version but a number", func() error {
		return n.world.AutoScaling.Create("cloudformation.amazonaws.com", &autoscaling.CreateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String("web-blue"), LaunchTemplate: spec(template, "1"),
			MinSize: aws.Int32(0), MaxSize: aws.Int32(0), VPCZoneIdentifier: aws.String(strings.Join(n.Subnets, ",")),
		})
	})
	a.night("the nightly backup begins to make an image", "")
	first := a.last
	a.night("the next night", "")
	n.say("aws", "the event of the first night is delivered once more, a day late")
	n.handle(first)
	a.night("the third night's image fails", "the snapshot failed")
	n.clock.Advance(5 * time.Hour)
	n.sweep("sweeps, as it does every hour", newestBackup)
}

// backups are what the second act remembers.
type backups struct {
	*narrator
	nights   int
	last     event.Event // that an image begins to be made
	versions map[string]string
	groups   map[string]string
}

// night makes an image with the marker, as the backup policy does, a day after
// the last. With a reason it fails.
func (a *backups) night(what, reason string) {
	a.nights++
	a.clock.Advance(23 * time.Hour)
	a.after(0, "aws", what, func() error {
		id, err := a.world.EC2.CreateImageAs("dlm.amazonaws.com", &ec2.CreateImageInput{
			InstanceId: aws.String(a.Gateways[0].Instance), NoReboot: aws.Bool(true),
			Name: aws.String(fmt.Sprintf("web-night-%d", a.nights)), Description: aws.String("EC2_BACKUP of web"),
		})
		if err == nil && reason != "" {
			err = a.world.EC2.FailImage(id, reason)
		}
		return err
	})
}

// told says what an event says. The act tells of what others do: the calls of
// Drover itself, which CloudTrail tells of too, start nothing.
func (a *backups) told(e event.Event) (string, bool) {
	if call, ok, err := event.AsAPICall(e); ok && err == nil {
		switch call.Operation {
		case "CreateImage":
			a.last = e
			return "CreateImage: " + a.named(call.Element("imageId")), true
		case "CreateAutoScalingGroup":
			return "CreateAutoScalingGroup: " + call.Parameter("autoScalingGroupName"), true
		}
		return "", false
	}
	change, ok, err := event.AsImageStateChange(e)
	return fmt.Sprintf("%s is %s", a.named(change.ImageID), change.State), ok && err == nil
}

// named puts the images' names, and the template's, for their ids.
func (a *backups) named(text string) string {
	var pairs []string
	for _, i := range a.world.EC2.Images() {
		pairs = append(pairs, i.ID, i.Name)
	}
	for _, t := range a.world.EC2.Templates() {
		pairs = append(pairs, t.ID, "template "+t.Name)
	}
	return replaced(pairs...)(text)
}

func (a *backups) shown(m *Moment) {
	versions, groups := map[string]string{}, map[string]string{}
	for _, t := range a.world.EC2.Templates() {
		for _, v := range t.Versions {
			image := a.named(v.Image)
			if v.Number == t.Default {
				image += " (default)"
			}
			versions[fmt.Sprintf("%s version %d", t.Name, v.Number)] = image
		}
	}
	for _, g := range a.world.AutoScaling.Groups() {
		groups[aws.ToString(g.AutoScalingGroupName)] = a.named(fmt.Sprintf("version %s of %s", aws.ToString(g.LaunchTemplate.Version), aws.ToString(g.LaunchTemplate.LaunchTemplateId)))
	}
	m.Versions, m.Groups = changed(&a.versions, versions), changed(&a.groups, groups)
}
