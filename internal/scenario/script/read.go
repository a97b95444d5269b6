package script

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/droverhq/drover/internal/app"
	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
	"github.com/droverhq/drover/internal/fleetfile"
)

// Script is a scenario file that can be played.
type Script struct {
	file   File
	start  time.Time
	until  time.Duration
	fleet  *fleetfile.Fleet
	names  *names
	events map[int]event.Event // those of steps
	text   *fleetfile.Document
}

// Title is what the scenario says of itself.
func (s *Script) Title() string { return s.file.Scenario }

// longest bounds a play: nobody waits for more.
const longest = 31 * 24 * time.Hour

// Read reads a scenario file and the fleet file that it names. The error wraps a
// [*fleetfile.Error] with every problem of the one or of the other, unless a file
// cannot be read at all.
func Read(path string) (*Script, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse is Read for a file that has been read. Its path is what problems begin with,
// and where the path of a fleet file begins.
func Parse(path string, data []byte) (*Script, error) {
	file, text, err := fleetfile.Read[File](path, data)
	if err != nil {
		return nil, err
	}
	if !text.Valid() {
		return nil, text.Err()
	}
	c := &checker{File: file, Document: text, names: newNames(file.World), groups: map[string]bool{}, runnable: map[string]bool{}}
	c.top()
	c.world()
	for i := range file.Steps {
		c.step(i)
	}
	c.automations(c.fleet(path))
	if err := errors.Join(text.Err(), c.fatal); err != nil {
		return nil, err
	}
	return &Script{file: c.File, start: c.start, until: c.until, fleet: c.read, names: c.names, events: c.events, text: text}, nil
}

// checker finds what the schema cannot say, and fills in what was left out.
type checker struct {
	File
	*fleetfile.Document
	names    *names
	groups   map[string]bool // that there are, or have been made so far
	runnable map[string]bool // documents of Systems Manager, beside those of AWS
	start    time.Time
	until    time.Duration
	read     *fleetfile.Fleet
	events   map[int]event.Event
	fatal    error // of the fleet file, if it is another file; or of Drover itself
}

func (c *checker) top() {
	var err error
	if c.start, err = time.Parse(time.RFC3339, cmp.Or(c.Start, "2026-03-01T03:00:00Z")); err != nil {
		c.Problem([]string{"start"}, strconv.Quote(c.Start), "a time that there is")
	}
	last := time.Duration(c.Steps[len(c.Steps)-1].At)
	c.until = time.Duration(c.Until)
	switch {
	case c.Until == 0:
		c.until = last + time.Hour
	case c.until < last:
		c.Problem([]string{"until"}, c.Until.String(), "a time after the last step, or none")
	}
	if c.until > longest {
		c.Problem([]string{"until"}, automation.Duration(c.until).String(), "a scenario of at most 744h")
	}
	c.Sweeps = cmp.Or(c.Sweeps, OnSchedule)
}

// fleet reads the fleet, from where it is.
func (c *checker) fleet(path string) *fleetfile.Fleet {
	switch {
	case (c.FleetFile == "") == (c.File.Fleet == nil):
		got := "neither fleet nor fleet-file"
		if c.File.Fleet != nil {
			got = "both"
		}
		c.Problem([]string{"fleet"}, got, "one of fleet and fleet-file")
	case c.File.Fleet != nil:
		c.read, c.fatal = c.Document.Fleet("fleet", c.names.fill, app.Kinds())
	default:
		name := filepath.Join(filepath.Dir(path), filepath.FromSlash(c.FleetFile))
		data, err := os.ReadFile(name)
		if err != nil {
			var cause *fs.PathError
			if errors.As(err, &cause) {
				err = cause.Err
			}
			c.Problem([]string{"fleet-file"}, fmt.Sprintf("%q, which cannot be read (%v)", c.FleetFile, err), "a fleet file, its path beginning where the scenario file is")
			return nil
		}
		c.read, c.fatal = fleetfile.Parse(name, data, app.Kinds())
	}
	return c.read
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// world checks the names of things, and what refers to them.
func (c *checker) world() {
	w := c.World
	first := map[string]string{}
	for _, kind := range []string{"vpcs", "instances", "route-tables", "images", "templates", "pipelines", "security-groups"} {
		for _, name := range c.Keys([]string{"world", kind}) {
			at := []string{"world", kind, name}
			switch {
			case !nameForm.MatchString(name):
				c.KeyProblem(at, strconv.Quote(name), "a name of letters, digits, - and _")
			case name == internet:
				c.KeyProblem(at, "the name internet", "another name: that is what a route to the internet targets")
			case first[name] != "":
				c.KeyProblem(at, "the name "+name+" a second time", "another name: "+first[name]+" have it too")
			}
			first[name] = cmp.Or(first[name], kind)
		}
	}
	ids := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.names.ids)) {
		id := c.names.ids[name]
		if other, twice := ids[id]; twice {
			c.Problem([]string{"world"}, fmt.Sprintf("the id %s for both %s and %s", id, other, name), "an id for each")
		}
		ids[id] = name
	}
	for name, i := range w.Instances {
		at := []string{"world", "instances", name}
		c.vpc(at, i.VPC)
		if i.Interface != "" && len(i.Interfaces) > 0 {
			c.Problem(append(at, "interface"), "both interface and interfaces", "one of them")
		}
	}
	for name, t := range w.RouteTables {
		at := []string{"world", "route-tables", name}
		c.vpc(at, t.VPC)
		for destination, target := range t.Routes {
			if target != internet && c.names.main[target] == "" && c.names.kind[target] != "interface" {
				c.unknown(append(at, "routes", destination), target, "instance", "interface")
			}
		}
	}
	for name, i := range w.Images {
		c.known([]string{"world", "images", name, "instance"}, i.Instance, "instance")
	}
	for name, t := range w.Templates {
		at := []string{"world", "templates", name}
		for i, image := range t.Versions {
			c.image(append(slices.Clone(at), "versions", strconv.Itoa(i)), image)
		}
		if t.Default > len(t.Versions) {
			c.Problem(append(at, "default"), strconv.Itoa(t.Default), fmt.Sprintf("one of its %d versions", len(t.Versions)))
		}
	}
	for name, g := range w.Groups {
		c.known([]string{"world", "groups", name, "template"}, g.Template, "launch template")
	}
	for name, p := range w.Platforms {
		for number, image := range p.Versions {
			c.image([]string{"world", "platforms", name, "versions", number}, image)
		}
	}
	for name, p := range w.Pipelines {
		if !strings.HasPrefix(p.Parent, "ssm:") {
			c.image([]string{"world", "pipelines", name, "parent"}, p.Parent)
		}
	}
	c.launches()
}

func (c *checker) vpc(at []string, name string) {
	if name == "" && len(c.World.VPCs) > 1 {
		c.Problem(append(slices.Clone(at), "vpc"), "nothing", "one of "+strings.Join(c.names.of("VPC"), ", "))
		return
	}
	c.known(append(slices.Clone(at), "vpc"), name, "VPC")
}

// known holds a name that may be left out against those there are.
func (c *checker) known(at []string, name, kind string) {
	if name != "" && c.names.kind[name] != kind {
		c.unknown(at, name, kind)
	}
}

func (c *checker) unknown(at []string, name string, kinds ...string) {
	var all []string
	for _, k := range kinds {
		all = append(all, c.names.of(k)...)
	}
	wanted := "the name of an " + kinds[0]
	if !strings.ContainsAny(kinds[0][:1], "aeiou") {
		wanted = "the name of a " + kinds[0]
	}
	if len(all) > 0 {
		wanted += ": " + strings.Join(all, ", ")
	}
	c.Problem(at, strconv.Quote(name), wanted)
}

var imageID = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

func (c *checker) image(at []string, name string) {
	if !imageID.MatchString(name) {
		c.known(at, name, "image")
	}
}

func (c *checker) step(i int) {
	s := &c.Steps[i]
	at := func(keys ...string) []string { return append([]string{"steps", strconv.Itoa(i)}, keys...) }
	if i > 0 && s.At < c.Steps[i-1].At {
		c.Problem(at("at"), s.At.String(), "a time not before the last step's "+c.Steps[i-1].At.String())
	}
	if reflect.DeepEqual(*s, Step{At: s.At}) {
		c.Problem(at(), "nothing but a time", "something that happens then")
	}
	if s.Stale != nil && time.Duration(*s.Stale) > time.Minute {
		c.Problem(at("stale-reads"), s.Stale.String(), "at most 1m")
	}
	if s.Do != nil {
		c.do(i, at)
	}
	if s.Event != nil {
		c.event(i, at("event"))
	}
}

// do checks what is done. Images that are made have names from then on.
func (c *checker) do(i int, at func(...string) []string) {
	do := c.Steps[i].Do
	if keys := c.Keys(at("do")); len(keys) != 1 {
		c.Problem(at("do"), fmt.Sprintf("%d things", len(keys)), "one; the next can be another step at the same time")
	}
	for key, name := range map[string]string{"stop": do.Stop, "start": do.StartInstance, "terminate": do.Terminate, "interrupt": do.Interrupt, "impair": do.Impair, "heal": do.Heal} {
		c.instance(at("do", key), name)
	}
	if do.Interrupt != "" && c.names.kind[do.Interrupt] == "instance" && !c.World.Instances[do.Interrupt].Spot {
		c.Problem(at("do", "interrupt"), strconv.Quote(do.Interrupt), "a spot instance: spot: true")
	}
	if m := do.CreateImage; m != nil {
		c.instance(at("do", "create-image", "instance"), m.Instance)
		c.newImage(at("do", "create-image", "name"), m.Name)
	}
	if do.DeregisterImage != "" {
		c.madeImage(at("do", "deregister-image"), do.DeregisterImage)
	}
	if m := do.CreateVersion; m != nil {
		c.known(at("do", "create-version", "template"), m.Template, "launch template")
		c.madeImage(at("do", "create-version", "image"), m.Image)
	}
	if m := do.SetDefault; m != nil {
		c.known(at("do", "set-default", "template"), m.Template, "launch template")
	}
	if m := do.CreateGroup; m != nil {
		c.known(at("do", "create-group", "template"), m.Template, "launch template")
	}
	if m := do.PublishPlatform; m != nil {
		c.oneOf(at("do", "publish-platform", "branch"), m.Branch, slices.Sorted(maps.Keys(c.World.Platforms)))
		c.image(at("do", "publish-platform", "image"), m.Image)
	}
	pipelines := slices.Sorted(maps.Keys(c.World.Pipelines))
	if do.Build != "" {
		c.oneOf(at("do", "build"), do.Build, pipelines)
	}
	if m := do.FailBuild; m != nil {
		c.oneOf(at("do", "fail-build", "pipeline"), m.Pipeline, pipelines)
	}
	c.doGroup(do, at)
}

func (c *checker) oneOf(at []string, name string, all []string) {
	if !slices.Contains(all, name) {
		c.Problem(at, strconv.Quote(name), "one of those in the world: "+cmp.Or(strings.Join(all, ", "), "there is none"))
	}
}

// automations checks what names automations, once these are known.
func (c *checker) automations(fleet *fleetfile.Fleet) {
	if fleet == nil {
		return
	}
	var all, here []string
	for _, a := range fleet.Automations {
		all = append(all, a.Name)
		if a.Region == fleet.Region {
			here = append(here, a.Name)
		}
	}
	check := func(at []string, name string, report func([]string, string, string)) {
		if !slices.Contains(all, name) {
			report(at, strconv.Quote(name), "an automation of the fleet: "+strings.Join(all, ", "))
		}
	}
	expect := func(e Expect, at ...string) {
		c.made(e, at)
		for _, key := range []string{"outcomes", "runs"} {
			for _, name := range c.Keys(append(slices.Clone(at), key)) {
				check(append(slices.Clone(at), key, name), name, c.KeyProblem)
			}
		}
		for key, known := range map[string][]string{
			"routes": c.names.of("route table"), "templates": c.names.of("launch template"),
			"pipelines": slices.Sorted(maps.Keys(c.World.Pipelines)), "scaling": slices.Sorted(maps.Keys(c.groups)),
		} {
			for _, name := range c.Keys(append(slices.Clone(at), key)) {
				if !slices.Contains(known, name) {
					c.KeyProblem(append(slices.Clone(at), key, name), strconv.Quote(name), "one of those in the world: "+cmp.Or(strings.Join(known, ", "), "there is none"))
				}
			}
		}
	}
	for i, s := range c.Steps {
		for j, name := range s.Sweep {
			if !slices.Contains(here, name) {
				c.Problem([]string{"steps", strconv.Itoa(i), "sweep", strconv.Itoa(j)}, strconv.Quote(name), "an automation in the fleet's region: "+strings.Join(here, ", "))
			}
		}
		if do := s.Do; do != nil {
			for key, name := range map[string]string{"approve": do.Approve, "cancel": do.Cancel} {
				if name != "" && !slices.Contains(here, name) {
					c.Problem([]string{"steps", strconv.Itoa(i), "do", key}, strconv.Quote(name), "an automation in the fleet's region: "+strings.Join(here, ", "))
				}
			}
		}
		expect(s.Expect, "steps", strconv.Itoa(i), "expect")
	}
	expect(c.Expect, "expect")
}
