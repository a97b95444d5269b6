package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	simbackup "github.com/droverhq/drover/internal/awssim/backup"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simkms "github.com/droverhq/drover/internal/awssim/kms"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
)

// Estate is a group that is about to get a new image, and what a builder needs.
type Estate struct {
	Instances int    // of the group
	Version   string // that it launches from; "1" if it is empty
	Max       int    // its maximum; ten if it is zero

	Template, Base string // what it launches from
	Security       string // the security group of builders
}

const (
	// fleetGroup is the group of an [Estate].
	fleetGroup = "web"
	// builderProfile lets Systems Manager reach a builder.
	builderProfile = "builder"
	ssmRole        = "ssm"
)

// Estate builds the group, and waits until its instances are there.
func (s *Stage) Estate(e Estate) Estate {
	s.Set(Layout{Gateways: 1, Tags: map[string]string{"app": "server"}})
	e.Base = s.Ready("base", "made by hand")
	s.try("make a group to roll out to", func() error {
		if sim, ok := s.World.(*Simulated); ok {
			sim.EC2.AddInstanceProfile(builderProfile, ssmRole)
			sim.SSM.Behave("Deploy", simssm.Behaviour{Takes: 3 * time.Minute})
			sim.SSM.Behave("Smoke", simssm.Behaviour{Takes: time.Minute})
		}
		security, err := s.ec2.CreateSecurityGroup(s.ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("builders"), Description: aws.String("nothing but Systems Manager"), VpcId: aws.String(s.VPC),
		})
		if err != nil {
			return err
		}
		e.Security = *security.GroupId
		template, err := s.ec2.CreateLaunchTemplate(s.ctx, &ec2.CreateLaunchTemplateInput{
			LaunchTemplateName: aws.String("web"),
			LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(e.Base), InstanceType: types.InstanceTypeT3Micro},
		})
		if err != nil {
			return err
		}
		e.Template = *template.LaunchTemplate.LaunchTemplateId
		if e.Version == "" {
			e.Version = "1"
		}
		if e.Max == 0 {
			e.Max = 10
		}
		_, err = s.groups.CreateAutoScalingGroup(s.ctx, &autoscaling.CreateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String(fleetGroup), LaunchTemplate: spec(e.Template, e.Version),
			MinSize: aws.Int32(0), MaxSize: number(e.Max), DesiredCapacity: number(e.Instances), VPCZoneIdentifier: aws.String(strings.Join(s.Subnets, ",")),
		})
		return err
	})
	s.Pass(10 * time.Minute)
	return e
}

func number(n int) *int32 { return aws.Int32(int32(n)) } //nolint:gosec // small

// fullRollout is an automation with everything but approval.
var fullRollout = []string{
	"source: { backups: {} }",
	"hold: processes",
	"try: { verify: { document: Smoke } }",
	"refresh: { min-healthy: 50 }",
	"keep: 2",
}

// Rollout is a fleet file for the estate: a builder with two documents, the second of
// which stops it, and what more is said.
func (s *Stage) Rollout(e Estate, more ...string) string {
	builder := s.builder(e, fmt.Sprintf("profile: %s, prepare: [{ document: Deploy }, { document: AWSEC2-RunSysprep }]", builderProfile))
	return s.RolloutWith(append([]string{builder}, more...)...)
}

// builder is where a builder is launched, and more of it.
func (s *Stage) builder(e Estate, more string) string {
	return fmt.Sprintf("builder: { subnet: %s, security-groups: [%s], %s }", s.subnet(), e.Security, more)
}

// RolloutWith is a fleet file for the estate with these lines; of two with one key the
// later counts.
func (s *Stage) RolloutWith(lines ...string) string {
	key := func(line string) string { k, _, _ := strings.Cut(line, ":"); return k }
	for i := 0; i < len(lines); i++ {
		if slices.ContainsFunc(lines[i+1:], func(later string) bool { return key(later) == key(lines[i]) }) {
			lines = slices.Delete(slices.Clone(lines), i, i+1)
			i--
		}
	}
	return s.Fleet("image-rollout", "    group: "+fleetGroup+"\n    "+strings.Join(lines, "\n    ")+"\n")
}

func (s *Stage) subnet() string {
	if len(s.Subnets) == 0 {
		return "subnet-00000000" // the stage has failed
	}
	return s.Subnets[0]
}

// Backup has the group's first instance backed up, and returns the image and the event
// that the job is complete.
func (s *Stage) Backup() (image string, told event.Event) {
	servers := s.servers()
	if len(servers) == 0 {
		s.Failf("group %s has no instance to be backed up", fleetGroup)
		return "", event.Event{}
	}
	return s.backupOf(servers[0])
}

// byTag is a source of images that does not go with the group's instances: the server,
// which [Stage.BackupServer] backs up.
const byTag = "source: { backups: { tags: { app: server } } }"

// BackupServer is Backup of a server that is not of the group.
func (s *Stage) BackupServer() (image string, told event.Event) {
	if s.err != nil {
		return "", event.Event{}
	}
	return s.backupOf(s.Gateways[0].Instance)
}

func (s *Stage) backupOf(instance string) (image string, told event.Event) {
	s.inSimulated("back up "+instance, func(sim *Simulated) error {
		job, err := sim.Backup.Start(simbackup.Job{Instance: instance})
		if err != nil {
			return err
		}
		return sim.until(s.ctx, "the backup is not complete", func(e event.Event) (bool, error) {
			change, ok, err := event.AsBackupJobStateChange(e)
			if !ok || err != nil || change.Job != job || change.State != event.BackupCompleted {
				return false, err
			}
			told = e
			for _, j := range sim.Backup.Jobs() {
				if j.ID == job {
					image = j.Image
				}
			}
			return true, nil
		})
	})
	return image, told
}

// servers are the instances of the group.
func (s *Stage) servers() []string {
	var all []string
	for _, i := range s.fleetGroup().Instances {
		all = append(all, *i.InstanceId)
	}
	return all
}

func (s *Stage) fleetGroup() (g asgtypes.AutoScalingGroup) {
	s.try("describe group "+fleetGroup, func() error {
		out, err := s.groups.DescribeAutoScalingGroups(s.ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{fleetGroup}})
		if err == nil && len(out.AutoScalingGroups) != 1 {
			err = fmt.Errorf("there is none")
		}
		if err == nil {
			g = out.AutoScalingGroups[0]
		}
		return err
	})
	return g
}

// ExpectRolledOut makes the story fail unless the group launches from a version whose
// image was made from another, and returns that image.
func (s *Stage) ExpectRolledOut(e Estate, source string, version int) (golden string) {
	g := s.fleetGroup()
	s.try("look what group "+fleetGroup+" launches from", func() error {
		if got := aws.ToString(g.LaunchTemplate.Version); got != fmt.Sprint(version) {
			return fmt.Errorf("it launches from version %s, want %d", got, version)
		}
		for _, v := range s.versionsOf(e.Template) {
			if *v.VersionNumber == int64(version) {
				golden = aws.ToString(v.LaunchTemplateData.ImageId)
			}
		}
		images, err := s.ec2.DescribeImages(s.ctx, &ec2.DescribeImagesInput{ImageIds: []string{golden}})
		if err != nil {
			return err
		}
		i := images.Images[0]
		if i.State != types.ImageStateAvailable || !hasTag(i.Tags, "drover:source", source) {
			return fmt.Errorf("%s is %s, with the tags %v; want it to be made from %s", golden, i.State, i.Tags, source)
		}
		return nil
	})
	return golden
}

func hasTag(tags []types.Tag, key, value string) bool {
	return slices.ContainsFunc(tags, func(t types.Tag) bool { return aws.ToString(t.Key) == key && aws.ToString(t.Value) == value })
}

// ExpectRunning makes the story fail unless all instances of the group, as many as it
// had, are of an image.
func (s *Stage) ExpectRunning(e Estate, image string) {
	servers := s.servers()
	s.try("look what runs in group "+fleetGroup, func() error {
		if len(servers) != e.Instances {
			return fmt.Errorf("%d instances, want %d", len(servers), e.Instances)
		}
		for _, id := range servers {
			out, err := s.ec2.DescribeInstances(s.ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
			if err != nil {
				return err
			}
			if i := out.Reservations[0].Instances[0]; aws.ToString(i.ImageId) != image || i.State.Name != types.InstanceStateNameRunning {
				return fmt.Errorf("%s is %s, of %s; want it to run, of %s", id, i.State.Name, aws.ToString(i.ImageId), image)
			}
		}
		return nil
	})
}

// ExpectNothingLeft makes the story fail if anything temporary is left, or the group
// held.
func (s *Stage) ExpectNothingLeft(e Estate) {
	g := s.fleetGroup()
	s.try("look what is left", func() error {
		if len(g.SuspendedProcesses) > 0 || aws.ToInt32(g.MaxSize) != int32(e.Max) { //nolint:gosec // small
			return fmt.Errorf("of group %s %v are suspended, its maximum is %d", fleetGroup, g.SuspendedProcesses, aws.ToInt32(g.MaxSize))
		}
		out, err := s.ec2.DescribeInstances(s.ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{
			{Name: aws.String("tag-key"), Values: []string{"drover:temporary"}},
			{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}},
		}})
		if err == nil && len(out.Reservations) > 0 {
			err = fmt.Errorf("machines of rollouts are left: %d", len(out.Reservations))
		}
		return err
	})
}

// ExpectAsBefore makes the story fail unless the group launches and runs what it did,
// and nothing is left of the rollout: no machine, no image, no snapshot, no version.
func (s *Stage) ExpectAsBefore(e Estate) {
	g := s.fleetGroup()
	s.try("look whether everything is as before", func() error {
		if got := aws.ToString(g.LaunchTemplate.Version); got != e.Version {
			return fmt.Errorf("group %s launches from version %s, want %s", fleetGroup, got, e.Version)
		}
		if all := s.versionsOf(e.Template); len(all) != 1 {
			return fmt.Errorf("%s has %d versions, want one", e.Template, len(all))
		}
		ours := []types.Filter{{Name: aws.String("tag-key"), Values: []string{"drover:run"}}}
		images, err := s.ec2.DescribeImages(s.ctx, &ec2.DescribeImagesInput{Owners: []string{"self"}, Filters: ours})
		if err != nil {
			return err
		}
		for _, i := range images.Images {
			if i.State != types.ImageStateDeregistered {
				return fmt.Errorf("image %s is left: %s", aws.ToString(i.Name), i.State)
			}
		}
		snapshots, err := s.ec2.DescribeSnapshots(s.ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, Filters: ours})
		if err == nil && len(snapshots.Snapshots) > 0 {
			err = fmt.Errorf("%d snapshots are left", len(snapshots.Snapshots))
		}
		return err
	})
	s.ExpectNothingLeft(e)
	s.ExpectRunning(e, e.Base)
}

// ExpectLaunches makes the story fail unless the group launches from a version, and
// that has an image.
func (s *Stage) ExpectLaunches(e Estate, version, image string) {
	g := s.fleetGroup()
	s.try("look what group "+fleetGroup+" launches from", func() error {
		if got := aws.ToString(g.LaunchTemplate.Version); got != version {
			return fmt.Errorf("it launches from version %s, want %s", got, version)
		}
		out, err := s.ec2.DescribeLaunchTemplateVersions(s.ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: aws.String(e.Template), Versions: []string{version}})
		if err != nil {
			return err
		}
		if got := aws.ToString(out.LaunchTemplateVersions[0].LaunchTemplateData.ImageId); got != image {
			return fmt.Errorf("version %s has %s, want %s", version, got, image)
		}
		return nil
	})
}

// Ask is what somebody asks for who wants an image to be rolled out.
func (s *Stage) Ask(image string) event.Event {
	return event.NewRolloutRequest(event.RolloutRequest{Group: fleetGroup, Image: image}, s.Clock().Now().UTC())
}

// inSimulated does something that only simulated AWS can.
func (s *Stage) inSimulated(what string, f func(*Simulated) error) {
	s.try(what, func() error {
		sim, ok := s.World.(*Simulated)
		if !ok {
			return fmt.Errorf("only simulated AWS can do that")
		}
		return f(sim)
	})
}

// Behave says what comes of a document from now on.
func (s *Stage) Behave(document string, b simssm.Behaviour) {
	s.inSimulated("have "+document+" behave", func(sim *Simulated) error {
		sim.SSM.Behave(document, b)
		return nil
	})
}

// AlarmAtCheckpoint has an alarm go off when an instance refresh pauses.
func (s *Stage) AlarmAtCheckpoint(name string) {
	s.inSimulated("set alarm "+name, func(sim *Simulated) error {
		sim.Subscribe(func(e event.Event) {
			if change, ok, err := event.AsRefreshChange(e); ok && err == nil && change.Type == event.TypeRefreshCheckpoint {
				sim.AutoScaling.SetAlarm(name, true)
			}
		})
		return nil
	})
}

// Protect protects the group's first instance from scale-in.
func (s *Stage) Protect() {
	servers := s.servers()
	s.inSimulated("protect an instance", func(sim *Simulated) error { return sim.AutoScaling.Protect(fleetGroup, servers[0], true) })
}

// Encrypted is an image whose volume has a key of the account, which the group cannot
// use.
func (s *Stage) Encrypted(name string) (image, key string) {
	s.inSimulated("make an encrypted image", func(sim *Simulated) error {
		key = sim.KMS.AddKey(simkms.Key{Alias: "alias/images"})
		image = sim.EC2.AddImage(simec2.Image{Name: name, Devices: []simec2.Device{{Key: key}}})
		return nil
	})
	return image, key
}

// Grant lets the group use a key.
func (s *Stage) Grant(key string) {
	s.inSimulated("grant the use of "+key, func(sim *Simulated) error {
		_, err := kms.NewFromConfig(s.AWS()).CreateGrant(s.ctx, &kms.CreateGrantInput{
			KeyId: aws.String(key), GranteePrincipal: aws.String(simkms.AutoScalingRole(sim.Account())),
			Operations: []kmstypes.GrantOperation{kmstypes.GrantOperationDecrypt, kmstypes.GrantOperationCreateGrant},
		})
		return err
	})
}

// Arm is an image for arm64, which is there and available.
func (s *Stage) Arm(name string) (image string) {
	s.Pass(time.Second + time.Second/10)
	s.inSimulated("make an image for arm64", func(sim *Simulated) error {
		image = sim.EC2.AddImage(simec2.Image{Name: name, Architecture: types.ArchitectureValuesArm64})
		return nil
	})
	return image
}

// ExpectPolicy makes the story fail unless the group's policy launches from these
// templates and versions, its own first: "lt-1 2".
func (s *Stage) ExpectPolicy(want ...string) {
	g := s.fleetGroup()
	if s.err != nil {
		return
	}
	var got []string
	for _, spec := range launchtemplate.Specs(g) {
		got = append(got, aws.ToString(spec.LaunchTemplateId)+" "+aws.ToString(spec.Version))
	}
	if !slices.Equal(got, want) {
		s.Failf("group %s launches from %q, want %q", fleetGroup, got, want)
	}
}

// ByTag is a line that has backups of the server rolled out.
func ByTag() string { return byTag }

// FullRollout are the lines of an automation with everything but approval.
func FullRollout() []string { return slices.Clone(fullRollout) }

// dataDevice is a volume of [Stage.WithData].
const dataDevice = "/dev/sdf"

// WithData is an image with a volume that stays when a machine of it is terminated.
func (s *Stage) WithData(name string) (image string) {
	s.Pass(time.Second + time.Second/10)
	s.inSimulated("make an image with data", func(sim *Simulated) error {
		image = sim.EC2.AddImage(simec2.Image{Name: name, Devices: []simec2.Device{{}, {Name: dataDevice, Stays: true}}})
		return nil
	})
	return image
}

// MoveTo has the group launch from a version, by hand.
func (s *Stage) MoveTo(e Estate, version string) {
	s.try("move group "+fleetGroup, func() error {
		_, err := s.groups.UpdateAutoScalingGroup(s.ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String(fleetGroup), LaunchTemplate: spec(e.Template, version)})
		return err
	})
}

// Retry has a run tried again, under the rendered policy.
func (s *Stage) Retry(fleet string, run *flow.Run) *flow.Run {
	again := &flow.Run{}
	s.try("try run "+run.ID+" again", func() error {
		a, policy, err := s.under(fleet)
		if err != nil {
			return err
		}
		s.Restrict(policy)
		defer s.Restrict(nil)
		if _, err := a.Retry(s.ctx, run.ID); err != nil {
			return err
		}
		again, err = a.Drive(s.ctx, run.ID)
		return err
	})
	return again
}
