//go:build conformance

package conformance

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
	"github.com/droverhq/drover/internal/ledger/memory"
	"github.com/droverhq/drover/internal/scenario"
)

// rollout is a world in which a template is to follow an image, and the program
// that sees to it.
type rollout struct {
	*testing.T
	*world
	stage    *scenario.Stage
	template string
	told     event.Event
	deps     app.Deps
	names    *strings.Replacer // of what moto has made, so that two worlds compare
}

func newRollout(t *testing.T) *rollout {
	t.Helper()
	w := newWorld(t)
	r := &rollout{T: t, world: w, stage: scenario.NewStage(t.Context(), w)}
	r.stage.Set(scenario.Layout{Gateways: 1})
	base := r.stage.Ready("base", "made by hand")
	r.template = r.stage.TemplateOf("app", base, nil)
	backup, told := r.stage.Image("backup", "nightly EC2_BACKUP", nil)
	r.told = told
	r.names = strings.NewReplacer(base, "ami-base", backup, "ami-backup", r.template, "lt-app")
	fleet, err := fleetfile.Parse("fleet.yaml", []byte(r.stage.Following("id: "+r.template, "description: EC2_BACKUP")), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	r.deps = app.Deps{
		Fleet: fleet, Ledger: memory.NewNamed(clock.Real{}, "test"), AWS: w.AWS(), Clock: clock.Real{},
		Log: slog.New(slog.DiscardHandler), Version: "test", Seed: 1, Owner: t.Name(),
	}
	ready(t, r.stage)
	return r
}

// came makes the course of a run that has ended.
func (r *rollout) came(c course, run *flow.Run) course {
	r.Helper()
	c.ended(run)
	c.Reason = r.names.Replace(c.Reason)
	c.End = r.versions()
	return c
}

// versions are those of the template, with their images.
func (r *rollout) versions() []string {
	r.Helper()
	out, err := r.ec2.DescribeLaunchTemplateVersions(r.Context(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: aws.String(r.template)})
	if err != nil {
		r.Fatal(err)
	}
	var lines []string
	for _, v := range out.LaunchTemplateVersions {
		line := fmt.Sprintf("%d %s", *v.VersionNumber, aws.ToString(v.LaunchTemplateData.ImageId))
		if aws.ToBool(v.DefaultVersion) {
			line += " default"
		}
		lines = append(lines, r.names.Replace(line))
	}
	slices.Sort(lines)
	return lines
}

func (r *rollout) handle(a *app.App) *flow.Run {
	r.Helper()
	runs, err := a.Handle(r.Context(), r.told)
	if err != nil || len(runs) != 1 {
		r.Fatal(runs, err)
	}
	return runs[0]
}

func rolledOutHere(t *testing.T) course {
	t.Helper()
	r := newRollout(t)
	var c course
	r.deps.Watch = c.follow()
	return r.came(c, r.handle(app.New(r.deps)))
}

func rolledOutThere(t *testing.T) play {
	t.Helper()
	r := newRollout(t)
	kinds := app.Kinds()
	i := slices.IndexFunc(kinds, func(k automation.Definition) bool { return k.Name == "template-follows-image" })
	document, err := stepfunctions.Document(kinds[i], lambdaARN)
	if err != nil {
		r.Fatal(err)
	}
	r.deps.Machine = func(string, string) string { return machineARN }
	program := app.New(r.deps)
	p, run := stepThrough(r.T, r.world, string(document), program.Turn, func() *flow.Run { return r.handle(program) })
	if run, err = program.Find(r.Context(), run.ID); err != nil {
		r.Fatal(err)
	}
	p.course = r.came(p.course, run)
	return p
}

// TestRolloutOnBothEngines: the same rollout through moto's Step Functions and
// the embedded engine: the same steps, the same end, the same version in the
// template.
func TestRolloutOnBothEngines(t *testing.T) { //nolint:tparallel // the two take turns, for the sake of other tests
	t.Parallel()
	here, there := onBoth(t, rolledOutHere, rolledOutThere)
	if diff := cmp.Diff([]string{"1 ami-base", "2 ami-backup default"}, here.End); diff != "" {
		t.Errorf("the versions of the template:\n%s", diff)
	}
	if here.Outcome != flow.Succeeded || there.status != "SUCCEEDED" {
		t.Errorf("the runs ended %s: %s; the execution %s %s", here.Outcome, here.Reason, there.status, there.error)
	}
}
