//go:build conformance

package conformance

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/imagerollout"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/fleetfile"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/flow/stepfunctions"
	"github.com/droverhq/drover/internal/ledger/memory"
)

// rolling is an image rollout to one group, which holds the group and tries the image.
type rolling struct {
	*yard
	deps app.Deps
}

const rollingTo = "web"

// newRolling sets it up. Somebody interferes once, before the first call of an
// operation; if that is empty, nobody does.
func newRolling(t *testing.T, at string, interfere func(*rolling) error) *rolling {
	t.Helper()
	w := newWorld(t)
	r := &rolling{yard: newYard(t, w)}
	r.more = []string{"hold: processes", "try: {}"}
	text := r.stake(rollingTo).fleet
	fleet, err := fleetfile.Parse("fleet.yaml", []byte(text), app.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	r.deps = app.Deps{
		Fleet: fleet, Ledger: memory.NewNamed(w.clock, "test"), AWS: w.AWS(), Clock: w.clock,
		Log: slog.New(slog.DiscardHandler), Version: "test", Seed: 1, Owner: t.Name(),
	}
	if at != "" {
		var once sync.Once
		w.tap.interfere(func(operation string) {
			if operation == at {
				once.Do(func() {
					if err := interfere(r); err != nil {
						t.Errorf("before %s: %v", at, err)
					}
				})
			}
		})
	}
	return r
}

func (r *rolling) handle(a *app.App) *flow.Run {
	r.Helper()
	runs, err := a.Handle(r.Context(), r.told)
	if err != nil || len(runs) != 1 {
		r.Fatal(runs, err)
	}
	return runs[0]
}

// anID is an id that moto has drawn.
var anID = regexp.MustCompile(`\b(ami|i|lt|snap)-[0-9a-f]{8,17}\b`)

// came makes the course of a run that has ended.
func (r *rolling) came(c course, run *flow.Run) course {
	r.Helper()
	c.ended(run)
	c.Reason = anID.ReplaceAllString(c.Reason, "$1")
	c.End = append(r.left(), r.stands(rollingTo)...)
	return c
}

// left is what was launched and made, and what is left of it.
func (r *rolling) left() []string {
	r.Helper()
	all, err := r.machines(r.Context(), rollingTo)
	if err != nil {
		r.Fatal(err)
	}
	images, err := r.made(r.Context(), rollingTo)
	if err != nil {
		r.Fatal(err)
	}
	for _, i := range images {
		all = append(all, "image "+strings.Replace(*i.Name, r.image, "ami-source", 1))
		for j, b := range i.BlockDeviceMappings {
			all = append(all, fmt.Sprintf("volume %d of it stays: %t", j+1, !aws.ToBool(b.Ebs.DeleteOnTermination)))
		}
		r.names = append(r.names, *i.ImageId, "ami-new")
	}
	snapshots, err := r.ec2.DescribeSnapshots(r.Context(), &ec2.DescribeSnapshotsInput{Filters: []types.Filter{{Name: aws.String("tag:drover:fleet"), Values: []string{rollingTo}}}})
	if err != nil {
		r.Fatal(err)
	}
	volumes, err := r.ec2.DescribeVolumes(r.Context(), &ec2.DescribeVolumesInput{Filters: []types.Filter{{Name: aws.String("tag:drover:fleet"), Values: []string{rollingTo}}}})
	if err != nil {
		r.Fatal(err)
	}
	return append(all, fmt.Sprintf("%d snapshots, %d volumes", len(snapshots.Snapshots), len(volumes.Volumes)))
}

func (r *rolling) here() course {
	r.Helper()
	var c course
	r.deps.Watch = c.follow()
	return r.came(c, r.handle(app.New(r.deps)))
}

func (r *rolling) there() play {
	r.Helper()
	kinds := app.Kinds()
	i := slices.IndexFunc(kinds, func(k automation.Definition) bool { return k.Name == imagerollout.Kind.Name })
	document, err := stepfunctions.Document(kinds[i], lambdaARN)
	if err != nil {
		r.Fatal(err)
	}
	r.deps.Machine = func(string, string) string { return machineARN }
	program := app.New(r.deps)
	p, run := stepThrough(r.T, r.world, string(document), jumping(r.clock, program.Turn), func() *flow.Run { return r.handle(program) })
	if run, err = program.Find(r.Context(), run.ID); err != nil {
		r.Fatal(err)
	}
	p.course = r.came(p.course, run)
	return p
}

// jumping has a clock jump over what an execution is told to wait for, since moto would
// sleep that long. The Wait is gone through all the same.
func jumping(c clock.Clock, turn turner) turner {
	return func(ctx context.Context, task stepfunctions.Task) (stepfunctions.Answer, error) {
		a, err := turn(ctx, task)
		if d := time.Duration(a.Seconds) * time.Second; err == nil && d > longNap {
			a.Seconds = 0
			err = c.Sleep(ctx, d)
		}
		return a, err
	}
}

// TestImageRolloutOnBothEngines: the same rollout through moto's Step Functions and the
// embedded engine takes the same steps to the same end; when all goes well, when
// somebody gives the group another version while the image is made, and when somebody
// terminates the builder.
func TestImageRolloutOnBothEngines(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at        string
		interfere func(*rolling) error
		outcome   flow.Outcome
		reason    string
		status    string
		end       []string
	}{
		"success": {
			outcome: flow.Succeeded, status: "SUCCEEDED",
			end: []string{
				"builder terminated", "trial terminated", "image web-from-ami-source", "volume 1 of it stays: true", "1 snapshots, 0 volumes",
				"1 ami-base default", "2 ami-new", "launches 2",
			},
		},
		"the group is changed meanwhile": {
			at: "ec2:CreateImage", interfere: (*rolling).changeGroup, outcome: flow.RolledBack, status: "FAILED", reason: "somebody has changed it meanwhile",
			end: []string{
				"builder terminated", "trial terminated", "0 snapshots, 0 volumes",
				"1 ami-base default", "2 ami-base", "launches 2",
			},
		},
		"the builder is terminated": {
			at: "ec2:DescribeInstanceStatus", interfere: (*rolling).endBuilder, outcome: flow.RolledBack, status: "FAILED", reason: "is terminated before its status checks have passed",
			// Who terminates it leaves the volume that its image says is to stay.
			end: []string{"builder terminated", "0 snapshots, 1 volumes", "1 ami-base default", "launches 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there := onBoth(t,
				func(t *testing.T) course { return newRolling(t, test.at, test.interfere).here() },
				func(t *testing.T) play { return newRolling(t, test.at, test.interfere).there() },
			)
			if here.Outcome != test.outcome || !strings.Contains(here.Reason, test.reason) || there.status != test.status {
				t.Errorf("the runs ended %s: %s; the execution %s %s", here.Outcome, here.Reason, there.status, there.error)
			}
			if diff := cmp.Diff(test.end, here.End); diff != "" {
				t.Errorf("in the end there is:\n%s", diff)
			}
			if test.outcome == flow.Succeeded && !slices.Contains(there.visited, "prepare: wait") {
				t.Errorf("visited %q: no Wait for the builder to stop", there.visited)
			}
		})
	}
}

// changeGroup makes a version of the group's template by hand, and has the group launch
// from it.
func (r *rolling) changeGroup() error {
	template := r.templates[rollingTo]
	_, err := r.ec2.CreateLaunchTemplateVersion(r.Context(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: aws.String(template), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String(r.base)},
	})
	if err != nil {
		return err
	}
	_, err = autoscaling.NewFromConfig(configFor(r.moto.url)).UpdateAutoScalingGroup(r.Context(), &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(rollingTo),
		LaunchTemplate:       &scaling.LaunchTemplateSpecification{LaunchTemplateId: aws.String(template), Version: aws.String("2")},
	})
	return err
}

func (r *rolling) endBuilder() error {
	out, err := r.ec2.DescribeInstances(r.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: aws.String("tag:drover:temporary"), Values: []string{"builder"}}}})
	if err != nil {
		return err
	}
	if len(out.Reservations) != 1 {
		return fmt.Errorf("there are %d builders", len(out.Reservations))
	}
	_, err = r.ec2.TerminateInstances(r.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*out.Reservations[0].Instances[0].InstanceId}})
	return err
}
