package scenario_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/awssim"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario"
)

// rolling is a scene with a group that is about to get the image of a backup.
type rolling struct {
	*scene
	estate scenario.Estate
	image  string
	told   event.Event
	// machines are those that rollouts have launched.
	mu       sync.Mutex
	machines map[string]bool
}

// roll plays f where a backup has just been made. More is said in the fleet file, and
// counts before what is usual.
func roll(t *testing.T, f func(*rolling), more ...string) {
	t.Helper()
	inScene(t, awssim.Options{}, func(sc *scene) {
		r := &rolling{scene: sc, estate: sc.stage.Estate(scenario.Estate{Instances: 2})}
		r.keep(sc.stage.Rollout(r.estate, append(scenario.FullRollout(), more...)...))
		if slices.Contains(more, scenario.ByTag()) {
			r.image, r.told = sc.stage.BackupServer()
		} else {
			r.image, r.told = sc.stage.Backup()
		}
		r.machines = map[string]bool{}
		r.world.Subscribe(r.watch)
		f(r)
	})
}

// watch counts machines: EC2 forgets those that are terminated.
func (r *rolling) watch(e event.Event) {
	if change, ok, err := event.AsInstanceStateChange(e); !ok || err != nil || change.State != "pending" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.world.EC2.Instances() {
		if i.Tags["drover:temporary"] != "" {
			r.machines[i.ID] = true
		}
	}
}

// ends fails unless the run ended like that.
func (r *rolling) ends(run *flow.Run, want flow.Outcome) {
	r.Helper()
	r.stage.Expect(run, want)
	r.check()
}

// usual fails unless the image was rolled out once: one builder and one trial were
// launched, one image and one version were made, each document was sent once, and
// nothing is left.
func (r *rolling) usual() {
	r.Helper()
	golden := r.stage.ExpectRolledOut(r.estate, r.image, 2)
	r.stage.ExpectRunning(r.estate, golden)
	r.stage.ExpectNothingLeft(r.estate)
	r.stage.ExpectVersions(r.estate.Template, "1 "+r.estate.Base+" default", "2 "+golden)
	r.check()
	r.made(2, 1, 3)
}

// made fails unless so many machines were launched, images made, and documents sent.
func (r *rolling) made(machines, images, documents int) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := map[string]int{"machines": len(r.machines)}
	for _, i := range r.world.EC2.Images() {
		if strings.HasPrefix(i.Name, "web-from-") {
			got["images"]++
		}
	}
	got["documents"] = len(r.world.SSM.Commands())
	if got["machines"] != machines || got["images"] != images || got["documents"] != documents {
		r.Errorf("made %v, want %d machines, %d images, %d documents", got, machines, images, documents)
	}
}

func TestRolloutKilled(t *testing.T) {
	t.Parallel()
	set := func(t *testing.T, kill func(victim)) {
		roll(t, func(r *rolling) {
			kill(victim{scene: r.scene, told: func() event.Event { return r.told }, holds: func(*heir) { r.usual() }})
		})
	}
	killFor(t, []heir{{true, 0}}, 40, []dying{diesBefore, diesAfter, diesWhile}, set)
	killFor(t, []heir{{true, time.Hour}}, 40, []dying{diesAfter}, set)
}

// judge fails unless a run has ended well: the image is rolled out; or everything is as
// before; or a person is told exactly what is left.
func (r *rolling) judge(run *flow.Run) {
	r.Helper()
	switch run.Outcome {
	case flow.Succeeded:
		golden := r.stage.ExpectRolledOut(r.estate, r.image, 2)
		r.stage.ExpectRunning(r.estate, golden)
		r.stage.ExpectNothingLeft(r.estate)
	case flow.RolledBack:
		r.stage.ExpectAsBefore(r.estate)
	case flow.Stuck:
		r.named(run)
	case flow.NothingToDo:
		r.stage.ExpectAsBefore(r.estate)
	}
	r.check()
}

// named fails unless a person is told of everything that is left.
func (r *rolling) named(run *flow.Run) {
	r.Helper()
	told := fmt.Sprint(run.Reason, run.Left, run.Hints)
	for _, left := range r.left() {
		if !strings.Contains(told, left) {
			r.Errorf("%s is left, and the run says %q: %q", left, run.Reason, run.Left)
		}
	}
	if len(run.Left) == 0 {
		r.Errorf("the run is stuck, and names nothing: %s", run.Reason)
	}
}

// left is what there is that was not there before.
func (r *rolling) left() []string {
	var all []string
	for _, i := range r.world.EC2.Instances() {
		if i.Tags["drover:temporary"] != "" && i.State != types.InstanceStateNameTerminated && i.State != types.InstanceStateNameShuttingDown {
			all = append(all, i.ID)
		}
	}
	g, _ := r.world.AutoScaling.Group("web")
	moved := *g.LaunchTemplate.Version == "2"
	for _, i := range r.world.EC2.Images() {
		if strings.HasPrefix(i.Name, "web-from-") && i.State != types.ImageStateDeregistered && !moved {
			all = append(all, i.ID)
		}
	}
	for _, t := range r.world.EC2.Templates() {
		if t.Name == "web" && len(t.Versions) > 1 && !moved {
			all = append(all, t.ID)
		}
	}
	for _, p := range g.SuspendedProcesses {
		all = append(all, *p.ProcessName)
	}
	return all
}

// mishap is what befalls one call of Drover.
type mishap struct {
	name   string
	fault  awssim.Fault
	passes bool // the next attempt is as good
}

var mishaps = []mishap{
	{"throttled", awssim.FailBefore(awssim.Throttled("any")), true},
	{"denied", awssim.FailBefore(awssim.Denied("any", "*")), false},
	{"answered by nobody", awssim.FailAfter(awssim.ConnectionReset()), false},
	{"late", awssim.FailLate(20*time.Second, awssim.ConnectionReset()), true},
}

// handleUnder is the run of the event while calls of Drover, counted from 1, have
// mishap; and how many calls there were.
func (r *rolling) handleUnder(at map[int64]mishap) (*flow.Run, int64) {
	r.Helper()
	var calls atomic.Int64
	r.world.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Actor != "drover" {
			return awssim.Fault{}
		}
		return at[calls.Add(1)].fault
	})
	runs, err := r.stage.App(r.fleet).Handle(awssim.WithActor(r.Context(), "drover"), r.told)
	r.world.Intercept(func(awssim.Call) awssim.Fault { return awssim.Fault{} })
	if err != nil || len(runs) != 1 {
		r.Fatalf("%d runs, %v", len(runs), err)
	}
	r.others.Wait()
	return runs[0], calls.Load()
}

// outcomes are what rollouts come to: a good end, and two bad ones.
var outcomes = map[string]struct {
	set  func(*rolling)
	more []string
	want flow.Outcome
}{
	"succeeds": {func(*rolling) {}, nil, flow.Succeeded},
	"sysprep fails": {func(r *rolling) {
		r.stage.Behave("AWSEC2-RunSysprep", simssm.Behaviour{Takes: time.Minute, ExitCode: 31})
	}, nil, flow.RolledBack},
	"rolled back": {
		func(r *rolling) { r.stage.AlarmAtCheckpoint("errors") },
		[]string{"refresh: { alarms: [errors], checkpoints: [50, 100], pause: 10m }"},
		flow.RolledBack,
	},
}

// TestRolloutTroubleEverywhere: whatever happens to any one call.
func TestRolloutTroubleEverywhere(t *testing.T) {
	t.Parallel()
	for name, fate := range outcomes {
		for _, tr := range mishaps {
			if fate.want == flow.RolledBack && tr.passes {
				continue // what is repeated is not told from what went well
			}
			t.Run(name+", "+tr.name, func(t *testing.T) {
				t.Parallel()
				for n := int64(1); ; n += stride {
					made := int64(0)
					roll(t, func(r *rolling) {
						fate.set(r)
						defer func() {
							if r.Failed() {
								r.Logf("call %d", n)
							}
						}()
						var run *flow.Run
						run, made = r.handleUnder(map[int64]mishap{n: tr})
						if made < n {
							r.ends(run, fate.want)
						}
						r.judge(run)
					}, fate.more...)
					if made < n {
						if n < 40 {
							t.Fatalf("it made %d calls: did it do anything?", made)
						}
						return
					}
				}
			})
		}
	}
}

// TestRolloutTroublePairs: whatever happens to two calls, of different kinds.
func TestRolloutTroublePairs(t *testing.T) {
	t.Parallel()
	const calls = 110 // a rollout makes a few less
	for name, fate := range outcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range uint64(pairs) {
				seed := *firstSeed + n
				draw := rand.New(rand.NewPCG(seed, 5))
				at := map[int64]mishap{1 + draw.Int64N(calls): mishaps[draw.IntN(len(mishaps))], 1 + draw.Int64N(calls): mishaps[draw.IntN(len(mishaps))]}
				roll(t, func(r *rolling) {
					fate.set(r)
					defer func() {
						if r.Failed() {
							r.Logf("-seed %d: %v", seed, at)
						}
					}()
					run, _ := r.handleUnder(at)
					r.judge(run)
				}, fate.more...)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestRolloutFailingKilled: killed while it takes everything back.
func TestRolloutFailingKilled(t *testing.T) {
	t.Parallel()
	for name, fate := range outcomes {
		if fate.want != flow.RolledBack {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killFor(t, []heir{{true, 0}}, 40, []dying{diesAfter}, func(t *testing.T, kill func(victim)) {
				roll(t, func(r *rolling) {
					fate.set(r)
					kill(victim{
						scene: r.scene, told: func() event.Event { return r.told }, fails: true,
						holds: func(*heir) { r.stage.ExpectAsBefore(r.estate); r.check() },
					})
				}, fate.more...)
			})
		})
	}
}

// TestRolloutCancelled: at any time, by a person.
func TestRolloutCancelled(t *testing.T) {
	t.Parallel()
	for after := 30 * time.Second; ; after += stride * 47 * time.Second {
		var run *flow.Run
		roll(t, func(r *rolling) {
			defer func() {
				if r.Failed() {
					r.Logf("cancelled after %s", after)
				}
			}()
			r.later(after, func() error {
				program := r.stage.App(r.fleet)
				live, err := program.Live(r.Context())
				if err != nil || len(live) == 0 {
					return err
				}
				_, err = program.Cancel(r.Context(), live[0].ID, "ops", "wrong image")
				return err
			})
			run = r.handle(r.told)
			r.judge(run)
			if run.Outcome == flow.RolledBack && !strings.Contains(run.Reason, "wrong image") {
				r.Errorf("rolled back, but %s", run.Reason)
			}
		})
		if t.Failed() {
			return
		}
		if run.Outcome == flow.Succeeded {
			if after < 10*time.Minute {
				t.Errorf("it succeeded although it was cancelled after %s", after)
			}
			return
		}
	}
}

// TestRolloutEventsMeet: the event comes twice, at once and while the run is under way,
// sweeps come between, and two processes share the ledger: one rollout.
func TestRolloutEventsMeet(t *testing.T) {
	t.Parallel()
	for n := 0; n < 40; n += 2 * stride {
		roll(t, func(r *rolling) {
			handle := func(after time.Duration, e event.Event) {
				r.later(after, func() error {
					_, err := r.stage.App(r.fleet).Handle(r.Context(), e)
					return err
				})
			}
			handle(0, r.told)
			handle(time.Duration(n)*time.Minute, r.told)
			for at := time.Duration(0); at < time.Hour; at += 7 * time.Minute {
				handle(at, event.Sweep("gateways", time.Now().Add(at)))
			}
			r.others.Wait()
			r.usual()
		})
		if t.Failed() {
			t.Fatalf("the event came again after %d minutes", n)
		}
	}
}

// TestRolloutStaleReads: reads show what was there a while ago, as drawn.
func TestRolloutStaleReads(t *testing.T) {
	t.Parallel()
	for n := range uint64(pairs) {
		seed := *firstSeed + n
		roll(t, func(r *rolling) {
			draw := rand.New(rand.NewPCG(seed, 6))
			run := r.handleStale(r.told, 8*time.Second, func(int64) bool { return draw.IntN(3) == 0 })
			r.ends(run, flow.Succeeded)
			r.usual()
		})
		if t.Failed() {
			t.Fatalf("-seed %d", seed)
		}
	}
}

// TestRolloutSuperseded: a newer backup comes while a rollout is under way. Up to the
// version of the template it takes its place; then it waits for its turn.
func TestRolloutSuperseded(t *testing.T) {
	t.Parallel()
	taken, waited := 0, 0
	for after := time.Duration(0); after < 40*time.Minute; after += 4 * time.Minute {
		roll(t, func(r *rolling) {
			defer func() {
				if r.Failed() {
					r.Logf("a newer backup began after %s", after)
				}
			}()
			var newer string
			var second *flow.Run
			r.later(after, func() error {
				var told event.Event
				newer, told = r.stage.BackupServer()
				runs, err := r.stage.App(r.fleet).Handle(r.Context(), told)
				if err == nil {
					second = runs[0]
				}
				return err
			})
			first := r.handle(r.told)
			r.others.Wait()
			r.check()
			switch {
			case first.Outcome == flow.RolledBack && strings.Contains(first.Reason, "superseded: "+newer):
				taken++
				r.stage.ExpectRolledOut(r.estate, newer, 2)
			case first.Outcome == flow.Succeeded:
				waited++
				r.stage.ExpectRolledOut(r.estate, newer, 3)
			default:
				r.Errorf("the first run ended %s: %s", first.Outcome, first.Reason)
			}
			if second == nil || second.Outcome.Failed() && second.ID != first.ID {
				r.Errorf("the second run: %+v", second)
			}
			r.stage.ExpectNothingLeft(r.estate)
			r.check()
		}, scenario.ByTag())
		if t.Failed() {
			return
		}
	}
	if taken == 0 || waited == 0 {
		t.Errorf("superseded %d times, waited %d times", taken, waited)
	}
}

// TestRolloutGrown: a group that has grown since the plan was made is not cut down by
// the hold on its maximum.
func TestRolloutGrown(t *testing.T) {
	t.Parallel()
	roll(t, func(r *rolling) {
		grown := false
		r.world.OnCall(func(c awssim.Call) {
			if c.Operation == "servicequotas:GetServiceQuota" && !grown { // the last read of the plan
				grown = true
				if _, err := r.world.AutoScaling.Scale("web", 6); err != nil {
					r.Error(err)
				}
			}
		})
		r.ends(r.handle(r.told), flow.Succeeded)
		r.estate.Instances = 6
		r.usual()
	}, "hold: max-size")
}
