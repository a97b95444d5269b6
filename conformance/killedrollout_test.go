//go:build conformance

package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/flow"
	"github.com/droverhq/drover/internal/ledger/sqlite"
)

// rolloutLimit is for how long a rollout may take, by the clock on the wall: it looks
// every quarter of a minute, and who takes it over waits for a minute first.
const rolloutLimit = 6 * time.Minute

// blades are where rollouts are killed beside all other tests: at what is made.
var blades = []blade{
	{"ec2:RunInstances", 1, true}, // the builder is launched, and nobody knows
	{"ec2:StopInstances", 1, true},
	{"ec2:CreateImage", 1, false},
	{"ec2:CreateImage", 1, true},
	{"ec2:CreateLaunchTemplateVersion", 1, true},
	{"ec2:TerminateInstances", 1, true},
	{"autoscaling:UpdateAutoScalingGroup", 1, true},
}

// TestRolloutKilled kills `drover run` in the middle of a rollout, and starts it again
// with the same ledger. There must be one builder, one image and one version, whatever
// it was that nobody heard of, the group is moved, and nothing is left. Each has a
// group of its own in one moto. `make rollouts` kills before each call and after each,
// of a rollout that also holds the group and tries the image.
//
// That takes minutes, in which there is next to nothing to do: they pass while other
// tests play, on a server beside theirs.
func TestRolloutKilled(t *testing.T) {
	program := build(t)
	w := newWorldOn(t, ownServer(t))
	y := newYard(t, w)
	everywhere := os.Getenv("DROVER_ROLLOUT_KILLS") == "all"
	if everywhere {
		y.more = []string{"hold: processes", "try: {}"}
	}
	var all []*convict
	checks := map[*convict]func() error{}
	next := func(b blade) *convict {
		name := fmt.Sprintf("web-%d", len(checks)+1)
		c := newConvict(t, w, program, fmt.Sprintf("%s, %v", name, b), y.stake(name), b)
		checks[c] = func() error { return y.holds(c, name) }
		return c
	}
	if everywhere {
		model := next(blade{})
		err := model.live(t.Context(), model.args...)
		blades = nil
		for n := range model.requests() {
			blades = append(blades, blade{request: n + 1}, blade{request: n + 1, after: true})
		}
		if err == nil {
			err = checks[model]()
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", model.name, err, &model.output, lines(model.requests()))
		}
	}
	for _, b := range blades {
		all = append(all, next(b))
	}
	began := time.Now()
	troubles := map[*convict]error{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		each(t.Context(), all, troubles, rolloutLimit, len(all), func(ctx context.Context, c *convict) error {
			if err := c.die(ctx); err != nil {
				return err
			}
			return c.live(ctx, c.args...)
		})
	}()
	t.Parallel()
	<-done
	took, spared := time.Since(began).Round(time.Second), 0
	for _, c := range all {
		err := troubles[c]
		if everywhere && errors.Is(err, errSpared) { // looks that fall together are one call
			spared++
			err = nil
		}
		if err == nil {
			err = checks[c]()
		}
		if err != nil {
			t.Errorf("%s: %v\n%s%s", c.name, err, &c.output, lines(c.requests()))
		}
	}
	if t.Logf("%d of %d rollouts were killed; all have ended after %v", len(all)-spared, len(all), took); spared > 4 {
		t.Errorf("%d were not killed", spared)
	}
}

// holds is what must be true of a group once a rollout to it has ended that was
// interrupted.
func (y *yard) holds(c *convict, group string) error {
	ctx := y.Context()
	machines, err := y.machines(ctx, group)
	if err != nil {
		return err
	}
	var problems []error
	want := []string{"builder terminated"}
	if len(y.more) > 0 {
		want = append(want, "trial terminated")
	}
	if !slices.Equal(machines, want) {
		problems = append(problems, fmt.Errorf("launched were %q, want %q", machines, want))
	}
	made, err := y.made(ctx, group)
	if err != nil {
		return err
	}
	if len(made) != 1 || made[0].State != types.ImageStateAvailable {
		return errors.Join(append(problems, fmt.Errorf("%d images were made, want 1 that is available", len(made)))...)
	}
	if got, want := y.stands(group), []string{"1 ami-base default", "2 " + *made[0].ImageId, "launches 2"}; !slices.Equal(got, want) {
		problems = append(problems, fmt.Errorf("there is %q, want %q", got, want))
	}
	// Drover's own word for it, which looks at volumes too.
	if err := c.live(ctx, "rollout", "verify", "--fleet", "fleet.yaml", "--ledger", "ledger.db"); err != nil {
		problems = append(problems, fmt.Errorf("rollout verify: %w", err))
	}
	return errors.Join(append(problems, onlyOneSucceeded(ctx, filepath.Join(c.dir, "ledger.db")))...)
}

// onlyOneSucceeded: the run that was killed has ended well, and what came after it had
// nothing to do.
func onlyOneSucceeded(ctx context.Context, file string) error {
	kept, err := sqlite.Open(ctx, file, clock.Real{})
	if err != nil {
		return err
	}
	defer kept.Close() //nolint:errcheck // only read from
	runs, err := app.New(app.Deps{Ledger: kept, Clock: clock.Real{}, Version: "conformance"}).History(ctx, time.Unix(0, 0))
	if err != nil {
		return err
	}
	var ended []string
	for _, r := range runs {
		if r.Outcome != flow.NothingToDo {
			ended = append(ended, string(r.Outcome))
		}
	}
	if !slices.Equal(ended, []string{string(flow.Succeeded)}) {
		return fmt.Errorf("runs have ended %q, want one that succeeded", ended)
	}
	return nil
}

// machines are what rollouts to a group have ever launched, and their states. moto
// forgets none.
func (y *yard) machines(ctx context.Context, group string) ([]string, error) {
	out, err := y.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{
		{Name: aws.String("tag:drover:fleet"), Values: []string{group}},
	}})
	if err != nil {
		return nil, err
	}
	if out.NextToken != nil {
		return nil, errors.New("there are more machines than a page has")
	}
	var all []string
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			for _, tag := range i.Tags {
				if *tag.Key == "drover:temporary" {
					all = append(all, *tag.Value+" "+string(i.State.Name))
				}
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

// made are the images that rollouts to a group have made.
func (y *yard) made(ctx context.Context, group string) ([]types.Image, error) {
	out, err := y.ec2.DescribeImages(ctx, &ec2.DescribeImagesInput{
		Owners: []string{"self"}, Filters: []types.Filter{{Name: aws.String("tag:drover:fleet"), Values: []string{group}}},
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(out.Images, func(i types.Image) bool { return !strings.HasPrefix(*i.Name, group+"-from-") }), nil
}
