package scenario_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/cloud/call"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/scenario"
)

const updateGroup = "autoscaling:UpdateAutoScalingGroup"

// groups is a scene with a template, and the groups web-1 and web-2 on its version 1.
// The first has just been made.
type groups struct {
	*scene
	lt      string
	created event.Event
}

func withGroups(t *testing.T, version string, f func(*groups)) {
	t.Helper()
	inScene(t, awssim.Options{}, func(s *scene) {
		s.stage.Set(scenario.Layout{})
		g := &groups{scene: s, lt: s.stage.Template("web")}
		s.stage.Group("web-2", g.lt, "1", nil)
		g.created = s.stage.Group("web-1", g.lt, "1", nil)
		g.keep(s.stage.Follow(`"web-*"`, version))
		f(g)
	})
}

// on fails unless the groups launch from those versions and the run ended like
// that.
func (g *groups) on(run *flow.Run, want flow.Outcome, versions ...string) {
	g.Helper()
	g.stage.Expect(run, want)
	for i, v := range versions {
		if v != "" {
			g.stage.ExpectVersion(fmt.Sprintf("web-%d", i+1), g.lt, v)
		}
	}
}

// isOf says whether a call is about a group.
func isOf(c awssim.Call, group string) bool {
	resource, _ := call.Effect(c.Input)
	return resource == group
}

// TestGroupIsNotVisibleYet: for two seconds, reads are from before the group was made.
func TestGroupIsNotVisibleYet(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		since := time.Now()
		g.world.StaleReads(func(awssim.Call) time.Duration {
			if time.Since(since) < 2*time.Second {
				return 30 * time.Second
			}
			return 0
		})
		g.stage.DeleteGroup("web-1")
		time.Sleep(20 * time.Second)
		g.created = g.stage.Group("web-1", g.lt, "1", nil)
		since = time.Now()
		g.on(g.handle(g.created), flow.Succeeded, "$Latest", "$Latest")
		if waited := time.Since(since); waited < 2*time.Second || waited > 10*time.Second {
			t.Errorf("handled after %s", waited)
		}
	})
}

// TestGroupIsNeverVisible: the event is of a group that no read shows. The others
// are looked after.
func TestGroupIsNeverVisible(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		g.stage.DeleteGroup("web-1")
		g.created.Time = time.Now()
		since := time.Now()
		g.on(g.handle(g.created), flow.Succeeded, "", "$Latest")
		if waited := time.Since(since); waited < 4*time.Second || waited > 10*time.Second {
			t.Errorf("believed the read after %s", waited)
		}
		time.Sleep(2 * time.Minute)
		since = time.Now()
		g.on(g.handle(g.created), flow.NothingToDo)
		if waited := time.Since(since); waited > 0 {
			t.Errorf("an old event was pondered for %s", waited)
		}
	})
}

// TestGroupErrorsThatPass: contention, activities in progress, throttling, server
// errors and lost answers.
func TestGroupErrorsThatPass(t *testing.T) {
	for name, fault := range map[string]awssim.Fault{
		"contention":  awssim.FailBefore(awssim.Fail(http.StatusInternalServerError, "ResourceContention", "You already have a pending update")),
		"activity":    awssim.FailBefore(awssim.Fail(http.StatusBadRequest, "ScalingActivityInProgress", "Activity in progress")),
		"throttling":  awssim.FailBefore(awssim.Throttled(updateGroup)),
		"server":      awssim.FailBefore(awssim.InternalError()),
		"lost answer": awssim.FailAfter(awssim.ConnectionReset()),
		"late effect": awssim.FailLate(5*time.Second, awssim.Timeout()),
	} {
		withGroups(t, "$Latest", func(g *groups) {
			g.world.Intercept(failing(updateGroup, 6, fault))
			g.on(g.handle(g.created), flow.Succeeded, "$Latest", "$Latest")
			if g.Failed() {
				t.Log(name)
			}
		})
	}
}

// TestGroupReadLags: for ten seconds after the write, reads show what was there
// before. Nothing is written a second time.
func TestGroupReadLags(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		var wrote atomic.Int64
		g.world.OnCall(func(c awssim.Call) {
			if c.Operation == updateGroup {
				wrote.CompareAndSwap(0, time.Now().UnixNano())
			}
		})
		g.world.StaleReads(func(awssim.Call) time.Duration {
			if at := wrote.Load(); at > 0 && time.Since(time.Unix(0, at)) < 10*time.Second {
				return time.Since(time.Unix(0, at)) + time.Second
			}
			return 0
		})
		time.Sleep(time.Minute)
		run := g.handle(g.created)
		g.on(run, flow.Succeeded, "$Latest", "$Latest")
		if n := g.carriedOut(updateGroup); n != 2 {
			t.Errorf("%d updates, want 2", n)
		}
	})
}

// TestGroupIsDeletedMeanwhile: between the look and the write.
func TestGroupIsDeletedMeanwhile(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		g.at(1, updateGroup, func() error {
			g.stage.DeleteGroup("web-1")
			return nil
		})
		g.on(g.handle(g.created), flow.Succeeded, "", "$Latest")
	})
}

// TestGroupIsBeingDeleted: AWS refuses what is on its way out, so it is left alone.
func TestGroupIsBeingDeleted(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		if err := g.world.AutoScaling.SetInstances("web-1", types.Instance{InstanceId: aws.String("i-1")}); err != nil {
			t.Fatal(err)
		}
		g.stage.ForceDeleteGroup("web-1")
		run := g.handle(g.created)
		g.on(run, flow.Succeeded, "", "$Latest")
		if len(run.Plan.Rejected) != 1 || !strings.Contains(run.Plan.Rejected[0].Why, "is being deleted") {
			t.Errorf("rejected %+v", run.Plan.Rejected)
		}
	})
}

// TestGroupBeginsToBeDeleted: after the plan was made. The run does not claim to
// have changed it.
func TestGroupBeginsToBeDeleted(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		if err := g.world.AutoScaling.SetInstances("web-1", types.Instance{InstanceId: aws.String("i-1")}); err != nil {
			t.Fatal(err)
		}
		g.at(2, "autoscaling:DescribeAutoScalingGroups", func() error {
			g.stage.ForceDeleteGroup("web-1")
			return nil
		})
		run := g.handle(g.created)
		g.on(run, flow.Succeeded, "", "$Latest")
		if len(run.Plan.Changes) != 1 || len(run.Plan.Rejected) != 1 || !strings.Contains(run.Plan.Rejected[0].Why, "is being deleted") {
			t.Errorf("planned %+v, rejected %+v", run.Plan.Changes, run.Plan.Rejected)
		}
	})
}

// TestGroupIsInARefresh: AWS refuses the change while one with a desired
// configuration is on. The others are changed, nobody is alarmed, and the sweep
// comes back.
func TestGroupIsInARefresh(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		refresh := types.InstanceRefresh{DesiredConfiguration: &types.DesiredConfiguration{}}
		if err := g.world.AutoScaling.SetRefreshes("web-1", refresh); err != nil {
			t.Fatal(err)
		}
		run := g.handle(g.created)
		g.on(run, flow.Succeeded, "1", "$Latest")
		if len(run.Plan.Rejected) != 1 || !strings.Contains(run.Plan.Rejected[0].Why, "is in an instance refresh") {
			t.Errorf("rejected %+v", run.Plan.Rejected)
		}
		run = g.handle(g.created)
		g.on(run, flow.NothingToDo, "1", "$Latest")
		if len(run.Outbox) > 0 {
			t.Errorf("somebody was told: %+v", run.Outbox)
		}
		refresh.Status = types.InstanceRefreshStatusSuccessful
		if err := g.world.AutoScaling.SetRefreshes("web-1", refresh); err != nil {
			t.Fatal(err)
		}
		g.on(g.handle(g.created), flow.Succeeded, "$Latest", "$Latest")
	})
}

// TestAVersionIsMadeMeanwhile: between the plan and the write. The plan is made
// anew, and nothing is set to a number that is old already.
func TestAVersionIsMadeMeanwhile(t *testing.T) {
	withGroups(t, "newest-number", func(g *groups) {
		g.stage.Version(g.lt)
		g.on(g.handle(g.created), flow.Succeeded, "2", "2")
		g.stage.Version(g.lt)
		g.at(2, "ec2:DescribeLaunchTemplates", func() error {
			g.stage.Version(g.lt)
			return nil
		})
		before := g.carriedOut(updateGroup)
		run := g.handle(g.created)
		g.on(run, flow.Succeeded, "4", "4")
		if n := g.carriedOut(updateGroup) - before; n != 2 || run.Replans != 1 {
			t.Errorf("%d updates and %d plans made anew, want 2 and 1", n, run.Replans)
		}
	})
}

// TestAVersionIsMadeDuringTheWrite: what was set is old already when the step
// verifies it.
func TestAVersionIsMadeDuringTheWrite(t *testing.T) {
	withGroups(t, "newest-number", func(g *groups) {
		g.stage.Version(g.lt)
		g.at(3, "ec2:DescribeLaunchTemplates", func() error { // after those of the plan and of the step's begin
			g.stage.Version(g.lt)
			return nil
		})
		g.on(g.handle(g.created), flow.Succeeded, "3", "3")
	})
}

// TestALookGrowsOld: there are more groups than are written at a time, and writes
// take three seconds. Before its turn comes, a group is given another template,
// which is not taken back.
func TestALookGrowsOld(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		other := g.stage.Template("other")
		for _, name := range []string{"web-3", "web-4", "web-5", "web-6", "web-7"} {
			g.stage.Group(name, g.lt, "1", nil)
		}
		var replaced atomic.Bool
		g.world.Intercept(func(c awssim.Call) awssim.Fault {
			switch {
			case c.Operation != updateGroup || isOf(c, "web-7"):
			case replaced.CompareAndSwap(false, true):
				g.stage.Relaunch("web-7", other, "1")
			default:
				time.Sleep(3 * time.Second)
			}
			return awssim.Fault{}
		})
		g.on(g.handle(g.created), flow.Succeeded, "$Latest", "$Latest", "$Latest", "$Latest", "$Latest", "$Latest")
		g.stage.ExpectVersion("web-7", other, "$Latest")
	})
}

// TestATemplateIsReplacedMeanwhile: somebody gives the group another template
// between the plan and the write; that stays.
func TestATemplateIsReplacedMeanwhile(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		other := g.stage.Template("other")
		g.at(2, "autoscaling:DescribeAutoScalingGroups", func() error {
			g.stage.Relaunch("web-1", other, "1")
			return nil
		})
		g.on(g.handle(g.created), flow.Succeeded, "", "$Latest")
		g.stage.ExpectVersion("web-1", other, "$Latest")
	})
}

// TestAPolicyIsChangedMeanwhile: the update is throttled, and before it is tried
// again somebody changes the policy. That must not be taken back.
func TestAPolicyIsChangedMeanwhile(t *testing.T) {
	withGroups(t, "$Latest", func(g *groups) {
		mixed := func(kind string) *types.MixedInstancesPolicy {
			return &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{
				LaunchTemplateSpecification: &types.LaunchTemplateSpecification{LaunchTemplateId: &g.lt, Version: aws.String("1")},
				Overrides:                   []types.LaunchTemplateOverrides{{InstanceType: aws.String(kind)}},
			}}
		}
		g.stage.DeleteGroup("web-1")
		g.created = g.stage.MixedGroup("web-1", mixed("c5.large"))
		var throttled atomic.Bool
		g.world.Intercept(func(c awssim.Call) awssim.Fault {
			_, to := call.Effect(c.Input)
			if c.Operation != updateGroup || !isOf(c, "web-1") || to != call.TemplateVersion(g.lt, "$Latest") || throttled.Swap(true) {
				return awssim.Fault{}
			}
			g.stage.Remix("web-1", mixed("c5.xlarge"))
			return awssim.FailBefore(awssim.Throttled(c.Operation))
		})
		g.on(g.handle(g.created), flow.Succeeded, "$Latest", "$Latest")
		if got := g.stage.Described("web-1").MixedInstancesPolicy.LaunchTemplate.Overrides; len(got) != 1 || *got[0].InstanceType != "c5.xlarge" {
			t.Errorf("the overrides are %+v", got)
		}
	})
}

// TestGroupRefusedForGood: one group cannot be changed. The other is, the run says
// what is left, and the person who must act learns what to do.
func TestGroupRefusedForGood(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		hint string
	}{
		"template": {
			awssim.Fail(http.StatusBadRequest, "ValidationError", "You must use a valid fully-formed launch template. The parameter groupName cannot be used with the parameter subnet"),
			"aws ec2 describe-launch-template-versions --launch-template-id lt-",
		},
		"use of the template": {awssim.Fail(http.StatusForbidden, "AccessDenied", "You are not authorized to use launch template: lt-1"), "ec2:RunInstances"},
		"parameter": {
			awssim.Fail(http.StatusBadRequest, "ValidationError", "You must use a valid fully-formed launch template. User: arn is not authorized to perform: ssm:GetParameters on resource: arn"),
			"`uses` in the fleet file",
		},
		"update": {awssim.Denied(updateGroup, "arn"), "drover render policy"},
	} {
		withGroups(t, "$Latest", func(g *groups) {
			g.world.Intercept(func(c awssim.Call) awssim.Fault {
				if c.Operation == updateGroup && isOf(c, "web-1") {
					return awssim.FailBefore(test.err)
				}
				return awssim.Fault{}
			})
			run := g.handle(g.created)
			if !run.Outcome.Failed() || len(run.Left) != 1 || run.Left[0].Resource != "web-1" || !strings.Contains(strings.Join(run.Hints, "\n"), test.hint) {
				t.Errorf("%s: %s, left %v, hints %q", name, run.Outcome, run.Left, run.Hints)
			}
			g.stage.ExpectVersion("web-1", g.lt, "1")
			g.stage.ExpectVersion("web-2", g.lt, "$Latest")
		})
	}
}
