package templatefollowsimage

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
	"github.com/droverhq/drover/internal/automation/version"
)

// drawState is a template with some versions, images that match, and images that
// do not.
func drawState(t *rapid.T) (State, map[string]Image) {
	known := map[string]Image{}
	var matching []Image
	for n := range rapid.IntRange(0, 5).Draw(t, "images") {
		i := Image{
			ID:      fmt.Sprintf("ami-%d", n),
			State:   rapid.SampledFrom([]string{stateAvailable, stateAvailable, statePending, stateFailed, "error"}).Draw(t, "state"),
			Created: t0.Add(time.Duration(rapid.IntRange(0, 6).Draw(t, "created")) * time.Hour),
		}
		known[i.ID] = i
		if rapid.Bool().Draw(t, "matches") {
			matching = append(matching, i)
		}
	}
	slices.SortFunc(matching, newestFirst)
	s := State{Images: upToAvailable(matching)}
	has := map[int64]string{}
	for n := rapid.Int64Range(1, 9).Draw(t, "versions"); n > 0; n-- {
		if n > 1 && rapid.IntRange(0, 3).Draw(t, "deleted") == 0 {
			continue
		}
		s.Numbers = append(s.Numbers, n)
		has[n] = rapid.SampledFrom([]string{"", "ami-0", "ami-1", "ami-2", "ami-gone"}).Draw(t, "image")
		if rapid.IntRange(0, 3).Draw(t, "used") == 0 {
			s.Uses = append(s.Uses, version.Use{Version: n, By: "i-1 uses it"})
		}
	}
	standard := rapid.SampledFrom(s.Numbers).Draw(t, "default")
	s.Template = Found{ID: "lt-1", Default: Version{standard, has[standard]}, Latest: Version{s.Numbers[0], has[s.Numbers[0]]}}
	view(&s, has, known)
	return s, known
}

// view fills in what follows from the versions' images.
func view(s *State, has map[int64]string, known map[string]Image) {
	s.Present, s.Holders = nil, nil
	for _, id := range compact(s.Template.Default.Image, s.Template.Latest.Image) {
		if i, ok := known[id]; ok {
			s.Present = append(s.Present, i)
		}
	}
	for _, i := range s.Images {
		for _, n := range s.Numbers {
			if has[n] == i.ID {
				s.Holders = append(s.Holders, Holder{Image: i.ID, Version: n, Ours: n})
				break
			}
		}
	}
}

// carryOut is the template after a plan was carried out, pending images and all.
func carryOut(t *rapid.T, s State, p automation.Plan, known map[string]Image) State {
	has := map[int64]string{s.Template.Default.Number: s.Template.Default.Image, s.Template.Latest.Number: s.Template.Latest.Image}
	for _, h := range s.Holders {
		has[h.Version] = h.Image
	}
	s.Numbers = slices.Clone(s.Numbers)
	next := slices.Max(s.Numbers) + 1
	for _, c := range p.Filled(map[string]string{"create-version.number": strconv.FormatInt(next, 10)}).Changes {
		switch c.Step {
		case stepCreate:
			has[next] = c.To
			s.Numbers = append([]int64{next}, s.Numbers...)
			s.Template.Latest = Version{next, c.To}
		case stepDefault:
			n, err := version.Number(c.To)
			if err != nil {
				t.Fatal(err)
			}
			s.Template.Default = Version{n, has[n]}
		case stepPrune:
			_, gone, err := version.Deleted(c)
			if err != nil {
				t.Fatal(err)
			}
			s.Numbers = slices.DeleteFunc(s.Numbers, func(n int64) bool { return slices.Contains(gone, n) })
		}
	}
	view(&s, has, known)
	return s
}

func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, known := drawState(t)
		c := config(func(c *Config) {
			c.Keep = rapid.IntRange(1, 4).Draw(t, "keep")
			c.From = rapid.SampledFrom([]From{FromLatest, FromDefault}).Draw(t, "from")
			c.Expect = automation.Duration(rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "expect"))
		})
		now := t0.Add(4 * time.Hour)
		plan := kindtest.Decide(t, Kind, c, s, now)
		for _, change := range plan.Changes {
			if i := known[change.To]; change.Operation == opCreate && !i.usable() {
				t.Fatalf("%s enters the template and is %q", change.To, i.State)
			}
		}

		after := carryOut(t, s, plan, known)
		if again := decide(c, after, now); len(again.Changes) > 0 {
			t.Fatalf("a plan that was carried out leaves changes: %+v\nof the plan: %+v", again.Changes, plan.Changes)
		}
		before, then := known[s.Template.Default.Image], known[after.Template.Default.Image]
		if before.usable() && then.Created.Before(before.Created) {
			t.Fatalf("the template went back from %+v to %+v", before, then)
		}
		for i, n := range s.Numbers {
			used := slices.ContainsFunc(s.Uses, func(u version.Use) bool { return u.Version == n })
			newest := i < c.Keep-(len(after.Numbers)-len(intersect(after.Numbers, s.Numbers)))
			if kept := slices.Contains(after.Numbers, n); !kept && (used || newest || n == after.Template.Default.Number) {
				t.Fatalf("version %d was deleted: used %t, among the newest %t, default %d", n, used, newest, after.Template.Default.Number)
			}
		}
		if len(after.Numbers) > c.Keep+1+len(s.Uses) {
			t.Fatalf("%d versions are left with keep %d", len(after.Numbers), c.Keep)
		}
	})
}

func intersect(a, b []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(a), func(n int64) bool { return !slices.Contains(b, n) })
}
