package scenario_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/droverhq/drover/internal/app"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

// templateHistory is a history of a launch template and of groups that launch
// from it, looked after by two processes on one ledger.
type templateHistory struct {
	*history
	template, base string
	failed         map[string]bool
}

// TestTemplateHistories plays what TestHistories does with the two kinds that
// follow templates: images are made and some fail, groups are made and deleted,
// while events are lost, doubled and late, calls fail before, after and long
// before their effect, and processes are killed between any two calls.
//
// When it has become quiet, one sweep of each is enough: the default version has
// the newest image that is available, no image has two versions, and every group
// follows $Latest; unless a run that ended stuck names the template. A second
// sweep changes nothing.
func TestTemplateHistories(t *testing.T) {
	playAll(t, max(min(*histories, 8), *histories/10), func(t *testing.T, seed uint64) *history {
		h := newTemplateHistory(t, seed)
		h.run(h.trouble, h.quiet)
		return h.history
	})
}

func newTemplateHistory(t *testing.T, seed uint64) *templateHistory {
	h := &templateHistory{failed: map[string]bool{}, history: emptyHistory(t, seed, 100)}
	h.stage.Set(scenario.Layout{Gateways: 1})
	h.base = h.stage.Ready("base", "by hand")
	h.template = h.stage.TemplateOf("app", h.base, nil)
	h.shared = h.gate.Ledger(memory.NewNamed(clock.Real{}, "history"))
	h.keep(fmt.Sprintf(`version: 1
fleet: history
region: us-west-1
notify: { topic: "%s" }
automations:
  image:
    kind: template-follows-image
    images: { description: EC2_BACKUP }
    template: { id: %s }
    keep: %d
  groups:
    kind: group-follows-template
    groups: ["web-*"]
    version: $Latest
`, h.stage.Topic, h.template, 1+h.operator.IntN(3)))
	return h
}

// trouble is what happens to the images and groups.
func (h *templateHistory) trouble(ctx context.Context) {
	operator := h.gate.Actor(ctx, "operator")
	images, groups := ec2.NewFromConfig(h.world.AWS()), autoscaling.NewFromConfig(h.world.AWS())
	for n := range 3 + h.operator.IntN(5) {
		time.Sleep(time.Duration(h.operator.IntN(240_000)) * time.Millisecond)
		group := fmt.Sprintf("web-%d", h.operator.IntN(3))
		switch h.operator.IntN(5) {
		case 0, 1:
			made, err := images.CreateImage(operator, &ec2.CreateImageInput{
				InstanceId: aws.String(h.stage.Gateways[0].Instance), Name: aws.String(fmt.Sprintf("backup-%d", n)),
				Description: aws.String("EC2_BACKUP"), NoReboot: aws.Bool(true),
			})
			if err != nil {
				h.fail("create an image: %w", err)
				return
			}
			if h.operator.IntN(4) == 0 {
				h.failed[*made.ImageId] = true
				if err := h.world.EC2.FailImage(*made.ImageId, "no space"); err != nil {
					h.fail("fail an image: %w", err)
				}
			}
		case 2, 3:
			// A group that is there already is refused, which is fine.
			_, _ = groups.CreateAutoScalingGroup(operator, &autoscaling.CreateAutoScalingGroupInput{
				AutoScalingGroupName: aws.String(group), MinSize: aws.Int32(0), MaxSize: aws.Int32(0),
				VPCZoneIdentifier: aws.String(strings.Join(h.stage.Subnets, ",")),
				LaunchTemplate:    &asgtypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String(h.template), Version: aws.String("$Default")},
			})
		case 4:
			_, _ = groups.DeleteAutoScalingGroup(operator, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String(group)})
		}
	}
}

// quiet waits until what was set going has come to rest, sweeps once, and looks.
func (h *templateHistory) quiet(ctx context.Context) {
	h.mu.Lock()
	h.calm = true
	h.mu.Unlock()
	time.Sleep(10 * time.Minute) // for images that are being made, late effects and late events
	h.world.Settle()
	h.handlers.Wait()

	p := h.spawn(ctx, 0)
	ctx = h.as(p, "sweep")
	if err := p.app.Resume(ctx); err != nil {
		h.fail("resume: %w", err)
	}
	if !h.sweep(ctx, p.app) {
		return
	}
	h.judge(ctx, p.app)
	before := len(h.world.Mutations())
	if !h.sweep(ctx, p.app) {
		return
	}
	if err := scenario.Agree(nil, h.world.Mutations()[before:]); err != nil {
		h.fail("a second sweep: %w", err)
	}
}

func (h *templateHistory) sweep(ctx context.Context, a *app.App) bool {
	sweeps, err := a.Sweeps()
	if err != nil {
		h.fail("sweep: %w", err)
		return false
	}
	for _, e := range sweeps {
		runs, err := a.Handle(ctx, e)
		if err != nil {
			h.fail("sweep: %w", err)
			return false
		}
		for _, r := range runs {
			if r.Outcome.Failed() {
				h.fail("the sweep ended %s: %s; left %v", r.Outcome, r.Reason, r.Left)
			}
		}
	}
	return true
}

// judge looks at the world after the sweep.
func (h *templateHistory) judge(ctx context.Context, a *app.App) {
	runs, err := a.History(ctx, time.Time{})
	if err != nil {
		h.fail("list the runs: %w", err)
		return
	}
	named := false // a run that ended stuck names the template
	for _, r := range runs {
		if r.Live() {
			h.fail("run %s of %s is still live, at %s", r.ID, r.Automation, r.Step)
		}
		named = named || r.Outcome == flow.Stuck && strings.Contains(fmt.Sprint(r.Left, r.Reason), h.template)
	}
	newest := h.base
	for _, i := range h.world.EC2.Images() {
		if strings.HasPrefix(i.Name, "backup-") && !h.failed[i.ID] {
			newest = i.ID
		}
	}
	template := h.world.EC2.Templates()[0]
	having := map[string]int{}
	for _, v := range template.Versions {
		having[v.Image]++
		if h.failed[v.Image] {
			h.fail("version %d has %s, which failed", v.Number, v.Image)
		}
		if v.Number == template.Default && v.Image != newest {
			h.fail("the default version %d has %s, want %s: %s", v.Number, v.Image, newest, versionsOf(template))
		}
	}
	for image, n := range having {
		if n > 1 && !named {
			h.fail("%d versions have %s, and no run names what is left: %s", n, image, versionsOf(template))
		}
	}
	for _, g := range h.world.AutoScaling.Groups() {
		if lt := g.LaunchTemplate; aws.ToString(lt.Version) != "$Latest" || aws.ToString(lt.LaunchTemplateId) != h.template {
			h.fail("group %s launches from version %s of %s", aws.ToString(g.AutoScalingGroupName), aws.ToString(lt.Version), aws.ToString(lt.LaunchTemplateId))
		}
	}
}

func versionsOf(t simec2.TemplateView) string {
	var all []string
	for _, v := range t.Versions {
		all = append(all, fmt.Sprintf("%d %s %q", v.Number, v.Image, v.Description))
	}
	return strings.Join(all, ", ")
}
