package scenario_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

const (
	golden = "/golden/base-image"
	python = "Python 3.11 running on 64bit Amazon Linux 2023"
)

// platform is a stage in a bubble: a parameter with the image of a platform
// branch's first version, and a second version.
type platform struct {
	*testing.T
	world       *scenario.Simulated
	stage       *scenario.Stage
	fleet       *fleetfile.Fleet
	first, next string
}

func onPlatform(t *testing.T, f func(*platform)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := scenario.NewSimulated(clock.Real{}, awssim.Options{})
		s := scenario.NewStage(t.Context(), w)
		s.Set(scenario.Layout{})
		p := &platform{T: t, world: w, stage: s}
		w.ElasticBeanstalk.AddBranch(simelasticbeanstalk.Branch{Name: python, Platform: "Python"})
		p.first = p.version("4.9.0")
		fleet, err := fleetfile.Parse("stage.yaml", []byte(s.Publishing("branch: "+python)), app.Kinds())
		if err != nil || s.Err() != nil {
			t.Fatal(err, s.Err())
		}
		p.fleet = fleet
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

func (p *platform) sweepEvent() event.Event { return event.Sweep("gateways", time.Now().UTC()) }

func (p *platform) sweep() *flow.Run {
	p.Helper()
	runs, err := p.stage.App(p.fleet).Handle(p.Context(), p.sweepEvent())
	if err != nil {
		p.Fatal(err)
	}
	return runs[0]
}

// ends fails unless the run ended like that, and left the parameter with this image
// in this version.
func (p *platform) ends(run *flow.Run, want flow.Outcome, image string, version int64) {
	p.Helper()
	p.stage.Expect(run, want)
	p.stage.ExpectParameter(golden, image, version)
	if err := p.stage.Err(); err != nil {
		p.Error(err)
	}
}

// write is somebody else's write of the parameter, which AWS has validated when it
// returns.
func (p *platform) write(image string) {
	name, dataType, overwrite := golden, "aws:ec2:image", true
	ctx := awssim.WithActor(p.Context(), "operator")
	if _, err := ssm.NewFromConfig(p.world.AWS()).PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: &image, Type: types.ParameterTypeString, DataType: &dataType, Overwrite: &overwrite,
	}); err != nil {
		p.Error(err)
	}
	time.Sleep(6 * time.Second)
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
		for every := 1; every <= 3; every++ {
			onPlatform(t, func(p *platform) {
				time.Sleep(time.Minute)
				n := 0
				p.world.StaleReads(func(c awssim.Call) time.Duration {
					if n++; n%every != 0 {
						return 0
					}
					return age
				})
				run := p.sweep()
				p.world.StaleReads(func(awssim.Call) time.Duration { return 0 })
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
		p.world.Authorize(func(action, _ string, _ map[string][]string) bool { return action != "ssm:PutParameter" })
		p.ends(p.sweep(), flow.RolledBack, p.first, 1)
	})
}

// TestTagsThatAreNotAllowed: the parameter keeps the image, and the next sweep
// does the rest without another write.
func TestTagsThatAreNotAllowed(t *testing.T) {
	onPlatform(t, func(p *platform) {
		denied := true
		p.world.Authorize(func(action, _ string, _ map[string][]string) bool {
			return action != "ssm:AddTagsToResource" || !denied
		})
		run := p.sweep()
		p.ends(run, flow.Stuck, p.next, 2)
		if len(run.Left) == 0 || run.Left[0].Resource != golden+" tags" {
			t.Errorf("left is %v, want the tags", run.Left)
		}
		denied = false
		p.ends(p.sweep(), flow.Succeeded, p.next, 2)
	})
}

// TestSomebodyWritesTheParameterMeanwhile: between the plan and the write. What the
// source has counts in the end.
func TestSomebodyWritesTheParameterMeanwhile(t *testing.T) {
	onPlatform(t, func(p *platform) {
		hand := p.world.EC2.AddImage(simec2.Image{Name: "by hand"})
		var once sync.Once
		p.world.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation == "ec2:DescribeImages" {
				once.Do(func() { p.write(hand) })
			}
			return awssim.Fault{}
		})
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
		var once sync.Once
		p.world.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation == "ec2:DescribeImages" {
				once.Do(func() { p.write(p.next) })
			}
			return awssim.Fault{}
		})
		p.ends(p.sweep(), flow.Succeeded, p.next, 2)
	})
}

// TestSomebodyMakesTheParameterFirst: it is not written over unseen.
func TestSomebodyMakesTheParameterFirst(t *testing.T) {
	onPlatform(t, func(p *platform) {
		name := golden
		if _, err := ssm.NewFromConfig(p.world.AWS()).DeleteParameter(p.Context(), &ssm.DeleteParameterInput{Name: &name}); err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		p.world.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation == "ssm:PutParameter" && c.Actor != "operator" {
				once.Do(func() {
					if err := p.world.SSM.Set(golden, "hush", types.ParameterTypeSecureString); err != nil {
						t.Error(err)
					}
				})
			}
			return awssim.Fault{}
		})
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
			var others sync.WaitGroup
			others.Go(func() {
				time.Sleep(7 * time.Second)
				ctx := awssim.WithActor(p.Context(), "operator")
				program := p.stage.App(p.fleet)
				runs, err := program.Live(ctx)
				if err == nil && len(runs) == 1 {
					_, err = program.Cancel(ctx, runs[0].ID, "operator", "")
				}
				if err != nil || len(runs) != 1 {
					p.Errorf("cancel: %v, with %d live runs", err, len(runs))
				}
			})
			run := p.sweep()
			others.Wait()
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
	n := 0
	for _, m := range p.world.Mutations() {
		if strings.HasPrefix(m, "ssm:PutParameter ") {
			n++
		}
	}
	if n != want {
		p.Errorf("the parameter was written %d times, want %d", n, want)
	}
}

// TestTwoProcessesAtOnePlatform do not know of each other.
func TestTwoProcessesAtOnePlatform(t *testing.T) {
	onPlatform(t, func(p *platform) {
		var processes sync.WaitGroup
		for range 2 {
			process := scenario.NewStage(p.Context(), p.world).App(p.fleet)
			processes.Go(func() {
				runs, err := process.Handle(p.Context(), p.sweepEvent())
				if err != nil || runs[0].Outcome != flow.Succeeded {
					p.Error(err, runs)
				}
			})
		}
		processes.Wait()
		if value := p.world.SSM.Parameters()[0]; *value.Value != p.next || value.Version > 3 {
			t.Errorf("the parameter has %s in version %d", *value.Value, value.Version)
		}
	})
}

// TestKilledWhilePublishing: a process is killed before or after the effect of its
// n-th call; another goes on, at once or after an hour. With the same ledger the
// parameter is written once. With one of its own the other cannot know of a write
// that AWS has not validated, and writes the same once more.
func TestKilledWhilePublishing(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{true, false} {
		for _, pause := range []time.Duration{0, time.Hour} {
			t.Run(fmt.Sprintf("shared ledger %t, after %s", shared, pause), func(t *testing.T) {
				t.Parallel()
				killed := 0
				for n := 1; ; n++ {
					last := false
					for _, fault := range []awssim.Fault{
						awssim.FailBefore(awssim.ConnectionReset()), awssim.FailAfter(awssim.ConnectionReset()), awssim.FailLate(2*time.Second, awssim.ConnectionReset()),
					} {
						onPlatform(t, func(p *platform) { last = !p.kill(n, fault, shared, pause) })
					}
					if t.Failed() {
						t.Fatalf("killed at call %d", n)
					}
					if last {
						break
					}
					killed++
				}
				if killed < 8 {
					t.Errorf("it was killed at %d calls: did it do anything?", killed)
				}
			})
		}
	}
}

// kill kills the process at its n-th call. It reports false if the process did not
// make so many.
func (p *platform) kill(n int, fault awssim.Fault, shared bool, pause time.Duration) bool {
	var dead atomic.Bool
	var calls atomic.Int64
	p.world.Intercept(func(c awssim.Call) awssim.Fault {
		switch {
		case c.Actor != "victim":
		case dead.Load():
			return awssim.FailBefore(awssim.ConnectionReset())
		case calls.Add(1) == int64(n):
			dead.Store(true)
			return fault
		}
		return awssim.Fault{}
	})
	memories := memory.NewNamed(clock.Real{}, "shared")
	process := func(l ledger.Ledger, owner string) *app.App {
		return app.New(app.Deps{
			Fleet: p.fleet, Ledger: l, AWS: p.world.AWS(), Clock: clock.Real{}, Version: "test", Seed: 1, Owner: owner,
			Log: slog.New(slog.DiscardHandler),
		})
	}
	ctx, cancel := context.WithCancel(awssim.WithActor(p.Context(), "victim"))
	defer cancel()
	_, err := process(mortal{memories, &dead}, "victim").Handle(ctx, p.sweepEvent())
	if !dead.Load() {
		if err != nil {
			p.Error(err)
		}
		p.written(2)
		return false
	}
	time.Sleep(pause)
	heir := process(memories, "heir")
	if !shared {
		heir = process(memory.NewNamed(clock.Real{}, "own"), "heir")
	}
	runs, err := heir.Handle(p.Context(), p.sweepEvent())
	if err != nil {
		p.Error(err)
	}
	for _, r := range runs {
		if r.Outcome.Failed() {
			p.Errorf("killed at call %d: the run ended %s: %s %v", n, r.Outcome, r.Reason, r.Left)
		}
	}
	time.Sleep(time.Minute)
	if shared || pause > 0 {
		p.written(2)
	} else {
		p.written(3)
	}
	return true
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
