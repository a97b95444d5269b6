package scenario_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario"
)

// following is a scene with a launch template with the image base, and a backup image
// that is pending.
type following struct {
	*scene
	template, base, backup string
	created                event.Event
}

func follow(t *testing.T, more string, f func(*following)) {
	t.Helper()
	inScene(t, awssim.Options{}, func(sc *scene) {
		s := sc.stage
		s.Set(scenario.Layout{Gateways: 1})
		fo := &following{scene: sc, base: s.Ready("base", "by hand")}
		fo.template = s.TemplateOf("app", fo.base, nil)
		fo.backup, fo.created = s.Image("backup", "EC2_BACKUP", nil)
		fo.keep(s.Following("id: "+fo.template, "description: EC2_BACKUP", more))
		f(fo)
	})
}

// ends fails unless the run ended like that and left these versions.
func (fo *following) ends(run *flow.Run, want flow.Outcome, versions ...string) {
	fo.Helper()
	fo.stage.Expect(run, want)
	fo.has(versions...)
}

func (fo *following) has(versions ...string) {
	fo.Helper()
	fo.stage.ExpectVersions(fo.template, versions...)
	fo.check()
}

func (fo *following) ec2() *ec2.Client { return ec2.NewFromConfig(fo.world.AWS()) }

// version is somebody else's version of the template, from its latest.
func (fo *following) version(image string) error {
	_, err := fo.ec2().CreateLaunchTemplateVersion(fo.operator(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &fo.template, SourceVersion: aws.String("$Latest"), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: &image},
	})
	return err
}

// launch is somebody's instance from a version of the template.
func (fo *following) launch(version string) error {
	_, err := fo.ec2().RunInstances(fo.operator(), &ec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &fo.stage.Subnets[0],
		LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &fo.template, Version: &version},
	})
	return err
}

// TestTheImageFailsWhileItIsAwaited: nothing enters the template.
func TestTheImageFailsWhileItIsAwaited(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.later(time.Minute, func() error { return fo.world.EC2.FailImage(fo.backup, "out of snapshots") })
		run := fo.handle(fo.created)
		fo.ends(run, flow.NothingToDo, "1 "+fo.base+" default")
		if len(run.Plan.Rejected) != 1 || run.Plan.Rejected[0].Why != "is failed: out of snapshots" {
			t.Errorf("rejected are %+v", run.Plan.Rejected)
		}
	})
}

// TestAnotherImageIsThereFirst: the image that is awaited takes long, and a newer
// one is available before it.
func TestAnotherImageIsThereFirst(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		newer := ""
		fo.later(time.Minute, func() error {
			newer = fo.world.EC2.AddImage(simec2.Image{Name: "newer", Description: "EC2_BACKUP"})
			return nil
		})
		run := fo.handle(fo.created)
		fo.ends(run, flow.Succeeded, "1 "+fo.base, "2 "+newer+" default")
	})
}

// TestImagesThatComeFasterThanTheyAreMade enter the template all the same: the one
// that was awaited goes before the next one, which is still pending.
func TestImagesThatComeFasterThanTheyAreMade(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.later(2*time.Minute, func() error {
			_, err := fo.ec2().CreateImage(fo.operator(), &ec2.CreateImageInput{
				InstanceId: &fo.stage.Gateways[0].Instance, Name: aws.String("next"), Description: aws.String("EC2_BACKUP"),
			})
			return err
		})
		run := fo.handle(fo.created)
		fo.ends(run, flow.Succeeded, "1 "+fo.base, "2 "+fo.backup+" default")
	})
}

// TestSomebodyChangesTheTemplateMeanwhile: the version is made from what the
// template is when the image is there, so that nothing is lost.
func TestSomebodyChangesTheTemplateMeanwhile(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.later(time.Minute, func() error { return fo.version(fo.base) })
		run := fo.handle(fo.created)
		fo.ends(run, flow.Succeeded, "1 "+fo.base, "2 "+fo.base, "3 "+fo.backup+" default")
		if why := run.Plan.Changes[0].Why; !strings.HasSuffix(why, "made from version 2") {
			t.Errorf("it was made because %s", why)
		}
	})
}

// TestSomebodyIsFasterByABlink: another version is made between the last look and
// ours. Ours would lack what it changed, so it is made anew.
func TestSomebodyIsFasterByABlink(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.at(1, "ec2:CreateLaunchTemplateVersion", func() error { return fo.version(fo.base) })
		run := fo.handle(fo.created)
		fo.ends(run, flow.Succeeded, "1 "+fo.base, "2 "+fo.base, "4 "+fo.backup+" default")
	})
}

// TestAnswersThatAreLost: whichever call's answer is lost, or whichever call takes
// effect long after it was given up, one version is made.
func TestAnswersThatAreLost(t *testing.T) {
	faults := map[string]awssim.Fault{
		"after": awssim.FailAfter(awssim.ConnectionReset()),
		"late":  awssim.FailLate(3*time.Second, awssim.ConnectionReset()),
		"error": awssim.FailBefore(awssim.InternalError()),
	}
	for _, operation := range []string{"ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate", "ec2:DeleteLaunchTemplateVersions"} {
		for name, fault := range faults {
			t.Run(operation+" "+name, func(t *testing.T) {
				follow(t, "keep: 1", func(fo *following) {
					fo.stage.Available(fo.backup)
					fo.world.Intercept(failing(operation, 4, fault))
					fo.ends(fo.handle(fo.created), flow.Succeeded, "2 "+fo.backup+" default")
				})
			})
		}
	}
}

// TestStaleReads: for some seconds reads show what was before.
func TestStaleReads(t *testing.T) {
	for _, age := range []time.Duration{time.Second, 5 * time.Second, 12 * time.Second} {
		follow(t, "keep: 1", func(fo *following) {
			fo.stage.Available(fo.backup)
			run := fo.handleStale(fo.created, age, func(n int64) bool { return n%2 == 1 })
			fo.ends(run, flow.Succeeded, "2 "+fo.backup+" default")
		})
	}
}

// TestItIsTakenBack: the version is made, and the default cannot be set. The
// version goes; the next run makes another, whatever EC2 remembers of tokens.
func TestItIsTakenBack(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.stage.Available(fo.backup)
		allow := fo.deny("ec2:ModifyLaunchTemplate")
		run := fo.handle(fo.created)
		fo.ends(run, flow.RolledBack, "1 "+fo.base+" default")
		allow()
		fo.ends(fo.retry(run), flow.Succeeded, "1 "+fo.base, "3 "+fo.backup+" default")
	})
}

// TestTheDefaultIsSetBack: AWS says that it did not set the default, and it did.
func TestTheDefaultIsSetBack(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.stage.Available(fo.backup)
		fo.world.Intercept(failing("ec2:ModifyLaunchTemplate", 1, awssim.FailAfter(awssim.Fail(403, "UnauthorizedOperation", "no"))))
		fo.ends(fo.handle(fo.created), flow.RolledBack, "1 "+fo.base+" default")
	})
}

// TestAVersionThatIsUsedIsNotTakenBack: until the run fails somebody has launched
// an instance from its version.
func TestAVersionThatIsUsedIsNotTakenBack(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.stage.Available(fo.backup)
		fo.deny("ec2:ModifyLaunchTemplate")
		fo.at(1, "ec2:ModifyLaunchTemplate", func() error { return fo.launch("$Latest") })
		run := fo.handle(fo.created)
		fo.ends(run, flow.Stuck, "1 "+fo.base+" default", "2 "+fo.backup)
		if len(run.Left) == 0 || !strings.Contains(fmt.Sprint(run.Left), "version 2 of launch template "+fo.template+" is in use") {
			t.Errorf("left is %v", run.Left)
		}
	})
}

// TestAVersionThatComesIntoUseIsNotPruned: between the plan and the deletion.
func TestAVersionThatComesIntoUseIsNotPruned(t *testing.T) {
	follow(t, "keep: 1", func(fo *following) {
		fo.stage.Available(fo.backup)
		fo.stage.VersionOf(fo.template, fo.base)
		fo.at(1, "ec2:ModifyLaunchTemplate", func() error { return fo.launch("1") })
		fo.ends(fo.handle(fo.created), flow.Succeeded, "1 "+fo.base, "3 "+fo.backup+" default")
	})
}

// TestTwoProcessesThatDoNotKnowOfEachOther handle the same event at once.
func TestTwoProcessesThatDoNotKnowOfEachOther(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.stage.Available(fo.backup)
		fo.apart(fo.created, fo.created)
		versions := fo.world.EC2.Templates()[0].Versions
		if len(versions) != 2 || versions[0].Image != fo.backup || fo.world.EC2.Templates()[0].Default != versions[0].Number {
			t.Errorf("%+v", versions)
		}
	})
}

// TestKilledWhileItFollows: in the end there is one version more, made once.
func TestKilledWhileItFollows(t *testing.T) {
	t.Parallel()
	killEverywhere(t, 12, []dying{diesBefore, diesAfter}, func(t *testing.T, kill func(victim)) {
		follow(t, "keep: 1", func(fo *following) {
			fo.stage.Available(fo.backup)
			kill(victim{scene: fo.scene, told: func() event.Event { return fo.created }, holds: func(*heir) {
				fo.has("2 " + fo.backup + " default")
				if n := fo.carriedOut("ec2:CreateLaunchTemplateVersion"); n != 1 {
					fo.Errorf("the version was made %d times", n)
				}
			}})
		})
	})
}
