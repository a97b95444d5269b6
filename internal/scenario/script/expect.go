package script

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	"github.com/droverhq/drover/internal/flow"
)

// none is what there is where there is nothing.
const none = "none"

// expect holds the world and the runs against what a file expects at a path.
func (p *player) expect(e Expect, at ...string) {
	path := func(keys ...string) []string { return append(slices.Clone(at), keys...) }
	for _, name := range sorted(e.Outcomes) {
		p.compare(path("outcomes", name), p.outcome(name), e.Outcomes[name])
	}
	for _, name := range sorted(e.Runs) {
		counts := e.Runs[name]
		for _, c := range []struct {
			outcome flow.Outcome
			want    *int
		}{{flow.Succeeded, counts.Succeeded}, {flow.NothingToDo, counts.NothingToDo}, {flow.RolledBack, counts.RolledBack}, {flow.Stuck, counts.Stuck}} {
			p.count(path("runs", name, string(c.outcome)), p.ended(name, c.outcome), c.want)
		}
	}
	p.expectRoutes(e, path)
	for _, name := range sorted(e.Templates) {
		t, want := p.template(name), e.Templates[name]
		p.image(path("templates", name, "default"), t.of(t.Default), want.Default)
		p.image(path("templates", name, "latest"), t.of(0), want.Latest)
		p.count(path("templates", name, "versions"), len(t.Versions), want.Versions)
	}
	for _, name := range sorted(e.Groups) {
		got := none
		if g, ok := p.stage.AutoScaling.Group(name); ok && g.LaunchTemplate != nil {
			got = aws.ToString(g.LaunchTemplate.Version)
		}
		p.compare(path("groups", name), got, e.Groups[name])
	}
	p.expectScaling(e, path)
	if e.Left != nil {
		p.expectLeft(*e.Left, path("left"))
	}
	for _, name := range sorted(e.Parameters) {
		got := none
		for _, known := range p.stage.SSM.Parameters() {
			if aws.ToString(known.Name) == name {
				got = aws.ToString(known.Value)
			}
		}
		p.image(path("parameters", name), got, e.Parameters[name])
	}
	for _, name := range sorted(e.Pipelines) {
		got, want := p.stage.pipeline(name), e.Pipelines[name]
		if want.Recipe != "" {
			p.compare(path("pipelines", name, "recipe"), got.Recipe, want.Recipe)
		}
		p.image(path("pipelines", name, "parent"), got.Parent, want.Parent)
		p.count(path("pipelines", name, "builds"), *got.Builds, want.Builds)
		if want.Last != "" {
			p.compare(path("pipelines", name, "last"), got.Last, want.Last)
		}
	}
	for _, operation := range sorted(e.Calls) {
		p.count(path("calls", operation), p.calls(operation), new(e.Calls[operation]))
	}
	p.count(path("notices"), len(p.stage.SNS.Messages()), e.Notices)
	p.expectTold(e, path)
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func (p *player) expectRoutes(e Expect, path func(...string) []string) {
	routes := p.stage.routes()
	for _, table := range sorted(e.Routes) {
		for _, destination := range sorted(e.Routes[table]) {
			got, there := routes[table+" "+destination]
			if !there {
				got = none
			}
			want, state, dead := strings.Cut(e.Routes[table][destination], " ")
			want = p.stage.shown(p.stage.names.target(want))
			if dead {
				want += " " + state
			}
			p.compare(path("routes", table, destination), got, want)
		}
	}
}

func (p *player) expectTold(e Expect, path func(...string) []string) {
	for i, words := range e.Told {
		p.report.Expected++
		found := false
		for _, m := range p.stage.SNS.Messages() {
			text := m.Subject + "\n" + m.Text
			found = found || strings.Contains(text, words) || strings.Contains(p.stage.shown(text), words)
		}
		if found {
			p.report.Met++
			continue
		}
		p.differ(path("told", strconv.Itoa(i)), flow.Count(len(p.stage.SNS.Messages()), "notice")+" without it", strconv.Quote(words)+" in a notice")
	}
}

// outcome is how the last run of an automation has ended. A sweep that found nothing
// to do says nothing new.
func (p *player) outcome(automation string) string {
	for _, t := range p.about {
		if t.automation == automation && !t.ended {
			return "waiting"
		}
	}
	return cmp.Or(string(p.last[automation]), none)
}

func (p *player) ended(automation string, outcome flow.Outcome) (n int) {
	for _, o := range p.outcomes[automation] {
		if o == outcome {
			n++
		}
	}
	return n
}

// templateView is a launch template, whose versions are newest first.
type templateView struct{ simec2.TemplateView }

func (p *player) template(name string) templateView {
	for _, t := range p.stage.EC2.Templates() {
		if t.ID == p.stage.names.id(name) {
			return templateView{t}
		}
	}
	return templateView{}
}

// of is the image of a version; 0 is the latest.
func (t templateView) of(number int64) string {
	for _, v := range t.Versions {
		if number == 0 || v.Number == number {
			return v.Image
		}
	}
	return none
}

// calls counts the calls of an operation that Drover made and AWS carried out.
func (p *player) calls(operation string) (n int) {
	for _, c := range p.stage.Calls() {
		if c.Actor == drover && c.Operation == operation && c.Applied {
			n++
		}
	}
	return n
}

// image compares what may be an image, or is not asked for.
func (p *player) image(path []string, got, want string) {
	if want != "" {
		p.compare(path, p.stage.shown(got), p.stage.shown(p.stage.fill(p.stage.image(want))))
	}
}

func (p *player) count(path []string, got int, want *int) {
	if want != nil {
		p.compare(path, strconv.Itoa(got), strconv.Itoa(*want))
	}
}

func (p *player) compare(path []string, got, want string) {
	p.report.Expected++
	if got == want {
		p.report.Met++
		return
	}
	if got == "" {
		got = "nothing"
	}
	p.differ(path, got, want)
}

func (p *player) differ(path []string, got, wanted string) {
	spelled, place := p.text.Place(path)
	p.report.Differences = append(p.report.Differences, Difference{At: p.stage.clock.Now(), Path: spelled, Place: place, Got: got, Wanted: wanted})
}
