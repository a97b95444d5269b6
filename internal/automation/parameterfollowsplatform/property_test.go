package parameterfollowsplatform

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
)

var drawImage = rapid.Custom(func(t *rapid.T) Image {
	return Image{
		ID:             fmt.Sprintf("ami-%d", rapid.IntRange(1, 12).Draw(t, "id")),
		State:          rapid.SampledFrom([]string{stateAvailable, stateAvailable, stateAvailable, "pending", stateGone}).Draw(t, "state"),
		Architecture:   rapid.SampledFrom([]string{"x86_64", "x86_64", "arm64"}).Draw(t, "architecture"),
		Virtualization: rapid.SampledFrom([]string{"hvm", "hvm", "paravirtual"}).Draw(t, "virtualization"),
		Created:        t0.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "age")) * time.Hour),
	}
})

func drawState(t *rapid.T) State {
	passed := rapid.Bool().Draw(t, "images")
	known := map[string]Image{} // one id is one image, wherever it is listed
	var candidates []Candidate
	for n := range rapid.IntRange(0, 5).Draw(t, "candidates") {
		of := Candidate{
			Name: fmt.Sprintf("version %d", n), Origin: fmt.Sprintf("arn/%d", n), Passed: passed,
			Images: rapid.SliceOfN(drawImage, 0, 3).Draw(t, "images"),
		}
		for i, image := range of.Images {
			if _, ok := known[image.ID]; !ok {
				known[image.ID] = image
			}
			of.Images[i] = known[image.ID]
		}
		if rapid.IntRange(0, 4).Draw(t, "not ready") == 0 {
			of.Status, of.Images = "Creating", nil
		}
		candidates = append(candidates, of)
	}
	s := kept(rapid.SampledFrom([]string{"ami-1", "ami-2", "ami-3", "ami-99", ""}).Draw(t, "value"), candidates...)
	if len(candidates) == 0 {
		s.Missing = "there is nothing"
	}
	s.Parameter.DataType = rapid.SampledFrom([]string{dataImage, dataImage, dataText}).Draw(t, "data type")
	if rapid.IntRange(0, 3).Draw(t, "absent") == 0 {
		s.Parameter = Parameter{}
	}
	return s
}

// carryOut is the parameter after a plan was carried out.
func carryOut(t *rapid.T, s State, p automation.Plan) State {
	tags := map[string]string{}
	maps.Copy(tags, s.Parameter.Tags)
	for _, c := range p.Changes {
		switch c.Operation {
		case opPut:
			s.Parameter.Exists, s.Parameter.Type, s.Parameter.DataType, s.Parameter.Value = true, typeString, dataImage, c.To
		case opTag:
			added, err := tagsIn(c.To)
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range added {
				tags[*tag.Key] = *tag.Value
			}
		default:
			t.Fatalf("a call of %s", c.Operation)
		}
	}
	s.Parameter.Tags = tags
	return s
}

func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		c := config(func(c *Config) {
			c.MinAge = automation.Duration(rapid.SampledFrom([]time.Duration{0, 24 * time.Hour, 72 * time.Hour}).Draw(t, "min-age"))
			c.Architecture = rapid.SampledFrom([]Architecture{X8664, ARM64}).Draw(t, "architecture")
			c.Virtualization = rapid.SampledFrom([]Virtualization{HVM, Paravirtual}).Draw(t, "virtualization")
		})
		plan := kindtest.Decide(t, Kind, c, s, t0)
		if len(plan.Changes) > 0 && len(plan.Stuck) > 0 {
			t.Fatalf("changes, and stuck: %+v", plan)
		}
		for _, change := range plan.Changes {
			if change.Operation == opPut {
				wellChosen(t, c, s, change.To)
			}
		}
		if again := decide(c, carryOut(t, s, plan), t0); len(again.Changes) > 0 {
			t.Fatalf("a plan that was carried out leaves changes: %+v\nof the plan: %+v", again.Changes, plan.Changes)
		}
	})
}

// wellChosen fails unless an image is what was asked for, and old enough or there
// already.
func wellChosen(t *rapid.T, c Config, s State, id string) {
	for _, of := range s.Candidates {
		for _, i := range of.Images {
			old := t0.Sub(i.Created) >= time.Duration(c.MinAge) || s.Parameter.Value == id
			if i.ID == id && of.Status == "" && c.unfit(i) == "" && old {
				return
			}
		}
	}
	t.Fatalf("%s is published, of %+v", id, s.Candidates)
}

// TestNothingGoesBack: as time passes an age never takes back what was published.
func TestNothingGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config(aged)
		rank := map[string]int{}
		var s State
		for n := range 4 { // the newest first
			i := day(n + 1)
			rank[i.ID] = n
			s.Candidates = append(s.Candidates, version(fmt.Sprint(9-n), i))
		}
		value := rapid.SampledFrom(slices.Sorted(maps.Keys(rank))).Draw(t, "value")
		s.Parameter = Parameter{Exists: true, Value: value, Type: typeString, DataType: dataImage}
		now := t0
		for range rapid.IntRange(1, 5).Draw(t, "sweeps") {
			now = now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "hours")) * time.Hour)
			before := s.Parameter.Value
			s = carryOut(t, s, decide(c, s, now))
			if rank[s.Parameter.Value] > rank[before] {
				t.Fatalf("it went back from %s to %s", before, s.Parameter.Value)
			}
		}
	})
}
