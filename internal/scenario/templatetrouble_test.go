package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

// following is a stage in a bubble: a launch template with the image base, and a
// backup image that is pending.
type following struct {
	*testing.T
	world                  *scenario.Simulated
	stage                  *scenario.Stage
	fleet                  *fleetfile.Fleet
	template, base, backup string
	created                event.Event
	others                 sync.WaitGroup // what later started
}

func follow(t *testing.T, more string, f func(*following)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := scenario.NewSimulated(clock.Real{}, awssim.Options{})
		s := scenario.NewStage(t.Context(), w)
		s.Set(scenario.Layout{Gateways: 1})
		fo := &following{T: t, world: w, stage: s, base: s.Ready("base", "by hand")}
		fo.template = s.TemplateOf("app", fo.base, nil)
		fo.backup, fo.created = s.Image("backup", "EC2_BACKUP", nil)
		fleet, err := fleetfile.Parse("stage.yaml", []byte(s.Following("id: "+fo.template, "description: EC2_BACKUP", more)), app.Kinds())
		if err != nil || s.Err() != nil {
			t.Fatal(err, s.Err())
		}
		fo.fleet = fleet
		f(fo)
	})
}

func (fo *following) handle(e event.Event) *flow.Run {
	fo.Helper()
	runs, err := fo.stage.App(fo.fleet).Handle(fo.Context(), e)
	fo.others.Wait()
	if err != nil {
		fo.Fatal(err)
	}
	return runs[0]
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
	if err := fo.stage.Err(); err != nil {
		fo.Error(err)
	}
}

// later has something done while a run waits. It is done when handle returns.
func (fo *following) later(after time.Duration, f func()) {
	fo.others.Go(func() {
		time.Sleep(after)
		f()
	})
}

func (fo *following) operator() (context.Context, *ec2.Client) {
	return awssim.WithActor(fo.Context(), "operator"), ec2.NewFromConfig(fo.world.AWS())
}

// version is somebody else's version of the template, from its latest.
func (fo *following) version(image string) {
	ctx, client := fo.operator()
	latest := "$Latest"
	if _, err := client.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &fo.template, SourceVersion: &latest, LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: &image},
	}); err != nil {
		fo.Error(err)
	}
}

// TestTheImageFailsWhileItIsAwaited: nothing enters the template.
func TestTheImageFailsWhileItIsAwaited(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.later(time.Minute, func() {
			if err := fo.world.EC2.FailImage(fo.backup, "out of snapshots"); err != nil {
				fo.Error(err)
			}
		})
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
		fo.later(time.Minute, func() { newer = fo.world.EC2.AddImage(simec2.Image{Name: "newer", Description: "EC2_BACKUP"}) })
		run := fo.handle(fo.created)
		fo.ends(run, flow.Succeeded, "1 "+fo.base, "2 "+newer+" default")
	})
}

// TestImagesThatComeFasterThanTheyAreMade enter the template all the same: the one
// that was awaited goes before the next one, which is still pending.
func TestImagesThatComeFasterThanTheyAreMade(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.later(2*time.Minute, func() {
			ctx, client := fo.operator()
			name, description := "next", "EC2_BACKUP"
			if _, err := client.CreateImage(ctx, &ec2.CreateImageInput{InstanceId: &fo.stage.Gateways[0].Instance, Name: &name, Description: &description}); err != nil {
				fo.Error(err)
			}
		})
		run := fo.handle(fo.created)
		fo.ends(run, flow.Succeeded, "1 "+fo.base, "2 "+fo.backup+" default")
	})
}

// TestSomebodyChangesTheTemplateMeanwhile: the version is made from what the
// template is when the image is there, so that nothing is lost.
func TestSomebodyChangesTheTemplateMeanwhile(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.later(time.Minute, func() { fo.version(fo.base) })
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
		var once sync.Once
		fo.world.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation == "ec2:CreateLaunchTemplateVersion" && c.Actor != "operator" {
				once.Do(func() { fo.version(fo.base) })
			}
			return awssim.Fault{}
		})
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
			time.Sleep(time.Minute)
			n := 0
			fo.world.StaleReads(func(c awssim.Call) time.Duration {
				if n++; c.Actor == "operator" || n%2 == 0 {
					return 0
				}
				return age
			})
			run := fo.handle(fo.created)
			fo.world.StaleReads(func(awssim.Call) time.Duration { return 0 })
			fo.ends(run, flow.Succeeded, "2 "+fo.backup+" default")
		})
	}
}

// TestItIsTakenBack: the version is made, and the default cannot be set. The
// version goes; the next run makes another, whatever EC2 remembers of tokens.
func TestItIsTakenBack(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.stage.Available(fo.backup)
		denied := true
		fo.world.Authorize(func(action, _ string, _ map[string][]string) bool {
			return action != "ec2:ModifyLaunchTemplate" || !denied
		})
		run := fo.handle(fo.created)
		fo.ends(run, flow.RolledBack, "1 "+fo.base+" default")
		denied = false
		program := fo.stage.App(fo.fleet)
		if _, err := program.Retry(fo.Context(), run.ID); err != nil {
			t.Fatal(err)
		}
		retried, err := program.Drive(fo.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		fo.ends(retried, flow.Succeeded, "1 "+fo.base, "3 "+fo.backup+" default")
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
		fo.world.Authorize(func(action, _ string, _ map[string][]string) bool { return action != "ec2:ModifyLaunchTemplate" })
		var once sync.Once
		fo.world.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation == "ec2:ModifyLaunchTemplate" {
				once.Do(func() {
					ctx, client := fo.operator()
					one, latest := int32(1), "$Latest"
					if _, err := client.RunInstances(ctx, &ec2.RunInstancesInput{
						MinCount: &one, MaxCount: &one, SubnetId: &fo.stage.Subnets[0],
						LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &fo.template, Version: &latest},
					}); err != nil {
						fo.Error(err)
					}
				})
			}
			return awssim.Fault{}
		})
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
		var once sync.Once
		fo.world.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation == "ec2:ModifyLaunchTemplate" {
				once.Do(func() {
					ctx, client := fo.operator()
					one, first := int32(1), "1"
					if _, err := client.RunInstances(ctx, &ec2.RunInstancesInput{
						MinCount: &one, MaxCount: &one, SubnetId: &fo.stage.Subnets[0],
						LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &fo.template, Version: &first},
					}); err != nil {
						fo.Error(err)
					}
				})
			}
			return awssim.Fault{}
		})
		fo.ends(fo.handle(fo.created), flow.Succeeded, "1 "+fo.base, "3 "+fo.backup+" default")
	})
}

// TestTwoProcessesThatDoNotKnowOfEachOther handle the same event at once.
func TestTwoProcessesThatDoNotKnowOfEachOther(t *testing.T) {
	follow(t, "keep: 9", func(fo *following) {
		fo.stage.Available(fo.backup)
		var processes sync.WaitGroup
		for range 2 {
			process := scenario.NewStage(fo.Context(), fo.world).App(fo.fleet)
			processes.Go(func() {
				if _, err := process.Handle(fo.Context(), fo.created); err != nil {
					fo.Error(err)
				}
			})
		}
		processes.Wait()
		versions := fo.world.EC2.Templates()[0].Versions
		if len(versions) != 2 || versions[0].Image != fo.backup || fo.world.EC2.Templates()[0].Default != versions[0].Number {
			t.Errorf("%+v", versions)
		}
	})
}

// mortal is a process's way to its ledger: it ends with the process.
type mortal struct {
	ledger.Ledger
	dead *atomic.Bool
}

var errDead = errors.New("the process is dead")

func (m mortal) Write(ctx context.Context, writes ...ledger.Write) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Ledger.Write(ctx, writes...)
}

// TestKilledBetweenAnyTwoCalls: a process is killed before or after the effect of
// its n-th call; another goes on, with the same ledger or with one of its own, in
// the same minute or after an hour. In the end there is one version more.
func TestKilledBetweenAnyTwoCalls(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{true, false} {
		for _, pause := range []time.Duration{0, time.Hour} {
			t.Run(fmt.Sprintf("shared ledger %t, after %s", shared, pause), func(t *testing.T) {
				t.Parallel()
				killed := 0
				for n := 1; ; n++ {
					last := false
					for _, fault := range []awssim.Fault{awssim.FailBefore(awssim.ConnectionReset()), awssim.FailAfter(awssim.ConnectionReset())} {
						follow(t, "keep: 1", func(fo *following) { last = !fo.kill(n, fault, shared, pause) })
					}
					if t.Failed() {
						t.Fatalf("killed at call %d", n)
					}
					if last {
						break
					}
					killed++
				}
				if killed < 12 {
					t.Errorf("it was killed at %d calls: did it do anything?", killed)
				}
			})
		}
	}
}

// kill kills the process at its n-th call. It reports false if the process did not
// make so many.
func (fo *following) kill(n int, fault awssim.Fault, shared bool, pause time.Duration) bool {
	fo.stage.Available(fo.backup)
	var dead atomic.Bool
	var calls atomic.Int64
	fo.world.Intercept(func(c awssim.Call) awssim.Fault {
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
			Fleet: fo.fleet, Ledger: l, AWS: fo.world.AWS(), Clock: clock.Real{}, Version: "test", Seed: 1, Owner: owner,
			Log: slog.New(slog.DiscardHandler),
		})
	}
	ctx := awssim.WithActor(fo.Context(), "victim")
	_, err := process(mortal{memories, &dead}, "victim").Handle(ctx, fo.created)
	if !dead.Load() {
		if err != nil {
			fo.Error(err)
		}
		fo.has("2 " + fo.backup + " default")
		return false
	}
	time.Sleep(pause)
	heir := process(memories, "heir")
	if !shared {
		heir = process(memory.NewNamed(clock.Real{}, "own"), "heir")
	}
	runs, err := heir.Handle(fo.Context(), fo.created)
	if err != nil {
		fo.Error(err)
	}
	for _, r := range runs {
		if r.Outcome.Failed() {
			fo.Errorf("killed at call %d: the run ended %s: %s %v", n, r.Outcome, r.Reason, r.Left)
		}
	}
	fo.has("2 " + fo.backup + " default")
	if made := fo.world.Mutations(); slices.Index(made, scenario.Mutation("ec2:CreateLaunchTemplateVersion", fo.template, fo.backup)) != lastIndex(made, fo) {
		fo.Errorf("the version was made twice: %q", made)
	}
	return true
}

func lastIndex(made []string, fo *following) int {
	last := -1
	for i, m := range made {
		if m == scenario.Mutation("ec2:CreateLaunchTemplateVersion", fo.template, fo.backup) {
			last = i
		}
	}
	return last
}
