package parameterfollowsplatform

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/awssim"
	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
	simssm "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/failure"
)

// world is simulated AWS with a platform branch.
type world struct {
	*testing.T
	clock     *clock.Virtual
	sim       *awssim.World
	ec2       *simec2.Service
	ssm       *simssm.Service
	platforms *simelasticbeanstalk.Service
	aws       *cloud.Clients
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: clock.NewVirtual(t0), ec2: simec2.New(simec2.Times{}), ssm: simssm.New(), platforms: simelasticbeanstalk.New(simelasticbeanstalk.Times{})}
	w.sim = awssim.New(w.clock, awssim.Options{}, w.ec2, w.ssm, w.platforms)
	w.aws = cloud.New(w.sim.Config(), "us-west-1", cloud.Options{Seed: 1, Clock: w.clock})
	w.platforms.AddBranch(simelasticbeanstalk.Branch{Name: iis, Platform: "IIS"})
	return w
}

func (w *world) image(name string, age time.Duration) string {
	return w.ec2.AddImage(simec2.Image{Name: name, Owner: "801119661308", Alias: "amazon", Public: true, Created: t0.Add(-age)})
}

func (w *world) version(number string, images ...simelasticbeanstalk.Image) string {
	w.Helper()
	arn, err := w.platforms.AddVersion(simelasticbeanstalk.Version{Branch: iis, Number: number, Ready: true, Images: images})
	if err != nil {
		w.Fatal(err)
	}
	return arn
}

// turn is one at observing, since a while ago.
func (w *world) turn(c Config, since time.Duration) *turn {
	t := &turn{Env: kindtest.Env("base", w.aws, w.clock), Config: c}
	t.Since = w.clock.Now().Add(-since)
	return t
}

func (w *world) observe(c Config) State {
	w.Helper()
	t := w.turn(c, time.Minute)
	if err := observe(w.Context(), t); err != nil {
		w.Fatal(err)
	}
	return t.State
}

func (w *world) calls(operation string) (n int) {
	for _, c := range w.sim.Calls() {
		if c.Operation == operation {
			n++
		}
	}
	return n
}

// TestABranchIsLookedAtNoFurtherThanNeeded: one version, or those that are too
// young, of however many.
func TestABranchIsLookedAtNoFurtherThanNeeded(t *testing.T) {
	w := newWorld(t)
	for n := range 40 {
		w.version(fmt.Sprintf("2.%d.0", n), simelasticbeanstalk.Image{ID: w.image(fmt.Sprintf("iis-%d", n), time.Duration(41-n)*time.Hour), Virtualization: "hvm"})
	}
	for _, test := range []struct {
		age  time.Duration
		want int
	}{{0, 1}, {5 * time.Hour, 4}, {1000 * time.Hour, maxCandidates}} {
		before := w.calls("elasticbeanstalk:DescribePlatformVersion")
		s := w.observe(config(func(c *Config) { c.MinAge = automation.Duration(test.age) }))
		if got := len(s.Candidates); got != test.want || w.calls("elasticbeanstalk:DescribePlatformVersion")-before != test.want {
			t.Errorf("an age of %s: %d versions were looked at, want %d", test.age, got, test.want)
		}
		if s.Candidates[0].Name != "version 2.39.0 of "+iis {
			t.Errorf("the newest is %s", s.Candidates[0].Name)
		}
	}
}

// TestWhatAVersionLists: nothing, entries without id or type, several types.
func TestWhatAVersionLists(t *testing.T) {
	w := newWorld(t)
	const missing = "ami-0fffffffffffffff0"
	image := w.image("iis", 0)
	arm := w.ec2.AddImage(simec2.Image{Name: "arm", Architecture: types.ArchitectureValuesArm64})
	for number, test := range map[string]struct {
		listed []simelasticbeanstalk.Image
		want   []Image
	}{
		"1.0.0": {nil, nil},
		"2.0.0": {
			[]simelasticbeanstalk.Image{{}, {Virtualization: "pv"}, {ID: image}},
			[]Image{{ID: image, State: stateAvailable, Architecture: "x86_64", Virtualization: "hvm", Created: t0}},
		},
		"3.0.0": {
			[]simelasticbeanstalk.Image{{ID: missing, Virtualization: "PV"}, {ID: arm, Virtualization: "hvm"}},
			[]Image{{ID: arm, State: stateAvailable, Architecture: "arm64", Virtualization: "hvm", Created: t0}, {ID: missing, State: stateGone, Virtualization: "paravirtual"}},
		},
	} {
		arn := w.version(number, test.listed...)
		s := w.observe(config(func(c *Config) { c.Source = Source{Platform: arn} }))
		if diff := cmp.Diff([]Candidate{{Name: "version " + number + " of " + iis, Origin: arn, Images: test.want}}, s.Candidates); diff != "" {
			t.Error(diff)
		}
	}
}

// TestYoungImagesDoNotHideAnOldOne however many there are.
func TestYoungImagesDoNotHideAnOldOne(t *testing.T) {
	w := newWorld(t)
	good := w.image("golden-good", 100*time.Hour)
	for n := range 3 * maxCandidates {
		w.image(fmt.Sprintf("golden-%d", n), time.Duration(n)*time.Minute)
	}
	c := config(aged, func(c *Config) { c.Source = Source{Images: &Images{Owners: []string{"amazon"}, Name: "golden-*"}} })
	s := w.observe(c)
	if got := len(s.Candidates); got > 2*maxCandidates+1 {
		t.Errorf("%d images are kept", got)
	}
	if plan := decide(c, s, t0); len(plan.Changes) == 0 || plan.Changes[0].To != good {
		t.Errorf("the plan is %+v, want %s", plan, good)
	}
}

// TestSecretsAreNotRead: neither decrypted, nor kept.
func TestSecretsAreNotRead(t *testing.T) {
	w := newWorld(t)
	w.version("1.0.0", simelasticbeanstalk.Image{ID: w.image("iis", 0), Virtualization: "hvm"})
	for _, kind := range []ssmtypes.ParameterType{ssmtypes.ParameterTypeSecureString, ssmtypes.ParameterTypeString, ssmtypes.ParameterTypeStringList} {
		name := "/golden/" + string(kind)
		if err := w.ssm.Set(name, "hunter2", kind); err != nil {
			t.Fatal(err)
		}
		s := w.observe(config(func(c *Config) { c.Parameter = name }))
		if !s.Parameter.Exists || s.Parameter.Value != "" {
			t.Errorf("of a %s is kept %+v", kind, s.Parameter)
		}
		if plan := decide(config(), s, t0); len(plan.Stuck) != 1 || strings.Contains(fmt.Sprint(plan), "hunter2") {
			t.Errorf("the plan for a %s is %+v", kind, plan)
		}
	}
	for _, c := range w.sim.Calls() {
		if in, ok := c.Input.(*ssm.GetParameterInput); ok && aws.ToBool(in.WithDecryption) {
			t.Error("a parameter was decrypted")
		}
	}
}

// TestAnImageThatIsNotShownIsLookedForAgain for some seconds.
func TestAnImageThatIsNotShownIsLookedForAgain(t *testing.T) {
	w := newWorld(t)
	w.version("1.0.0", simelasticbeanstalk.Image{ID: "ami-0aaaaaaaaaaaaaaaa", Virtualization: "hvm"})
	err := observe(t.Context(), w.turn(config(), 0))
	if err == nil || failure.ClassOf(err) != failure.Wait || !strings.Contains(err.Error(), "ami-0aaaaaaaaaaaaaaaa") {
		t.Errorf("at once: %v, want to wait for the image", err)
	}
	if err := observe(t.Context(), w.turn(config(), rereadFor)); err != nil {
		t.Errorf("after %s: %v", rereadFor, err)
	}
}

// TestTheCallIsMadeOnce: the SDK would repeat one whose answer is lost.
func TestTheCallIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	image := w.image("iis", 0)
	w.version("1.0.0", simelasticbeanstalk.Image{ID: image, Virtualization: "hvm"})
	turn := w.turn(config(), 0)
	if err := observe(t.Context(), turn); err != nil {
		t.Fatal(err)
	}
	turn.Plan = decide(turn.Config, turn.State, w.clock.Now())
	w.sim.Intercept(func(c awssim.Call) awssim.Fault {
		if c.Operation == opPut {
			return awssim.FailAfter(awssim.ConnectionReset())
		}
		return awssim.Fault{}
	})
	if err := publish(t.Context(), turn); err == nil || failure.ClassOf(err) != failure.Retry {
		t.Errorf("%v, want to try again", err)
	}
	for range 3 {
		turn.Attempt++
		if err := publish(t.Context(), turn); err == nil || failure.ClassOf(err) != failure.Wait {
			t.Errorf("attempt %d: %v, want to wait", turn.Attempt, err)
		}
		w.clock.Advance(time.Second)
	}
	w.clock.Advance(publishPoll)
	w.sim.Settle()
	turn.Attempt++
	if err := publish(t.Context(), turn); err != nil {
		t.Error(err)
	}
	if n := w.calls(opPut); n != 1 {
		t.Errorf("%d calls were made", n)
	}
}

func TestTagsOfAPlanThatCannotBeRead(t *testing.T) {
	if got, err := tagsIn("nothing of the kind"); err == nil || failure.ClassOf(err) != failure.Stop {
		t.Errorf("%v, %v", got, err)
	}
}
