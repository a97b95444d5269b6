package pipelinefollowsparameter

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/kindtest"
)

// model is Image Builder as far as a decision goes: versions with their parents, what
// the pipeline has, and what was built.
type model struct {
	parents   map[string]string // by number
	has, wild string            // the pipeline's version, and how it names it
	value     string
	builds    []Build
	disabled  bool
}

func drawModel(t *rapid.T) model {
	image := rapid.SampledFrom([]string{oldImage, newOne, "ami-00000000000000003"})
	m := model{parents: map[string]string{}, value: image.Draw(t, "value"), disabled: rapid.Bool().Draw(t, "disabled")}
	for i := range rapid.IntRange(1, 4).Draw(t, "versions") {
		m.parents[fmt.Sprintf("1.0.%d", i)] = image.Draw(t, "parent")
	}
	m.has = fmt.Sprintf("1.0.%d", rapid.IntRange(0, len(m.parents)-1).Draw(t, "has"))
	m.wild = m.has
	if rapid.Bool().Draw(t, "floats") {
		m.has, m.wild = m.newest(), "x.x.x"
	}
	statuses := []string{statusAvailable, statusFailed, statusCancelled}
	for n := range rapid.IntRange(0, 4).Draw(t, "builds") {
		of := fmt.Sprintf("1.0.%d", rapid.IntRange(0, len(m.parents)-1).Draw(t, "of"))
		m.build(of, rapid.SampledFrom(statuses).Draw(t, "status"), n)
	}
	if len(m.builds) > 0 && rapid.Bool().Draw(t, "runs") {
		m.builds[0].Status = "TESTING"
	}
	return m
}

func (m *model) newest() string { return fmt.Sprintf("1.0.%d", len(m.parents)-1) }

func (m *model) build(of, status string, n int) {
	m.builds = append([]Build{{Image: fmt.Sprintf("%simage/windows/%s/%d", arns, of, n+1), Status: status, Created: t0.Add(time.Duration(n) * time.Minute)}}, m.builds...)
}

// state is what a look finds.
func (m *model) state() State {
	s := State{
		Parameter: Parameter{Value: m.value, Version: 1, Modified: t0},
		Pipeline:  Pipeline{ARN: pipeline, Recipe: recipeARN(m.wild), Disabled: m.disabled},
		Recipe:    Recipe{ARN: recipeARN(m.has), Name: "windows", Parent: m.parents[m.has], Content: "c"},
		Next:      fmt.Sprintf("1.0.%d", len(m.parents)),
		Builds:    m.builds,
	}
	for n := len(m.parents) - 1; n >= 0 && m.parents[m.has] != m.value; n-- {
		if number := fmt.Sprintf("1.0.%d", n); m.parents[number] == m.value {
			s.Same = append(s.Same, Recipe{ARN: recipeARN(number), Name: "windows", Parent: m.value, Content: "c"})
		}
	}
	return s
}

// carryOut makes the changes of a plan. A build that runs comes to its end first, and
// that of the plan becomes available.
func (m *model) carryOut(t *rapid.T, p automation.Plan) {
	created := ""
	for _, c := range p.Changes {
		switch c.Operation {
		case opCreate:
			created = fmt.Sprintf("1.0.%d", len(m.parents))
			m.parents[created] = c.To
			if m.wild == "x.x.x" {
				m.has = created
			}
		case opUpdate:
			if m.wild == "x.x.x" {
				t.Fatalf("a pipeline that takes the newest is updated: %+v", c)
			}
			if m.has = number(c.To); c.To == newRecipe {
				m.has = created
			}
			m.wild = m.has
		case opStart:
			for i := range m.builds {
				if m.builds[i].runs() {
					m.builds[i].Status = statusAvailable
				}
			}
			m.build(m.has, statusAvailable, 50)
		}
	}
}

func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		s := m.state()
		plan := kindtest.Decide(t, Kind, config(), s, t0)
		if m.disabled && len(plan.Changes) > 0 {
			t.Fatalf("a disabled pipeline is touched: %+v", plan.Changes)
		}
		steps := []string{stepRecipe, stepPipeline, stepStart}
		for i, c := range plan.Changes {
			if i > 0 && slices.Index(steps, plan.Changes[i-1].Step) >= slices.Index(steps, c.Step) {
				t.Fatalf("out of order, or twice: %+v", plan.Changes)
			}
		}
		if len(plan.Changes) == 0 {
			return
		}
		m.carryOut(t, plan)
		if m.parents[m.has] != m.value {
			t.Fatalf("the pipeline builds from %s, and the parameter holds %s", m.parents[m.has], m.value)
		}
		if again := decide(config(), m.state(), t0); len(again.Changes) > 0 {
			t.Fatalf("a plan that was carried out leaves changes: %+v\nof the plan: %+v", again.Changes, plan.Changes)
		}
	})
}

func TestNumbersProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		node := rapid.IntRange(0, 3)
		draw := func(label string) string {
			return fmt.Sprintf("%d.%d.%d", node.Draw(t, label), node.Draw(t, label), node.Draw(t, label))
		}
		from, taken := draw("from"), []string{"", "x.x.x"}
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			taken = append(taken, draw("taken"))
		}
		got, err := next(from, taken)
		if err != nil || slices.Contains(taken, got) || got == from {
			t.Fatalf("after %s with %q comes %s, %v", from, taken, got, err)
		}
		if !newer(recipeARN(got), recipeARN(from)) || newer(recipeARN(from), recipeARN(got)) {
			t.Fatalf("%s is not higher than %s", got, from)
		}
		for _, other := range taken {
			o, ok := parse(other)
			f, _ := parse(from)
			if ok && o[0] == f[0] && o[1] == f[1] && !newer(recipeARN(got), recipeARN(other)) {
				t.Fatalf("%s is not higher than %s of its line", got, other)
			}
		}
	})
}
