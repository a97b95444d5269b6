package scenario

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/flow"
)

const (
	noRefresh = "moto implements neither instance refreshes nor run commands that end"
	noArm     = "moto gives all images that it makes one architecture"
	noVolumes = "moto gives every image the same one volume"
	noQuotas  = "moto knows no quotas of EC2"
	noKeys    = "moto lets everybody use every key"
	noBackup  = "moto makes no images of backups"
)

// Rollouts are the stories of image-rollout.
func Rollouts() []Scenario {
	return []Scenario{
		{Name: "rollout", Title: "a backup is prepared, imaged, tried and rolled out, and the fleet is replaced", Story: rolloutWhole, Simulated: noRefresh},
		{Name: "rollout-again", Title: "the same backup, again and by the sweep: nothing", Story: rolloutAgain, Simulated: noRefresh},
		{Name: "rollout-image", Title: "an image by its name goes into the template as it is, and the group moves", Story: rolloutImage},
		{Name: "rollout-builder", Title: "an image is launched, stopped and imaged again; the group moves, held meanwhile by its maximum", Story: rolloutBuilder},
		{Name: "rollout-latest", Title: "a group on $Latest has the image with the version", Story: rolloutLatest},
		{Name: "rollout-default", Title: "a group on $Default has it with the template's default", Story: rolloutDefault},
		{Name: "rollout-pinned", Title: "a group on $Latest is pinned before its instances are replaced", Story: rolloutPinned, Simulated: noRefresh},
		{Name: "rollout-mixed", Title: "of a group with two architectures only the template of the image's own moves", Story: rolloutMixed, Simulated: noArm},
		{Name: "rollout-key", Title: "an encrypted image that the group could launch from, and one that it could not", Story: rolloutKey, Simulated: noKeys},
		{Name: "rollout-volumes", Title: "volumes that the image has stay behind go with the builder, and stay so in the new image", Story: rolloutVolumes, Simulated: noVolumes},
		{Name: "rollout-back", Title: "a group that was moved back by hand stays there; an older image is rolled out when somebody asks", Story: rolloutBack},
		{Name: "rollout-retry", Title: "a person has a rollout tried again that was rolled back", Story: rolloutRetry, Simulated: noRefresh},
		{Name: "rollout-point", Title: "the recovery point goes once its image is rolled out", Story: rolloutPoint, Simulated: noBackup},
		{Name: "rollout-sysprep", Title: "sysprep fails, and everything is as before", Story: rolloutSysprep, Simulated: noRefresh},
		{Name: "rollout-unverified", Title: "the new image does not pass, and everything is as before", Story: rolloutUnverified, Simulated: noRefresh},
		{Name: "rollout-alarm", Title: "an alarm rolls the refresh back, and everything is as before", Story: rolloutAlarm, Simulated: noRefresh},
		{Name: "rollout-limit", Title: "a refresh that takes too long is rolled back, and everything is as before", Story: rolloutLimit, Simulated: noRefresh},
		{Name: "rollout-lost", Title: "the answer to a document that is sent is lost: it is found, and not sent again", Story: rolloutLost, Simulated: noRefresh},
		{Name: "rollout-quota", Title: "there is no room for a builder, which is told before anything is launched", Story: rolloutQuota, Simulated: noQuotas},
		{Name: "rollout-nowhere", Title: "a subnet that does not exist is told of before anything is launched", Story: rolloutNowhere, Simulated: noRefresh},
	}
}

func rolloutWhole(s *Stage) {
	e := s.Estate(Estate{Instances: 2})
	fleet := s.Rollout(e, fullRollout...)
	image, told := s.Backup()
	run := s.Handle(fleet, told)
	s.Expect(run, flow.Succeeded)
	golden := s.ExpectRolledOut(e, image, 2)
	s.ExpectRunning(e, golden)
	s.ExpectNothingLeft(e)
	s.ExpectNotice(run, image, golden, "version 2", "prepare 8m0s", image+" stays")
}

func rolloutAgain(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	fleet := s.Rollout(e, append(fullRollout, byTag)...)
	image, told := s.BackupServer()
	s.Expect(s.Handle(fleet, told), flow.Succeeded)
	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.ExpectRolledOut(e, image, 2)
	s.ExpectNothingLeft(e)
}

// byName rolls out what is called golden.
const byName = "source: { images: { name: golden-* } }"

func rolloutImage(s *Stage) {
	e := s.Estate(Estate{})
	fleet := s.RolloutWith(byName)
	other, _ := s.Image("silver-1", "", nil)
	told := s.Available(other)
	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	image, _ := s.Image("golden-1", "", nil)
	s.Available(image)
	s.Expect(s.Handle(fleet, told), flow.Succeeded) // whatever image it is about, what is there counts
	s.Expect(s.Handle(fleet, told), flow.NothingToDo)
	s.ExpectLaunches(e, "2", image)
	s.ExpectNothingLeft(e)
}

func rolloutBuilder(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	fleet := s.RolloutWith(byName, s.builder(e, ""), "hold: max-size")
	image, _ := s.Image("golden-1", "", nil)
	run := s.Handle(fleet, s.Available(image))
	s.Expect(run, flow.Succeeded)
	s.ExpectRolledOut(e, image, 2)
	s.ExpectNothingLeft(e)
	s.ExpectNotice(run, "stay as they are")
}

func rolloutLatest(s *Stage) {
	e := s.Estate(Estate{Version: "$Latest"})
	image, _ := s.Image("golden-1", "", nil)
	s.Expect(s.Handle(s.RolloutWith(byName), s.Available(image)), flow.Succeeded)
	s.ExpectLaunches(e, "$Latest", image)
	s.ExpectVersions(e.Template, "1 "+e.Base+" default", "2 "+image)
}

func rolloutDefault(s *Stage) {
	e := s.Estate(Estate{Version: "$Default"})
	image, _ := s.Image("golden-1", "", nil)
	s.Expect(s.Handle(s.RolloutWith(byName), s.Available(image)), flow.Succeeded)
	s.ExpectLaunches(e, "$Default", image)
	s.ExpectVersions(e.Template, "1 "+e.Base, "2 "+image+" default")
}

func rolloutPinned(s *Stage) {
	e := s.Estate(Estate{Version: "$Latest", Instances: 2})
	image, _ := s.Image("golden-1", "", nil)
	refused := s.Handle(s.RolloutWith(byName, "refresh: {}"), s.Available(image))
	s.Expect(refused, flow.Stuck)
	s.Expect(s.Sweep(s.RolloutWith(byName, "refresh: { floating: pin }")), flow.Succeeded)
	s.ExpectLaunches(e, "2", image)
	s.ExpectRunning(e, image)
}

func rolloutMixed(s *Stage) {
	e := s.Estate(Estate{Instances: 2})
	arm := s.TemplateOf("web-arm", s.Arm("arm-1"), nil)
	s.try("give the group a policy", func() error {
		_, err := s.groups.UpdateAutoScalingGroup(s.ctx, &autoscaling.UpdateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String(fleetGroup),
			MixedInstancesPolicy: &asgtypes.MixedInstancesPolicy{LaunchTemplate: &asgtypes.LaunchTemplate{
				LaunchTemplateSpecification: spec(e.Template, "1"),
				Overrides: []asgtypes.LaunchTemplateOverrides{
					{InstanceType: aws.String("t3.small")},
					{InstanceType: aws.String("t4g.small"), LaunchTemplateSpecification: spec(arm, "1")},
				},
			}},
		})
		return err
	})
	fleet := s.RolloutWith(byName)
	s.Arm("golden-arm-1")
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectVersions(e.Template, "1 "+e.Base+" default")
	s.ExpectPolicy(e.Template+" 1", arm+" 2")
	other, _ := s.Image("golden-x86-1", "", nil)
	s.Expect(s.Handle(fleet, s.Available(other)), flow.Succeeded)
	s.ExpectPolicy(e.Template+" 2", arm+" 2")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.ExpectVersions(e.Template, "1 "+e.Base+" default", "2 "+other)
}

func rolloutKey(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	image, key := s.Encrypted("golden-1")
	unnamed := s.Sweep(s.RolloutWith(byName, s.builder(e, "")))
	s.Expect(unnamed, flow.Stuck)
	s.ExpectNotice(unnamed, key, "builder.kms-keys")
	fleet := s.RolloutWith(byName, s.builder(e, "kms-keys: ['"+key+"']"))
	refused := s.Sweep(fleet)
	s.Expect(refused, flow.Stuck)
	s.ExpectNotice(refused, key, "may not use", "aws kms create-grant")
	s.ExpectAsBefore(e)
	s.Grant(key)
	s.Expect(s.Sweep(fleet), flow.Succeeded)
	s.ExpectRolledOut(e, image, 2)
}

func rolloutVolumes(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	image := s.WithData("golden-1")
	fleet := s.Rollout(e, byName, "try: {}")
	run := s.Sweep(fleet)
	s.Expect(run, flow.Succeeded)
	golden := s.ExpectRolledOut(e, image, 2)
	s.ExpectNothingLeft(e)
	s.inSimulated("look at the volumes", func(sim *Simulated) error {
		for _, v := range sim.EC2.Volumes() {
			if v.Instance == "" {
				return fmt.Errorf("volume %s is left", v.ID)
			}
		}
		out, err := s.ec2.DescribeImages(s.ctx, &ec2.DescribeImagesInput{ImageIds: []string{golden}})
		if err != nil {
			return err
		}
		for _, b := range out.Images[0].BlockDeviceMappings {
			if keeps := !aws.ToBool(b.Ebs.DeleteOnTermination); keeps != (aws.ToString(b.DeviceName) == dataDevice) {
				return fmt.Errorf("%s of %s is kept: %t", aws.ToString(b.DeviceName), golden, keeps)
			}
		}
		return nil
	})
}

func rolloutBack(s *Stage) {
	e := s.Estate(Estate{})
	fleet := s.RolloutWith(byName)
	older, _ := s.Image("golden-1", "", nil)
	s.Expect(s.Handle(fleet, s.Available(older)), flow.Succeeded)
	s.MoveTo(e, "1")
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	newer, _ := s.Image("golden-2", "", nil)
	s.Expect(s.Handle(fleet, s.Available(newer)), flow.Succeeded)
	s.Expect(s.Handle(fleet, s.Ask(older)), flow.Succeeded)
	s.ExpectLaunches(e, "4", older)
	s.Expect(s.Sweep(fleet), flow.NothingToDo)
	s.ExpectLaunches(e, "4", older)
}

func rolloutRetry(s *Stage) {
	e := s.Estate(Estate{Instances: 2})
	s.Behave("AWSEC2-RunSysprep", simssm.Behaviour{Takes: time.Minute, ExitCode: 31})
	image, told := s.Backup()
	fleet := s.Rollout(e, fullRollout...)
	run := s.Handle(fleet, told)
	s.Expect(run, flow.RolledBack)
	s.Behave("AWSEC2-RunSysprep", simssm.Behaviour{End: simssm.ShutsDown, Takes: time.Minute})
	s.Expect(s.Retry(fleet, run), flow.Succeeded)
	s.ExpectRolledOut(e, image, 2)
	s.ExpectNothingLeft(e)
}

func rolloutPoint(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	image, told := s.Backup()
	run := s.Handle(s.Rollout(e, "source: { backups: {} }", "recovery-point: delete"), told)
	s.Expect(run, flow.Succeeded)
	s.ExpectLaunches(e, "2", run.Values["create-image.image"])
	s.try("see that "+image+" is gone", func() error {
		out, err := s.ec2.DescribeImages(s.ctx, &ec2.DescribeImagesInput{Filters: []types.Filter{{Name: aws.String("image-id"), Values: []string{image}}, {Name: aws.String("state"), Values: []string{"available"}}}})
		if err == nil && len(out.Images) > 0 {
			err = fmt.Errorf("it is there")
		}
		return err
	})
}

func rolloutSysprep(s *Stage) {
	e := s.Estate(Estate{Instances: 2})
	s.Behave("AWSEC2-RunSysprep", simssm.Behaviour{Takes: 5 * time.Minute, ExitCode: 31, Error: "Sysprep failed: a package was installed for a user"})
	image, told := s.Backup()
	fleet := s.Rollout(e, fullRollout...)
	run := s.Handle(fleet, told)
	s.Expect(run, flow.RolledBack)
	s.ExpectAsBefore(e)
	s.ExpectNotice(run, "AWSEC2-RunSysprep", "a package was installed for a user", "ssm get-command-invocation", "all is as it was")

	left := s.Sweep(fleet) // it is not tried again and again
	s.Expect(left, flow.NothingToDo)
	s.Behave("AWSEC2-RunSysprep", simssm.Behaviour{End: simssm.ShutsDown, Takes: time.Minute})
	s.Expect(s.Handle(fleet, s.Ask(image)), flow.Succeeded) // but when somebody asks
	s.ExpectRolledOut(e, image, 2)
}

func rolloutUnverified(s *Stage) {
	e := s.Estate(Estate{Instances: 2})
	s.Behave("Smoke", simssm.Behaviour{Takes: time.Minute, ExitCode: 1, Output: "GET /health: 500"})
	_, told := s.Backup()
	run := s.Handle(s.Rollout(e, fullRollout...), told)
	s.Expect(run, flow.RolledBack)
	s.ExpectAsBefore(e)
	s.ExpectNotice(run, "Smoke", "GET /health: 500")
}

func rolloutAlarm(s *Stage) {
	e := s.Estate(Estate{Instances: 4})
	s.AlarmAtCheckpoint("errors")
	_, told := s.Backup()
	run := s.Handle(s.Rollout(e, append(fullRollout, "refresh: { alarms: [errors], checkpoints: [50, 100], pause: 1h, bake: 1h }")...), told)
	s.Expect(run, flow.RolledBack)
	s.ExpectAsBefore(e)
	s.ExpectNotice(run, "RollbackSuccessful")
}

func rolloutLimit(s *Stage) {
	e := s.Estate(Estate{Instances: 4})
	s.Protect()
	_, told := s.Backup()
	run := s.Handle(s.Rollout(e, append(fullRollout, "refresh: { limit: 30m }")...), told)
	s.Expect(run, flow.RolledBack)
	s.ExpectAsBefore(e)
	s.ExpectNotice(run, "has not ended within", "protected")
}

func rolloutNowhere(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	e.Security = "sg-0123456789abcdef0"
	_, told := s.Backup()
	run := s.Handle(s.Rollout(e, fullRollout...), told)
	s.Expect(run, flow.Stuck)
	s.ExpectAsBefore(e)
	s.ExpectNotice(run, "sg-0123456789abcdef0", "does not exist")
}

func rolloutLost(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	image, told := s.Backup()
	lost := 0
	s.inSimulated("lose the answer to the first document", func(sim *Simulated) error {
		sim.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation != "ssm:SendCommand" || lost > 0 {
				return awssim.Fault{}
			}
			lost++
			return awssim.FailAfter(awssim.ConnectionReset())
		})
		return nil
	})
	s.Expect(s.Handle(s.Rollout(e, "source: { backups: {} }"), told), flow.Succeeded)
	s.ExpectRolledOut(e, image, 2)
	s.inSimulated("count the documents", func(sim *Simulated) error {
		if n := len(sim.SSM.Commands()); n != 2 || lost != 1 {
			return fmt.Errorf("%d were sent, want 2; %d answers were lost", n, lost)
		}
		return nil
	})
}

func rolloutQuota(s *Stage) {
	e := s.Estate(Estate{Instances: 1})
	s.inSimulated("leave no room", func(sim *Simulated) error {
		sim.ServiceQuotas.SetStandardInstances(1)
		return nil
	})
	_, told := s.Backup()
	run := s.Handle(s.Rollout(e, "source: { backups: {} }"), told)
	s.Expect(run, flow.Stuck)
	s.ExpectAsBefore(e)
	s.ExpectNotice(run, "L-1216C47A", "vCPUs", "request-service-quota-increase")
}
