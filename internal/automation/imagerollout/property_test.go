package imagerollout

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/version"
)

func drawImage(t *rapid.T, id string) Image {
	return Image{
		ID: id, Name: rapid.SampledFrom([]string{backupPrefix, "golden-"}).Draw(t, "name of "+id) + id, Stays: rapid.Bool().Draw(t, "volumes of "+id+" stay"),
		State:   rapid.SampledFrom([]string{stateAvailable, stateAvailable, stateAvailable, statePending, "failed"}).Draw(t, "state of "+id),
		Created: day(rapid.IntRange(0, 9).Draw(t, "day of "+id)), Architecture: rapid.SampledFrom([]string{"x86_64", "arm64"}).Draw(t, "architecture of "+id),
	}
}

// drawState is what a look may find. Images of rollouts are none of those that the
// source chooses: observe leaves them out.
func drawState(t *rapid.T) State {
	s := State{Observed: t0, Group: Group{Name: "web", Min: rapid.IntRange(0, 3).Draw(t, "min"), Running: rapid.IntRange(0, 6).Draw(t, "running")}}
	g := &s.Group
	g.Desired = g.Min + rapid.IntRange(0, 3).Draw(t, "desired")
	g.Max = g.Desired + rapid.IntRange(0, 3).Draw(t, "max")
	if rapid.Bool().Draw(t, "lowered before") {
		g.Original = g.Max + 2
	}
	if rapid.Bool().Draw(t, "suspended") {
		g.Suspended = processes[:1]
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "images") {
		s.Images = append(s.Images, drawImage(t, fmt.Sprintf("ami-%d", i)))
	}
	slices.SortFunc(s.Images, newestFirst)
	for i := range rapid.IntRange(1, 2).Draw(t, "templates") {
		s.Templates = append(s.Templates, drawTemplate(t, s, i))
	}
	ids := []string{"ami-0", "ami-1", "ami-2"}
	if rapid.Bool().Draw(t, "is asked") {
		s.Asked = rapid.SampledFrom(ids).Draw(t, "asked")
	}
	for _, id := range ids {
		if outcome := rapid.SampledFrom([]string{"", "", "rolled-back", "succeeded"}).Draw(t, "tried "+id); outcome != "" {
			s.Tried = append(s.Tried, Tried{Image: id, Run: "run-0", Outcome: outcome, Ended: t0})
		}
	}
	return s
}

func drawTemplate(t *rapid.T, s State, n int) Template {
	found := Template{ID: fmt.Sprintf("lt-%d", n), Type: "m5.large"}
	for number := rapid.Int64Range(1, 8).Draw(t, "versions"); number > 0; number-- {
		found.Numbers = append(found.Numbers, number)
	}
	found.Latest = found.Numbers[0]
	numbers := rapid.SampledFrom(found.Numbers)
	found.Default, found.Number = numbers.Draw(t, "default"), numbers.Draw(t, "number")
	found.Version = strconv.FormatInt(found.Number, 10)
	switch rapid.IntRange(0, 3).Draw(t, "floats") {
	case 0:
		found.Version, found.Number = versionLatest, found.Latest
	case 1:
		found.Version, found.Number = versionDefault, found.Default
	}
	for _, number := range rapid.SliceOfDistinct(numbers, rapid.ID[int64]).Draw(t, "used") {
		found.Uses = append(found.Uses, version.Use{Version: number, By: "i-1 uses it"})
	}
	found.Current = drawImage(t, fmt.Sprintf("ami-current%d", n))
	if len(s.Images) > 0 && rapid.Bool().Draw(t, "has one of them") {
		source := rapid.SampledFrom(s.Images).Draw(t, "source")
		found.Current.Source, found.Current.From, found.Current.Architecture = source.ID, source.Created, source.Architecture
	}
	return found
}

func drawConfig(t *rapid.T) Config {
	return config(func(c *Config) {
		c.Keep = rapid.IntRange(1, 6).Draw(t, "keep")
		c.MinAge = automation.Duration(rapid.IntRange(0, 3).Draw(t, "min age")) * automation.Duration(24*time.Hour)
		c.Hold = rapid.SampledFrom([]Hold{HoldNone, HoldProcesses, HoldMaxSize}).Draw(t, "hold")
		if rapid.IntRange(0, 3).Draw(t, "is pinned") == 0 {
			c.Pin = rapid.SampledFrom([]string{"ami-0", "ami-1"}).Draw(t, "pin")
		}
		if rapid.Bool().Draw(t, "refresh") {
			c.Refresh = &Refresh{Floating: rapid.SampledFrom([]Floating{FloatingRefuse, FloatingPin}).Draw(t, "floating")}
		}
		if rapid.Bool().Draw(t, "try") {
			c.Try = &Try{Verify: &Document{Name: "Smoke"}}
		}
		if rapid.IntRange(0, 2).Draw(t, "no builder") == 0 {
			c.Builder, c.Try, c.Hold = nil, nil, HoldNone
		}
		if rapid.Bool().Draw(t, "clean up") && c.Builder != nil {
			c.Recovery = RecoveryDelete
		}
	})
}

func TestDecideProperties(t *testing.T) {
	planned := 0
	rapid.Check(t, func(t *rapid.T) {
		c, s := drawConfig(t), drawState(t)
		plan := kindtest.Decide(t, Kind, c, s, t0)
		shuffled := s
		shuffled.Tried = rapid.Permutation(s.Tried).Draw(t, "order")
		if diff := cmp.Diff(plan, decide(c, shuffled, t0)); diff != "" {
			t.Fatalf("the order of the read decides:\n%s", diff)
		}
		inOrder(t, plan)
		if len(plan.Changes) == 0 {
			return
		}
		planned++
		chosen := oneImage(t, s, plan)
		admissible(t, c, s, chosen)
		neverBelow(t, s, plan)
		leavesNothing(t, chosen, plan)
		prunesNothingInUse(t, s, plan)
	})
	if planned == 0 {
		t.Error("nothing was ever planned")
	}
}

// inOrder: the changes are those of steps, in the order in which these are gone through.
func inOrder(t *rapid.T, p automation.Plan) {
	last := 0
	for _, change := range p.Changes {
		i := slices.IndexFunc(Kind.Steps, func(s automation.Step[Config, State]) bool { return s.Name == change.Step })
		if i < last {
			t.Fatalf("%s comes after %s: %+v", change.Step, Kind.Steps[last].Name, p.Changes)
		}
		last = i
	}
}

// oneImage: every change that names an image that could be rolled out names the same
// one, which is returned.
func oneImage(t *rapid.T, s State, p automation.Plan) Image {
	id := source(p)
	chosen, ok := s.image(id)
	if !ok {
		t.Fatalf("%q is none of the images", id)
	}
	for _, change := range p.Changes {
		for _, i := range s.Images {
			named := change.Resource == i.ID || change.To == i.ID || strings.HasSuffix(change.Resource, " of "+i.ID) || strings.HasSuffix(change.To, "-from-"+i.ID)
			if named && i.ID != id {
				t.Fatalf("a plan for %s changes something about %s: %+v", id, i.ID, change)
			}
		}
	}
	if n := len(p.For(stepTemplate)); n != 1 {
		t.Fatalf("%d versions are made", n)
	}
	return chosen
}

// admissible: an image is available, for the template that gets it, and unless a person
// has said so, newer than what that has and not tried before.
func admissible(t *rapid.T, c Config, s State, i Image) {
	of, _ := s.template(decide(c, s, t0).For(stepTemplate)[0].Resource)
	has, since := of.Current.origin()
	switch {
	case i.State != stateAvailable:
		t.Fatalf("%s is %s", i.ID, i.State)
	case c.Pin != "" && c.Pin != i.ID, s.Asked != "" && s.Asked != i.ID:
		t.Fatalf("%s is neither pinned nor asked for", i.ID)
	case has == i.ID:
		t.Fatalf("%s is what the group has", i.ID)
	case len(s.Templates) > 1 && of.Current.Architecture != i.Architecture:
		t.Fatalf("%s is not for %s", i.ID, of.ID)
	case s.Asked == i.ID:
		return
	case c.Pin == "" && !i.Created.After(since):
		t.Fatalf("%s is older than %s", i.ID, has)
	case i.Created.Add(time.Duration(c.MinAge)).After(t0):
		t.Fatalf("%s is too young", i.ID)
	}
	if tried, ok := s.tried(i.ID); ok && (tried.Outcome != succeeded || c.Pin != i.ID) {
		t.Fatalf("%s was tried before, which %s", i.ID, tried.Outcome)
	}
	for _, newer := range s.Images {
		if newestFirst(newer, i) >= 0 {
			break
		}
		if why, _ := (&decision{config: c, state: s, now: t0}).notNow(newer); why == "" {
			t.Fatalf("%s is newer than %s", newer.ID, i.ID)
		}
	}
}

// leavesNothing: what is launched goes, with volumes that would stay; and a recovery
// point goes that there may be.
func leavesNothing(t *rapid.T, i Image, p automation.Plan) {
	launched, dropped, gone := 0, 0, 0
	for _, change := range p.Changes {
		switch change.Operation {
		case opRun:
			launched++
		case opModify:
			dropped++
		case opTerminate:
			gone++
		}
	}
	if launched != gone || i.Stays && dropped != launched || !i.Stays && dropped > 0 {
		t.Fatalf("%d machines of %+v are launched, %d go, %d with all volumes", launched, i, gone, dropped)
	}
	if len(p.For(stepCleanUp)) > 0 && !i.isBackup() {
		t.Fatalf("%s has no recovery point: %+v", i.Name, p.For(stepCleanUp))
	}
}

// neverBelow: a maximum is lowered to no less than what runs, what is wanted, and the
// minimum; and it gets back what it was before any run has lowered it.
func neverBelow(t *rapid.T, s State, p automation.Plan) {
	g := s.Group
	for _, change := range p.For(stepHold) {
		if change.Operation != opUpdate {
			continue
		}
		if to := sizeIn(change.To); to < g.Running || to < g.Desired || to < g.Min {
			t.Fatalf("%+v: %+v", change, g)
		}
		back := slices.IndexFunc(p.Changes, func(c automation.Change) bool { return c.Step == stepLetGo && c.Operation == opUpdate })
		if back < 0 || sizeIn(p.Changes[back].To) != max(g.Max, g.Original) || p.Changes[back].From != change.To {
			t.Fatalf("%+v is not taken back: %+v", change, p.Changes)
		}
	}
}

func prunesNothingInUse(t *rapid.T, s State, p automation.Plan) {
	for _, change := range p.For(stepPrune) {
		template, numbers, err := version.Deleted(change)
		if err != nil || template != p.For(stepTemplate)[0].Resource {
			t.Fatalf("%+v: %v", change, err)
		}
		of, _ := s.template(template)
		for _, n := range numbers {
			if n == of.Default || n == of.Number || slices.ContainsFunc(of.Uses, func(u version.Use) bool { return u.Version == n }) {
				t.Fatalf("%+v: version %d is used: %+v", change, n, of)
			}
		}
	}
}

// TestObserveOrdersImages: however EC2 lists them, the same are chosen, in the same
// order, and those of rollouts never.
func TestObserveOrdersImages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []types.Image
		for i := range rapid.IntRange(0, 2*maxImages).Draw(t, "images") {
			image := types.Image{ImageId: aws.String(fmt.Sprintf("ami-%d", i)), CreationDate: aws.String(moment(day(rapid.IntRange(0, 9).Draw(t, "day"))))}
			if rapid.IntRange(0, 3).Draw(t, "made by a rollout") == 0 {
				image.Tags = tagList(map[string]string{tagSource: "ami-0", tagFrom: stamp(t0)})
			}
			all = append(all, image)
		}
		shuffled := rapid.Permutation(all).Draw(t, "order")
		var s, again State
		if err := errors.Join(s.choose(all), again.choose(shuffled)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.Images, again.Images); diff != "" {
			t.Fatalf("the order of the read decides:\n%s", diff)
		}
		for n, i := range s.Images {
			if i.Source != "" {
				t.Fatalf("%s was made by a rollout", i.ID)
			}
			if n > 0 && newestFirst(s.Images[n-1], i) >= 0 {
				t.Fatalf("%s comes after %s", i.ID, s.Images[n-1].ID)
			}
		}
		if len(s.Images) > maxImages {
			t.Fatalf("%d images", len(s.Images))
		}
	})
}
