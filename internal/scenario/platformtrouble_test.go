package scenario_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario"
)

const (
	golden = "/golden/base-image"
	python = "Python 3.11 running on 64bit Amazon Linux 2023"
)

// platform is a scene with a parameter with the image of a platform branch's first
// version, and a second version.
type platform struct {
	*scene
	first, next string
}

func onPlatform(t *testing.T, f func(*platform)) {
	t.Helper()
	inScene(t, awssim.Options{}, func(sc *scene) {
		sc.stage.Set(scenario.Layout{})
		p := &platform{scene: sc}
		p.world.ElasticBeanstalk.AddBranch(simelasticbeanstalk.Branch{Name: python, Platform: "Python"})
		p.first = p.version("4.9.0")
		p.keep(p.stage.Publishing("branch: " + python))
		p.ends(p.sweep(), flow.Succeeded, p.first, 1)
		p.next = p.version("4.10.0")
		f(p)
	})
}

func (p *platform) version(number string) (image string) {
	time.Sleep(time.Minute)
	image = p.world.EC2.AddImage(simec2.Image{Name: "python-" + number, Owner: "801119661308", Alias: "amazon", Public: true})
	p.stage.PlatformVersion(python, number, true, simelasticbeanstalk.Image{ID: image, Virtualization: "hvm"})
	return image
}

func sweepNow() event.Event { return event.Sweep("gateways", time.Now().UTC()) }

func (p *platform) sweep() *flow.Run {
	p.Helper()
	return p.handle(sweepNow())
}

// ends fails unless the run ended like that, and left the parameter with this image
// in this version.
func (p *platform) ends(run *flow.Run, want flow.Outcome, image string, version int64) {
	p.Helper()
	p.stage.Expect(run, want)
	p.stage.ExpectParameter(golden, image, version)
	p.check()
}

// write is somebody else's write of the parameter, which AWS has validated when it
// returns.
func (p *platform) write(image string) error {
	_, err := ssm.NewFromConfig(p.world.AWS()).PutParameter(p.operator(), &ssm.PutParameterInput{
		Name: aws.String(golden), Value: &image, Type: types.ParameterTypeString, DataType: aws.String("aws:ec2:image"), Overwrite: aws.Bool(true),
	})
	time.Sleep(6 * time.Second)
	return err
}

// TestWritesWhoseAnswersAreLost: whether the call arrived or not, at once or late,
// the parameter is written once.
func TestWritesWhoseAnswersAreLost(t *testing.T) {
	for name, test := range map[string]struct {
		fault awssim.Fault
		n     int
	}{
		"after":     {awssim.FailAfter(awssim.ConnectionReset()), 1},
		"late":      {awssim.FailLate(3*time.Second, awssim.ConnectionReset()), 1},
		"before":    {awssim.FailBefore(awssim.ConnectionReset()), 2},
		"error":     {awssim.FailBefore(awssim.InternalError()), 2},
		"throttled": {awssim.FailBefore(awssim.Fail(400, "ThrottlingException", "Rate exceeded")), 3},
		"contended": {awssim.FailBefore(awssim.Fail(400, "TooManyUpdates", "There are concurrent updates")), 3},
	} {
		for _, operation := range []string{"ssm:PutParameter", "ssm:AddTagsToResource"} {
			t.Run(operation+" "+name, func(t *testing.T) {
				onPlatform(t, func(p *platform) {
					p.world.Intercept(failing(operation, test.n, test.fault))
					p.ends(p.sweep(), flow.Succeeded, p.next, 2)
				})
			})
		}
	}
}

// TestPlatformStaleReads: for some seconds reads show what was before.
func TestPlatformStaleReads(t *testing.T) {
	for _, age := range []time.Duration{time.Second, 5 * time.Second, 12 * time.Second} {
		for _, every := range []int64{1, 2, 3} {
			onPlatform(t, func(p *platform) {
				run := p.handleStale(sweepNow(), age, func(n int64) bool { return n%every == 0 })
				p.ends(run, flow.Succeeded, p.next, 2)
			})
		}
	}
}

// TestAnImageThatIsOnlyJustThere: EC2 shows it some seconds after Elastic Beanstalk
// lists it.
func TestAnImageThatIsOnlyJustThere(t *testing.T) {
	onPlatform(t, func(p *platform) {
		third := p.version("4.11.0")
		p.world.StaleReads(func(c awssim.Call) time.Duration {
			if c.Operation == "ec2:DescribeImages" {
				return 8 * time.Second
			}
			return 0
		})
		p.ends(p.sweep(), flow.Succeeded, third, 2)
	})
}

// TestAWriteThatIsNotAllowed: the parameter is as it was, and the run says so.
func TestAWriteThatIsNotAllowed(t *testing.T) {
	onPlatform(t, func(p *platform) {
		p.deny("ssm:PutParameter")
		p.ends(p.sweep(), flow.RolledBack, p.first, 1)
	})
}

// TestTagsThatAreNotAllowed: the parameter keeps the image, and the next sweep
// does the rest without another write.
func TestTagsThatAreNotAllowed(t *testing.T) {
	onPlatform(t, func(p *platform) {
		allow := p.deny("ssm:AddTagsToResource")
		run := p.sweep()
		p.ends(run, flow.Stuck, p.next, 2)
		if len(run.Left) == 0 || run.Left[0].Resource != golden+" tags" {
			t.Errorf("left is %v, want the tags", run.Left)
		}
		allow()
		p.ends(p.sweep(), flow.Succeeded, p.next, 2)
	})
}

// TestSomebodyWritesTheParameterMeanwhile: between the plan and the write. What the
// source has counts in the end.
func TestSomebodyWritesTheParameterMeanwhile(t *testing.T) {
	onPlatform(t, func(p *platform) {
		hand := p.world.EC2.AddImage(simec2.Image{Name: "by hand"})
		p.at(1, "ec2:DescribeImages", func() error { return p.write(hand) })
		run := p.sweep()
		p.ends(run, flow.Succeeded, p.next, 3)
		if from := run.Plan.Changes[0].From; from != hand {
			t.Errorf("the plan goes from %s, want from what somebody wrote", from)
		}
	})
}

// TestSomebodyWritesTheImageItself: then nothing is left to do but the tags.
func TestSomebodyWritesTheImageItself(t *testing.T) {
	onPlatform(t, func(p *platform) {
		p.at(1, "ec2:DescribeImages", func() error { return p.write(p.next) })
		p.ends(p.sweep(), flow.Succeeded, p.next, 2)
	})
}

// TestSomebodyMakesTheParameterFirst: it is not written over unseen.
func TestSomebodyMakesTheParameterFirst(t *testing.T) {
	onPlatform(t, func(p *platform) {
		if _, err := ssm.NewFromConfig(p.world.AWS()).DeleteParameter(p.Context(), &ssm.DeleteParameterInput{Name: aws.String(golden)}); err != nil {
			t.Fatal(err)
		}
		p.at(1, "ssm:PutParameter", func() error { return p.world.SSM.Set(golden, "hush", types.ParameterTypeSecureString) })
		run := p.sweep()
		if run.Outcome != flow.Stuck || !strings.Contains(fmt.Sprint(run.Left), "it is a SecureString") {
			t.Errorf("the run ended %s with %v left", run.Outcome, run.Left)
		}
	})
}

// TestAnotherVersionComesMeanwhile: the run is interrupted after it was planned.
func TestAnotherVersionComesMeanwhile(t *testing.T) {
	onPlatform(t, func(p *platform) {
		third := ""
		var once sync.Once
		p.world.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation == "ssm:PutParameter" {
				var fault awssim.Fault
				once.Do(func() {
					third = p.version("4.11.0")
					fault = awssim.FailBefore(awssim.Fail(400, "ThrottlingException", "Rate exceeded"))
				})
				return fault
			}
			return awssim.Fault{}
		})
		p.ends(p.sweep(), flow.Succeeded, third, 2)
	})
}

// TestSlowValidation: it is waited for, and not written twice.
func TestSlowValidation(t *testing.T) {
	onPlatform(t, func(p *platform) {
		p.world.SSM.SetValidation(9 * time.Minute)
		p.ends(p.sweep(), flow.Succeeded, p.next, 2)
		p.wrote(2)
	})
}

// TestValidationThatTakesTooLong: the run gives up and says that the parameter is
// what it was; when the image is there after all, the next sweep need not write it.
func TestValidationThatTakesTooLong(t *testing.T) {
	onPlatform(t, func(p *platform) {
		p.world.SSM.SetValidation(20 * time.Minute)
		p.ends(p.sweep(), flow.RolledBack, p.first, 1)
		time.Sleep(15 * time.Minute)
		p.ends(p.sweep(), flow.Succeeded, p.next, 2)
		p.wrote(2)
	})
}

// TestALostAnswerAndASlowValidation: AWS shows nothing of the call in the time that
// is allowed for that, so it is made again. Both write the same image.
func TestALostAnswerAndASlowValidation(t *testing.T) {
	onPlatform(t, func(p *platform) {
		p.world.SSM.SetValidation(3 * time.Minute)
		p.world.Intercept(failing("ssm:PutParameter", 1, awssim.FailAfter(awssim.ConnectionReset())))
		p.ends(p.sweep(), flow.Succeeded, p.next, 2)
		p.wrote(3)
	})
}

// TestCancelledWhileAWSValidates: nothing is written to take it back. What AWS shows
// by then is what the run says.
func TestCancelledWhileAWSValidates(t *testing.T) {
	for after, want := range map[time.Duration]flow.Outcome{20 * time.Second: flow.Stuck, time.Hour: flow.RolledBack} {
		onPlatform(t, func(p *platform) {
			p.world.SSM.SetValidation(after)
			p.later(7*time.Second, func() error {
				program := p.stage.App(p.fleet)
				runs, err := program.Live(p.operator())
				if err == nil && len(runs) != 1 {
					err = fmt.Errorf("%d runs are live", len(runs))
				}
				if err == nil {
					_, err = program.Cancel(p.operator(), runs[0].ID, "operator", "")
				}
				return err
			})
			run := p.sweep()
			if run.Outcome != want {
				p.Errorf("validated after %s: the run ended %s (%s, left %v), want %s", after, run.Outcome, run.Reason, run.Left, want)
			}
			p.wrote(2)
		})
	}
}

// wrote fails unless AWS has taken so many writes of the parameter, the first
// version's among them.
func (p *platform) wrote(want int) {
	p.Helper()
	if n := p.carriedOut("ssm:PutParameter"); n != want {
		p.Errorf("the parameter was written %d times, want %d", n, want)
	}
}

// TestTwoProcessesAtOnePlatform do not know of each other.
func TestTwoProcessesAtOnePlatform(t *testing.T) {
	onPlatform(t, func(p *platform) {
		for _, run := range p.apart(sweepNow(), sweepNow()) {
			p.stage.Expect(run, flow.Succeeded)
		}
		if value := p.world.SSM.Parameters()[0]; *value.Value != p.next || value.Version > 3 {
			t.Errorf("the parameter has %s in version %d", *value.Value, value.Version)
		}
	})
}

// TestKilledWhilePublishing: with the same ledger the parameter is written once. With
// one of its own the heir cannot know of a write that AWS has not validated, and
// writes the same once more.
func TestKilledWhilePublishing(t *testing.T) {
	t.Parallel()
	killEverywhere(t, 8, []dying{diesBefore, diesAfter, diesWhile}, func(t *testing.T, kill func(victim)) {
		onPlatform(t, func(p *platform) {
			kill(victim{scene: p.scene, told: sweepNow, holds: func(h *heir) {
				if h != nil {
					time.Sleep(time.Minute) // what AWS has not validated yet
				}
				if h != nil && !h.shared && h.pause == 0 {
					p.written(3)
				} else {
					p.written(2)
				}
			}})
		})
	})
}

// written fails unless the parameter has the image, in at most this version, and
// says where it is from.
func (p *platform) written(most int64) {
	p.Helper()
	value := p.world.SSM.Parameters()[0]
	details, _ := p.world.SSM.Details(golden)
	if *value.Value != p.next || value.Version > most || !strings.HasSuffix(details.Tags["drover:source"], "/4.10.0") {
		p.Errorf("the parameter has %s in version %d, want %s in %d; tags %v", *value.Value, value.Version, p.next, most, details.Tags)
	}
}
