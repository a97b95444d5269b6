package scenario_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario"
)

// trouble is a scene with two gateways and one route through the first, which has
// just stopped.
type trouble struct {
	*scene
	stopped event.Event
}

func inTrouble(t *testing.T, f func(*trouble)) {
	t.Helper()
	inScene(t, awssim.Options{}, func(s *scene) {
		s.stage.Set(scenario.Layout{Gateways: 2})
		s.stage.Route(0, "10.1.0.0/16", s.stage.Gateways[0].Interfaces[0])
		tr := &trouble{scene: s, stopped: last(s.stage.Stop(0))}
		tr.keep(s.stage.Failover())
		f(tr)
	})
}

// on fails unless the route is on the gateway and the run ended like that.
func (tr *trouble) on(gateway int, run *flow.Run, want flow.Outcome) {
	tr.Helper()
	tr.stage.Expect(run, want)
	tr.stage.ExpectRoute(0, "10.1.0.0/16", tr.stage.Gateways[gateway].Interfaces[0])
	tr.check()
}

// TestTheEventIsAheadOfTheRead: for two seconds every read still shows the
// gateway running.
func TestTheEventIsAheadOfTheRead(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.stage.Start(0)
		tr.world.StaleReads(func(awssim.Call) time.Duration { return 2 * time.Second })
		time.Sleep(10 * time.Second)
		events := tr.stage.Stop(0)
		tr.on(1, tr.handle(events[0]), flow.Succeeded)
	})
}

// TestAnOldEventIsDismissed: the gateway was started again after the event.
func TestAnOldEventIsDismissed(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		time.Sleep(time.Minute)
		tr.stage.Start(0)
		start := time.Now()
		tr.on(0, tr.handle(tr.stopped), flow.NothingToDo)
		if waited := time.Since(start); waited > 0 {
			tr.Errorf("an event from before the last start was pondered for %s", waited)
		}
	})
}

// TestAnEventThatIsNotBorneOutIsDismissedInTheEnd: an event says that a member
// stops, and the reads never agree.
func TestAnEventThatIsNotBorneOutIsDismissedInTheEnd(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.stage.Start(0)
		liar := event.NewInstanceStateChange(tr.world.Account(), "us-west-1", tr.stage.Gateways[0].Instance, "stopped", time.Now())
		start := time.Now()
		tr.on(0, tr.handle(liar), flow.NothingToDo)
		if waited := time.Since(start); waited < 4*time.Second || waited > 10*time.Second {
			tr.Errorf("believed the read after %s", waited)
		}
	})
}

// TestAStaleReadDoesNotPassForSuccess: the writes fail, and when the step looks
// again before its second attempt, the reads show the gateway as it was before.
func TestAStaleReadDoesNotPassForSuccess(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.stage.Start(0)
		var reads atomic.Int64
		tr.world.StaleReads(func(awssim.Call) time.Duration {
			if n := reads.Add(1); n > 4 && n < 12 {
				return time.Minute
			}
			return 0
		})
		time.Sleep(30 * time.Second)
		events := tr.stage.Stop(0)
		reads.Store(0)
		tr.world.Intercept(failing("ec2:ReplaceRoute", 8, awssim.FailBefore(awssim.InternalError())))
		tr.on(1, tr.handle(last(events)), flow.Succeeded)
	})
}

// TestAnAnswerThatIsLost: the write takes effect and AWS says that it failed.
func TestAnAnswerThatIsLost(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.world.Intercept(failing("ec2:ReplaceRoute", 1, awssim.FailAfter(awssim.ConnectionReset())))
		tr.on(1, tr.handle(tr.stopped), flow.Succeeded)
	})
}

// TestThrottlingIsSurvived: the first writes are throttled.
func TestThrottlingIsSurvived(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.world.Intercept(failing("ec2:ReplaceRoute", 5, awssim.FailBefore(awssim.Throttled("ec2:ReplaceRoute"))))
		tr.on(1, tr.handle(tr.stopped), flow.Succeeded)
	})
}

// TestTheStandbyDiesMeanwhile: while the write is throttled, the standby stops
// and the first gateway returns; the old plan must not be carried out.
func TestTheStandbyDiesMeanwhile(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		throttled := 0
		tr.world.Intercept(func(c awssim.Call) awssim.Fault {
			if c.Operation != "ec2:ReplaceRoute" || throttled == 8 {
				return awssim.Fault{}
			}
			if throttled++; throttled == 1 {
				tr.stage.Start(0)
				tr.stage.Stop(1)
			}
			return awssim.FailBefore(awssim.Throttled(c.Operation))
		})
		tr.on(0, tr.handle(tr.stopped), flow.NothingToDo)
	})
}

// TestARouteThatIsDeletedMeanwhile is not made again: that was a person's.
func TestARouteThatIsDeletedMeanwhile(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.stage.Route(0, "10.2.0.0/16", tr.stage.Gateways[0].Interfaces[0])
		tr.at(1, "ec2:ReplaceRoute", func() error {
			tr.stage.Unroute(0, "10.2.0.0/16")
			return nil
		})
		tr.on(1, tr.handle(tr.stopped), flow.Succeeded)
		if target, ok := tr.stage.Targets()[tr.stage.Tables[0]+" 10.2.0.0/16"]; ok {
			tr.Errorf("the deleted route is back, on %s", target)
		}
	})
}

// TestDenied: the policy lacks the write. Nothing was changed, and the person
// who must act learns what to do.
func TestDenied(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.deny("ec2:ReplaceRoute")
		run := tr.handle(tr.stopped)
		tr.on(0, run, flow.RolledBack)
		if len(run.Hints) == 0 || len(run.Left) != 1 {
			tr.Errorf("hints %q, left %v", run.Hints, run.Left)
		}
	})
}

// TestTwoEventsAtOnce: two gateways stop at the same moment, and the events
// arrive together, at two processes that know nothing of each other.
func TestTwoEventsAtOnce(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.stage.AddGateway(scenario.Layout{})
		tr.stage.Route(0, "10.2.0.0/16", tr.stage.Gateways[1].Interfaces[0])
		second := last(tr.stage.Stop(1))
		tr.keep(tr.stage.Failover())
		tr.apart(tr.stopped, second)
		for _, destination := range []string{"10.1.0.0/16", "10.2.0.0/16"} {
			tr.stage.ExpectRoute(0, destination, tr.stage.Gateways[2].Interfaces[0])
		}
	})
}

// replacements counts the ReplaceRoute calls that took effect, by route and
// target.
func (tr *trouble) replacements() map[string]int {
	count := map[string]int{}
	for _, m := range tr.world.Mutations() {
		if strings.HasPrefix(m, "ec2:ReplaceRoute ") {
			count[m]++
		}
	}
	return count
}

// TestASecondAttemptDoesOnlyWhatRemains: one of two writes fails, at once and
// in a way that the SDK does not repeat, and the attempt with it; what the
// attempt has done is not done again.
func TestASecondAttemptDoesOnlyWhatRemains(t *testing.T) {
	inTrouble(t, func(tr *trouble) {
		tr.stage.Route(0, "10.2.0.0/16", tr.stage.Gateways[0].Interfaces[0])
		var once sync.Once
		tr.world.Intercept(func(c awssim.Call) (f awssim.Fault) {
			if in, ok := c.Input.(*ec2.ReplaceRouteInput); ok && *in.DestinationCidrBlock == "10.2.0.0/16" {
				once.Do(func() { f = awssim.FailBefore(awssim.Fail(400, "SomethingNew", "nobody has seen this before")) })
			}
			return f
		})
		run := tr.handle(tr.stopped)
		tr.on(1, run, flow.Succeeded)
		if run.Marks[0].Attempts != 2 {
			t.Errorf("%d attempts, want 2", run.Marks[0].Attempts)
		}
		for route, n := range tr.replacements() {
			if n != 1 {
				t.Errorf("%s: %d times", route, n)
			}
		}
	})
}

// TestAnOldObservationIsRenewedBeforeAWrite: there are more routes than may be
// written at once, and calls are slow. While the first of them are written,
// the standby stops; the rest must not follow.
func TestAnOldObservationIsRenewedBeforeAWrite(t *testing.T) {
	var slow atomic.Bool
	inScene(t, awssim.Options{PageSize: 1000, Latency: func(c awssim.Call) time.Duration {
		if slow.Load() && c.Actor != "operator" {
			return 1500 * time.Millisecond
		}
		return 0
	}}, func(s *scene) {
		s.stage.Set(scenario.Layout{Gateways: 3})
		for i := range 60 {
			s.stage.Route(0, fmt.Sprintf("10.%d.0.0/16", i+1), s.stage.Gateways[0].Interfaces[0])
		}
		tr := &trouble{scene: s, stopped: last(s.stage.Stop(0))}
		tr.keep(s.stage.Failover())
		standby, third := s.stage.Gateways[1], s.stage.Gateways[2]
		slow.Store(true)
		var once sync.Once
		s.world.OnCall(func(c awssim.Call) {
			if c.Operation != "ec2:ReplaceRoute" {
				return
			}
			once.Do(func() {
				if _, err := ec2.NewFromConfig(s.world.AWS()).StopInstances(s.operator(), &ec2.StopInstancesInput{InstanceIds: []string{standby.Instance}}); err != nil {
					s.Error(err)
				}
			})
		})
		s.stage.Expect(tr.handle(tr.stopped), flow.Succeeded)
		onStandby := 0
		for m, n := range tr.replacements() {
			if strings.HasSuffix(m, standby.Interfaces[0]) {
				onStandby += n
			}
		}
		if onStandby > 50 {
			t.Errorf("%d routes were written to the standby, 50 of them before it stopped", onStandby)
		}
		for i := range 60 {
			s.stage.ExpectRoute(0, fmt.Sprintf("10.%d.0.0/16", i+1), third.Interfaces[0])
		}
	})
}
